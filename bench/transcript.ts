/**
 * What a page of GetTranscript costs in chats of 10, 10,000 and 100,000 items: it must be the same.
 *
 *   npm run bench:transcript
 *
 * The whole pipeline but the socket, on a store in a directory. Every fifth message is marked as read. Pages have five
 * items, so that also in the smallest chat one follows. Medians of rounds in which the chats take turns, so that the
 * machine's noise is in all of them; ratios are to the smallest chat.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemSteady } from '../src/runtime/steady.ts';
import { openSqlite } from '../src/store/sqlite.ts';
import { addBot, startChat, type TestPipeline, testPipeline } from '../test/support/pipeline.ts';

const sizes = [10, 10_000, 100_000];
const rounds = 101;
const callsPerRound = 20;
/** Items that share a transaction while a chat is filled. */
const batch = 1000;

interface Sample {
  readonly size: number;
  readonly token: string;
  /** Ids of an item in the middle, and of the first. */
  readonly middle: string;
  readonly first: string;
}

async function filled(pipeline: TestPipeline, size: number): Promise<Sample> {
  const { store, ids, time, call } = pipeline;
  const customer = await startChat(pipeline);
  const bot = await addBot(pipeline, customer.ContactId);
  const { key } = (await store.chat({ contactId: customer.ContactId })) ?? {};
  if (key === undefined) throw new Error('the chat is not there');
  for (let number = 3; number <= size; ) {
    const writes: Promise<unknown>[] = [];
    for (let count = 0; count < batch && number <= size; count += 1, number += 1) {
      const author = number % 2 ? customer.ParticipantId : bot.ParticipantId;
      const item = { type: 'MESSAGE', contentType: 'text/plain', content: `message ${number}` } as const;
      const token = { value: `${number}`, request: '' };
      writes.push(
        store.append({
          chat: key,
          author,
          now: time.now,
          item: { ...item, tail: ids.tail(), participantId: author },
          token,
        }),
      );
      if (number % 5 > 0) continue;
      const reader = number % 2 ? bot.ParticipantId : customer.ParticipantId;
      writes.push(store.commit({ now: time.now, mark: { chat: key, reader, kind: 'read', number } }));
    }
    await Promise.all(writes);
  }
  const range = { newestFirst: false, limit: Math.ceil(size / 2) };
  const items = await store.items(key, range);
  const { body } = await call('GetTranscript', {}, customer.token);
  if (body.Transcript.length !== 10) throw new Error('a page is short');
  return { size, token: customer.token, middle: items.at(-1)?.id ?? '', first: items[0]?.id ?? '' };
}

const pages: Readonly<Record<string, (sample: Sample) => object>> = {
  newest: () => ({ MaxResults: 5, ScanDirection: 'BACKWARD', SortOrder: 'ASCENDING' }),
  middle: ({ middle }) => ({ MaxResults: 5, StartPosition: { Id: middle }, ScanDirection: 'FORWARD' }),
  oldest: ({ first }) => ({ MaxResults: 5, StartPosition: { Id: first }, ScanDirection: 'FORWARD' }),
};

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Microseconds a call, median of the rounds, by size. */
async function measured({ handle, ids }: TestPipeline, samples: readonly Sample[], page: string): Promise<number[]> {
  const requests = samples.map((sample) => ({
    method: 'POST',
    path: '/participant/transcript',
    rawPath: '/participant/transcript',
    query: '',
    headers: [['x-amz-bearer', sample.token]] as [string, string][],
    body: Buffer.from(JSON.stringify(pages[page]?.(sample))),
    id: ids.uuid(),
  }));
  const times: number[][] = samples.map(() => []);
  for (let round = -10; round < rounds; round += 1) {
    for (const [index, request] of requests.entries()) {
      const began = performance.now();
      for (let call = 0; call < callsPerRound; call += 1) {
        const { status } = await handle(request);
        if (status !== 200) throw new Error(`GetTranscript answered ${status}`);
      }
      // The first rounds warm up.
      if (round >= 0) times[index]?.push(((performance.now() - began) * 1000) / callsPerRound);
    }
  }
  return times.map(median);
}

const directory = mkdtempSync(join(tmpdir(), 'tertulia-transcript-'));
try {
  const pipeline = await testPipeline({ wrap: () => openSqlite(directory, systemSteady) });
  const samples: Sample[] = [];
  for (const size of sizes) samples.push(await filled(pipeline, size));
  for (const page of Object.keys(pages)) {
    const times = await measured(pipeline, samples, page);
    const cells = samples.map(({ size }, index) => {
      const time = times[index] ?? Number.NaN;
      const ratio = time / (times[0] ?? Number.NaN);
      return `${size.toLocaleString('en').padStart(8)} items ${time.toFixed(0).padStart(5)} µs  × ${ratio.toFixed(2)}`;
    });
    console.log(`${page.padEnd(8)}${cells.join('   ')}`);
  }
  await pipeline.store[Symbol.asyncDispose]();
} finally {
  rmSync(directory, { recursive: true });
}
