import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newChat, noon, tail } from '../../test/contract/store-fixtures.ts';
import {
  attachmentOf,
  attachmentsDue,
  beginScans,
  type ChatAttachment,
  completeAttachment,
  dropLapsed,
  dueScans,
  failScan,
  judge,
  maxAttachments,
  scanLimit,
  startAttachment,
  uploadAttachment,
} from './attachments.ts';
import { type Chat, end } from './chat.ts';
import { nextDue } from './timers.ts';

const minute = 60_000;

function file(id: string, more: Partial<ChatAttachment> = {}): ChatAttachment {
  return { id, name: 'a.pdf', contentType: 'a/pdf', bytes: 3, participantId: 'ann', startedAt: noon, ...more };
}

/** A chat with these files; the customer has connected, so that nothing else is due soon. */
function chatWith(...attachments: ChatAttachment[]): Chat {
  const chat = { ...newChat(), key: 1, revision: 1, last: 0, lastTime: 0, attachments };
  return { ...chat, contact: { ...chat.contact, connectedToSystemAt: noon } };
}

function chatOf(step: object): Chat {
  assert('chat' in step, JSON.stringify(step));
  return step.chat as Chat;
}

const complete = (chat: Chat, hasScanner = false, more: object = {}) =>
  completeAttachment(chat, { id: 'f', participantId: 'ann', hasScanner, ...more }, noon, tail);

test('[AM9] has room for 35 files, whatever became of them', () => {
  let chat = chatWith();
  for (let index = 1; index <= maxAttachments; index += 1) {
    chat = chatOf(startAttachment(chat, file(`${index}`, index % 2 ? { status: 'REJECTED' } : {})));
  }
  assert.equal(chat.attachments?.length, 35);
  assert.deepEqual(startAttachment(chat, file('more')), { refused: 'too-many-attachments' });
});

test('[AM9] drops a file an hour after its start unless it was completed, and then has room', () => {
  const chat = chatWith(file('started'), file('uploaded', { object: 'o' }), file('done', { status: 'APPROVED' }));
  assert.equal(nextDue(chat), noon + 60 * minute);
  assert.equal(dropLapsed(chat, noon + 60 * minute - 1).chat, chat);
  const { chat: after, dropped } = dropLapsed(chat, noon + 60 * minute);
  assert.deepEqual(
    [dropped.map(({ id }) => id), after.attachments?.map(({ id }) => id)],
    [['started', 'uploaded'], ['done']],
  );
  assert.equal(attachmentsDue(after), Number.POSITIVE_INFINITY);
  assert.equal(nextDue(after), after.expiresAt);
});

test('[AM9] drops it of an ended chat as well', () => {
  const { chat } = end(chatWith(file('started')), 'API', noon + minute, tail);
  assert.equal(nextDue(chat), noon + 60 * minute);
  const { chat: after } = dropLapsed(chat, noon + 60 * minute);
  assert.equal(nextDue(after), noon + minute + 24 * 60 * minute);
});

test('[AM4] takes the last upload until it is completed, and says which one it replaces', () => {
  const chat = chatWith(file('f'));
  const one = uploadAttachment(chat, 'f', 'one');
  assert('chat' in one);
  assert.equal(one.replaced, undefined);
  const two = uploadAttachment(one.chat, 'f', 'two');
  assert('chat' in two);
  assert.equal(two.replaced, 'one');
  const done = chatOf(complete(two.chat));
  assert.equal(attachmentOf(done, 'f')?.object, 'two');
  assert.deepEqual(uploadAttachment(done, 'f', 'three'), { refused: 'completed' });
  assert.deepEqual(uploadAttachment(chatOf(complete(two.chat, true)), 'f', 'three'), { refused: 'completed' });
  assert.deepEqual(uploadAttachment(chat, 'g', 'one'), { refused: 'no-attachment' });
});

test('[AM10, AM11] is completed by its sender, with its bytes, once', () => {
  assert.deepEqual(complete(chatWith(file('f'))), { refused: 'not-uploaded' });
  const chat = chatWith(file('f', { object: 'o' }));
  for (const more of [{ id: 'g' }, { participantId: 'bob' }]) {
    assert.deepEqual(complete(chat, false, more), { refused: 'no-attachment' });
  }
  for (const hasScanner of [true, false]) {
    assert.deepEqual(complete(chatOf(complete(chat, hasScanner))), { refused: 'completed' });
  }
});

test('[AM12, AM13] is approved with its item at once where there is no scanner', () => {
  const step = complete(chatWith(file('f', { object: 'o' })));
  assert('items' in step);
  assert.deepEqual(
    step.items.map(({ tail: _, ...item }) => item),
    [
      {
        type: 'ATTACHMENT',
        participantId: 'ann',
        attachments: [{ id: 'f', name: 'a.pdf', contentType: 'a/pdf', status: 'APPROVED' }],
      },
    ],
  );
  assert.deepEqual(attachmentOf(step.chat, 'f'), file('f', { object: 'o', status: 'APPROVED' }));
});

for (const verdict of ['APPROVED', 'REJECTED'] as const) {
  test(`[AM14] is ${verdict}, with its item, when the scanner says so`, () => {
    const step = complete(chatWith(file('f', { object: 'o' })), true);
    assert('items' in step);
    assert.deepEqual([step.items, attachmentOf(step.chat, 'f')?.status], [[], 'IN_PROGRESS']);
    assert.deepEqual(
      dueScans(step.chat, noon).map(({ id }) => id),
      ['f'],
    );
    const judged = judge(step.chat, 'f', verdict, tail);
    assert.deepEqual(
      judged.items.map(({ attachments }) => attachments?.[0]?.status),
      [verdict],
    );
    const after = attachmentOf(judged.chat, 'f');
    assert.deepEqual(
      [after?.status, after?.object, after?.scan],
      [verdict, verdict === 'APPROVED' ? 'o' : undefined, undefined],
    );
    for (const again of ['APPROVED', 'REJECTED'] as const) {
      assert.equal(judge(judged.chat, 'f', again, tail).chat, judged.chat, 'a late answer changes nothing');
    }
    assert.equal(failScan(judged.chat, 'f', noon, tail).chat, judged.chat);
  });

  test(`[AM14] is ${verdict} without an item after the end of the chat`, () => {
    const { chat } = end(chatOf(complete(chatWith(file('f', { object: 'o' })), true)), 'API', noon, tail);
    const judged = judge(chat, 'f', verdict, tail);
    assert.deepEqual([judged.items, attachmentOf(judged.chat, 'f')?.status], [[], verdict]);
  });
}

test('[AM16] is asked about again in a while when the scanner fails, and rejected at the third time', () => {
  let chat = chatOf(complete(chatWith(file('f', { object: 'o' })), true));
  let now = noon;
  for (const pause of [10_000, 20_000]) {
    chat = beginScans(chat, now);
    const failed = failScan(chat, 'f', now, tail);
    assert.deepEqual(failed.items, []);
    chat = failed.chat;
    assert.equal(nextDue(chat), now + pause);
    assert.deepEqual(dueScans(chat, now + pause - 1), []);
    now += pause;
    assert.equal(dueScans(chat, now).length, 1);
  }
  const last = failScan(chat, 'f', now, tail);
  assert.equal(last.items[0]?.attachments?.[0]?.status, 'REJECTED');
  assert.equal(attachmentOf(last.chat, 'f')?.object, undefined);
});

test('[AM16] is asked about again only when a scan must have been lost', () => {
  const chat = beginScans(chatOf(complete(chatWith(file('f', { object: 'o' })), true)), noon);
  assert.deepEqual(dueScans(chat, noon + scanLimit), []);
  assert.equal(dueScans(chat, noon + 1.5 * scanLimit).length, 1);
  assert.equal(
    attachmentOf(beginScans(chat, noon + 1.5 * scanLimit), 'f')?.scan?.failures,
    0,
    'a restart is no failure',
  );
});

test('[AM26] is due to be erased a minute after it was asked for', () => {
  const { chat } = end(chatWith(file('f')), 'API', noon, tail);
  assert.equal(nextDue({ ...chat, erasingAt: noon + 5 }), noon + 5 + minute);
});
