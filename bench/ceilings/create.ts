/**
 * What `create` is compared with: the least that starts a chat, adds a participant and connects it durably. It writes the
 * rows that Tertulia writes, in Tertulia's own tables, one transaction for all that arrived together; it checks nothing.
 *
 *   node bench/ceilings/create.ts <folder>
 */
import { createHmac, createSecretKey, hash, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { migrations } from '../../src/store/migrations/sqlite.ts';

interface Body {
  readonly ContactFlowId: string;
  readonly ContactId: string;
  readonly ParticipantDetails: { readonly DisplayName: string };
  readonly ClientToken: string;
}
type Value = string | number | null | Uint8Array;

const instance = { account: '123456789012', region: 'us-east-1', instanceId: '10000000-0000-4000-8000-000000000001' };
const day = 86_400_000;
const secret = createSecretKey(randomBytes(32));

const database = new DatabaseSync(join(process.argv[2] ?? '.', 'ceiling.db'));
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;');
for (const migration of migrations) database.exec(migration);

const statements = new Map<string, StatementSync>();
function prepared(sql: string): StatementSync {
  const known = statements.get(sql) ?? database.prepare(sql);
  statements.set(sql, known);
  return known;
}
const run = (sql: string, ...values: readonly Value[]) => prepared(sql).run(...values);

let waiting: { readonly write: () => object; readonly answer: (with_: object) => void }[] = [];

/** Everything that came in one turn of the event loop shares a transaction and its sync. */
function flush(): void {
  const batch = waiting;
  waiting = [];
  database.exec('BEGIN IMMEDIATE');
  const answers = batch.map(({ write }) => write());
  database.exec('COMMIT');
  for (const [index, { answer }] of batch.entries()) answer(answers[index] ?? {});
}

function token(kind: string, chat: string, key: number, participant: string): string {
  const claims = [kind, Date.now(), Date.now() + day, ...Object.values(instance), chat, key, participant];
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${payload}.${createHmac('sha256', secret).update(payload).digest('base64url')}`;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, 16);
}

function remember(clientToken: string, request: string, answer: object): void {
  run(
    'INSERT INTO token (key, request, answer, expires_at) VALUES (?, ?, ?, ?)',
    digest(clientToken),
    digest(request),
    JSON.stringify(answer),
    Date.now() + 7 * day,
  );
}

/** StartChatContact: chat, what is found of it, and the token of the request. */
function start(body: Body, request: string): object {
  const [id, participantId, now] = [randomUUID(), randomUUID(), Date.now()];
  const customer = {
    id: participantId,
    role: 'CUSTOMER',
    displayName: body.ParticipantDetails.DisplayName,
    createdAt: now,
  };
  const segmentAttributes = { 'connect:Subtype': { ValueString: 'connect:Chat' } };
  const contact = { id, initiationMethod: 'API', initiatedAt: now, updatedAt: now, associationId: id };
  const document = JSON.stringify({
    ...{ id, ...instance, createdAt: now, expiresAt: now + day },
    settings: { flowId: body.ContactFlowId, supportedContentTypes: ['text/plain'] },
    ...{ participants: [customer], attributes: {}, contact: { ...contact, segmentAttributes } },
  });
  const { lastInsertRowid } = run(
    `INSERT INTO chat (id, ended, connected, idle, streamed, due, last, last_time, revision)
     VALUES (?, 0, ' ', ' ', 0, ?, 0, 0, 1)`,
    id,
    now + day,
  );
  const key = Number(lastInsertRowid);
  run('INSERT INTO chat_detail (chat, document) VALUES (?, ?)', key, document);
  run(
    'INSERT INTO contact (id, chat, instance, association, initiated_at, ended_at) VALUES (?, ?, ?, ?, ?, NULL)',
    ...([id, key, instance.instanceId, id, now] as const),
  );
  run(
    'INSERT INTO contact_term (instance, term, initiated_at, contact, ended_at) VALUES (?, ?, ?, ?, NULL)',
    ...([instance.instanceId, digest('segment\0connect:Subtype\0connect:Chat'), now, id] as const),
  );
  const answer = { ContactId: id, ParticipantId: participantId };
  remember(body.ClientToken, request, answer);
  return { ...answer, ParticipantToken: token('participant', id, key, participantId) };
}

/** CreateParticipant: the chat's row and document, and the token of the request. */
function add(body: Body, request: string): object {
  const { key, document } = prepared('SELECT key, document FROM chat JOIN chat_detail ON chat = key WHERE id = ?').get(
    body.ContactId,
  ) as { key: number; document: string };
  const chat = JSON.parse(document);
  const participantId = randomUUID();
  chat.participants.push({
    id: participantId,
    role: 'CUSTOM_BOT',
    displayName: body.ParticipantDetails.DisplayName,
    createdAt: Date.now(),
  });
  run('UPDATE chat SET revision = revision + 1 WHERE key = ?', key);
  run('UPDATE chat_detail SET document = ? WHERE chat = ?', JSON.stringify(chat), key);
  const answer = { ParticipantId: participantId };
  remember(body.ClientToken, request, answer);
  const ParticipantToken = token('participant', chat.id, key, participantId);
  return { ...answer, ParticipantCredentials: { ParticipantToken, Expiry: new Date(chat.expiresAt).toISOString() } };
}

/** CreateParticipantConnection: the chat's row and document, and the item that says that somebody joined. */
function connect(bearer: string): object {
  const claims = JSON.parse(Buffer.from(bearer.split('.')[0] ?? '', 'base64url').toString());
  const [chatId, key, participantId] = claims.slice(-3) as [string, number, string];
  const { document } = prepared('SELECT document FROM chat_detail WHERE chat = ?').get(key) as { document: string };
  const [chat, now] = [JSON.parse(document), Date.now()];
  for (const each of chat.participants) if (each.id === participantId) each.connectedAt = now;
  run(
    'UPDATE chat SET connected = ?, last = last + 1, last_time = ?, revision = revision + 1 WHERE key = ?',
    ...([` ${participantId} `, now, key] as const),
  );
  run('UPDATE chat_detail SET document = ? WHERE chat = ?', JSON.stringify(chat), key);
  run(
    `INSERT INTO item (chat, time, number, tail, type, content_type, content, participant, extra)
     VALUES (?, ?, 1, ?, 1, 'application/vnd.amazonaws.connect.event.participant.joined', NULL, ?, NULL)`,
    ...([key, now, randomBytes(10), participantId] as const),
  );
  run('INSERT INTO item_place (chat, time, item) VALUES (?, ?, last_insert_rowid())', key, now);
  const Expiry = new Date(now + day).toISOString();
  const url = `ws://127.0.0.1/participant/websocket?token=${token('socket', chatId, key, participantId)}`;
  return {
    Websocket: { Url: url, ConnectionExpiry: Expiry },
    ConnectionCredentials: { ConnectionToken: token('connection', chatId, key, participantId), Expiry },
  };
}

// Its connections wait while others have their turns.
const server = createServer({ keepAliveTimeout: 600_000 }, (incoming, response) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    const request = Buffer.concat(chunks).toString();
    const body = JSON.parse(request) as Body;
    const write = () => {
      if (incoming.url === '/contact/chat') return start(body, request);
      if (incoming.url === '/contact/create-participant') return add(body, request);
      return connect(String(incoming.headers['x-amz-bearer']));
    };
    const answer = (with_: object) => {
      const text = JSON.stringify(with_);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    };
    waiting.push({ write, answer });
    if (waiting.length === 1) setImmediate(flush);
  });
});
server.listen(0, '127.0.0.1', () => console.log(`ready on ${(server.address() as AddressInfo).port}`));
