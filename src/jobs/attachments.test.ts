import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { complete, filesOf, hello, sendFile, uploadFile } from '../../test/support/attachments.ts';
import { openJournal } from '../../test/support/journal.ts';
import { InstanceId, startChat, type TestPipeline, testPipeline } from '../../test/support/pipeline.ts';
import { manualSteady } from '../../test/support/steady.ts';
import type { Log } from '../runtime/log.ts';
import { openAttachmentJobs } from './attachments.ts';
import type { ScannedFile, Scanner, Verdict } from './scanner.ts';

const minute = 60_000;

/** A scanner whose answers are given by the test. */
function heldScanner() {
  const asked = openJournal<{ file: ScannedFile; signal: AbortSignal; answer: (verdict: Verdict | Error) => void }>();
  const scanner: Scanner = (file, signal) =>
    new Promise((resolve, reject) => {
      const answer = (verdict: Verdict | Error) => (verdict instanceof Error ? reject(verdict) : resolve(verdict));
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      asked.add({ file, signal, answer });
    });
  return { scanner, asked };
}

function openLog() {
  const lines = openJournal<{ message: string; err?: unknown }>();
  const note = (fields: object, message: string) => lines.add({ ...fields, message });
  return { lines, log: { debug() {}, info() {}, warn: note, error: note } satisfies Log };
}

async function statuses({ store }: TestPipeline, contactId: string): Promise<(string | undefined)[]> {
  return ((await store.chat({ contactId }))?.attachments ?? []).map(({ status }) => status);
}

async function itemsOf({ store }: TestPipeline, contactId: string): Promise<(string | undefined)[]> {
  const chat = await store.chat({ contactId });
  const items = await store.items(chat?.key ?? 0, { newestFirst: false, limit: 100 });
  return items.flatMap(({ type, attachments }) => (type === 'ATTACHMENT' ? [attachments?.[0]?.status] : []));
}

describe('scanning', () => {
  it('[AM15] gives the scanner the file as it was put', async () => {
    let seen: object | undefined;
    const scanner: Scanner = async ({ stream, ...file }) => {
      const chunks = await stream.toArray();
      seen = { ...file, content: String(Buffer.concat(chunks)) };
      return 'APPROVED';
    };
    const at = await testPipeline({ scanner });
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    await at.wait(0);
    assert.deepEqual(seen, { name: 'hello.txt', contentType: 'text/plain', bytes: 12, content: 'Hello, file\n' });
    assert.deepEqual(await itemsOf(at, ContactId), ['APPROVED']);
  });

  it('[AM16] asks again after 10 and 20 s when the scanner fails, then rejects and removes the bytes', async () => {
    const { lines, log } = openLog();
    let asked = 0;
    const scanner: Scanner = async () => {
      asked += 1;
      throw new Error('out of order');
    };
    const at = await testPipeline({ scanner, log });
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    for (const [wait, times, status] of [
      [0, 1, 'IN_PROGRESS'],
      [9_999, 1, 'IN_PROGRESS'],
      [1, 2, 'IN_PROGRESS'],
      [19_999, 2, 'IN_PROGRESS'],
      [1, 3, 'REJECTED'],
      [10 * minute, 3, 'REJECTED'],
    ] as const) {
      await at.wait(wait);
      assert.deepEqual([asked, await statuses(at, ContactId)], [times, [status]]);
    }
    assert.deepEqual(await itemsOf(at, ContactId), ['REJECTED']);
    assert.deepEqual(await filesOf(at, ContactId), []);
    assert.equal(lines.all.length, 3);
    assert.match(
      `${lines.all[0]?.message} ${lines.all[0]?.err}`,
      /gave no answer about an attachment Error: out of order/,
    );
  });

  it('[AM16] approves at a later time what fails at first', async () => {
    const answers = [new Error('busy'), 'APPROVED'] as const;
    let asked = 0;
    const scanner: Scanner = async () => {
      const answer = answers[asked++] ?? 'REJECTED';
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const at = await testPipeline({ scanner });
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    await at.wait(0);
    await at.wait(10_000);
    assert.deepEqual(await itemsOf(at, ContactId), ['APPROVED']);
  });

  it('[AM16] ends a scan after 60 s, as a failure', async () => {
    const { scanner, asked } = heldScanner();
    const { lines, log } = openLog();
    const at = await testPipeline({ scanner });
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    const steady = manualSteady();
    await using jobs = openAttachmentJobs({ ...at, steady, log, scanner });
    const chat = await at.store.chat({ contactId: ContactId });
    assert(chat);
    await jobs.settle(chat, at.time.now);
    const { signal } = await asked.until('a scan', () => true);
    steady.advance(59_999);
    assert.equal(signal.aborted, false);
    steady.advance(1);
    await jobs.idle();
    assert.match(String(lines.all[0]?.err), /it took more than 60 s/);
    assert.deepEqual(await statuses(at, ContactId), ['IN_PROGRESS']);
    assert.equal((await at.store.chat({ contactId: ContactId }))?.attachments?.[0]?.scan?.failures, 1);
  });

  it('[AM16] holds up no other chat, nor other timers, while a scanner is slow', async () => {
    const { scanner, asked } = heldScanner();
    const at = await testPipeline({ scanner });
    const one = await startChat(at);
    const other = await startChat(at, {}, false);
    await sendFile(at, one.token);
    at.time.now += 5 * minute;
    await at.runDue();
    const { answer } = await asked.until('a scan', () => true);
    assert.equal(
      (await at.store.chat({ contactId: other.ContactId }))?.end?.reason,
      'CUSTOMER_CONNECTION_NOT_ESTABLISHED',
    );
    answer('APPROVED');
    await at.wait(0);
    assert.deepEqual(await itemsOf(at, one.ContactId), ['APPROVED']);
  });

  it('[AM16] scans a file once at a time, and eight at once', async () => {
    const { scanner, asked } = heldScanner();
    const at = await testPipeline({ scanner });
    const { token } = await startChat(at);
    for (let index = 1; index <= 10; index += 1) await sendFile(at, token);
    await at.runDue();
    await asked.until('the eighth scan', () => asked.all.length === 8);
    // Past the time after which a scan counts as lost: this process knows better.
    at.time.now += 2 * minute;
    await at.runDue();
    assert.equal(asked.all.length, 8);
    asked.all[0]?.answer('APPROVED');
    await asked.until('the ninth scan', () => asked.all.length === 9);
    const idle = at.wait(0);
    for (let answered = 1; answered < 10; answered += 1) {
      await asked.until('a scan', () => asked.all.length > answered);
      asked.all[answered]?.answer('APPROVED');
    }
    await idle;
    assert.equal(asked.all.length, 10);
  });

  it('[AM16] takes up what another process began, once that must have been lost', async () => {
    const { scanner, asked } = heldScanner();
    const at = await testPipeline({ scanner });
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    await at.runDue();
    await asked.until('a scan', () => true);
    await at.attachments[Symbol.asyncDispose]();
    assert.deepEqual(await statuses(at, ContactId), ['IN_PROGRESS'], 'a shutdown decides nothing');
    await using next = openAttachmentJobs({ ...at, scanner: async () => 'APPROVED' });
    const settle = async () => {
      const chat = await at.store.chat({ contactId: ContactId });
      if (chat) await next.settle(chat, at.time.now);
      await next.idle();
    };
    await settle();
    assert.deepEqual(await statuses(at, ContactId), ['IN_PROGRESS'], 'the first may still be at work');
    at.time.now += 90_000;
    await settle();
    assert.deepEqual(await itemsOf(at, ContactId), ['APPROVED']);
  });

  it('[AM13] approves what was in progress when the scanner was taken away', async () => {
    const at = await testPipeline({ scanner: heldScanner().scanner });
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    await using jobs = openAttachmentJobs({ ...at, scanner: undefined });
    const chat = await at.store.chat({ contactId: ContactId });
    assert(chat);
    await jobs.settle(chat, at.time.now);
    await jobs.idle();
    assert.deepEqual(await itemsOf(at, ContactId), ['APPROVED']);
  });

  for (const verdict of ['APPROVED', 'REJECTED'] as const) {
    it(`[AM14] writes no item after the end of the chat when the file is ${verdict}`, async () => {
      const { scanner, asked } = heldScanner();
      const at = await testPipeline({ scanner });
      const { token, ContactId } = await startChat(at);
      await sendFile(at, token);
      await at.runDue();
      const { answer } = await asked.until('a scan', () => true);
      await at.call('StopContact', { InstanceId, ContactId });
      answer(verdict);
      await at.wait(0);
      assert.deepEqual([await statuses(at, ContactId), await itemsOf(at, ContactId)], [[verdict], []]);
      assert.equal((await filesOf(at, ContactId)).length, verdict === 'APPROVED' ? 1 : 0);
    });
  }
});

describe('what nobody names any more', () => {
  it('[AM27] is removed a day after the end of the chat, and what somebody names is kept', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    const [kept = ''] = await filesOf(at, ContactId);
    for (let index = 1; index <= 3; index += 1) {
      await at.blobs.write(`attachments/${ContactId}/left-by-a-crash-${index}`, hello, 'text/plain');
    }
    await at.call('StopContact', { InstanceId, ContactId });
    await at.wait(24 * 60 * minute - 1);
    assert.equal((await filesOf(at, ContactId)).length, 4);
    await at.wait(1);
    assert.deepEqual(await filesOf(at, ContactId), [kept]);
  });

  it('[AM26] goes with a chat whose erasing was cut short, a minute later', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    await sendFile(at, token);
    await at.blobs.write(`attachments/${ContactId}/left-by-a-crash`, hello, 'text/plain');
    await at.call('StopContact', { InstanceId, ContactId });
    const chat = await at.store.chat({ contactId: ContactId });
    assert(chat);
    const after = { ...chat, erasingAt: at.time.now };
    await at.store.commit({ now: at.time.now, chat: { expected: chat.revision, after } });
    await at.wait(minute - 1);
    assert.equal((await filesOf(at, ContactId)).length, 2);
    await at.wait(1);
    assert.deepEqual(await filesOf(at, ContactId), []);
    assert.equal(await at.store.chat({ contactId: ContactId }), undefined);
  });

  it('[AM9] of an ended chat is dropped as well', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    await uploadFile(at, token);
    await at.call('StopContact', { InstanceId, ContactId });
    await at.wait(60 * minute);
    assert.deepEqual([await statuses(at, ContactId), await filesOf(at, ContactId)], [[], []]);
  });

  it('[AM9] does not keep the chat from its other timers when it cannot be removed', async () => {
    const { lines, log } = openLog();
    const at = await testPipeline({ log });
    const { token, ContactId } = await startChat(at);
    const { AttachmentId } = await uploadFile(at, token);
    await using jobs = openAttachmentJobs({
      ...at,
      log,
      scanner: undefined,
      blobs: { ...at.blobs, remove: () => Promise.reject(new Error('no store')) },
    });
    at.time.now += 60 * minute;
    const chat = await at.store.chat({ contactId: ContactId });
    assert(chat);
    await jobs.settle(chat, at.time.now);
    assert.deepEqual(await statuses(at, ContactId), []);
    assert.match(lines.all[0]?.message ?? '', /could not be removed; it is tried again later/);
    assert.equal((await complete(at, token, AttachmentId)).status, 400);
  });
});
