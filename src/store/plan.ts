import { hash } from 'node:crypto';
import type { Chat, NewChat } from '../domain/chat.ts';
import { idleIds } from '../domain/idle.ts';
import type { Item, ItemType, NewItem } from '../domain/item.ts';
import { itemId } from '../domain/item.ts';
import { connectedIds } from '../domain/participant.ts';
import { termsOf } from '../domain/search.ts';
import { openStreams } from '../domain/streams.ts';
import { nextDue } from '../domain/timers.ts';
import { owing, settling, wakeStreams } from './lanes.ts';
import type { Change, NewResource, Position, Resource, Token } from './store.ts';

/**
 * General changes as lists of statements: pure, and the same for every database but for a few words. The first
 * statement takes the chat's row and says what it became; the rest are made from that.
 */

export type Value = string | number | null | Uint8Array;

export interface Statement {
  readonly sql: string;
  readonly args: readonly Value[];
  /** Rows that must be affected; if not, the whole change is `otherwise`. */
  readonly expect?: number;
  readonly otherwise?: 'stale' | 'again';
}

export interface Dialect {
  /** The larger of two numbers. */
  readonly greater: 'max' | 'greatest';
  /** Position of a text in another, 0 for nowhere. */
  readonly position: 'instr' | 'strpos';
  /** Holds the rows that are read until the end of the transaction, where another one could change them meanwhile. */
  readonly lock: '' | 'FOR NO KEY UPDATE';
}

export interface Plan {
  /** Returns a row {key, last, last_time, revision}, or none: then the change is stale. Absent if no chat is touched. */
  readonly head?: Statement | undefined;
  readonly rest: (row: Position | undefined) => { readonly statements: Statement[]; readonly items: Item[] };
}

const itemTypes: readonly ItemType[] = ['MESSAGE', 'EVENT', 'ATTACHMENT'];

/** Throws on a change whose parts do not go together: nobody would take their places in the chat for them. */
export function plan(change: Change, dialect: Dialect): Plan {
  const items = change.items ?? [];
  if (change.mark && change.chat) throw new Error('a change cannot move a mark and change a chat');
  if (items.length > 0 && !change.chat) throw new Error('a change with items needs the chat that they belong to');
  if (change.owed?.length && !change.chat && change.owedBy === undefined) throw new Error('nobody owes what is owed');
  return {
    head: head(change, items.length, dialect),
    rest(row) {
      const placed = row ? place(items, row) : [];
      const statements: Statement[] = [];
      // First, for it can be refused when nothing is written yet.
      if (row && change.mark) statements.push(putMark(change.mark, row.key, change.now));
      if (row && change.chat) {
        const isNew = 'created' in change.chat;
        const chat = 'created' in change.chat ? change.chat.created : change.chat.after;
        statements.push(putDetail(row.key, chat));
        if (isNew || !change.chat.isFoundAlike) statements.push(...putContact(row.key, chat, isNew));
        statements.push(...placed.map((item, index) => putItem(row.key, item, items[index] as NewItem)));
        if (items.length > 0 && chat.streams) statements.push(wakeStreams(row.key, change.now));
      }
      if (row) {
        const debtor = { chat: row.key, last: row.last, time: row.lastTime, items: items.length };
        statements.push(...(change.owed ?? []).flatMap((each) => owing(each, debtor, change.now)));
      }
      if (change.settled) statements.push(...settling(change.settled, change.now));
      if (change.token) statements.push(putToken(change.token, change.now));
      statements.push(...(change.resources ?? []).map(putResource), ...(change.replaced ?? []).map(replaceResource));
      return { statements, items: placed };
    },
  };
}

function head(change: Change, count: number, dialect: Dialect): Statement | undefined {
  const returning = 'RETURNING key, last, last_time, revision';
  if (change.mark) {
    return {
      sql: `SELECT key, last, last_time, revision FROM chat
            WHERE key = ? AND ended = 0 AND ${dialect.position}(connected, ?) > 0 ${dialect.lock}`,
      args: [change.mark.chat, inColumn(change.mark.reader)],
    };
  }
  if (!change.chat) {
    // What is owed comes after what its chat has by now.
    const sql = 'SELECT key, last, last_time, revision FROM chat WHERE key = ?';
    return change.owed?.length && change.owedBy !== undefined ? { sql, args: [change.owedBy] } : undefined;
  }
  if ('created' in change.chat) {
    const { created, atMost } = change.chat;
    const open = 'SELECT 1 FROM contact WHERE instance = ? AND ended_at IS NULL LIMIT ?';
    const room = atMost === undefined ? '' : `WHERE (SELECT count(*) FROM (${open}) AS open) < ?`;
    return {
      sql: `INSERT INTO chat (id, ended, connected, idle, streamed, due, last, last_time, revision) SELECT ?, ?, ?, ?, ?, ?, ?, ?, 1 ${room} ${returning}`,
      args: [
        ...stateColumns(created),
        count,
        count > 0 ? change.now + count - 1 : 0,
        ...(atMost === undefined ? [] : [created.instanceId, atMost, atMost]),
      ],
    };
  }
  const { after, expected } = change.chat;
  const time = count > 0 ? `${dialect.greater}(?, last_time + 1) + ?` : `last_time + 0 * ? + ?`;
  return {
    sql: `UPDATE chat SET ended = ?, connected = ?, idle = ?, streamed = ?, due = ?, last = last + ?, last_time = ${time}, revision = revision + 1
          WHERE key = ? AND revision = ? ${returning}`,
    args: [...stateColumns(after).slice(1), count, change.now, Math.max(count - 1, 0), after.key, expected],
  };
}

/** Id, ended, connected, idle, streamed and due of the chat's row. */
function stateColumns(chat: Chat | NewChat): Value[] {
  const isStreamed = openStreams(chat).length > 0;
  return [
    ...[chat.id, chat.end ? 1 : 0, idsColumn(connectedIds(chat)), idsColumn(idleIds(chat))],
    ...[isStreamed ? 1 : 0, nextDue(chat) ?? null],
  ];
}

/** The row's number and time are those of the last item; the others come before it, a millisecond apart. */
function place(items: readonly NewItem[], row: Position): Item[] {
  return items.map(({ tail, ...item }, index) => {
    const back = items.length - 1 - index;
    const time = row.lastTime - back;
    return { ...item, id: itemId(time, tail), number: row.last - back, time };
  });
}

function putItem(chat: number, item: Item, { tail }: NewItem): Statement {
  return {
    sql: `INSERT INTO item (chat, time, number, tail, type, content_type, content, participant, extra)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    args: [
      chat,
      item.time,
      item.number,
      tail,
      itemTypes.indexOf(item.type),
      item.contentType ?? null,
      item.content ?? null,
      item.participantId ?? null,
      extraColumn(item),
    ],
  };
}

function putDetail(key: number, chat: Chat | NewChat): Statement {
  const { key: _, revision: __, last: ___, lastTime: ____, ...document } = chat as Chat;
  return {
    sql: `INSERT INTO chat_detail (chat, document) VALUES (?, ?)
          ON CONFLICT (chat) DO UPDATE SET document = excluded.document`,
    args: [key, JSON.stringify(document)],
  };
}

/** What a contact is found by, written anew. */
function putContact(key: number, chat: Chat | NewChat, isNew: boolean): Statement[] {
  const { contact, instanceId } = chat;
  const endedAt = chat.end?.at ?? null;
  return [
    {
      sql: `INSERT INTO contact (id, chat, instance, association, initiated_at, ended_at) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET association = excluded.association, ended_at = excluded.ended_at`,
      args: [contact.id, key, instanceId, contact.associationId, contact.initiatedAt, endedAt],
    },
    ...(isNew ? [] : [{ sql: 'DELETE FROM contact_term WHERE contact = ?', args: [contact.id] }]),
    ...termsOf(chat).map((term) => ({
      sql: 'INSERT INTO contact_term (instance, term, initiated_at, contact, ended_at) VALUES (?, ?, ?, ?, ?)',
      args: [instanceId, digest(term), contact.initiatedAt, contact.id, endedAt],
    })),
  ];
}

function putResource({ kind, instance, id, name, document }: NewResource): Statement {
  return {
    sql: `INSERT INTO resource (kind, instance, id, name, document, revision) VALUES (?, ?, ?, ?, ?, 1)
          ON CONFLICT (kind, instance, id) DO NOTHING`,
    args: [kind, instance, id, name, JSON.stringify(document)],
  };
}

function replaceResource({ kind, instance, id, name, document, revision }: Resource): Statement {
  return {
    sql: `UPDATE resource SET name = ?, document = ?, revision = revision + 1
          WHERE kind = ? AND instance = ? AND id = ? AND revision = ?`,
    args: [name, JSON.stringify(document), kind, instance, id, revision],
    expect: 1,
    otherwise: 'stale',
  };
}

function putMark(mark: NonNullable<Change['mark']>, chat: number, now: number): Statement {
  return {
    sql: `INSERT INTO mark (chat, reader, kind, number, time) SELECT ?, ?, ?, ?, ?
          WHERE NOT EXISTS (SELECT 1 FROM mark WHERE chat = ? AND reader = ? AND kind = ? AND number >= ?)`,
    args: [chat, mark.reader, mark.kind, mark.number, now, chat, mark.reader, mark.kind, mark.number],
    expect: 1,
    otherwise: 'stale',
  };
}

/** One that has expired is as good as none. */
function putToken(token: Token, now: number): Statement {
  return {
    sql: `INSERT INTO token (key, request, answer, expires_at) VALUES (?, ?, ?, ?)
          ON CONFLICT (key) DO UPDATE SET request = excluded.request, answer = excluded.answer, expires_at = excluded.expires_at
          WHERE token.expires_at <= ?`,
    args: [tokenKey(token), digest(token.request), JSON.stringify(token.answer), token.expiresAt, now],
    expect: 1,
    otherwise: 'again',
  };
}

export function tokenKey(token: Pick<Token, 'scope' | 'value'>): Buffer {
  return digest(`${token.scope}\0${token.value}`);
}

/** Sixteen bytes: enough never to meet by chance, small enough for the dearest index of a send. */
export function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, 16);
}

/** Participants as a text that one search tells whether somebody is among them. */
function idsColumn(ids: readonly string[]): string {
  return `${ids.map((id) => ` ${id}`).join('')} `;
}

/** What an append looks for in that text, with one search: the whole id, never a part of another. */
export function inColumn(participantId: string): string {
  return ` ${participantId} `;
}

/** The parts of an item that few items have. */
export function extraColumn(item: Pick<Item, 'attachments'>): string | null {
  return item.attachments ? JSON.stringify({ attachments: item.attachments }) : null;
}

/** A row of `item` as every database returns it. */
export interface ItemRow {
  readonly number: number;
  readonly time: number;
  readonly tail: Uint8Array;
  readonly type: number;
  readonly content_type: string | null;
  readonly content: string | null;
  readonly participant: string | null;
  readonly extra: string | null;
}

export function itemOf(row: ItemRow): Item {
  return {
    id: itemId(row.time, row.tail),
    number: row.number,
    time: row.time,
    type: itemTypes[row.type] ?? 'EVENT',
    contentType: row.content_type ?? undefined,
    content: row.content ?? undefined,
    participantId: row.participant ?? undefined,
    ...(row.extra === null ? {} : JSON.parse(row.extra)),
  };
}

export interface ChatRow {
  readonly key: number;
  readonly last: number;
  readonly last_time: number;
  readonly revision: number;
  readonly document: string;
}

export function chatOf(row: ChatRow): Chat {
  return { ...JSON.parse(row.document), ...positionOf(row) };
}

export function positionOf(row: Omit<ChatRow, 'document'>): Position {
  return { key: row.key, last: row.last, lastTime: row.last_time, revision: row.revision };
}

export function itemTypeColumn(type: ItemType): number {
  return itemTypes.indexOf(type);
}
