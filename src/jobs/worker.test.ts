import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { newChatAt } from '../../test/support/chat.ts';
import { noAttachments } from '../../test/support/no-attachments.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { openLocalBus } from '../bus/local.ts';
import type { Chat } from '../domain/chat.ts';
import * as contentType from '../domain/content-type.ts';
import { connect } from '../domain/participant.ts';
import { openWriter } from '../operations/writer.ts';
import { systemIds } from '../runtime/ids.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { openWorker, type Worker } from './worker.ts';

const noon = Date.parse('2026-01-31T12:00:00.000Z');
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const ids = systemIds();

/** A store, and what belongs to it when chats are to be due for something. */
interface Rig {
  readonly store: ReturnType<typeof openSqlite>;
  readonly time: { now: number };
  readonly worker: Worker;
  /** A chat that starts now, for so long. */
  start(minutes?: number): Promise<string>;
  /** Its customer connects. */
  enter(contactId: string): Promise<Chat>;
  chat(contactId: string): Promise<Chat>;
}

/** Runs with a store in memory that does nothing by itself; `wrap` stands before it for the worker alone. */
async function withRig(
  run: (rig: Rig) => Promise<void>,
  { wrap = (store: Store) => store, log = silentLog }: { wrap?: (store: Store) => Store; log?: Log } = {},
): Promise<void> {
  await using store = openSqlite(':memory:', systemSteady);
  const time = { now: noon };
  await using worker = openTestWorker(wrap(store), time, log);
  await run({ ...rigOf(store, time), worker });
}

function openTestWorker(store: Store, time: { now: number }, log = silentLog, steady = manualSteady()): Worker {
  const clock = { now: () => time.now };
  const writer = openWriter(store, openLocalBus(log), ids, log);
  return openWorker({
    store,
    writer,
    clock,
    steady,
    ids,
    log,
    attachments: noAttachments,
    removeFiles: async () => {},
  });
}

function rigOf(store: Rig['store'], time: { now: number }): Omit<Rig, 'worker'> {
  const chat = async (contactId: string) => {
    const found = await store.chat({ contactId });
    assert(found, `chat ${contactId}`);
    return found;
  };
  return {
    store,
    time,
    chat,
    async start(minutes = 60) {
      const created = chatOf(time.now, minutes);
      await store.commit({ now: time.now, chat: { created } });
      return created.id;
    },
    async enter(contactId) {
      const before = await chat(contactId);
      const step = connect(before, 'customer', time.now, ids.tail);
      assert('chat' in step);
      await store.commit({
        now: time.now,
        chat: { expected: before.revision, after: step.chat },
        items: step.items,
      });
      return chat(contactId);
    },
  };
}

const chatOf = (now: number, minutes: number) =>
  newChatAt(now, {
    id: ids.uuid(),
    expiresAt: now + minutes * minute,
    participants: [{ id: 'customer', role: 'CUSTOMER', displayName: 'Ana', createdAt: now }],
  });

/** Its last item, and when. */
async function lastItem(store: Store, { key }: Chat): Promise<[string | undefined, number | undefined]> {
  const [item] = await store.items(key, { newestFirst: true, limit: 1 });
  return [item?.contentType, item?.time];
}

/** Messages of the customer, each with a token of its own. */
async function say({ store, time }: Rig, { key }: Chat, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      store.append({
        chat: key,
        author: 'customer',
        now: time.now,
        item: { tail: ids.tail(), type: 'MESSAGE', contentType: 'text/plain', content: 'x', participantId: 'customer' },
        token: { value: `token ${index}`, request: 'x' },
      }),
    ),
  );
}

describe('chats that nobody ends', () => {
  test('[TM1] end five minutes after their start if the customer did not connect', () =>
    withRig(async ({ store, time, worker, start, enter, chat }) => {
      const [lost, met] = [await start(), await start()];
      await enter(met);
      time.now = noon + 5 * minute - 1;
      assert.equal(await worker.runDue(), 0);
      assert.equal((await chat(lost)).end, undefined);
      time.now += 1;
      assert.equal(await worker.runDue(), 1);
      const over = await chat(lost);
      assert.deepEqual(over.end, { at: time.now, reason: 'CUSTOMER_CONNECTION_NOT_ESTABLISHED' });
      assert.deepEqual(await lastItem(store, over), [contentType.ended, time.now]);
      assert.equal((await chat(met)).end, undefined);
    }));

  test('[TM2] end at the end of their duration', () =>
    withRig(async ({ store, time, worker, start, enter, chat }) => {
      const id = await start(60);
      await enter(id);
      time.now = noon + hour - 1;
      assert.equal(await worker.runDue(), 0);
      time.now += 1;
      assert.equal(await worker.runDue(), 1);
      const over = await chat(id);
      assert.deepEqual(over.end, { at: time.now, reason: 'EXPIRED' });
      assert.deepEqual(
        over.participants.map(({ leftBecause }) => leftBecause),
        ['ended'],
      );
      assert.deepEqual(await lastItem(store, over), [contentType.ended, time.now]);
    }));

  test('[TM3] are ended in the order of their times, those of one moment in the order of their start', () =>
    withRig(async ({ store, time, worker, start, enter }) => {
      const order: number[] = [];
      const expected: string[] = [];
      for (const minutes of [120, 60, 90, 60]) {
        const id = await start(minutes);
        await enter(id);
        expected.push(id);
      }
      const keys = await Promise.all(expected.map(async (contactId) => (await store.chat({ contactId }))?.key));
      time.now = noon + 120 * minute;
      const watching = openTestWorker(
        {
          ...store,
          commit(change) {
            if (change.chat && 'after' in change.chat) order.push(change.chat.after.key);
            return store.commit(change);
          },
        },
        time,
      );
      assert.equal(await watching.runDue(), 4);
      assert.deepEqual(order, [keys[1], keys[3], keys[2], keys[0]]);
      assert.equal(await worker.runDue(), 0);
    }));

  test('[TM3] are found by their next time, with or without what is due by then', () =>
    withRig(async ({ worker, start, enter }) => {
      assert.equal(await worker.nextDue(), undefined);
      await enter(await start(60));
      await start(60);
      assert.equal(await worker.nextDue(), noon + 5 * minute);
      assert.equal(await worker.nextDue(noon + 5 * minute), noon + hour);
      assert.equal(await worker.nextDue(noon + hour), undefined);
    }));
});

describe('what is due is done once', () => {
  test('[TM3] by workers that race', () =>
    withRig(async ({ store, time, worker, start, chat }) => {
      const contacts = await Promise.all(Array.from({ length: 20 }, () => start()));
      time.now = noon + 5 * minute;
      const other = openTestWorker(store, time);
      await Promise.all([worker.runDue(), other.runDue(), worker.runDue(), other.runDue()]);
      for (const id of contacts) {
        const over = await chat(id);
        assert.equal(over.end?.reason, 'CUSTOMER_CONNECTION_NOT_ESTABLISHED');
        assert.equal(over.last, 1);
      }
    }));

  test('[TM3] and not to a chat that somebody ended, or whose customer came, meanwhile', () =>
    withRig(async ({ store, time, start, enter, chat }) => {
      const [stopped, met] = [await start(), await start()];
      time.now = noon + 5 * minute;
      let isFirst = true;
      const racing = openTestWorker(
        {
          ...store,
          async due(by, limit) {
            const dues = await store.due(by, limit);
            if (!isFirst) return dues;
            isFirst = false;
            // Both happen between the look at what is due and the doing.
            const before = await chat(stopped);
            await store.commit({
              now: time.now,
              chat: { expected: before.revision, after: { ...before, end: { at: time.now, reason: 'API' } } },
            });
            await enter(met);
            return dues;
          },
        },
        time,
      );
      await racing.runDue();
      assert.equal((await chat(stopped)).end?.reason, 'API');
      assert.equal((await chat(stopped)).last, 0);
      assert.equal((await chat(met)).end, undefined);
    }));

  test('[TM3] also when it became due while no server ran', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-worker-'));
    const time = { now: noon };
    let contactId = '';
    {
      await using store = openSqlite(directory, systemSteady);
      contactId = await rigOf(store, time).start();
    }
    time.now = noon + 3 * hour;
    for (const done of [1, 0]) {
      await using store = openSqlite(directory, systemSteady);
      await using worker = openTestWorker(store, time);
      assert.equal(await worker.runDue(), done);
      const over = await rigOf(store, time).chat(contactId);
      assert.deepEqual([over.end?.reason, over.last], ['CUSTOMER_CONNECTION_NOT_ESTABLISHED', 1]);
    }
    rmSync(directory, { recursive: true });
  });

  test('[TM3] and a chat whose row is due before anything of it is costs one look', () =>
    withRig(async ({ store, time, worker, start, enter, chat }) => {
      const id = await start();
      const { key } = await enter(id);
      store.database.exec(`UPDATE chat SET due = 1 WHERE key = ${key}`);
      time.now += minute;
      await worker.runDue();
      assert.equal(await worker.nextDue(), noon + hour);
      assert.equal((await chat(id)).end, undefined);
    }));

  test('[TM3] by the poll of a second, of which one runs at a time', () =>
    withRig(async ({ store, time, start, chat }) => {
      const id = await start();
      const steady = manualSteady();
      await using _ = openTestWorker(store, time, silentLog, steady);
      const ended = new Promise<void>((resolve) => {
        const look = async () => ((await chat(id)).end ? resolve() : setImmediate(look));
        void look();
      });
      time.now = noon + 5 * minute;
      steady.advance(3000);
      await ended;
      assert.equal((await chat(id)).last, 1);
    }));

  test('[TM3] by a run after the one that goes on, even if that one fails', () =>
    withRig(async ({ store, time, start }) => {
      await start();
      time.now = noon + 5 * minute;
      let isFirst = true;
      const failing = openTestWorker(
        {
          ...store,
          async due(by, limit) {
            if (!isFirst) return store.due(by, limit);
            isFirst = false;
            throw new Error('the store does not answer');
          },
        },
        time,
      );
      const [first, second] = await Promise.allSettled([failing.runDue(), failing.runDue()]);
      assert.equal(first.status, 'rejected');
      assert.deepEqual(second, { status: 'fulfilled', value: 1 });
    }));
});

describe('a chat whose timer fails', () => {
  const isBroken = (chat: Chat | undefined, broken: ReadonlySet<number>) => chat !== undefined && broken.has(chat.key);

  test('[TM5] holds up no other, however many fail, and is tried again in the next round', async () => {
    const broken = new Set<number>();
    const errors: string[] = [];
    const wrap = (store: Store): Store => ({
      ...store,
      async chat(ref) {
        const chat = await store.chat(ref);
        if (isBroken(chat, broken)) throw new Error('this chat cannot be read');
        return chat;
      },
    });
    const log = { ...silentLog, error: (_: object, message: string) => void errors.push(message) };
    await withRig(
      async ({ time, worker, start, chat }) => {
        const contacts = await Promise.all(Array.from({ length: 230 }, () => start()));
        for (const id of contacts.slice(0, 150)) broken.add((await chat(id)).key);
        time.now = noon + 5 * minute;
        assert.equal(await worker.runDue(), 80);
        assert.equal(errors.length, 150);
        assert.match(errors[0] ?? '', /will be tried again/);
        for (const id of contacts.slice(150)) assert((await chat(id)).end);

        broken.clear();
        assert.equal(await worker.runDue(), 150);
        for (const id of contacts) assert((await chat(id)).end);
        assert.equal(await worker.runDue(), 0);
      },
      { wrap, log },
    );
  });

  test('[TM5] says in the log which it is, and nothing of what is in it', async () => {
    const lines: object[] = [];
    const wrap = (store: Store): Store => ({ ...store, commit: () => Promise.reject(new Error('disk full')) });
    const log = { ...silentLog, error: (fields: object) => void lines.push(fields) };
    await withRig(
      async ({ time, worker, start, chat }) => {
        const id = await start();
        time.now = noon + 5 * minute;
        assert.equal(await worker.runDue(), 0);
        const [line] = lines as { chat: number; err: Error }[];
        assert.deepEqual([lines.length, line?.chat, line?.err.message], [1, (await chat(id)).key, 'disk full']);
      },
      { wrap, log },
    );
  });
});

describe('tokens', () => {
  test('[TM4] of messages are removed a day after the end of their chat, in batches between which others have a turn', async () => {
    const batches: number[] = [];
    const turns = new Set<number>();
    let turn: number | undefined = 0;
    const count = () => {
      if (turn === undefined) return;
      turn += 1;
      setImmediate(count);
    };
    const wrap = (store: Store): Store => ({
      ...store,
      async forgetMessageTokens(chat, limit) {
        const removed = await store.forgetMessageTokens(chat, limit);
        batches.push(removed);
        turns.add(turn ?? 0);
        return removed;
      },
    });
    await withRig(
      async (rig) => {
        const { store, time, worker, start, enter, chat } = rig;
        const id = await start();
        await say(rig, await enter(id), 1200);
        time.now = noon + hour;
        assert.equal(await worker.runDue(), 1);
        time.now += day - 1;
        assert.equal(await worker.runDue(), 0);
        assert.deepEqual(batches, []);
        time.now += 1;
        count();
        assert.equal(await worker.runDue(), 1);
        turn = undefined;
        assert.deepEqual(batches, [500, 500, 200]);
        assert.equal(turns.size, 3);
        const { key, isForgotten } = await chat(id);
        assert.equal(isForgotten, true);
        assert.equal(await store.forgetMessageTokens(key, 10), 0);
        assert.equal(await worker.nextDue(), undefined);
      },
      { wrap },
    );
  });

  test('[TM4] of messages that a crash left half removed are removed by the next run', () =>
    withRig(async (rig) => {
      const { store, time, start, enter, chat } = rig;
      const id = await start();
      await say(rig, await enter(id), 1200);
      time.now = noon + hour;
      await rig.worker.runDue();
      time.now += day;
      let batches = 0;
      const crashing = openTestWorker(
        {
          ...store,
          forgetMessageTokens(key, limit) {
            batches += 1;
            return batches === 2 ? Promise.reject(new Error('crash')) : store.forgetMessageTokens(key, limit);
          },
        },
        time,
      );
      assert.equal(await crashing.runDue(), 0);
      assert.equal((await chat(id)).isForgotten, undefined);
      assert.equal(await rig.worker.runDue(), 1);
      assert.equal((await chat(id)).isForgotten, true);
      assert.equal(await store.forgetMessageTokens((await chat(id)).key, 10), 0);
    }));

  test('[TM4] of the general lane are removed once they expired, in batches', async () => {
    const batches: number[] = [];
    const wrap = (store: Store): Store => ({
      ...store,
      async forgetTokens(now, limit) {
        const removed = await store.forgetTokens(now, limit);
        batches.push(removed);
        return removed;
      },
    });
    await withRig(
      async ({ store, time, worker }) => {
        const token = (value: string, expiresAt: number) => ({
          scope: 's',
          value,
          request: 'r',
          answer: {},
          expiresAt,
        });
        await Promise.all(
          Array.from({ length: 1001 }, (_, index) =>
            store.commit({ now: noon, token: token(`old ${index}`, noon + 7 * day) }),
          ),
        );
        await store.commit({ now: noon, token: token('young', noon + 7 * day + 1) });
        time.now = noon + 7 * day;
        assert.equal(await worker.runDue(), 0);
        assert.deepEqual(batches, [500, 500, 1]);
        assert(await store.answered({ scope: 's', value: 'young' }, time.now));
      },
      { wrap },
    );
  });
});

describe('erasing', () => {
  test('[EX2] that a crash cut short is finished', () =>
    withRig(async (rig) => {
      const { store, time, worker, start, enter } = rig;
      const chat = await enter(await start());
      await say(rig, chat, 700);
      const first = await store.erase({ key: chat.key }, 500);
      assert.equal(first?.isDone, false);
      time.now += 1;
      assert.equal(await worker.nextDue(), 0);
      assert.equal(await worker.runDue(), 1);
      assert.equal(await worker.nextDue(), undefined);
      assert.deepEqual(await store.items(chat.key, { newestFirst: false, limit: 10 }), []);
      assert.equal(await store.forgetMessageTokens(chat.key, 10), 0);
    }));
});

test('[LI2] a worker that is closed finishes what it is doing and begins nothing more', () =>
  withRig(async ({ store, time, start, chat }) => {
    const contacts = [];
    for (let each = 0; each < 5; each += 1) contacts.push(await start());
    time.now = noon + 5 * minute;
    const worker = openTestWorker(store, time);
    const running = worker.runDue();
    const closed = worker[Symbol.asyncDispose]();
    await Promise.all([running, closed]);
    const ended = (await Promise.all(contacts.map(chat))).filter((each) => each.end).length;
    assert(ended <= 1, `${ended} ended`);
    assert.equal(await worker.runDue(), 0);
  }));
