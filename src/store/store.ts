import type { Chat, ChatKey, NewChat } from '../domain/chat.ts';
import type { Item, NewItem } from '../domain/item.ts';
import type { Settlement } from '../domain/outbox.ts';
import type { Range } from '../domain/paging.ts';
import type { Mark } from '../domain/receipts.ts';
import type { ContactPlace, ContactSearch } from '../domain/search.ts';
import type { Metric } from '../runtime/metrics.ts';
import type { LaneStore, Owed } from './lanes.ts';

/**
 * Where the truth is. One write, `commit`, atomic, with its expectations inside it; reads by purpose.
 * An answer of `commit` is given when the change is on disk; it throws `UnknownOutcome` where it cannot be known. Chapter ST of SPEC.md holds for every implementation.
 */
export interface Store extends LaneStore, AsyncDisposable {
  /** The append lane: one item by a connected author. Many at once share a transaction. */
  append(append: Append): Promise<AppendOutcome>;
  /** The general lane: everything else. */
  commit(change: Change): Promise<ChangeOutcome>;

  chat(ref: ChatRef): Promise<Chat | undefined>;
  items(chat: ChatKey, range: Range): Promise<Item[]>;
  /**
   * What says when items number `from` to `to` were delivered and read: each reader's marks on them and the first one
   * past them, in the order of their numbers.
   */
  marks(chat: ChatKey, from: number, to: number): Promise<Mark[]>;
  /** Where chats stand, for who must find out what it missed. Unknown chats are left out. */
  positions(chats: readonly ChatKey[]): Promise<Position[]>;
  /** What was stored with a token of the general lane, if it was used and has not expired at `now`. */
  answered(token: Pick<Token, 'scope' | 'value'>, now: number): Promise<StoredAnswer | undefined>;
  resource(kind: string, instance: string, id: string): Promise<Resource | undefined>;
  resources(kind: string): Promise<Resource[]>;

  /** Contacts in the order of the search. */
  search(search: ContactSearch): Promise<ContactPlace[]>;
  /** Contacts of one tree, oldest first, after `past`. */
  associated(associationId: string, past: ContactPlace | undefined, limit: number): Promise<ContactPlace[]>;
  /** Chats of an instance that have not ended, counted up to `limit`. */
  openChats(instanceId: string, limit: number): Promise<number>;

  /**
   * Chats with something due by then, in the order of (due, key). With a lease, of a store that several nodes share,
   * only those that no other node has a lease of, which this one then has until it ends or the chat changes.
   */
  due(by: number, limit: number, lease?: Lease): Promise<Due[]>;
  /** When something is due next; with `past`, what is due by then left out. */
  nextDue(past?: number): Promise<number | undefined>;

  /** Removes up to `limit` message tokens of a chat; resolves to how many. */
  forgetMessageTokens(chat: ChatKey, limit: number): Promise<number>;
  /** Removes up to `limit` tokens of the general lane that have expired. */
  forgetTokens(now: number, limit: number): Promise<number>;
  /**
   * Takes a chat out of every read of chats and contacts at once, then removes up to `limit` rows of each of its kinds.
   * Called again until nothing is left; its ids are never used again. Undefined if there never was such a chat.
   */
  erase(chat: ChatRef, limit: number): Promise<Erased | undefined>;
  /** Says that a node is there, for so long; resolves to how many are. */
  beat(node: string, forMs: number): Promise<Beat>;
  /** Empties the store. Keys of chats are not used again. */
  clear(): Promise<void>;

  /** Of this node, without asking the database. */
  metrics(): readonly Metric[];
}

/** Work that one node does and no other, for as long as it is there to do it. By the store's own clock. */
export interface Lease {
  readonly holder: string;
  readonly forMs: number;
}

export interface Beat {
  /** Nodes that have said so lately, this one included. */
  readonly nodes: number;
  /** The store's own clock, where it is another machine's. Epoch milliseconds. */
  readonly time?: number | undefined;
}

export interface Due {
  readonly key: ChatKey;
  readonly due: number;
}

/** What one call of `erase` removed. */
export interface Erased {
  readonly items: number;
  readonly tokens: number;
  readonly marks: number;
  readonly contacts: number;
  /** What was still to be delivered, dead letters included. */
  readonly owed: number;
  readonly isDone: boolean;
}

export type ChatRef = { readonly key: ChatKey } | { readonly contactId: string };

export interface Position {
  readonly key: ChatKey;
  readonly last: number;
  readonly lastTime: number;
  readonly revision: number;
}

/** An item by a participant, taken only if the chat is open, the author connected and the token new. */
export interface Append {
  readonly chat: ChatKey;
  readonly author: string;
  readonly now: number;
  readonly item: NewItem;
  /** The caller's ClientToken, or one made here so that an answer that got lost can be asked for again. */
  readonly token: { readonly value: string; readonly request: string };
}

export type AppendOutcome =
  | {
      readonly done: true;
      readonly number: number;
      readonly time: number;
      /** Of the item as stored: a repeat gets the first one's. */
      readonly tail: Uint8Array;
      readonly revision: number;
      /** True if this token had already been used for the same request; nothing was written now. */
      readonly again: boolean;
      /** The author was idle, and has just ended that. */
      readonly wasIdle: boolean;
      /** The chat's streams are due with it. */
      readonly isStreamed: boolean;
    }
  | { readonly refused: 'ended' | 'not-connected' | 'no-chat' | 'token-conflict' };

/** A repeatable request of the general lane. Scope, value and request are kept as hashes. */
export interface Token {
  /** Operation, account, instance and contact: a token is good for one of each. */
  readonly scope: string;
  readonly value: string;
  /** The request, canonical: the same token with another one is a conflict. */
  readonly request: string;
  /** What a repeat is answered from: ids and times, never a bearer token. */
  readonly answer: Readonly<Record<string, unknown>>;
  readonly expiresAt: number;
}

export interface StoredAnswer {
  readonly answer: Readonly<Record<string, unknown>>;
  /** Whether `request` is what the token was first used with. */
  readonly matches: (request: string) => boolean;
}

/** Anything but an append. Parts are written together or not at all. */
export interface Change {
  readonly now: number;
  /** A chat that is new, or one that is as it was at `expected`. */
  readonly chat?: Creation | Replacement | undefined;
  /** Numbered and timed by the commit, in this order, after all that is already there. */
  readonly items?: readonly NewItem[] | undefined;
  /** Taken only while the chat is open and the reader connected; not a change of the chat's revision. */
  readonly mark?: (Omit<Mark, 'time'> & { readonly chat: ChatKey }) | undefined;
  readonly token?: Token | undefined;
  /** What is owed to the outside, along lanes of the chat of this change, or of `owedBy` where it changes none. */
  readonly owed?: readonly Owed[] | undefined;
  readonly owedBy?: ChatKey | undefined;
  /** What became of a lane. */
  readonly settled?: Settlement | undefined;
  /** Put if absent; one that is there is left alone. */
  readonly resources?: readonly NewResource[] | undefined;
  /** Replaced if the stored revision is the one given here, else the change is stale. */
  readonly replaced?: readonly Resource[] | undefined;
}

export interface Creation {
  readonly created: NewChat;
  /** Only while its instance has fewer open chats than this; else the change is stale. */
  readonly atMost?: number | undefined;
}

export interface Replacement {
  readonly expected: number;
  readonly after: Chat;
  /** What its contact is found by is as it was, and is not written again: half of what a change writes. */
  readonly isFoundAlike?: boolean | undefined;
}

export type ChangeOutcome =
  | {
      readonly done: true;
      /** Of the chat that was written or owes, or undefined if the change had none. */
      readonly chat?: Position | undefined;
      readonly items: readonly Item[];
    }
  /** The chat moved since it was read, or who owes is not there; for a mark: it is not ahead of the last one, or the reader is not connected. */
  | { readonly stale: true }
  /** The token has been used; see `answered`. */
  | { readonly again: true };

/** An administrative thing: an instance, a flow, a key. */
export interface Resource {
  readonly kind: string;
  /** The instance it belongs to, or '' for what belongs to none. */
  readonly instance: string;
  readonly id: string;
  readonly name: string;
  /** 1 when it is made, one more with each change. */
  readonly revision: number;
  readonly document: Readonly<Record<string, unknown>>;
}

export type NewResource = Omit<Resource, 'revision'>;
