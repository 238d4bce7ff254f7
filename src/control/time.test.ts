import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newChatAt } from '../../test/support/chat.ts';
import { noAttachments } from '../../test/support/no-attachments.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { openLocalBus } from '../bus/local.ts';
import { developmentInstance } from '../config.ts';
import { connect } from '../domain/participant.ts';
import { openWorker } from '../jobs/worker.ts';
import { registry } from '../operations/registry.ts';
import { openWriter } from '../operations/writer.ts';
import { systemIds } from '../runtime/ids.ts';
import { silentLog } from '../runtime/log.ts';
import { movableClock } from '../runtime/movable-clock.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { openControl } from './control.ts';
import { type TimeParts, timeRoutes } from './time.ts';

const noon = Date.parse('2026-01-31T12:00:00.000Z');
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const ids = systemIds();

/** A machine's time, a clock that is moved from it, and the routes that move it. Nothing is due unless told otherwise. */
function rig(more: Partial<TimeParts> = {}, mode: 'development' | 'production' = 'development') {
  const machine = { now: noon };
  const clock = movableClock({ now: () => machine.now });
  const steady = manualSteady();
  const parts: TimeParts = {
    clock,
    steady,
    runDue: async () => 0,
    nextDue: async () => undefined,
    delivered: async () => {},
    reset: async () => {},
    ...more,
  };
  const control = openControl(
    {
      version: '1.2.3',
      mode,
      publicUrl: 'http://127.0.0.1:8378',
      socketUrl: 'ws://127.0.0.1:8378/participant/websocket',
      operations: registry,
      instances: [developmentInstance],
      readiness: () => ({ isReady: true }),
      uptimeSeconds: () => 1,
      throttled: () => ({}),
      controlToken: mode === 'production' ? 'the token of a test' : undefined,
      log: silentLog,
    },
    timeRoutes(parts),
  );
  async function ask(target: string, body: unknown = '') {
    const [method = '', path = ''] = target.split(' ');
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const headers = [
      ['host', '127.0.0.1'],
      ['authorization', 'Bearer the token of a test'],
    ] as const;
    const reply = await control({ method, path, query: '', headers, body: bytes, id: 'request-1' });
    return { status: reply.status, type: reply.headers['x-amzn-errortype'], body: JSON.parse(reply.body) };
  }
  const move = (body: unknown) => ask('POST /_tertulia/clock', body);
  return { machine, clock, steady, ask, move };
}

const iso = (time: number) => new Date(time).toISOString();

/** What is due at these times, each once; `at` is when it was done. */
function agenda(clock: () => number, ...times: number[]) {
  const due = new Set(times);
  const at: number[] = [];
  return {
    at,
    async nextDue(past = -1) {
      const left = [...due].filter((each) => each > past);
      return left.length > 0 ? Math.min(...left) : undefined;
    },
    async runDue() {
      const now = clock();
      const done = [...due].filter((each) => each <= now);
      for (const each of done) {
        due.delete(each);
        at.push(now);
      }
      return done.length;
    },
  };
}

describe('the clock', () => {
  it('[CK1] tells the time, and how far it is from the machine', async () => {
    const { ask, machine } = rig();
    machine.now += 5;
    const { status, body } = await ask('GET /_tertulia/clock');
    assert.deepEqual([status, body], [200, { now: iso(noon + 5), aheadMs: 0 }]);
  });

  for (const [advance, ms] of [
    ['0s', 0],
    ['1ms', 1],
    ['15s', 15_000],
    ['5m', 5 * minute],
    ['25h', 25 * hour],
    ['7d', 7 * day],
  ] as const) {
    it(`[CK1] goes on by ${advance}`, async () => {
      const { move, ask } = rig();
      const { status, body } = await move({ advance });
      assert.deepEqual([status, body], [200, { now: iso(noon + ms), aheadMs: ms, ran: 0, busy: false }]);
      assert.deepEqual((await ask('GET /_tertulia/clock')).body, { now: iso(noon + ms), aheadMs: ms });
    });
  }

  for (const set of ['2026-02-01T00:00:00Z', '2026-02-01T00:00:00.000Z', '2026-02-01T01:30+01:30']) {
    it(`[CK1] is set to ${set}, and goes on from there`, async () => {
      const { move, ask, machine } = rig();
      assert.equal((await move({ set })).body.now, '2026-02-01T00:00:00.000Z');
      machine.now += 250;
      assert.equal((await ask('GET /_tertulia/clock')).body.now, '2026-02-01T00:00:00.250Z');
    });
  }

  it('[CK1] is not there in production, and neither is the reset', async () => {
    const { ask } = rig({}, 'production');
    for (const target of ['GET /_tertulia/clock', 'POST /_tertulia/clock', 'POST /_tertulia/reset']) {
      const { status, type, body } = await ask(target, { advance: '1s' });
      assert.deepEqual([status, type], [404, 'UnknownOperationException'], target);
      assert.doesNotMatch(body.message, /it has .*(clock|reset)/);
    }
  });
});

describe('a move', () => {
  it('[CK2] does what becomes due at its time and in its order, and what follows from that, before it answers', async () => {
    const done: string[] = [];
    const { clock, move } = rig({
      nextDue: (past) => todo.nextDue(past),
      runDue: () => todo.runDue(),
      async delivered() {
        done.push(`pushed after ${todo.at.length}`);
      },
    });
    const todo = agenda(clock.now, noon + 90, noon - 5, noon + 1000, noon + 90_000);
    const { body } = await move({ advance: '1m' });
    assert.deepEqual(todo.at, [noon, noon + 90, noon + 1000]);
    assert.deepEqual(done, ['pushed after 3']);
    assert.deepEqual(body, { now: iso(noon + minute), aheadMs: minute, ran: 3, busy: false });
    await move({ advance: '30s' });
    assert.deepEqual(todo.at.slice(3), [noon + 90_000]);
  });

  it('[CK2] ends chats and forgets tokens at the times at which that was due', () =>
    withChats(async ({ store, start, clock, move }) => {
      const [lost, met, long] = [await start(60, false), await start(60), await start(120)];
      const { body } = await move({ advance: '2h' });
      assert.deepEqual([body.ran, body.busy], [3, false]);
      const end = async (contactId: string) => (await store.chat({ contactId }))?.end;
      assert.deepEqual(await end(lost), { at: noon + 5 * minute, reason: 'CUSTOMER_CONNECTION_NOT_ESTABLISHED' });
      assert.deepEqual(await end(met), { at: noon + hour, reason: 'EXPIRED' });
      assert.deepEqual(await end(long), { at: noon + 2 * hour, reason: 'EXPIRED' });
      assert.equal((await move({ advance: '1d' })).body.ran, 3);
      assert.equal(clock.now(), noon + 2 * hour + day);
      assert.equal(await store.nextDue(), undefined);
    }));

  it('[CK2] shows the time of what is done while it is done, and moves no further for it', async () => {
    const shown: number[] = [];
    const { clock, move, machine } = rig({
      nextDue: (past) => todo.nextDue(past),
      async runDue() {
        machine.now += 700;
        shown.push(clock.now());
        return todo.runDue();
      },
    });
    const todo = agenda(clock.now, noon + 100, noon + 200);
    const { body } = await move({ advance: '1s' });
    assert.deepEqual(shown, [noon + 100, noon + 200]);
    assert.equal(body.now, iso(noon + 1000));
  });

  it('[CK3] never leads back, though doing what is due took longer than it is long', async () => {
    const { clock, machine, move } = rig({
      async delivered() {
        machine.now += 50;
      },
      async nextDue() {
        machine.now += 50;
        return undefined;
      },
    });
    const before = clock.now();
    await move({ advance: '1ms' });
    assert(clock.now() >= before + 100, String(clock.now() - before));
  });

  it('[CK2] waits for the one before it', async () => {
    const { clock, move } = rig({ nextDue: (past) => todo.nextDue(past), runDue: () => todo.runDue() });
    const todo = agenda(clock.now, noon + 30 * minute, noon + 90 * minute);
    const moved = await Promise.all([
      move({ advance: '1h' }),
      move({ advance: '1h' }),
      move({ set: iso(noon + hour) }),
    ]);
    assert.deepEqual(
      moved.map(({ status, body }) => [status, body.now ?? body.message]),
      [
        [200, iso(noon + hour)],
        [200, iso(noon + 2 * hour)],
        [400, `set is before the present test time, ${iso(noon + 2 * hour)}; the clock only goes forward.`],
      ],
    );
    assert.deepEqual(todo.at, [noon + 30 * minute, noon + 90 * minute]);
  });

  it('[CK2] that fails says so, and leaves a clock that goes on', async () => {
    const { clock, machine, move } = rig({
      nextDue: async () => noon + 100,
      runDue: () => Promise.reject(new Error('the store is gone')),
    });
    const { status, type } = await move({ advance: '1s' });
    assert.deepEqual([status, type], [500, 'InternalServiceException']);
    machine.now += 10;
    assert.equal(clock.now(), noon + 110);
  });

  it('[TM5] is not held up by a chat that fails, and neither are the chats after it', () =>
    withChats(async ({ store, broken, start, clock, move }) => {
      const [bad, good] = [await start(60), await start(90)];
      broken.add((await store.chat({ contactId: bad }))?.key ?? 0);
      const { body } = await move({ advance: '2h' });
      assert.deepEqual([body.ran, body.busy, body.stillDue], [1, false, iso(noon + hour)]);
      assert.match(body.message, /could not be done; the log says why/);
      assert.equal(clock.now(), noon + 2 * hour);
      assert.deepEqual((await store.chat({ contactId: good }))?.end, { at: noon + 90 * minute, reason: 'EXPIRED' });
      broken.clear();
      assert.equal((await move({ advance: '0s' })).body.ran, 1);
    }));
});

describe('what is no move', () => {
  const one = /^Give either advance, such as .*, or set, such as/;
  const unit = /^advance must be a whole number and a unit, ms, s, m, h or d/;
  const zone = /^set must be a time with its zone, such as/;
  const past = /^set is before the present test time, 2026-01-31T12:00:00\.000Z; the clock only goes forward\.$/;
  const far = /^The clock goes no further than 9000-01-01T00:00:00\.000Z\.$/;
  for (const [body, message] of [
    [{}, one],
    ['', one],
    [{ advance: '1s', set: '2027-01-01T00:00:00Z' }, one],
    [{ advnace: '1s' }, one],
    [{ advance: null }, one],
    [{ advance: '' }, unit],
    [{ advance: '15' }, unit],
    [{ advance: '-15s' }, unit],
    [{ advance: '1.5s' }, unit],
    [{ advance: '15 s' }, unit],
    [{ advance: '1w' }, unit],
    [{ advance: '1h30m' }, unit],
    [{ advance: '1111111111s' }, unit],
    [{ advance: '999999999d' }, far],
    [{ set: '' }, zone],
    [{ set: 'tomorrow' }, zone],
    [{ set: '2027' }, zone],
    [{ set: '2027-01-01' }, zone],
    [{ set: '2027-01-01T00:00:00' }, zone],
    [{ set: '2027-13-01T00:00:00Z' }, zone],
    [{ set: '+010000-01-01T00:00:00Z' }, zone],
    [{ set: '9999-12-31T00:00:00Z' }, far],
    [{ set: '2026-01-31T11:59:59.999Z' }, past],
    [{ set: '2026-01-31T12:59:59+01:00' }, past],
  ] as const) {
    it(`[CK3] is refused: ${JSON.stringify(body)}`, async () => {
      const { clock, move } = rig();
      const refused = await move(body);
      assert.deepEqual([refused.status, refused.type], [400, 'ValidationException']);
      assert.match(refused.body.message, message);
      assert.equal(clock.now(), noon);
    });
  }

  for (const body of ['{', '[]', '"15s"', { advance: 15 }, { set: 0 }]) {
    it(`[CK3] is not read: ${JSON.stringify(body)}`, async () => {
      const refused = await rig().move(body);
      assert.deepEqual([refused.status, refused.type], [400, 'SerializationException']);
    });
  }
});

describe('the bounds of a move', () => {
  it('[CK5] are 20 days from the machine: past them it warns that chatjs sessions will loop', async () => {
    const { ask, move } = rig();
    assert.equal((await move({ advance: '20d' })).body.warning, undefined);
    const warned = (await move({ advance: '1ms' })).body;
    assert.match(warned.warning, /more than 20 days.*chatjs sessions will ask for new connections in a loop/);
    assert.equal((await ask('GET /_tertulia/clock')).body.warning, warned.warning);
  });

  it('[CK6] are 30 s of real time: what is due after that is left, and done by the next', async () => {
    const { clock, steady, machine, move } = rig({
      nextDue: (past) => todo.nextDue(past),
      async runDue() {
        steady.advance(10_000);
        return todo.runDue();
      },
    });
    const todo = agenda(clock.now, ...[1, 2, 3, 4, 5].map((each) => noon + each * minute));
    const first = (await move({ advance: '1h' })).body;
    const stillDue = iso(noon + 4 * minute);
    assert.deepEqual([first.ran, first.busy, first.stillDue], [3, true, stillDue]);
    assert.equal(first.message, `Still busy: what is due at ${stillDue} is not done. Call again.`);
    assert.equal(first.now, iso(noon + 3 * minute));
    machine.now += 5;
    assert.equal(clock.now(), noon + 3 * minute + 5);
    const second = (await move({ advance: '1h' })).body;
    assert.deepEqual([second.ran, second.busy], [2, false]);
  });

  it('[CK6] are a hundred thousand moments', async () => {
    const { move } = rig({ nextDue: async (past = noon) => past + 1, runDue: async () => 1 });
    const { ran, busy, stillDue } = (await move({ advance: '1h' })).body;
    assert.deepEqual([ran, busy, stillDue], [100_000, true, iso(noon + 100_001)]);
  });

  it('[CK6] are the same while people go on talking', async () => {
    const { steady, move } = rig({
      delivered() {
        setImmediate(() => steady.advance(30_000));
        return new Promise(() => {});
      },
    });
    assert.equal((await move({ advance: '1s' })).body.now, iso(noon + 1000));
  });
});

describe('the reset', () => {
  it('[CK7] answers when all is done, after the move that goes on', async () => {
    const order: string[] = [];
    const { clock, move, ask } = rig({
      nextDue: (past) => todo.nextDue(past),
      async runDue() {
        order.push('due');
        return todo.runDue();
      },
      async reset() {
        await new Promise(setImmediate);
        clock.goOnFrom(noon);
        order.push('reset');
      },
    });
    const todo = agenda(clock.now, noon + minute);
    const [moved, reset] = await Promise.all([
      move({ advance: '1h' }),
      ask('POST /_tertulia/reset').then((answer) => {
        order.push('answered');
        return answer;
      }),
    ]);
    assert.deepEqual(order, ['due', 'reset', 'answered']);
    assert.equal(moved.body.now, iso(noon + hour));
    assert.deepEqual([reset.status, reset.body, clock.now()], [200, { reset: true }, noon]);
  });

  it('[CK7] is of a method of its own', async () => {
    for (const target of ['GET /_tertulia/reset', 'DELETE /_tertulia/clock', 'PUT /_tertulia/clock']) {
      assert.equal((await rig().ask(target)).status, 404, target);
    }
  });
});

interface Chats extends ReturnType<typeof rig> {
  readonly store: Store;
  /** Keys of chats that cannot be written. */
  readonly broken: Set<number>;
  /** A chat of so many minutes, whose customer connects at once. */
  start(minutes: number, isMet?: boolean): Promise<string>;
}

/** Runs with a real store and the real worker. */
async function withChats(run: (chats: Chats) => Promise<void>): Promise<void> {
  await using store = openSqlite(':memory:', systemSteady);
  const broken = new Set<number>();
  const failing: Store = {
    ...store,
    async commit(change) {
      if (change.chat && 'after' in change.chat && broken.has(change.chat.after.key)) throw new Error('disk full');
      return store.commit(change);
    },
  };
  const parts = rig({ nextDue: (past) => worker.nextDue(past), runDue: () => worker.runDue() });
  const { clock, steady } = parts;
  const writer = openWriter(failing, openLocalBus(silentLog), ids, silentLog);
  await using worker = openWorker({
    removeFiles: async () => {},
    store: failing,
    writer,
    clock,
    steady,
    ids,
    log: silentLog,
    attachments: noAttachments,
  });
  await run({
    ...parts,
    store,
    broken,
    async start(minutes, isMet = true) {
      const created = chatOf(clock.now(), minutes);
      await store.commit({ now: clock.now(), chat: { created } });
      const chat = await store.chat({ contactId: created.id });
      const step = chat && connect(chat, 'customer', clock.now(), ids.tail);
      if (isMet && step && 'chat' in step) {
        await store.commit({ now: clock.now(), chat: { expected: 1, after: step.chat }, items: step.items });
      }
      return created.id;
    },
  });
}

const chatOf = (now: number, minutes: number) =>
  newChatAt(now, {
    id: ids.uuid(),
    instanceId: developmentInstance.id,
    expiresAt: now + minutes * minute,
    participants: [{ id: 'customer', role: 'CUSTOMER', displayName: 'Ana', createdAt: now }],
  });
