import type { Chat, NewChat } from './chat.ts';
import type { Participant } from './participant.ts';

/** What contacts are searched by. */

export type TermKind = 'attribute' | 'segment' | 'tag';

/** One thing that a contact has and that is indexed, as one text. */
export type Term = `${TermKind}\0${string}\0${string}`;

/** What can be asked for: keys of tags are the longest, 128 code points; values have at most 256, that is 512 units. */
const maxKeyLength = 256;
const maxValueLength = 512;
/**
 * Terms of one kind that a contact is found by, the first that it has. Amazon searches the fifty attributes that an
 * administrator named; a contact with thousands of attributes must not write thousands of rows with every change.
 */
const maxTerms = 100;

export function term(kind: TermKind, key: string, value: string): Term {
  return `${kind}\0${key}\0${value}`;
}

/** Everything that the contact can be found by besides its times. */
export function termsOf(chat: Chat | NewChat): Term[] {
  const { segmentAttributes, tags = {} } = chat.contact;
  const segments = Object.entries(segmentAttributes).flatMap(([key, value]) => {
    const text = (value as { ValueString?: string }).ValueString;
    return text === undefined ? [] : [[key, text] as const];
  });
  return [
    ...termsIn('attribute', Object.entries(chat.attributes)),
    ...termsIn('segment', segments),
    ...termsIn('tag', Object.entries(tags)),
  ];
}

/** Whether a chat is still found by what it was found by. By identity: what a change left alone is the very same. */
export function isFoundAlike(before: Chat, after: Chat): boolean {
  const [was, is] = [before.contact, after.contact];
  return (
    before.end === after.end &&
    before.attributes === after.attributes &&
    was.associationId === is.associationId &&
    was.segmentAttributes === is.segmentAttributes &&
    was.tags === is.tags
  );
}

function termsIn(kind: TermKind, pairs: readonly (readonly [string, string])[]): Term[] {
  return pairs
    .filter(([key, value]) => key.length <= maxKeyLength && value.length <= maxValueLength)
    .slice(0, maxTerms)
    .map(([key, value]) => term(kind, key, value));
}

/** When something happened to a contact. */
export type ContactTime = 'initiated' | 'ended' | 'connected-to-agent';

export function timeOf(chat: Chat, time: ContactTime): number | undefined {
  switch (time) {
    case 'initiated':
      return chat.contact.initiatedAt;
    case 'ended':
      return chat.end?.at;
    case 'connected-to-agent':
      return firstAgent(chat)?.connectedAt;
  }
}

/** The agent that connected first. */
export function firstAgent(chat: Pick<Chat, 'participants'>): Participant | undefined {
  return chat.participants
    .filter(({ role, connectedAt }) => role === 'AGENT' && connectedAt !== undefined)
    .toSorted((one, other) => (one.connectedAt ?? 0) - (other.connectedAt ?? 0))[0];
}

/** What is asked of a contact. Nothing is asked by `{ all: [] }`, and nothing meets `{ any: [] }`. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly none: readonly Condition[] }
  /** It has the key, with one of the values if there are any. */
  | { readonly has: TermKind; readonly key: string; readonly values: readonly string[] }
  /** Its name contains the text, in whatever case, or is the text. */
  | { readonly name: 'contains' | 'is'; readonly text: string }
  /** Both ends inclusive. */
  | { readonly time: ContactTime; readonly from: number; readonly to: number };

export function meets(chat: Chat, condition: Condition, terms = termsOf(chat)): boolean {
  if ('all' in condition) return condition.all.every((each) => meets(chat, each, terms));
  if ('any' in condition) return condition.any.some((each) => meets(chat, each, terms));
  if ('none' in condition) return !condition.none.some((each) => meets(chat, each, terms));
  if ('has' in condition) {
    const { has, key, values } = condition;
    if (values.length > 0) return values.some((value) => terms.includes(term(has, key, value)));
    return terms.some((each) => each.startsWith(term(has, key, '')));
  }
  if ('name' in condition) {
    const { name } = chat.contact;
    if (name === undefined) return false;
    return condition.name === 'is'
      ? name === condition.text
      : name.toLowerCase().includes(condition.text.toLowerCase());
  }
  const time = timeOf(chat, condition.time);
  return time !== undefined && time >= condition.from && time <= condition.to;
}

/** Terms of which every contact that meets the condition has at least one; undefined where there are no such terms. */
export function termsFor(condition: Condition): readonly Term[] | undefined {
  if ('all' in condition) {
    const parts = condition.all.map(termsFor).filter((each) => each !== undefined);
    return parts.toSorted((one, other) => one.length - other.length)[0];
  }
  if ('any' in condition) {
    const parts = condition.any.map(termsFor);
    return parts.every((each) => each !== undefined) ? [...new Set(parts.flat())] : undefined;
  }
  if (!('has' in condition) || condition.values.length === 0) return undefined;
  return [...new Set(condition.values.map((value) => term(condition.has, condition.key, value)))];
}

/** A search as the store does it: contacts of an instance by time, all of them or those that have one of the terms. */
export interface ContactSearch {
  readonly instanceId: string;
  readonly by: 'initiated' | 'ended';
  /** Both inclusive; epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly newestFirst: boolean;
  /** The contact has any of them; of no terms at all, none. */
  readonly terms?: readonly Term[] | undefined;
  /** The last one of the page before. */
  readonly past?: ContactPlace | undefined;
  readonly limit: number;
}

/** Where a contact stands in a search. */
export interface ContactPlace {
  readonly time: number;
  readonly contactId: string;
}
