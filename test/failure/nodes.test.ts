import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { linesOf } from '../support/metrics.ts';
import { natsMissing } from '../support/nats.ts';
import { ownPostgresMissing } from '../support/postgres.ts';
import {
  type Api,
  apiAt,
  type Connection,
  ContactFlowId,
  connection,
  InstanceId,
  say,
  startChat,
} from '../support/server.ts';
import { listen, type TestSocket } from '../support/socket.ts';
import { type Fleet, type FleetNode, openFleet, until } from './fleet.ts';
import { openLoad, startAbsent } from './load.ts';
import { checkLogs } from './logs.ts';

/** Servers that die, and servers that are stopped, while people chat on all of them. */

describe('of three servers', { skip: ownPostgresMissing || natsMissing }, () => {
  let fleet: Fleet;
  const at = (index: number) => fleet.nodes[index] as FleetNode;
  const isReady = async (node: FleetNode) => (await node.health()).status === 200;
  before(async () => {
    fleet = await openFleet();
  });
  after(() => fleet[Symbol.asyncDispose]());

  test('[CL5, CL11] one that is killed while it has leases leaves what is due to the others, who do it once', async () => {
    for (const { process: each } of fleet.nodes) process.kill(each.pid() ?? 0, 'SIGSTOP');
    const due = (await startAbsent(fleet, 40, () => 0)).map(({ chat }) => chat);
    // What is due can be taken, and not be done.
    const obstacle = new Client({ connectionString: fleet.postgres.url });
    await obstacle.connect();
    await obstacle.query('BEGIN');
    const held = 'SELECT 1 FROM tertulia.chat_detail WHERE chat IN (SELECT key FROM tertulia.chat WHERE id = ANY ($1))';
    await obstacle.query(`${held} FOR UPDATE`, [due]);
    for (const { process: each } of fleet.nodes) process.kill(each.pid() ?? 0, 'SIGCONT');
    const holders = () =>
      fleet.ask('SELECT lease FROM tertulia.chat WHERE id = ANY ($1) AND leased_until > clock_timestamp()', due);
    await until('a lease of all', async () => (await holders()).length === due.length);
    const [holder] = await holders();
    const dying = fleet.nodes.find((each) => each.id() === holder?.lease);
    assert.ok(dying);
    await dying.kill();
    await obstacle.query('ROLLBACK');
    await obstacle.end();
    const ended = async (...chats: readonly string[]) =>
      (await fleet.ask('SELECT 1 FROM tertulia.chat WHERE id = ANY ($1) AND ended = 1', chats)).length;
    // What comes after it is done, so those were looked at and passed over.
    const [later] = await startAbsent(fleet, 1, () => 0);
    await until('what is due later', async () => (await ended(later?.chat ?? '')) === 1);
    assert.ok((await ended(...due)) <= 1, 'but for what the database had got already');
    await fleet.passLeases();
    await until('all that was due', async () => (await ended(...due)) === due.length);
    const items = await fleet.ask(
      'SELECT count(*)::int AS items, count(DISTINCT chat)::int AS chats FROM tertulia.item WHERE chat IN (SELECT key FROM tertulia.chat WHERE id = ANY ($1))',
      due,
    );
    assert.deepEqual(items, [{ items: due.length, chats: due.length }]);
    await dying.restart();
  });

  test('[CL11, SI1, SI2, SI3, SI4, SI5, SI6] one that is killed under load takes nothing with it', async (context) => {
    await using load = await openLoad(fleet, 'kill');
    await load.more(40);
    await at(1).kill();
    await load.more(40);
    await at(1).restart();
    await load.more(20);
    await fleet.passLeases();
    await load.held(context);
  });

  test('[CL8, CL15] each is stopped and started in turn under load, and nobody sees more of it than closed connections', async (context) => {
    await using load = await openLoad(fleet, 'rolling', 20_000);
    for (const [index, node] of fleet.nodes.entries()) {
      await load.more(20);
      await using audience = await openAudience(node, at((index + 1) % 3));
      const { code, signal } = await node.stop();
      assert.deepEqual([code, signal], [0, null]);
      await audience.moved();
      await node.restart();
      await until(`${node.name} to be ready`, () => isReady(node));
    }
    await load.held(context);
    const { attempts, lost } = load.network;
    const isClosing = (failure: string) => ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(failure);
    assert.deepEqual(
      attempts.filter(({ status = 200, failure }) => status >= 429 || (failure !== undefined && !isClosing(failure))),
      [],
    );
    // Where the chat was over for somebody who stayed, the socket ends by itself.
    const closings = lost.filter(({ code }) => code !== 1000);
    assert.deepEqual(new Set(closings.map(({ code }) => code)), new Set([1001]));
    const last = attempts.filter(({ isLast }) => isLast).length;
    context.diagnostic(
      `${closings.length} sockets closed with 1001, ${last} answers that were the last of their connection`,
    );
  });

  test('[CL8, CL15] one that is stopped answers what is in flight and lets its sockets go one by one', async () => {
    const node = at(2);
    await node.stop();
    // Longer than anybody waits here: after the first socket the next has its turn in five seconds.
    await node.restart({ TERTULIA_DRAIN_SECONDS: '60', TERTULIA_SHUTDOWN_SECONDS: '60' });
    await using audience = await openAudience(node, at(0));
    const body = JSON.stringify({ InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Late' } });
    const begun = request({ port: node.port, method: 'PUT', path: '/contact/chat' });
    begun.setHeader('content-length', Buffer.byteLength(body));
    begun.write(body.slice(0, 10));
    await until('it to be in flight', async () => (await inFlight(node)) === 2);
    node.process.signal('SIGTERM');
    await node.process.refusing();
    begun.end(body.slice(10));
    const [response] = (await once(begun, 'response')) as [IncomingMessage];
    response.resume();
    assert.deepEqual([response.statusCode, response.headers.connection], [200, 'close']);
    assert.ok((await audience.firstMoved()) > seats / 2);
    await node.kill();
  });

  test('[SI10] each has logged no error', () => checkLogs(fleet));
});

const seats = 12;

/** People who say nothing on one server, and go to another as soon as their socket closes. */
async function openAudience(here: FleetNode, there: FleetNode) {
  const stack = new AsyncDisposableStack();
  const [at, other] = [here, there].map(({ port }) => stack.use(apiAt(`http://127.0.0.1:${port}`))) as [Api, Api];
  const seated = async (url: string) => {
    const socket = await listen(url);
    if (!stack.disposed) return stack.use(socket);
    socket[Symbol.dispose]();
    throw new Error('the test is over');
  };
  const sit = async () => {
    const ticket = await startChat(at);
    const own = await connection(at, ticket);
    return { ticket, own, socket: await seated(own.url) };
  };
  const people = await Promise.all(Array.from({ length: seats }, sit));
  const moving = people.map(async ({ ticket, socket: first }) => {
    const { code } = await first.closed();
    assert.equal(code, 1001);
    const own = await connection(other, ticket);
    return { own, socket: await seated(own.url) };
  });
  for (const each of moving) each.catch(() => {});
  const tell = async ({ own, socket }: { readonly own: Connection; readonly socket: TestSocket }, text: string) => {
    await say(other, own, text);
    await socket.item('what was said', ({ Content }) => Content === text);
  };
  return {
    /** Resolves when all are there, and hear what is said. */
    async moved() {
      for (const each of await Promise.all(moving)) await tell(each, 'here now');
    },
    /** Resolves when one is there, and hears what is said, as those still do who are here; to how many those are. */
    async firstMoved() {
      await tell(await Promise.race(moving), 'here now');
      const rest = people.filter(({ socket: { ws } }) => ws.readyState === ws.OPEN);
      await Promise.all(rest.map((each) => tell(each, 'still there')));
      return rest.length;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function inFlight({ process: { endpoint } }: FleetNode): Promise<number> {
  return linesOf(await (await fetch(`${endpoint}/metrics`)).text()).tertulia_requests_in_flight ?? 0;
}
