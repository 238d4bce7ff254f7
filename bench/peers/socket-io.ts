/** Clients of the Socket.IO server: its protocol over WebSocket, with what the measurement needs and no more. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { atOnce } from '../connection.ts';
import { type Clients, content, countDeliveries, receivers, rooms } from './deliveries.ts';

/** Three in each room, of whom the first one sends; a packet is its type, the number of the acknowledgement, and JSON. */
export async function openSocketIo(port: number): Promise<Clients> {
  const deliveries = countDeliveries();
  const waiting = new Map<number, () => void>();
  const senders: WebSocket[] = [];
  const all: WebSocket[] = [];
  const acknowledged = (packet: string) => {
    const [, index, ok] = /^43(\d+)\[\{"ok":(true|false)/.exec(packet) ?? [];
    if (ok !== 'true') deliveries.fail(new Error(`refused: ${packet}`));
    waiting.get(Number(index))?.();
    waiting.delete(Number(index));
  };
  await atOnce(8, rooms * receivers, async (each) => {
    const room = each % rooms;
    const socket = await join(port, room);
    if (each < rooms) senders[room] = socket;
    all.push(socket.on('error', deliveries.fail));
    const read = deliveries.reader();
    socket.on('message', (data: Buffer) => {
      const packet = data.toString();
      if (packet === '2') socket.send('3');
      else if (packet.startsWith('43')) acknowledged(packet);
      else read(packet);
    });
  });
  return {
    ...deliveries,
    send: (index) =>
      new Promise((resolve) => {
        waiting.set(index, resolve);
        const room = index % rooms;
        senders[room]?.send(`42${index}${JSON.stringify(['message', `room-${room}`, content(index)])}`);
      }),
    [Symbol.dispose]: () => all.forEach((socket) => void socket.terminate()),
  };
}

async function join(port: number, room: number): Promise<WebSocket> {
  const url = `ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`;
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const signal = AbortSignal.timeout(30_000);
  const heard = async (start: string) => {
    for (;;) {
      const [data] = await once(socket, 'message', { signal });
      if (String(data).startsWith(start)) return;
    }
  };
  await heard('0');
  socket.send('40');
  await heard('40');
  socket.send(`420${JSON.stringify(['join', `room-${room}`])}`);
  await heard('430[{"ok":true');
  return socket;
}
