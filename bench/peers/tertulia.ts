/** Clients of Tertulia: SendMessage over kept HTTP connections, and a WebSocket for each of a chat's participants. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { putIn } from '../../test/support/people.ts';
import { apiAt, connection, startChat, type Ticket } from '../../test/support/server.ts';
import { subscribeToChat } from '../client.ts';
import { atOnce } from '../connection.ts';
import { httpRequest, openHttp } from '../load.ts';
import { type Clients, content, countDeliveries, rooms } from './deliveries.ts';

/** A customer, an agent and a supervisor in each chat, all with a WebSocket; the customer sends. */
export async function openTertulia(port: number, outstanding: number): Promise<Clients> {
  const deliveries = countDeliveries();
  const tokens: string[] = [];
  const all: Disposable[] = [];
  using api = apiAt(`http://127.0.0.1:${port}`);
  await atOnce(8, rooms, async (room) => {
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
    socket.send(subscribeToChat);
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
  const free = await Promise.all(Array.from({ length: outstanding }, () => openHttp(port)));
  for (const each of free) all.push({ [Symbol.dispose]: each.end });
  return {
    ...deliveries,
    async send(index) {
      const http = free.pop();
      if (!http) throw new Error('more messages at once than connections');
      const headers = { 'x-amz-bearer': tokens[index % rooms] ?? '' };
      const body = JSON.stringify({ ContentType: 'text/plain', Content: content(index) });
      const status = await http.exchange(httpRequest('POST', '/participant/message', headers, body));
      if (status !== 200) throw new Error(`refused: ${http.body}`);
      free.push(http);
    },
    [Symbol.dispose]: () => all.forEach((each) => void each[Symbol.dispose]()),
  };
}
