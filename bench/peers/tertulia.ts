/** Clients of Tertulia: SendMessage over kept HTTP connections, and a WebSocket for each of a chat's participants. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { putIn } from '../../test/support/people.ts';
import { apiAt, connection, startChat, type Ticket } from '../../test/support/server.ts';
import { type Clients, content, countDeliveries, rooms, someAtOnce } from './deliveries.ts';

/** A customer, an agent and a supervisor in each chat, all with a WebSocket; the customer sends. */
export async function openTertulia(port: number, outstanding: number): Promise<Clients> {
  const deliveries = countDeliveries();
  const tokens: string[] = [];
  const all: Disposable[] = [];
  using api = apiAt(`http://127.0.0.1:${port}`);
  await someAtOnce(rooms, 8, async (room) => {
    const customer = await startChat(api);
    tokens[room] = await listen(customer);
    await listen(await putIn(api, customer.ContactId, 'AGENT', 'Eva'));
    await listen(await putIn(api, customer.ContactId, 'SUPERVISOR', 'Ina'));
  });
  async function listen(ticket: Ticket): Promise<string> {
    const { token, url } = await connection(api, ticket);
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const signal = AbortSignal.timeout(30_000);
    await once(socket, 'open', { signal });
    socket.send('{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}');
    let answer = '';
    while (!answer.startsWith('{"topic":"aws/subscribe"'))
      answer = String((await once(socket, 'message', { signal }))[0]);
    if (!answer.includes('"status":"success"')) throw new Error(`refused: ${answer}`);
    socket.on('error', deliveries.fail);
    all.push({ [Symbol.dispose]: () => socket.terminate() });
    const read = deliveries.reader();
    socket.on('message', (data: Buffer) => read(data.toString()));
    return token;
  }
  const free: Post[] = [];
  await someAtOnce(outstanding, 8, async () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
    await once(socket, 'connect');
    all.push({ [Symbol.dispose]: () => void socket.destroy() });
    socket.on('error', deliveries.fail);
    free.push(poster(socket, port));
  });
  return {
    ...deliveries,
    async send(index) {
      const post = free.pop();
      if (!post) throw new Error('more messages at once than connections');
      await post(tokens[index % rooms] ?? '', JSON.stringify({ ContentType: 'text/plain', Content: content(index) }));
      free.push(post);
    },
    [Symbol.dispose]: () => all.forEach((each) => void each[Symbol.dispose]()),
  };
}

type Post = (token: string, body: string) => Promise<void>;

/** A kept connection with one request at a time. */
function poster(socket: Socket, port: number): Post {
  let settle: ((failure?: Error) => void) | undefined;
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
    const head = text.indexOf('\r\n\r\n');
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(text) ?? [];
    if (head < 0 || text.length < head + 4 + Number(length)) return;
    settle?.(text.startsWith('HTTP/1.1 200') ? undefined : new Error(`refused: ${text}`));
    text = '';
  });
  return (token, body) =>
    new Promise((resolve, reject) => {
      settle = (failure) => (failure ? reject(failure) : resolve());
      const head = `POST /participant/message HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Amz-Bearer: ${token}\r\n`;
      socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
}
