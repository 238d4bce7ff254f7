import type { Bus, News } from '../bus/bus.ts';
import type { Chat, ChatKey, NewChat, PassingEvent } from '../domain/chat.ts';
import { returned } from '../domain/idle.ts';
import { type Item, itemId } from '../domain/item.ts';
import { isFoundAlike } from '../domain/search.ts';
import { UnknownOutcome } from '../domain/unknown-outcome.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { Metric } from '../runtime/metrics.ts';
import type { Append, AppendOutcome, Change, Creation, Store, Token } from '../store/store.ts';
import { owedBy, owedEvents, type PlacedEvent, type Placing } from './owed.ts';

/** The way to the store for every operation, but for a receipt's mark: read, decide, commit, ring. */
export interface Writer {
  /**
   * Runs `decide` and commits what it returns. If the chat moved meanwhile, decides again on what it became; if the
   * token was used for the same request, returns what was answered then, without deciding, even after the chat ended.
   * Where it is not known whether the commit happened, the token tells, also one that was made here; without any, that
   * is the caller's to find out. Throws `conflict()` for a used token with another request.
   */
  attempt<A extends Answer>(options: Attempt<A>): Promise<A>;
  /** The same, for who goes on with the chat: it need not be read again. */
  write<A extends Answer>(options: Attempt<A>): Promise<Wrote<A>>;
  /** One item on the append lane. */
  append(append: Append): Promise<AppendOutcome>;
  /** News that nothing durable stands behind. */
  tell(news: News): void;
  /** An event that passes by: told to sockets, and owed to the chat's streams, if it has any, once this resolves. */
  pass(chat: Chat, event: PlacedEvent): Promise<void>;
  metrics(): readonly Metric[];
}

/** What a repeat is answered from: JSON, never a bearer token. */
export type Answer = Readonly<Record<string, unknown>>;

export interface Attempt<A extends Answer> {
  readonly now: number;
  readonly token?: RequestToken | undefined;
  readonly decide: () => Promise<Decision<A>>;
}

export interface RequestToken {
  /** Operation, account, instance, contact or participant. */
  readonly scope: string;
  /** The caller's ClientToken. Absent or empty means no idempotency: then one is made here, for our own retries. */
  readonly value: string | undefined;
  /** The input, without what may differ between repeats; the order of members does not matter. */
  readonly request: object;
  readonly conflict: () => Error;
}

export interface Decision<A extends Answer> {
  /** Undefined if there is nothing to write. */
  readonly change?: Decided | undefined;
  /** Pushed before the items of the change, once it is committed. */
  readonly events?: readonly PassingEvent[] | undefined;
  readonly answer: A;
}

/** A change as an operation decides on it: the chat as it was read and as it shall be. What is owed follows from the two. */
export interface Decided extends Pick<Change, 'items' | 'resources' | 'replaced'> {
  readonly chat?: Creation | { readonly before: Chat; readonly after: Chat } | undefined;
}

export interface Wrote<A extends Answer> {
  readonly answer: A;
  /** As this call has written it; undefined if it wrote none, as where the answer is that of an earlier one. */
  readonly chat?: Chat | undefined;
}

/** Tokens of the general lane are remembered for seven days, as Amazon documents for outbound chats. */
const tokenLife = 7 * 24 * 60 * 60 * 1000;
/** A chat that moves this often between a read and a commit is not moving by accident. */
const maxAttempts = 32;
/** Each has waited as long as a store waits for its database to come back. */
const maxUnknowns = 3;
/** News above this many characters of content are announced without their items; who needs them reads them. */
const carriedCharacters = 32 * 1024;

/** What a writer knows of the way out. */
export interface Outside extends Pick<Placing, 'eventDestinations'> {
  /** A commit owes something: a doorbell, as the bus is for sockets. */
  readonly wake: () => void;
}

const nothingOutside: Outside = { eventDestinations: () => [], wake() {} };

export function openWriter(store: Store, bus: Bus, ids: Ids, log: Log, outside: Outside = nothingOutside): Writer {
  const enter = openLines();
  const retries = { stale: 0, unknown: 0 };
  const { tell, tellAfterAnswers } = openRings(bus, log);

  async function append(given: Append): Promise<AppendOutcome> {
    const outcome = await store.append(given);
    if ('done' in outcome && !outcome.again) {
      const { tail, ...rest } = given.item;
      const { number, time, revision } = outcome;
      tellAfterAnswers(itemsNews(given.chat, [{ ...rest, id: itemId(time, tail), number, time }], number, revision));
      if (outcome.isStreamed) outside.wake();
      if (outcome.wasIdle) await wake(given.chat, given.author, time);
    }
    return outcome;
  }

  /** Who was idle is back. The message is sent whatever becomes of this: its time is found when the silence is next looked at. */
  async function wake(key: ChatKey, author: string, now: number): Promise<void> {
    const decide = async () => {
      const chat = await store.chat({ key });
      const step = chat && returned(chat, author, now);
      if (!step || step.chat === chat) return { answer: {} };
      return { change: { chat: { before: chat, after: step.chat } }, events: step.events, answer: {} };
    };
    await attempt({ now, decide }).catch((failure: unknown) => {
      log.warn({ err: failure, chat: key }, 'a participant who was idle could not be marked as returned');
    });
  }

  async function write<A extends Answer>({ now, token, decide }: Attempt<A>): Promise<Wrote<A>> {
    const asked = token && { ...token, value: token.value || ids.uuid(), request: canonical(token.request) };
    let leave = () => {};
    let unknowns = 0;

    /** What was answered to this token, if it was. */
    async function given(): Promise<{ readonly answer: A } | undefined> {
      const stored = asked && (await store.answered(asked, now));
      if (!stored) return undefined;
      if (!stored.matches(asked.request)) throw asked.conflict();
      // Perhaps it was this very call that was committed. Sockets find out by the sweep.
      if (unknowns > 0) outside.wake();
      return { answer: stored.answer as A };
    }

    try {
      for (let tries = 0; tries < maxAttempts; tries += 1) {
        // The first try does not ask: most tokens are new, and of one that is not the commit says so.
        const before = tries > 0 ? await given() : undefined;
        if (before) return before;
        const decided = await decide().catch(async (failure: unknown) => {
          // It may be refused because it has been done: it is a repeat, or a commit of unknown outcome arrived late.
          const done = await given();
          if (done) return { isGiven: true, ...done } as const;
          throw failure;
        });
        if ('isGiven' in decided) return decided;
        const { change, events = [], answer } = decided;
        if (!change && !token?.value) return { answer };
        const kept: Token | undefined = asked && {
          scope: asked.scope,
          value: asked.value,
          request: asked.request,
          answer,
          expiresAt: now + tokenLife,
        };
        const placed = events.map((each) => ({ ...each, id: itemId(now, ids.tail()), time: now }));
        const whole = { now, ...written(change, placed, { now, uuid: ids.uuid, ...outside }), token: kept };
        const outcome = await store.commit(whole).catch((failure: unknown) => {
          if (!(failure instanceof UnknownOutcome) || !asked || unknowns === maxUnknowns) throw failure;
          unknowns += 1;
          retries.unknown += 1;
          log.warn({ err: failure }, 'asking by its token whether it was committed');
          return undefined;
        });
        if (!outcome) continue;
        if ('done' in outcome) {
          const { chat, items } = outcome;
          if (chat) for (const each of placed) tell(eventNews(chat.key, chat.last - items.length, each));
          if (chat) tell(itemsNews(chat.key, items, chat.last, chat.revision));
          if (chat) outside.wake();
          return { answer, chat: chat && change?.chat && { ...chatIn(change.chat), ...chat } };
        }
        retries.stale += 1;
        if (tries === 0 && change?.chat && 'after' in change.chat) leave = await enter(change.chat.after.key);
      }
    } finally {
      leave();
    }
    throw new Error(`the chat changed ${maxAttempts} times between being read and being written`);
  }

  async function pass(chat: Chat, event: PlacedEvent): Promise<void> {
    const owed = owedEvents(chat, [event]);
    if (owed.length > 0) {
      await store.commit({ now: event.time, owed, owedBy: chat.key });
      outside.wake();
    }
    tell(eventNews(chat.key, chat.last, event));
  }

  const attempt = async <A extends Answer>(options: Attempt<A>): Promise<A> => (await write(options)).answer;
  return { attempt, write, append, tell, pass, metrics: () => [retryMetric(retries)] };
}

/** Rings the bus, in the order of the commits. */
function openRings(bus: Bus, log: Log) {
  const waiting: News[] = [];

  function ring(news: News): void {
    try {
      bus.publish(news);
    } catch (failure) {
      log.warn({ err: failure, chat: news.chat }, 'the bus did not take the news; the sweep will deliver it');
    }
  }

  return {
    /** At once, but not before what waits. */
    tell(news: News): void {
      if (waiting.length > 0) waiting.push(news);
      else ring(news);
    },
    /**
     * In the same turn of the event loop, when those who sent what was committed together have their answers: they send
     * on while others are told (8 at once: 1.4 times as many messages a second).
     */
    tellAfterAnswers(news: News): void {
      if (waiting.push(news) > 1) return;
      process.nextTick(() => {
        for (const each of waiting.splice(0)) ring(each);
      });
    },
  };
}

function retryMetric(retries: Readonly<Record<string, number>>): Metric {
  return {
    name: 'tertulia_commit_retries_total',
    help: 'Changes that were decided again: the chat had moved meanwhile or the token was used, or nobody knew whether it was done.',
    kind: 'counter',
    values: Object.entries(retries).map(([why, value]) => ({ labels: { why }, value })),
  };
}

/** The change as the store takes it, with what it owes. */
function written(
  change: Decided | undefined,
  events: readonly PlacedEvent[],
  placing: Placing,
): Omit<Change, 'now' | 'token'> {
  if (!change?.chat) return { ...change, chat: undefined };
  if ('created' in change.chat) {
    return { ...change, chat: change.chat, owed: owedBy(undefined, change.chat.created, events, placing) };
  }
  const { before, after } = change.chat;
  return {
    ...change,
    chat: { expected: before.revision, after, isFoundAlike: isFoundAlike(before, after) },
    owed: owedBy(before, after, events, placing),
  };
}

function chatIn(change: NonNullable<Decided['chat']>): Chat | NewChat {
  return 'created' in change ? change.created : change.after;
}

function eventNews(chat: ChatKey, after: number, event: PlacedEvent): News {
  return { kind: 'event', chat, after, ...event };
}

/**
 * Who lost a race for a chat stands in that chat's line for its next tries. A hundred at once would otherwise need a
 * hundred tries each. Resolves to the way out of the line once it is one's turn.
 */
function openLines(): (chat: ChatKey) => Promise<() => void> {
  const ends = new Map<ChatKey, Promise<void>>();
  return async (chat) => {
    const before = ends.get(chat);
    const { promise, resolve } = Promise.withResolvers<void>();
    ends.set(chat, promise);
    await before;
    return () => {
      if (ends.get(chat) === promise) ends.delete(chat);
      resolve();
    };
  };
}

function itemsNews(chat: ChatKey, items: readonly Item[], last: number, revision: number): News {
  const size = items.reduce((sum, item) => sum + (item.content?.length ?? 0), 0);
  const news = { kind: 'items', chat, from: last - items.length + 1, to: last, revision } as const;
  return size > carriedCharacters ? news : { ...news, items };
}

/** JSON with the members of every object in order, so that equal requests are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
}
