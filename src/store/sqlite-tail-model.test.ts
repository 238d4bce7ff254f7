import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { message, noon, participant, startChat, transcript } from '../../test/contract/store-fixtures.ts';
import { events, laneIfAny, openLane, settle } from '../../test/contract/store-lanes-fixtures.ts';
import { property } from '../../test/support/property.ts';
import type { Chat } from '../domain/chat.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from './sqlite.ts';
import type { AppendOutcome, ChangeOutcome, Store } from './store.ts';

/**
 * Chats as one would keep them in memory, held against an embedded store of which all that makes it place items happens
 * often: few may wait, it is killed, opened anew, erased from, packed, and opened by a tool beside.
 */
interface Model {
  chat: Chat;
  isErased: boolean;
  isJoined: boolean;
  marks: number;
  revision: number;
  last: number;
  lastTime: number;
  /** `<number> <time> <content>` of each. */
  items: string[];
  /** `<who> <token>` → request and what was answered. */
  tokens: Record<string, { request: string; answer: string }>;
  /** What the lane was last settled at, and after which items the notices come that it has since. */
  settledAt: number;
  notices: number[];
}

const limits = { mostWaiting: 8, furthestBack: 20, placedAtOnce: 3 };
const names = ['ann', 'bob'];

const at = fc.nat({ max: 2 });
const say = fc.record({
  do: fc.constant('say' as const),
  at,
  who: fc.constantFrom(...names),
  token: fc.nat({ max: 9 }),
  request: fc.constantFrom('one', 'one', 'one', 'two'),
  ahead: fc.integer({ min: -5, max: 20 }),
});
const act = fc.oneof(
  { arbitrary: say, weight: 16 },
  { arbitrary: fc.record({ do: fc.constantFrom('fail' as const, 'break' as const), at }), weight: 2 },
  { arbitrary: fc.record({ do: fc.constant('change' as const), at, count: fc.nat({ max: 3 }) }), weight: 3 },
  { arbitrary: fc.record({ do: fc.constant('settle' as const), at }), weight: 2 },
  { arbitrary: fc.record({ do: fc.constant('mark' as const), at }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('owe' as const), at }), weight: 1 },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('commit' as const), acts: fc.array(act, { maxLength: 12 }) }), weight: 12 },
  { arbitrary: fc.record({ do: fc.constant('read' as const), at }), weight: 2 },
  { arbitrary: fc.record({ do: fc.constant('forget' as const), at }), weight: 1 },
  {
    arbitrary: fc.record({ do: fc.constant('erase' as const), at, limit: fc.integer({ min: 1, max: 40 }) }),
    weight: 2,
  },
  {
    arbitrary: fc.record({ do: fc.constantFrom('kill', 'reopen', 'pack', 'tool', 'replace', 'clear') }),
    weight: 3,
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('[DU5, ST20] nobody can tell what of the log is placed, whatever comes between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'tertulia-tail-'));
      try {
        await walk(folder, steps);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }),
    property(40),
  );
});

async function walk(folder: string, steps: readonly Step[]): Promise<void> {
  let [place, round] = [join(folder, '0'), 0];
  let store = openSqlite(place, systemSteady, 'server', limits);
  try {
    let models: Model[] = await Promise.all([begin(store), begin(store), begin(store)]);
    const of = (index: number) => models[index] as Model;
    for (const each of steps) {
      switch (each.do) {
        case 'commit':
          await commit(store, of, each.acts);
          break;
        case 'read':
          await check(store, of(each.at));
          break;
        case 'forget':
          await store.forgetMessageTokens(of(each.at).chat.key, 1000);
          of(each.at).tokens = {};
          break;
        case 'erase':
          await store.erase({ key: of(each.at).chat.key }, each.limit);
          of(each.at).isErased = true;
          break;
        case 'kill': {
          round += 1;
          const next = join(folder, `${round}`);
          for (const file of ['tertulia.db', 'tertulia.db-wal'])
            if (existsSync(join(place, file))) cpSync(join(place, file), join(next, file));
          await store[Symbol.asyncDispose]();
          place = next;
          store = openSqlite(place, systemSteady, 'server', limits);
          break;
        }
        case 'reopen':
          await store[Symbol.asyncDispose]();
          store = openSqlite(place, systemSteady, 'server', limits);
          break;
        case 'pack':
          store.database.exec('VACUUM');
          break;
        case 'tool': {
          await using tool = openSqlite(place, systemSteady, 'tool', limits);
          await tool.commit({ now: noon, resources: [{ kind: 'k', instance: '', id: '1', name: 'n', document: {} }] });
          break;
        }
        case 'replace':
          models = await Promise.all(models.map((model) => (model.isErased ? begin(store) : model)));
          break;
        case 'clear':
          await store.clear();
          models = await Promise.all(models.map(() => begin(store)));
      }
    }
    for (const model of models) await check(store, model);
    const count = (table: string) => store.database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows;
    if (models.every(({ isErased }) => !isErased)) assert.equal(count('item'), count('item_place'));
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

async function begin(store: Store): Promise<Model> {
  const chat = await openLane(store, await startChat(store, names), 'way');
  const { revision, last, lastTime } = chat;
  return {
    chat,
    isErased: false,
    isJoined: true,
    marks: 0,
    revision,
    last,
    lastTime,
    items: [],
    tokens: {},
    settledAt: 0,
    notices: [],
  };
}

/** All of it is asked at once, and done in that order. */
async function commit(store: Store, of: (index: number) => Model, acts: readonly Act[]): Promise<void> {
  const seen = await Promise.all([0, 1, 2].map((index) => store.chat({ key: of(index).chat.key })));
  const lanes = await Promise.all([0, 1, 2].map((index) => laneIfAny(store, of(index).chat, 'way')));
  const asked: [Promise<string>, string | RegExp][] = [];
  for (const each of acts) {
    const model = of(each.at);
    const [chat, lane] = [seen[each.at], lanes[each.at]];
    const ask = (outcome: Promise<AppendOutcome | ChangeOutcome>, expected: string | RegExp) =>
      asked.push([outcome.then(told, () => 'failed'), expected]);
    if (each.do === 'say') {
      const token = { value: `${each.token}`, request: each.request };
      const content = `${each.who} ${each.token}`;
      const append = message(model.chat.key, each.who, { now: noon + each.ahead, token, content });
      ask(store.append(append), said(model, each));
    } else if (each.do === 'fail') {
      const wrong = message(model.chat.key, 'ann');
      const append = { ...wrong, item: { ...wrong.item, tail: 'text' as unknown as Buffer } };
      ask(store.append(append), model.isErased ? 'ended' : 'failed');
    } else if (each.do === 'mark') {
      model.marks += 1;
      const mark = { chat: model.chat.key, reader: 'ann', kind: 'read' as const, number: model.marks };
      ask(store.commit({ now: noon, mark }), model.isErased ? 'stale' : standing(model));
    } else if (each.do === 'owe') {
      model.notices.push(model.last);
      const owed = [{ lane: { id: 'way', kind: 'stream' as const, destination: 'x' }, parcels: ['parcel'] }];
      ask(store.commit({ now: noon, owed, owedBy: model.chat.key }), standing(model));
    } else if (each.do === 'change' && chat) {
      const participants = (model.isJoined ? ['ann'] : names).map((name) => participant(name));
      const change = { expected: chat.revision, after: { ...chat, participants } };
      ask(store.commit({ now: noon, chat: change, items: events(each.count) }), changed(model, chat, each.count));
    } else if (each.do === 'break' && chat) {
      const change = { expected: chat.revision, after: chat };
      const items = [...events(1), ...events(1).map((item) => ({ ...item, tail: 'text' as unknown as Buffer }))];
      ask(store.commit({ now: noon, chat: change, items }), model.revision === chat.revision ? 'failed' : 'stale');
    } else if (each.do === 'settle' && lane && chat) {
      lanes[each.at] = undefined;
      model.settledAt = chat.last;
      model.notices = [];
      const to = { number: chat.last, time: chat.lastTime, noticed: Number.MAX_SAFE_INTEGER };
      ask(settle(store, lane, to), 'done');
    }
  }
  for (const [answer, expected] of asked) {
    if (typeof expected === 'string') assert.equal(await answer, expected);
    else assert.match(await answer, expected);
  }
}

function told(outcome: AppendOutcome | ChangeOutcome): string {
  if ('refused' in outcome) return outcome.refused;
  if (!('done' in outcome)) return 'stale' in outcome ? 'stale' : 'again';
  if ('number' in outcome) return `${outcome.number} ${outcome.time} ${outcome.again ? 'again' : 'now'}`;
  return outcome.chat ? `${outcome.chat.last} ${outcome.chat.lastTime}` : 'done';
}

function standing({ last, lastTime }: Model): string {
  return `${last} ${lastTime}`;
}

function said(model: Model, { who, token, request, ahead }: Extract<Act, { do: 'say' }>): string | RegExp {
  // Some of its tokens may be there still.
  if (model.isErased) return /^ended$|^token-conflict$| again$/;
  const name = `${who} ${token}`;
  const used = model.tokens[name];
  if (used) return used.request === request ? `${used.answer} again` : 'token-conflict';
  if (who === 'bob' && !model.isJoined) return 'not-connected';
  put(model, noon + ahead, name);
  model.tokens[name] = { request, answer: standing(model) };
  return `${standing(model)} now`;
}

function changed(model: Model, { revision }: Chat, count: number): string {
  if (model.revision !== revision) return 'stale';
  model.revision += 1;
  model.isJoined = !model.isJoined;
  for (let index = 0; index < count; index += 1) put(model, noon, 'undefined');
  return standing(model);
}

function put(model: Model, now: number, content: string): void {
  model.last += 1;
  model.lastTime = Math.max(now, model.lastTime + 1);
  model.items.push(`${model.last} ${model.lastTime} ${content}`);
}

async function check(store: Store, model: Model): Promise<void> {
  const { key } = model.chat;
  const chat = await store.chat({ key });
  if (model.isErased) return assert.equal(chat, undefined);
  const { last, lastTime, revision } = model;
  assert.deepEqual(await store.positions([key]), [{ key, last, lastTime, revision }]);
  assert.deepEqual([chat?.last, chat?.lastTime, chat?.revision], [last, lastTime, revision]);
  const lane = await laneIfAny(store, model.chat, 'way');
  const notices = lane ? await store.notices(lane.key, 1000) : [];
  assert.deepEqual(
    notices.map(({ after }) => after),
    model.notices,
  );
  assert.equal(lane?.due !== undefined, last > model.settledAt || notices.length > 0);
  const items = await transcript(store, key);
  assert.deepEqual(
    items.map(({ number, time, content }) => `${number} ${time} ${content}`),
    model.items,
  );
}
