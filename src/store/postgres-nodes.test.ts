import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  chatNow,
  done,
  leaving,
  message,
  newChat,
  noon,
  startChat,
  transcript,
} from '../../test/contract/store-fixtures.ts';
import { ask, postgresMissing, postgresUrl, temporarySchema } from '../../test/support/postgres.ts';
import { systemSteady } from '../runtime/steady.ts';
import { CannotOpen } from './cannot-open.ts';
import type { Lane } from './lanes.ts';
import { migrations } from './migrations/postgres.ts';
import { openPostgres } from './postgres.ts';
import type { Store } from './store.ts';

/** Several nodes on one database: each has a store of its own, open on the same schema. */

const steady = systemSteady;

async function withNodes(
  run: (nodes: [Store, Store], place: { schema: string; name: string }) => Promise<void>,
): Promise<void> {
  await using schema = temporarySchema();
  const url = new URL(postgresUrl);
  // So that these connections can be told from everybody else's.
  url.searchParams.set('application_name', schema.name);
  const open = () => openPostgres({ url: url.href, schema: schema.name, steady });
  await using one = await open();
  await using other = await open();
  await run([one, other], { schema: schema.name, name: schema.name });
}

/** A chat with a stream, and the lane of it. */
async function streamed(store: Store): Promise<{ key: number; lane: Lane }> {
  const streams = [{ id: 'stream', topic: 'arn:topic', startedAt: noon }];
  const created = { ...newChat(), streams } as unknown as ReturnType<typeof newChat>;
  const owed = [{ lane: { id: 'stream', kind: 'stream', destination: 'topic' } as const, opens: true }];
  const { chat } = done(await store.commit({ now: noon, chat: { created }, owed }));
  const [lane] = await store.lanesOf(chat?.key ?? 0);
  assert(chat && lane);
  return { key: chat.key, lane };
}

const lease = (holder: string, forMs = 30_000, known: readonly number[] = []) => ({ holder, forMs, known });

describe('leases of several nodes', { skip: postgresMissing }, () => {
  test('[ST34] give each chat that is due to one of two that ask at once, and to no other before the lease ends', () =>
    withNodes(async (nodes) => {
      const keys: number[] = [];
      for (let count = 0; count < 20; count += 1) keys.push((await startChat(nodes[0])).key);
      const ever = Number.MAX_SAFE_INTEGER;
      const taken = await Promise.all(nodes.map((node, index) => node.due(ever, 15, lease(`node ${index}`))));
      const all = taken.flat().map(({ key }) => key);
      assert.deepEqual(
        all.toSorted((one, other) => one - other),
        keys,
      );
      assert.deepEqual(await nodes[1].due(ever, 20, lease('a third')), []);
      const mine = taken[0]?.map(({ key }) => key) ?? [];
      const again = await nodes[0].due(ever, 20, lease('node 0', 0));
      assert.deepEqual(again.map(({ key }) => key).toSorted(), mine.toSorted(), 'its own it gets again');
      const over = await nodes[1].due(ever, 20, lease('a third'));
      assert.deepEqual(over.map(({ key }) => key).toSorted(), mine.toSorted(), 'a lease that has ended is anybody’s');
    }));

  test('[ST34] end when the chat changes', () =>
    withNodes(async (nodes) => {
      const started = await startChat(nodes[0]);
      const ever = Number.MAX_SAFE_INTEGER;
      assert.equal((await nodes[0].due(ever, 5, lease('one'))).length, 1);
      const chat = await chatNow(nodes[0], started);
      done(await nodes[0].commit({ now: noon, chat: { expected: chat.revision, after: chat } }));
      assert.equal((await nodes[1].due(ever, 5, lease('two'))).length, 1);
    }));

  test('[ST34] of lanes end with their settlement, and refuse that of whom they were taken from', () =>
    withNodes(async (nodes) => {
      const { key, lane } = await streamed(nodes[0]);
      done(await nodes[0].append(message(key, 'ann')));
      const take = (node: Store, holder: string, forMs?: number) =>
        node.dueLanes('topic', noon, 5, lease(holder, forMs, [lane.key]));
      const [first] = await take(nodes[0], 'one', 0);
      assert(first);
      const [second] = await take(nodes[1], 'two');
      assert(second, 'it has ended');
      assert.deepEqual([await take(nodes[0], 'one'), await take(nodes[1], 'two')], [[], []]);
      const settle = (lane: Lane, number: number) => {
        const { fence, time, since } = lane;
        const settled = { key: lane.key, fence, number, time, since, attempts: 0, rejections: 0 };
        return nodes[0].commit({ now: noon, settled });
      };
      assert.deepEqual(await settle(first, 0), { stale: true });
      done(await settle(second, 0));
      assert.equal((await take(nodes[0], 'one')).length, 1, 'what is left is anybody’s');
    }));

  test('[ST34] of lanes are taken again by who was never told that it has them, and by nobody else', () =>
    withNodes(async (nodes) => {
      const { key, lane } = await streamed(nodes[0]);
      done(await nodes[0].append(message(key, 'ann')));
      const [unheard] = await nodes[0].dueLanes('topic', noon, 5, lease('one'));
      assert.deepEqual(await nodes[1].dueLanes('topic', noon, 5, lease('two')), []);
      assert.deepEqual(await nodes[0].dueLanes('topic', noon, 5, lease('one', 30_000, [lane.key])), []);
      const [again] = await nodes[0].dueLanes('topic', noon, 5, lease('one'));
      assert(unheard && again && again.fence > unheard.fence, 'what is settled by the first is stale');
    }));

  test('[ST34] of lanes are renewed while they are held', () =>
    withNodes(async (nodes) => {
      const { key, lane } = await streamed(nodes[0]);
      done(await nodes[0].append(message(key, 'ann')));
      assert.equal((await nodes[0].dueLanes('topic', noon, 5, lease('one', 0))).length, 1);
      await nodes[1].renewLanes([lane.key], lease('two'));
      await nodes[0].renewLanes([lane.key], lease('one'));
      assert.deepEqual(await nodes[1].dueLanes('topic', noon, 5, lease('two')), []);
    }));

  test('[ST35] count the nodes that said that they are there, and tell the time', () =>
    withNodes(async (nodes) => {
      const before = Date.now();
      assert.equal((await nodes[0].beat('one', 60_000)).nodes, 1);
      const { nodes: count, time = 0 } = await nodes[1].beat('two', 60_000);
      assert.equal(count, 2);
      assert(Math.abs(time - before) < 60_000);
      await nodes[0].beat('one', 0);
      assert.equal((await nodes[1].beat('two', 60_000)).nodes, 1);
    }));
});

describe('several nodes', { skip: postgresMissing }, () => {
  test('[ST33, ST2, ST4] store what they are asked at once in one order, and each token once', () =>
    withNodes(async (nodes) => {
      const chats = [await startChat(nodes[0]), await startChat(nodes[0])];
      const asked = Array.from({ length: 400 }, (_, index) => {
        const { key } = chats[index % 2] ?? { key: 0 };
        // Each token twice, by both nodes.
        const value = `${index % 200}`;
        const append = message(key, 'ann', { content: value, token: { value, request: value }, now: noon - index });
        return nodes[index < 200 ? 0 : 1].append(append);
      });
      const outcomes = (await Promise.all(asked)).map((each) => done(each));
      for (const [index, outcome] of outcomes.slice(0, 200).entries()) {
        const same = outcomes[index + 200];
        assert.deepEqual([outcome.number, outcome.time], [same?.number, same?.time]);
        assert.notEqual(outcome.again, same?.again, 'one of both is the first');
      }
      for (const { key } of chats) assert.equal((await transcript(nodes[1], key)).length, 100);
    }));

  test('[ST33, ST3, ST7] store nothing of an author after another node has removed it', () =>
    withNodes(async (nodes) => {
      for (let round = 0; round < 10; round += 1) {
        const chat = await startChat(nodes[0]);
        const talk = Array.from({ length: 30 }, (_, index) =>
          nodes[index % 2 ? 0 : 1].append(message(chat.key, 'ann')),
        );
        const left = done(await nodes[round % 2 ? 0 : 1].commit(leaving(chat, 'ann')));
        await Promise.all(talk);
        const items = await transcript(nodes[0], chat.key);
        assert.equal(items.at(-1)?.id, left.items.at(-1)?.id, 'leaving is last');
        assert.equal((await chatNow(nodes[1], chat)).revision, chat.revision + 1);
      }
    }));

  test('[ST33, ST17] create no more chats of an instance than each alone may', () =>
    withNodes(async (nodes) => {
      const outcomes = await Promise.all(
        Array.from({ length: 24 }, (_, index) => {
          const created = { ...newChat(), instanceId: 'one' };
          return nodes[index % 2 ? 0 : 1].commit({ now: noon, chat: { created, atMost: 7 } });
        }),
      );
      assert.equal(outcomes.filter((each) => 'done' in each).length, 7);
      assert.equal(await nodes[0].openChats('one', 100), 7);
    }));

  test('[ST33, ST6, ST22] take a token once and replace a resource once', () =>
    withNodes(async (nodes) => {
      const put = { kind: 'flow', instance: 'one', id: 'x', name: 'n', document: {} };
      done(await nodes[0].commit({ now: noon, resources: [put] }));
      const token = { scope: 's', value: 'v', request: 'r', answer: {}, expiresAt: noon + 1000 };
      for (const change of [{ token }, { replaced: [{ ...put, revision: 1 }] }]) {
        const outcomes = await Promise.all(
          Array.from({ length: 10 }, (_, index) => nodes[index % 2 ? 0 : 1].commit({ now: noon, ...change })),
        );
        assert.equal(outcomes.filter((each) => 'done' in each).length, 1);
      }
      assert.equal((await nodes[1].resource('flow', 'one', 'x'))?.revision, 2);
    }));

  test('[ST33, ST27] settle a lane once, and never take for delivered what another node has just stored', () =>
    withNodes(async (nodes) => {
      const { key, lane: first } = await streamed(nodes[0]);
      let lane = first;
      for (let round = 0; round < 60; round += 1) {
        const [position] = await nodes[0].positions([key]);
        const settled = {
          ...{ key: lane.key, fence: lane.fence, number: position?.last ?? 0, time: position?.lastTime ?? 0 },
          ...{ since: noon, attempts: 0, rejections: 0 },
        };
        const [appended, ...outcomes] = await Promise.all([
          nodes[0].append(message(key, 'ann')),
          nodes[1].commit({ now: noon, settled }),
          nodes[0].commit({ now: noon, settled }),
        ]);
        assert.equal(done(appended).isStreamed, true);
        assert.equal(outcomes.filter((each) => 'done' in each).length, 1);
        assert.equal(outcomes.filter((each) => 'stale' in each).length, 1);
        const [now] = await nodes[0].lanesOf(key);
        assert(now && now.fence === lane.fence + 1);
        assert.notEqual(now.due, undefined, `round ${round}: item ${done(appended).number} would never be delivered`);
        lane = now;
      }
    }));

  test('[ST33, ST13] that open a new schema at once migrate it once', async () => {
    await using schema = temporarySchema();
    const stores = await Promise.all(
      Array.from({ length: 6 }, () => openPostgres({ url: postgresUrl, schema: schema.name, steady })),
    );
    const applied = await ask(`SELECT number::int FROM "${schema.name}".migration ORDER BY number`);
    assert.deepEqual(
      applied.map(({ number }) => number),
      migrations.map((_, index) => index + 1),
    );
    const chat = await startChat(stores[0] as Store);
    for (const store of stores) done(await store.append(message(chat.key, 'ann')));
    for (const store of stores) await store[Symbol.asyncDispose]();
  });

  test('[ST33, ST30] lose and double nothing while their connections are cut again and again', () =>
    withNodes(async (nodes, { name }) => {
      const chats = [await startChat(nodes[0]), await startChat(nodes[0]), await startChat(nodes[0])];
      const acknowledged = new Map<number, string[]>(chats.map(({ key }) => [key, []]));
      let count = 0;
      let killed = 0;
      const kill = async () => {
        const rows = await ask('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
          name,
        ]);
        killed += rows.length;
      };
      const work = async (worker: number) => {
        for (let index = 0; index < 40; index += 1) {
          const { key } = chats[(worker + index) % 3] ?? { key: 0 };
          const content = `${worker} ${index}`;
          const outcome = done(await nodes[worker % 2 ? 0 : 1].append(message(key, 'ann', { content })));
          assert.equal(outcome.again, false, 'it was asked for once');
          acknowledged.get(key)?.push(`${outcome.number} ${content}`);
          count += 1;
          if (count % 60 === 0) await kill();
          if (index % 10 === 0) await nodes[worker % 2 ? 0 : 1].chat({ key });
        }
      };
      await Promise.all(Array.from({ length: 30 }, (_, worker) => work(worker)));
      assert(killed > 20, `only ${killed} connections were cut`);
      for (const { key } of chats) {
        const items = await transcript(nodes[0], key);
        assert.deepEqual(
          items.map(({ number, content }) => `${number} ${content}`).sort(),
          acknowledged.get(key)?.sort(),
        );
      }
    }));
});

describe('a schema of the distributed store', { skip: postgresMissing }, () => {
  test('[ST13] is refused if it is newer than the program, and is not changed', async () => {
    await using schema = temporarySchema();
    const open = () => openPostgres({ url: postgresUrl, schema: schema.name, steady });
    await (await open())[Symbol.asyncDispose]();
    await ask(`INSERT INTO "${schema.name}".migration VALUES (999)`);
    await assert.rejects(open(), (failure) => {
      assert(failure instanceof CannotOpen);
      return /schema version 999, newer than this program's \d+; run a newer Tertulia$/.test(failure.message);
    });
    await ask(`DELETE FROM "${schema.name}".migration WHERE number = 999`);
    await (await open())[Symbol.asyncDispose]();
  });

  test('[ST13] is as it was when a migration fails', async () => {
    await using schema = temporarySchema();
    const open = () => openPostgres({ url: postgresUrl, schema: schema.name, steady });
    await ask(`CREATE SCHEMA "${schema.name}"`);
    await ask(`CREATE TABLE "${schema.name}".token (other text)`);
    await assert.rejects(open(), /cannot be used: PostgreSQL: relation "token" already exists/);
    await ask(`DROP TABLE "${schema.name}".token`);
    const tables = await ask('SELECT 1 FROM pg_tables WHERE schemaname = $1', [schema.name]);
    assert.deepEqual(tables, []);
    await (await open())[Symbol.asyncDispose]();
  });

  test('[ST31] that cannot be reached is named in one line without the password', async () => {
    const url = 'postgres://somebody:secret@127.0.0.1:1/chats';
    await assert.rejects(openPostgres({ url, steady, patience: 0 }), (failure) => {
      assert(failure instanceof CannotOpen);
      assert.match(failure.message, /^the store postgres:\/\/127\.0\.0\.1:1\/chats cannot be used: .*$/);
      assert.doesNotMatch(failure.message, /secret/);
      return true;
    });
  });

  test('[ST23] is read by its indexes from the first moment on, while its tables are empty', async () => {
    await using schema = temporarySchema();
    const open = () => openPostgres({ url: postgresUrl, schema: schema.name, steady });
    const scans = async () => {
      const rows = await ask(
        `SELECT relname, seq_scan::int AS scans, idx_scan::int AS reads FROM pg_stat_user_tables
         WHERE schemaname = $1 AND relname NOT IN ('migration', 'node') ORDER BY relname`,
        [schema.name],
      );
      return rows as { relname: string; scans: number; reads: number }[];
    };
    await (await open())[Symbol.asyncDispose]();
    const before = await scans();
    {
      await using store = await open();
      const { key } = await streamed(store);
      // Past the five times after which a plan may be kept.
      for (let round = 0; round < 12; round += 1) await everything(store, key, round);
    }
    const after = await scans();
    assert.deepEqual(
      after.map(({ relname, scans }) => `${relname} ${scans}`),
      before.map(({ relname, scans }) => `${relname} ${scans}`),
    );
    assert(
      after.every(({ reads }) => reads > 0),
      `not all tables were used: ${JSON.stringify(after)}`,
    );
  });
});

/** Each read and each kind of write but those that go through everything on purpose. */
async function everything(store: Store, key: number, round: number): Promise<void> {
  const chat = await store.chat({ key });
  assert(chat);
  const token = { scope: 's', value: `${round}`, request: 'r', answer: {}, expiresAt: noon };
  const repeated = message(key, 'ann');
  for (const each of [repeated, repeated, message(key, 'nobody'), message(-1, 'ann')]) await store.append(each);
  const owed = [{ lane: { id: 'events', kind: 'events', destination: 'd' } as const, opens: true, parcels: ['{}'] }];
  done(await store.commit({ now: noon, chat: { expected: chat.revision, after: chat }, owed, token }));
  await store.commit({ now: noon, mark: { chat: key, reader: 'ann', kind: 'read', number: round + 1 } });
  await store.commit({ now: noon, chat: { created: newChat(), atMost: 100 } });
  await store.commit({ now: noon, resources: [{ kind: 'k', instance: '', id: 'x', name: 'x', document: {} }] });
  await store.items(key, { newestFirst: round % 2 === 0, limit: 5 });
  await store.marks(key, 1, 10);
  await store.positions([key]);
  await store.answered(token, noon - 1);
  await store.resource('k', '', 'x');
  await store.resources('k');
  for (const by of ['initiated', 'ended'] as const) {
    for (const terms of [undefined, ['attribute\0key\0value' as const, 'tag\0a\0b' as const]]) {
      const search = { instanceId: chat.instanceId, by, from: 0, to: noon * 2, newestFirst: round % 2 === 0, limit: 5 };
      await store.search({ ...search, terms });
      await store.search({ ...search, terms, past: { time: noon, contactId: 'x' } });
    }
  }
  await store.associated(chat.id, undefined, 5);
  await store.openChats(chat.instanceId, 5);
  await store.due(noon, 5);
  await store.due(noon, 5, lease('node'));
  const leased = await store.dueLanes('topic', noon, 5, lease('node', 0));
  await store.renewLanes([...leased.map((each) => each.key), -1], lease('node', 0));
  await store.beat('node', 0);
  await store.nextDue();
  await store.forgetMessageTokens(-1, 5);
  await store.forgetTokens(0, 5);
  await store.laneDestinations(noon);
  const lanes = await store.dueLanes('d', noon, 5);
  for (const lane of lanes) {
    const notices = await store.notices(lane.key, 5);
    const settled = {
      ...lane,
      since: noon,
      noticed: notices.at(-1)?.key,
      dead: { parcel: '{}', error: 'e', attempts: 1 },
    };
    await store.commit({ now: noon, settled });
  }
  await store.nextLaneDue();
  await store.lanesOf(key);
  await store.parkOldest('topic', 0);
  await store.deadLetters('d', 0, 5);
  await store.deadLetters(undefined, 0, 5);
  await store.redrive('d', noon, 5);
  await store.redrive('topic', noon, 5);
  await store.forgetDeadLetters(0, 5);
  const [gone] = await store.search({
    ...{ instanceId: chat.instanceId, by: 'initiated', from: 0, to: noon * 2, newestFirst: true, limit: 1 },
  });
  if (gone && gone.contactId !== chat.id) await store.erase({ contactId: gone.contactId }, 5);
}
