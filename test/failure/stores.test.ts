import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { linesOf } from '../support/metrics.ts';
import { natsMissing } from '../support/nats.ts';
import { ownPostgresMissing } from '../support/postgres.ts';
import { apiAt, connection, say, startChat } from '../support/server.ts';
import { listen } from '../support/socket.ts';
import { type Fleet, type FleetNode, openFleet, until } from './fleet.ts';
import { openLoad } from './load.ts';
import { checkLogs } from './logs.ts';

/** What all servers share dies, or is lost to one of them, while people chat. No server is started again. */

describe('three servers', { skip: ownPostgresMissing || natsMissing }, () => {
  let fleet: Fleet;
  let pids: (number | undefined)[] = [];
  const all = () => fleet.nodes.map(({ process: each }) => each.pid());
  before(async () => {
    fleet = await openFleet();
    pids = all();
  });
  after(() => fleet[Symbol.asyncDispose]());

  /** In a few words. */
  async function healthOf(node: FleetNode): Promise<string> {
    const { status, body } = await node.health();
    return body.degraded ? `without ${body.degraded}` : status === 200 ? 'ready' : body.reason;
  }
  const each = async (wanted: string, nodes = fleet.nodes) =>
    until(`${nodes.map(({ name }) => name)} to be ${wanted}`, async () =>
      (await Promise.all(nodes.map(healthOf))).every((is) => is === wanted),
    );
  const at = (index: number) => fleet.nodes[index] as FleetNode;

  /** News that came from other servers. */
  async function heard(node: FleetNode): Promise<number> {
    const lines = linesOf(await (await fetch(`${node.process.endpoint}/metrics`)).text());
    return lines['tertulia_bus_received_total{outcome="heard"}'] ?? 0;
  }

  /** Who is told of nothing finds everything all the same; so it is looked for, while people chat. */
  async function areHeard(): Promise<void> {
    const before = await Promise.all(fleet.nodes.map(heard));
    for (const [index, node] of fleet.nodes.entries()) {
      await until(`${node.name} to hear of the others`, async () => (await heard(node)) > (before[index] ?? 0));
    }
  }

  /** A message that is sent to the one, and the last of its chat, comes to a socket on the other. */
  async function isTold(one: FleetNode, other: FleetNode): Promise<void> {
    using here = apiAt(one.process.endpoint);
    using there = apiAt(other.process.endpoint);
    const ticket = await startChat(here);
    const customer = await connection(there, ticket);
    using socket = await listen(customer.url);
    const { Id } = await say(here, customer, 'the last one');
    await socket.item('the last one', (item) => item.Id === Id);
  }

  /** What the servers hold of the database's hundred, and the store that the test has. */
  async function demandFewConnections(): Promise<void> {
    const [row] = await fleet.ask(
      `SELECT count(*)::int AS open FROM pg_stat_activity WHERE application_name = 'tertulia'`,
    );
    assert.ok(Number(row?.open) <= 10 * (fleet.nodes.length + 1), `${row?.open} connections`);
  }

  test('[CL12, SI1, SI2, SI3, SI4, SI5, SI6] go on by themselves when PostgreSQL was restarted in the middle of everything', async (context) => {
    await using load = await openLoad(fleet, 'restarted store');
    await load.more(40);
    await fleet.postgres.kill();
    await fleet.postgres.restart();
    await load.more(40);
    await fleet.postgres.kill();
    await fleet.postgres.restart();
    await load.more(40);
    await load.held(context);
    await each('ready');
    await demandFewConnections();
  });

  test('[CL7, CL12] leave it to the others while PostgreSQL is lost to one', async (context) => {
    await using load = await openLoad(fleet, 'lost store');
    await load.more(20);
    at(0).toStore.cut();
    await load.more(40);
    await each('the store cannot be reached', [at(0)]);
    await each('ready', [at(1), at(2)]);
    at(0).toStore.heal();
    await each('ready');
    await load.more(20);
    await load.held(context);
    await demandFewConnections();
  });

  test('[CL7, CL13] find everything without NATS, and hear of each other again when it is back', async (context) => {
    await using load = await openLoad(fleet, 'restarted bus');
    await load.more(20);
    await fleet.nats.kill();
    await each('without bus');
    await load.more(40);
    await fleet.nats.restart();
    await each('ready');
    await areHeard();
    await load.held(context);
  });

  test('[CL7, CL13] find everything while NATS is lost to one, and hear of each other again', async (context) => {
    await using load = await openLoad(fleet, 'lost bus');
    await load.more(20);
    at(1).toBus.cut();
    await each('without bus', [at(1)]);
    await each('ready', [at(0), at(2)]);
    await isTold(at(0), at(1));
    await load.more(20);
    at(1).toBus.heal();
    await each('ready');
    await areHeard();
    await load.held(context);
  });

  test('[CL14] find out that connections are half open, and make others', async (context) => {
    await using load = await openLoad(fleet, 'half open');
    await load.more(20);
    const { toStore, toBus } = at(2);
    const [stores, buses] = [toStore.passedOn, toBus.passedOn];
    for (const way of [toStore, toBus]) way.strand();
    await each('without bus', [at(2)]);
    await each('ready');
    assert.ok(toStore.passedOn > stores && toBus.passedOn > buses, 'both are new');
    await areHeard();
    await load.held(context);
  });

  test('[CL12, CL13, CL14, SI10] have never been started again, and logged no error but of what failed', async () => {
    assert.deepEqual(all(), pids);
    await checkLogs(fleet, /^(Unreachable|UnknownOutcome) |^DatabaseRefusal .*\((57014|55P03|57P0\d|25P03)\)$/);
  });
});
