/** How the cost of a message grows with the contacts that are stored, in both stores: appends to random chats, 64 at once. */
import { rmSync } from 'node:fs';
import pg from 'pg';
import { systemIds } from '../src/runtime/ids.ts';
import { systemSteady } from '../src/runtime/steady.ts';
import { openPostgres } from '../src/store/postgres.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { postgresUrl, temporarySchema } from '../test/support/postgres.ts';
import { atOnce } from './connection.ts';
import { filledDirectory, filling, noon } from './fill.ts';
import { type Measurement, median, ratios, shown, takeTurns } from './measure.ts';

const appends = 4_000;
const outstanding = 64;
const ids = systemIds();

interface Subject {
  readonly kind: string;
  readonly size: number;
  readonly store: Store;
  readonly times: number[];
}

export const measurement: Measurement = {
  name: 'contacts',
  isLong: true,
  async run({ isFull, rounds, progress }) {
    await using stack = new AsyncDisposableStack();
    const subjects: Subject[] = [];
    for (const size of [1_000, 10_000, 100_000, ...(isFull ? [1_000_000] : [])]) {
      progress(`contacts: filling ${size.toLocaleString('en')}`);
      subjects.push(embedded(size, stack, progress), await distributed(size, stack));
    }
    progress('contacts: appending');
    await takeTurns(subjects, { warming: 2, counted: rounds }, append);
    const rows = ['embedded', 'PostgreSQL'].flatMap((kind) => {
      const own = subjects.filter((each) => each.kind === kind);
      return own.map(({ size, times }) => [
        kind,
        size.toLocaleString('en'),
        shown(times),
        median(ratios(times, own[0]?.times ?? [])).toFixed(2),
      ]);
    });
    return [
      {
        title: 'contacts: an append to a random chat, by the contacts that are stored',
        columns: ['store', 'contacts stored', 'µs a message', '× the first row'],
        rows,
        notes: [`${outstanding} at once. Contacts have four items each.`],
      },
    ];
  },
};

function embedded(size: number, stack: AsyncDisposableStack, progress: (text: string) => void): Subject {
  const directory = filledDirectory(size, progress);
  stack.defer(() => rmSync(directory, { recursive: true }));
  return { kind: 'embedded', size, store: stack.use(openSqlite(directory, systemSteady)), times: [] };
}

async function distributed(size: number, stack: AsyncDisposableStack): Promise<Subject> {
  const schema = stack.use(temporarySchema());
  const store = stack.use(await openPostgres({ url: postgresUrl, schema: schema.name, steady: systemSteady }));
  const client = new pg.Client(postgresUrl);
  await client.connect();
  await client.query(`SET search_path TO "${schema.name}"`);
  const bytes = (count: number) => `substring(decode(md5(n::text || random()::text), 'hex') FOR ${count})`;
  const numbers = `generate_series(1::bigint, ${size}) AS number (n)`;
  for (const sql of filling(bytes, (number) => `${number}::text`, numbers)) await client.query(sql);
  await client.query('ANALYZE');
  await client.end();
  return { kind: 'PostgreSQL', size, store, times: [] };
}

async function append({ store, size, times }: Subject, isCounted: boolean): Promise<void> {
  const began = performance.now();
  await atOnce(outstanding, appends, async () => {
    const item = { type: 'MESSAGE', contentType: 'text/plain', content: 'a message', participantId: 'ann' } as const;
    const outcome = await store.append({
      ...{ chat: 1 + Math.floor(Math.random() * size), author: 'ann', now: noon + 1000 },
      item: { ...item, tail: ids.tail() },
      token: { value: ids.uuid(), request: '' },
    });
    if (!('done' in outcome)) throw new Error(`refused: ${outcome.refused}`);
  });
  if (isCounted) times.push(((performance.now() - began) * 1000) / appends);
}
