/**
 * What the same message costs where nothing is done but what must be: ceilings for `bench/send.ts`.
 *
 *   post    answers a JSON POST, and that is all: what node:http itself takes
 *   bare    token, three members, id, one insert in a group commit that is synced, one frame to each socket of the chat
 *   equal   the same with the three writes of Tertulia: the chat's row, the item, the message's token
 *
 * No routes, no errors worth the name, no rules. `node bench/ceilings/send.ts <kind> <directory>`
 */
import { createHmac, createSecretKey, hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { WebSocketServer } from 'ws';

const [, , kind = 'equal', directory = '.'] = process.argv;
const key = createSecretKey(Buffer.alloc(32, 1));
const database = new DatabaseSync(join(directory, 'ceiling.db'));
database.exec(`
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536;
  CREATE TABLE chat (key INTEGER PRIMARY KEY, last INTEGER NOT NULL, time INTEGER NOT NULL, active INTEGER NOT NULL, connected TEXT NOT NULL) STRICT;
  CREATE TABLE item (chat INTEGER NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX item_by_number ON item (chat, number);
  CREATE TABLE message_token (chat INTEGER NOT NULL, key BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (chat, key)) STRICT, WITHOUT ROWID;
`);
const put = database.prepare('INSERT INTO item (chat, number, time, id, content) VALUES (?, ?, ?, ?, ?)');
const begin = database.prepare('BEGIN');
const commit = database.prepare('COMMIT');
const advance = database.prepare(`
  UPDATE chat SET last = last + 1, time = max(?, time + 1) WHERE key = ? AND active = 1 AND instr(connected, 'ann') > 0
    AND NOT EXISTS (SELECT 1 FROM message_token WHERE chat = ? AND key = ?) RETURNING last, time`);
const putToken = database.prepare('INSERT INTO message_token (chat, key, number) VALUES (?, ?, ?)');
const putChat = database.prepare(
  "INSERT INTO chat (key, last, time, active, connected) VALUES (?, 0, 0, 1, ' ann bob ')",
);

interface Chat {
  readonly key: number;
  readonly sockets: Socket[];
  last: number;
  time: number;
}

interface Message {
  readonly ContentType: string;
  readonly Content: string;
  readonly ClientToken: string;
}

const chats = new Map<number, Chat>();
const verified = new Map<string, number>();
let waiting: { readonly chat: Chat; readonly message: Message; readonly response: ServerResponse }[] = [];

function chatOf(key: number): Chat {
  let chat = chats.get(key);
  if (!chat) {
    chat = { key, sockets: [], last: 0, time: 0 };
    chats.set(key, chat);
    putChat.run(key);
  }
  return chat;
}

/** `<chat>.<mac>`. Verified once, as Tertulia does. */
function verify(token: string): number | undefined {
  const known = verified.get(token);
  if (known !== undefined) return known;
  const [chat = '', mac = ''] = token.split('.');
  const expected = createHmac('sha256', key).update(chat).digest();
  const given = Buffer.from(mac, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  verified.set(token, Number(chat));
  return Number(chat);
}

function write(chat: Chat, message: Message, id: string, now: number): void {
  if (kind === 'bare') {
    chat.last += 1;
    chat.time = Math.max(now, chat.time + 1);
  } else {
    const token = hash('sha256', `ann\0${message.ClientToken}`, 'buffer').subarray(0, 16);
    const row = advance.get(now, chat.key, chat.key, token) as { last: number; time: number } | undefined;
    if (!row) throw new Error('refused');
    chat.last = row.last;
    chat.time = row.time;
    putToken.run(chat.key, token, chat.last);
  }
  put.run(chat.key, chat.last, chat.time, id, message.Content);
}

function flush(): void {
  const batch = waiting;
  waiting = [];
  const now = Date.now();
  const written: { readonly id: string; readonly time: string }[] = [];
  begin.run();
  for (const { chat, message } of batch) {
    const id = randomUUID();
    write(chat, message, id, now);
    written.push({ id, time: new Date(chat.time).toISOString() });
  }
  commit.run();
  for (const [index, { response }] of batch.entries()) {
    const { id = '', time = '' } = written[index] ?? {};
    answer(response, 200, JSON.stringify({ Id: id, AbsoluteTime: time }));
  }
  // Who has its answer sends on while others are told, as with Tertulia.
  for (const [index, { chat, message }] of batch.entries()) {
    const { id = '', time = '' } = written[index] ?? {};
    push(chat, message, id, time);
  }
}

/** The frame that Tertulia sends, encoded once. */
function push({ sockets }: Chat, { ContentType, Content }: Message, Id: string, AbsoluteTime: string): void {
  const who = { ParticipantId: someId, DisplayName: 'Ann', ParticipantRole: 'CUSTOMER' };
  const where = { ContactId: someId, InitialContactId: someId };
  const content = JSON.stringify({ AbsoluteTime, Content, ContentType, Id, Type: 'MESSAGE', ...who, ...where });
  const text = JSON.stringify({ topic: 'aws/chat', contentType: 'application/json', content });
  const payload = Buffer.from(text);
  // 126 to 65,535 bytes, as this always has.
  const bytes = Buffer.concat([Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]), payload]);
  for (const socket of sockets) socket.write(bytes);
}

const someId = randomUUID();

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const message = JSON.parse(Buffer.concat(chunks).toString()) as Message;
    if (kind === 'post') return answer(response, 200, JSON.stringify({ Id: message.ClientToken, AbsoluteTime: '' }));
    const chat = verify(String(request.headers['x-amz-bearer']));
    const isMessage =
      message.ContentType === 'text/plain' && typeof message.Content === 'string' && message.Content.length <= 16384;
    if (chat === undefined || !isMessage) return answer(response, 400, '{}');
    if (waiting.push({ chat: chatOf(chat), message, response }) === 1) setImmediate(flush);
  });
});
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
server.on('upgrade', (request, socket, head) => {
  const chat = chatOf(Number(new URL(request.url ?? '/', 'http://ceiling').searchParams.get('chat')));
  sockets.handleUpgrade(request, socket, head, () => chat.sockets.push(socket as Socket));
});
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
// So that a profile is written.
process.once('SIGTERM', () => process.exit());
