import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newChatAt } from '../../test/support/chat.ts';
import { of, shown } from '../../test/support/metrics.ts';
import { noAttachments } from '../../test/support/no-attachments.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { openLocalBus } from '../bus/local.ts';
import { openWriter } from '../operations/writer.ts';
import { systemIds } from '../runtime/ids.ts';
import { silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import { openWorker } from './worker.ts';

const noon = Date.parse('2026-01-31T12:00:00.000Z');
const minute = 60_000;

test('[ME10] jobs are counted as done and failed, and the oldest that is due tells for how long', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const [ids, log, time] = [systemIds(), silentLog, { now: noon, isBroken: true }];
  const failing = {
    ...store,
    commit: (change: Parameters<typeof store.commit>[0]) =>
      time.isBroken ? Promise.reject(new Error('disk full')) : store.commit(change),
  };
  await using worker = openWorker({
    ...{ store, ids, log, steady: manualSteady(), attachments: noAttachments, removeFiles: async () => {} },
    writer: openWriter(failing, openLocalBus(log), ids, log),
    clock: { now: () => time.now },
  });
  const counts = async () => of(await shown(worker.metrics), 'tertulia_jobs_total');
  const late = async () => {
    const metrics = await worker.dueMetrics();
    return of(await shown(() => metrics), 'tertulia_jobs_oldest_due_seconds')[''];
  };
  assert.deepEqual([await counts(), await late()], [{ done: 0, failed: 0 }, 0]);
  await store.commit({ now: noon, chat: { created: newChatAt(noon, { id: ids.uuid(), expiresAt: noon + minute }) } });
  assert.equal(await late(), 0);
  time.now = noon + 3 * minute;
  assert.equal(await late(), 120);
  await worker.runDue();
  assert.deepEqual([await counts(), await late()], [{ done: 0, failed: 1 }, 120]);
  time.isBroken = false;
  await worker.runDue();
  assert.deepEqual([await counts(), await late()], [{ done: 1, failed: 1 }, 0]);
});
