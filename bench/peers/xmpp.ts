/** Clients of an XMPP server over plain TCP, with what the measurement needs and no more. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { atOnce } from '../connection.ts';
import { type Clients, content, countDeliveries, receivers, rooms } from './deliveries.ts';

const opening = `<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;
const auth = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`;
const bind = `<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`;
const history = `<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>`;

/** Three in each room. The first one sends: a room reflects to its sender, too, and not before the archive has it. */
export async function openXmpp(port: number): Promise<Clients> {
  const deliveries = countDeliveries();
  const waiting = new Map<number, () => void>();
  const senders: Socket[] = [];
  const all: Socket[] = [];
  const reflected = (index: number) => {
    waiting.get(index)?.();
    waiting.delete(index);
  };
  // Room by room, so that its first occupant, who makes it, is there before the others.
  await atOnce(8, rooms, async (room) => {
    for (let each = 0; each < receivers; each += 1) {
      const socket = await join(port, room, `guest-${each}`);
      if (each === 0) senders[room] = socket;
      all.push(socket.on('error', deliveries.fail));
      socket.on('data', deliveries.reader(each === 0 ? reflected : undefined));
    }
  });
  return {
    ...deliveries,
    send: (index) =>
      new Promise((resolve) => {
        waiting.set(index, resolve);
        const room = index % rooms;
        const to = `room-${room}@rooms.localhost`;
        const text = content(index);
        senders[room]?.write(`<message to='${to}' type='groupchat' id='m${index}'><body>${text}</body></message>`);
      }),
    [Symbol.dispose]: () => all.forEach((socket) => void socket.destroy()),
  };
}

async function join(port: number, room: number, nick: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('utf8');
  const signal = AbortSignal.timeout(30_000);
  await once(socket, 'connect', { signal });
  const steps = [
    { write: opening, until: /<\/stream:features>/ },
    { write: auth, until: /<success/ },
    { write: opening, until: /<\/stream:features>/ },
    { write: bind, until: /<jid>/ },
    { write: `<presence to='room-${room}@rooms.localhost/${nick}'>${history}</presence>`, until: /<subject/ },
  ];
  for (const { write, until } of steps) {
    socket.write(write);
    let text = '';
    while (!until.test(text)) {
      text += (await once(socket, 'data', { signal }))[0];
      if (/<failure|<stream:error|type=['"]error/.test(text)) throw new Error(`refused: ${text}`);
    }
  }
  return socket;
}
