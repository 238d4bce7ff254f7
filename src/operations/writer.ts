import type { Bus, News } from '../bus/bus.ts';
import type { ChatKey, PassingEvent } from '../domain/chat.ts';
import { returned } from '../domain/idle.ts';
import { type Item, itemId } from '../domain/item.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { Append, AppendOutcome, Change, Position, Store, Token } from '../store/store.ts';

/** The way to the store for every operation, but for a receipt's mark: read, decide, commit, ring. */
export interface Writer {
  /**
   * Runs `decide` and commits what it returns. If the chat moved meanwhile, decides again on what it became; if the
   * token was used for the same request, returns what was answered then, without deciding, even after the chat ended.
   * Throws `conflict()` for a used token with another request.
   */
  attempt<A extends Answer>(options: Attempt<A>): Promise<A>;
  /** One item on the append lane. */
  append(append: Append): Promise<AppendOutcome>;
  /** News that nothing durable stands behind. */
  tell(news: News): void;
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
  readonly change?: Omit<Change, 'now' | 'token'> | undefined;
  /** Pushed before the items of the change, once it is committed. */
  readonly events?: readonly PassingEvent[] | undefined;
  readonly answer: A;
}

/** Tokens of the general lane are remembered for seven days, as Amazon documents for outbound chats. */
const tokenLife = 7 * 24 * 60 * 60 * 1000;
/** A chat that moves this often between a read and a commit is not moving by accident. */
const maxAttempts = 32;
/** News above this many characters of content are announced without their items; who needs them reads them. */
const carriedCharacters = 32 * 1024;

export function openWriter(store: Store, bus: Bus, ids: Ids, log: Log): Writer {
  const enter = openLines();

  function tell(news: News): void {
    try {
      bus.publish(news);
    } catch (failure) {
      log.warn({ err: failure, chat: news.chat }, 'the bus did not take the news; the sweep will deliver it');
    }
  }

  async function append(given: Append): Promise<AppendOutcome> {
    const outcome = await store.append(given);
    if ('done' in outcome && !outcome.again) {
      const { tail, ...rest } = given.item;
      const { number, time, revision } = outcome;
      tell(itemsNews(given.chat, [{ ...rest, id: itemId(time, tail), number, time }], number, revision));
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
      return { change: { chat: { expected: chat.revision, after: step.chat } }, events: step.events, answer: {} };
    };
    await attempt({ now, decide }).catch((failure: unknown) => {
      log.warn({ err: failure, chat: key }, 'a participant who was idle could not be marked as returned');
    });
  }

  async function attempt<A extends Answer>({ now, token, decide }: Attempt<A>): Promise<A> {
    const asked = token && { ...token, value: token.value || ids.uuid(), request: canonical(token.request) };
    let leave = () => {};
    try {
      for (let tries = 0; tries < maxAttempts; tries += 1) {
        const stored = token?.value && asked ? await store.answered(asked, now) : undefined;
        if (stored && asked) {
          if (!stored.matches(asked.request)) throw asked.conflict();
          return stored.answer as A;
        }
        const { change, events = [], answer } = await decide();
        if (!change && !token?.value) return answer;
        const kept: Token | undefined = asked && {
          scope: asked.scope,
          value: asked.value,
          request: asked.request,
          answer,
          expiresAt: now + tokenLife,
        };
        const outcome = await store.commit({ now, ...change, token: kept });
        if ('done' in outcome) {
          const { chat, items } = outcome;
          if (chat) for (const each of events) tell(eventNews(chat, items.length, each, now));
          if (chat && !change?.mark) tell(itemsNews(chat.key, items, chat.last, chat.revision));
          return answer;
        }
        if (tries === 0 && change?.chat && 'after' in change.chat) leave = await enter(change.chat.after.key);
      }
    } finally {
      leave();
    }
    throw new Error(`the chat changed ${maxAttempts} times between being read and being written`);
  }

  function eventNews(chat: Position, items: number, event: PassingEvent, now: number): News {
    return {
      kind: 'event',
      chat: chat.key,
      after: chat.last - items,
      id: itemId(now, ids.tail()),
      time: now,
      ...event,
    };
  }

  return { attempt, append, tell };
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
