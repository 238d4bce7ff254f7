import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Chat, end } from '../../src/domain/chat.ts';
import { admit, connect, connectedIds, disconnect } from '../../src/domain/participant.ts';
import type { Append, AppendOutcome, Change, ChangeOutcome, Store } from '../../src/store/store.ts';
import { property } from '../support/property.ts';
import {
  chatNow,
  message,
  noon,
  participant,
  startChat,
  stepped,
  tail,
  transcript,
  turn,
  type WithStore,
} from './store-fixtures.ts';

/**
 * A chat as one would keep it in memory, held against the store under random concurrency: whatever a store answers to
 * actions asked at once must be what this model answers to them in *some* order, and leave what that order leaves.
 */
interface Model {
  ended: boolean;
  connected: string[];
  revision: number;
  last: number;
  lastTime: number;
  /** `<time> <content or content type>` of each item. */
  items: string[];
  /** `<author> <token>` → request, number and time. */
  tokens: Record<string, { request: string; number: number; time: number }>;
  /** `<reader> <kind>` → number. */
  marks: Record<string, number>;
}

type Action = { readonly append: Append } | { readonly change: Change };

/** What is drawn at random; it becomes an action when the chat as it then is has been read. */
type Wish =
  | {
      readonly do: 'say';
      readonly who: string;
      readonly token: number;
      readonly request: number;
      readonly ahead: number;
    }
  | { readonly do: 'join' | 'leave'; readonly who: string; readonly ahead: number }
  | { readonly do: 'end'; readonly ahead: number }
  | { readonly do: 'read' | 'delivered'; readonly who: string; readonly number: number; readonly ahead: number };

const who = fc.constantFrom('ann', 'bob', 'eve');
/** The clock of a request, before or after the last one's. */
const ahead = fc.integer({ min: -20, max: 20 });
const say = fc.record({
  do: fc.constant('say' as const),
  who,
  token: fc.integer({ min: 0, max: 6 }),
  request: fc.integer({ min: 0, max: 1 }),
  ahead,
});
const move = fc.record({ do: fc.constantFrom('join' as const, 'leave' as const), who, ahead });
const finish = fc.record({ do: fc.constant('end' as const), ahead });
const mark = fc.record({
  do: fc.constantFrom('read' as const, 'delivered' as const),
  who,
  number: fc.integer({ min: 1, max: 6 }),
  ahead,
});
const wish: fc.Arbitrary<Wish> = fc.oneof(
  { arbitrary: say, weight: 12 },
  { arbitrary: move, weight: 5 },
  { arbitrary: mark, weight: 4 },
  { arbitrary: finish, weight: 1 },
);
/** Wishes that are asked at once; each says whether the event loop turns before it. */
const step = fc.array(fc.tuple(fc.boolean(), wish), { minLength: 1, maxLength: 4 });

export function modelRules(withStore: WithStore): void {
  test(
    '[ST2, ST3, ST4, ST5, ST7, ST11] answers random actions that race as if one came after the other',
    withStore(async (store) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => walk(store, steps)),
        property(150),
      );
    }),
  );
}

async function walk(store: Store, steps: readonly (readonly (readonly [boolean, Wish])[])[]): Promise<void> {
  const chat = await startChat(store, ['ann', 'bob'], ['eve']);
  let model: Model = {
    ended: false,
    connected: ['ann', 'bob'],
    revision: chat.revision,
    last: 0,
    lastTime: 0,
    items: [],
    tokens: {},
    marks: {},
  };
  for (const wishes of steps) {
    const before = await chatNow(store, chat);
    const asked: [Action, Promise<string>][] = [];
    for (const [turns, each] of wishes) {
      const action = actionOf(before, each);
      if (!action) continue;
      if (turns) await turn();
      asked.push([action, ask(store, action)]);
    }
    const answers = new Map<Action, string>();
    for (const [action, answer] of asked) answers.set(action, await answer);
    const seen = JSON.stringify(await look(store, chat.key));
    const fits = orders([...answers.keys()])
      .map((order) => replay(model, order, answers))
      .find((after) => after && JSON.stringify(visible(after)) === seen);
    assert(fits, `no order explains ${JSON.stringify([...answers])}, from ${JSON.stringify(model)} to ${seen}`);
    model = fits;
  }
}

function actionOf(chat: Chat, wanted: Wish): Action | undefined {
  const now = noon + wanted.ahead;
  if (wanted.do === 'say') {
    const token = { value: `${wanted.token}`, request: `${wanted.request}` };
    return { append: message(chat.key, wanted.who, { now, token, content: `${wanted.who} says ${wanted.request}` }) };
  }
  if (wanted.do === 'read' || wanted.do === 'delivered') {
    return { change: { now, mark: { chat: chat.key, reader: wanted.who, kind: wanted.do, number: wanted.number } } };
  }
  if (wanted.do === 'end') return chat.end ? undefined : { change: stepped(chat, end(chat, 'API', now, tail), now) };
  if (wanted.do === 'leave') {
    const left = disconnect(chat, wanted.who, now, tail);
    return 'chat' in left ? { change: stepped(chat, left, now) } : undefined;
  }
  // One that left comes back as somebody new.
  const isNew = chat.participants.every(({ id, leftAt }) => id !== wanted.who || leftAt !== undefined);
  const rest = { ...chat, participants: chat.participants.filter(({ id }) => id !== wanted.who) };
  const admitted = isNew ? admit(rest, participant(wanted.who, false), now) : { chat };
  if (!('chat' in admitted)) return undefined;
  const joined = connect(admitted.chat, wanted.who, now, tail);
  return 'chat' in joined && joined.items.length > 0 ? { change: stepped(chat, joined, now) } : undefined;
}

/** The store's answer as a text that the model can give too. */
async function ask(store: Store, action: Action): Promise<string> {
  return answerOf('append' in action ? await store.append(action.append) : await store.commit(action.change));
}

function answerOf(outcome: AppendOutcome | ChangeOutcome): string {
  if ('refused' in outcome) return outcome.refused;
  if (!('done' in outcome)) return 'stale' in outcome ? 'stale' : 'again';
  if ('number' in outcome) return `done ${outcome.number} ${outcome.time} ${outcome.again}`;
  return `done ${outcome.items.map(({ number, time }) => `${number} ${time}`)} ${outcome.chat?.revision}`;
}

/** What can be read of the chat, in the model's words. */
async function look(store: Store, key: number): Promise<ReturnType<typeof visible>> {
  const chat = await store.chat({ key });
  const items = await transcript(store, key);
  const marks: Record<string, number> = {};
  for (const { reader, kind, number } of await store.marks(key, 1, Number.MAX_SAFE_INTEGER))
    marks[`${reader} ${kind}`] = number;
  return visible({
    ended: chat?.end !== undefined,
    connected: chat ? connectedIds(chat) : [],
    revision: chat?.revision ?? 0,
    last: chat?.last ?? 0,
    lastTime: chat?.lastTime ?? 0,
    items: items.map(({ time, content, contentType }) => `${time} ${content ?? contentType}`),
    tokens: {},
    marks,
  });
}

function visible({ tokens: _, ...model }: Model) {
  return { ...model, connected: [...model.connected].sort(), marks: Object.entries(model.marks).sort() };
}

function replay(from: Model, order: readonly Action[], answers: ReadonlyMap<Action, string>): Model | undefined {
  const model = structuredClone(from);
  return order.every((action) => act(model, action) === answers.get(action)) ? model : undefined;
}

/** Does what the store ought to do, and answers what it ought to answer. */
function act(model: Model, action: Action): string {
  if ('append' in action) return actAppend(model, action.append);
  const { mark: moved, chat, items = [], now } = action.change;
  if (moved) {
    const name = `${moved.reader} ${moved.kind}`;
    if (model.ended || !model.connected.includes(moved.reader)) return 'stale';
    if ((model.marks[name] ?? 0) >= moved.number) return 'stale';
    model.marks[name] = moved.number;
    return `done  ${model.revision}`;
  }
  assert(chat && 'after' in chat);
  if (model.revision !== chat.expected) return 'stale';
  model.revision += 1;
  model.ended = chat.after.end !== undefined;
  model.connected = connectedIds(chat.after);
  const places = items.map(({ content, contentType }) => place(model, now, content ?? contentType ?? ''));
  return `done ${places.map(({ number, time }) => `${number} ${time}`)} ${model.revision}`;
}

function actAppend(model: Model, { author, token, now, item }: Append): string {
  const name = `${author} ${token.value}`;
  const used = model.tokens[name];
  if (used) return used.request === token.request ? `done ${used.number} ${used.time} true` : 'token-conflict';
  if (model.ended) return 'ended';
  if (!model.connected.includes(author)) return 'not-connected';
  const placed = place(model, now, item.content ?? '');
  model.tokens[name] = { ...placed, request: token.request };
  return `done ${placed.number} ${placed.time} false`;
}

function place(model: Model, now: number, text: string): { number: number; time: number } {
  model.last += 1;
  model.lastTime = Math.max(now, model.lastTime + 1);
  model.items.push(`${model.lastTime} ${text}`);
  return { number: model.last, time: model.lastTime };
}

function orders<T>(of: readonly T[]): T[][] {
  if (of.length <= 1) return [[...of]];
  return of.flatMap((first, index) => orders(of.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}
