/**
 * How the cost of a message grows with the contacts that are stored: appends to random chats among 1,000 to 100,000, and
 * with `--full` 1,000,000, in both stores.
 *
 *   npm run bench:contacts -- --full
 *
 * Contacts are made by SQL, as the store would write them, each with four items. 64 appends are under way at once; rounds
 * of the sizes take turns, medians of rounds, ratios to the smallest.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { systemIds } from '../src/runtime/ids.ts';
import { systemSteady } from '../src/runtime/steady.ts';
import { openPostgres } from '../src/store/postgres.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { newChatAt } from '../test/support/chat.ts';
import { postgresUrl, temporarySchema } from '../test/support/postgres.ts';

const sizes = [1_000, 10_000, 100_000, ...(process.argv.includes('--full') ? [1_000_000] : [])];
const rounds = 9;
const appends = 4_000;
const outstanding = 64;
const noon = 1_769_860_800_000;
const ids = systemIds();

const document = JSON.stringify(
  newChatAt(noon, {
    participants: ['ann', 'bob'].map((id) => ({
      ...{ id, displayName: id, createdAt: noon, connectedAt: noon },
      role: id === 'ann' ? ('CUSTOMER' as const) : ('CUSTOM_BOT' as const),
    })),
    attributes: { customer: 'a value of some length', case: '12345' },
  }),
);

/** The same rows in both dialects; `n` counts from 1, `bytes(k)` is k random bytes. */
function filling(bytes: (count: number) => string, text: (number: string) => string): string[] {
  const id = `'contact-' || ${text('n')}`;
  return [
    `INSERT INTO chat (id, ended, connected, idle, streamed, due, last, last_time, revision)
     SELECT ${id}, 0, ' ann bob ', ' ', 0, ${noon + 90_000_000} + n, 4, ${noon + 3}, 3 FROM number`,
    `INSERT INTO chat_detail (chat, document) SELECT n, '${document.replaceAll("'", "''")}' FROM number`,
    `INSERT INTO contact (id, chat, instance, association, initiated_at, ended_at)
     SELECT ${id}, n, 'instance', ${id}, ${noon} + n, NULL FROM number`,
    ...[1, 2, 3, 4].map(
      () => `INSERT INTO contact_term (instance, term, initiated_at, contact, ended_at)
             SELECT 'instance', ${bytes(16)}, ${noon} + n, ${id}, NULL FROM number`,
    ),
    ...[0, 1, 2, 3].map(
      (item) => `INSERT INTO item (chat, time, number, tail, type, content_type, content, participant, extra)
                 SELECT n, ${noon + item}, ${item + 1}, ${bytes(10)}, 0, 'text/plain', 'a message of usual length, as people write them', 'ann', NULL
                 FROM number`,
    ),
  ];
}

interface Subject {
  readonly kind: string;
  readonly size: number;
  readonly store: Store;
  readonly times: number[];
}

function embedded(size: number, stack: AsyncDisposableStack): Subject {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-contacts-'));
  stack.defer(() => rmSync(directory, { recursive: true }));
  const store = stack.use(openSqlite(directory, systemSteady));
  const numbers = `WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${size})`;
  for (const sql of filling(
    (count) => `randomblob(${count})`,
    (number) => number,
  )) {
    store.database.exec(sql.replace(/\)\s+SELECT/, `) ${numbers} SELECT`));
  }
  store.database.exec('PRAGMA wal_checkpoint(TRUNCATE); ANALYZE');
  return { kind: 'embedded', size, store, times: [] };
}

async function distributed(size: number, stack: AsyncDisposableStack): Promise<Subject> {
  const schema = stack.use(temporarySchema());
  const store = stack.use(await openPostgres({ url: postgresUrl, schema: schema.name, steady: systemSteady }));
  const client = new pg.Client(postgresUrl);
  await client.connect();
  await client.query(`SET search_path TO "${schema.name}"`);
  const numbers = `generate_series(1::bigint, ${size}) AS number (n)`;
  const bytes = (count: number) => `substring(decode(md5(n::text || random()::text), 'hex') FOR ${count})`;
  for (const sql of filling(bytes, (number) => `${number}::text`))
    await client.query(sql.replace('FROM number', `FROM ${numbers}`));
  await client.query('ANALYZE');
  await client.end();
  return { kind: 'PostgreSQL', size, store, times: [] };
}

async function round({ store, size, times }: Subject, isCounted: boolean): Promise<void> {
  let next = 0;
  const began = performance.now();
  const worker = async () => {
    while (next < appends) {
      next += 1;
      const item = { type: 'MESSAGE', contentType: 'text/plain', content: 'a message', participantId: 'ann' } as const;
      const outcome = await store.append({
        chat: 1 + Math.floor(Math.random() * size),
        author: 'ann',
        now: noon + 1000,
        item: { ...item, tail: ids.tail() },
        token: { value: ids.uuid(), request: '' },
      });
      if (!('done' in outcome)) throw new Error(`refused: ${outcome.refused}`);
    }
  };
  await Promise.all(Array.from({ length: outstanding }, worker));
  if (isCounted) times.push(((performance.now() - began) * 1000) / appends);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

await using stack = new AsyncDisposableStack();
const subjects: Subject[] = [];
for (const size of sizes) {
  process.stderr.write(`making ${size.toLocaleString('en')} contacts\n`);
  subjects.push(embedded(size, stack), await distributed(size, stack));
}
for (let each = -2; each < rounds; each += 1) for (const subject of subjects) await round(subject, each >= 0);
for (const kind of ['embedded', 'PostgreSQL']) {
  const rows = subjects.filter((each) => each.kind === kind);
  const base = median(rows[0]?.times ?? []);
  for (const { size, times } of rows) {
    const time = median(times);
    console.log(
      `${kind.padEnd(12)}${size.toLocaleString('en').padStart(10)} contacts ${time.toFixed(0).padStart(6)} µs a message  × ${(time / base).toFixed(2)}`,
    );
  }
}
