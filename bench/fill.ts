/** Databases with many contacts, made by SQL as the store would write them. */
import { hash } from 'node:crypto';
import { constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { developmentInstance } from '../src/config.ts';
import { migrations } from '../src/store/migrations/sqlite.ts';
import { migrate } from '../src/store/sqlite.ts';
import { newChatAt } from '../test/support/chat.ts';

/** When all of them began: 2026-01-31T12:00:00Z. */
export const noon = 1_769_860_800_000;
/** Nothing of them is due while anybody measures. */
const due = 4_102_444_800_000;
const none = 'contact-0';
const { id: instanceId, account, region } = developmentInstance;

const document = JSON.stringify(
  newChatAt(noon, {
    ...{ id: none, instanceId, account, region, expiresAt: due },
    participants: ['ann', 'bob'].map((id) => ({
      ...{ id, displayName: id, createdAt: noon, connectedAt: noon },
      role: id === 'ann' ? ('CUSTOMER' as const) : ('CUSTOM_BOT' as const),
    })),
    attributes: { customer: 'a value of some length', case: '12345' },
  }),
);

/** Contact `n` is chat `n`, with two who are connected and four items; `numbers` is where `n` comes from. */
export function filling(bytes: (count: number) => string, text: (number: string) => string, numbers: string): string[] {
  const id = `'contact-' || ${text('n')}`;
  return [
    `INSERT INTO chat (id, ended, connected, idle, streamed, due, last, last_time, revision)
     SELECT ${id}, 0, ' ann bob ', ' ', 0, ${due} + n, 4, ${noon + 3}, 3 FROM ${numbers}`,
    `INSERT INTO chat_detail (chat, document)
     SELECT n, replace('${document.replaceAll("'", "''")}', '"${none}"', '"' || ${id} || '"') FROM ${numbers}`,
    `INSERT INTO contact (id, chat, instance, association, initiated_at, ended_at)
     SELECT ${id}, n, '${instanceId}', ${id}, ${noon} + n, NULL FROM ${numbers}`,
    ...[1, 2, 3, 4].map(
      () => `INSERT INTO contact_term (instance, term, initiated_at, contact, ended_at)
             SELECT '${instanceId}', ${bytes(16)}, ${noon} + n, ${id}, NULL FROM ${numbers}`,
    ),
    ...[0, 1, 2, 3].map(
      (item) => `INSERT INTO item (chat, time, number, tail, type, content_type, content, participant, extra)
                 SELECT n, ${noon + item}, ${item + 1}, ${bytes(10)}, 0, 'text/plain', 'a message of usual length, as people write them', 'ann', NULL
                 FROM ${numbers}`,
    ),
  ];
}

/** What the embedded store writes later than an item itself. */
const placing = [
  'INSERT INTO item_place (chat, time, item) SELECT chat, time, key FROM item ORDER BY chat, time',
  'UPDATE placed SET item = (SELECT max(key) FROM item)',
];

/**
 * A new data directory with so many contacts, that its taker removes. They are made once and kept below the system's
 * folder for temporary files, until the schema changes.
 */
export function filledDirectory(size: number, progress: (text: string) => void): string {
  const folder = join(tmpdir(), 'tertulia-bench-databases');
  const statements = filling(
    (count) => `randomblob(${count})`,
    (number) => number,
    `(WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${size}) SELECT n FROM number)`,
  );
  const made = join(
    folder,
    `${hash('sha256', [...migrations, ...statements, ...placing].join()).slice(0, 16)}-${size}.db`,
  );
  if (!existsSync(made)) {
    mkdirSync(folder, { recursive: true });
    fill(`${made}.${process.pid}`, [...statements, ...placing], (done) =>
      progress(`making ${size.toLocaleString('en')} contacts: ${done}`),
    );
    renameSync(`${made}.${process.pid}`, made);
  }
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-bench-'));
  copyFileSync(made, join(directory, 'tertulia.db'), constants.COPYFILE_FICLONE);
  return directory;
}

function fill(file: string, statements: readonly string[], progress: (done: string) => void): void {
  rmSync(file, { force: true });
  const database = new DatabaseSync(file);
  // Nobody else reads it, and who is interrupted begins again.
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000');
  migrate(database);
  for (const [index, sql] of statements.entries()) {
    progress(`${index + 1} of ${statements.length}`);
    database.exec(sql);
  }
  database.exec('ANALYZE');
  database.close();
}
