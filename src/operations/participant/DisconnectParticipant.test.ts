import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { addAgent } from '../../../test/support/agents.ts';
import {
  addBot,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});
const disconnect = (token: string, ClientToken?: string) =>
  pipeline.call('DisconnectParticipant', { ClientToken }, token);

/** The chat's items in the log, with whose they are. */
async function items(ContactId: string): Promise<[string | undefined, string | undefined][]> {
  const chat = await pipeline.store.chat({ contactId: ContactId });
  const found = await pipeline.store.items(chat?.key ?? 0, { newestFirst: false, limit: 100 });
  return found.map((item) => [
    item.contentType?.replace('application/vnd.amazonaws.connect.event.', ''),
    item.participantId,
  ]);
}

const subject = {
  name: 'DisconnectParticipant',
  valid: {},
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('DisconnectParticipant: serialization', () => {
  serialization(subject, [['/ClientToken', 5, 'a string']]);
});

describe('DisconnectParticipant: validation', () => {
  validation(subject, [['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500']], []);

  it('[SH1] takes a ClientToken of 500 emoji', async () => {
    const chat = await startChat(pipeline);
    assert.equal((await disconnect(chat.token, '😀'.repeat(500))).status, 200);
  });
});

describe('DisconnectParticipant: behaviour', () => {
  it('[DP1] writes the customer’s participant.left, then chat.ended without a participant, last of all', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    const answer = await disconnect(chat.token);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    assert.deepEqual(await items(chat.ContactId), [
      ['participant.joined', chat.ParticipantId],
      ['participant.joined', bot.ParticipantId],
      ['participant.left', chat.ParticipantId],
      ['chat.ended', undefined],
    ]);
    const { body } = await pipeline.call('DescribeContact', { InstanceId, ContactId: chat.ContactId });
    assert.equal(body.Contact.DisconnectReason, 'CUSTOMER_DISCONNECT');
    assert.equal((await pipeline.call('GetTranscript', {}, bot.token)).status, 403);
  });

  it('[DP1] tells of the leaver and the end in one piece of news', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    at.news.length = 0;
    await at.call('DisconnectParticipant', {}, chat.token);
    assert.deepEqual(
      at.news.map((news) => news.kind === 'items' && [news.from, news.to]),
      [[2, 3]],
    );
  });

  it('[DP2] lets the chat go on when a bot leaves', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    assert.equal((await disconnect(bot.token)).status, 200);
    await pipeline.call('SendMessage', { ContentType: 'text/plain', Content: 'Alone' }, chat.token);
    assert.deepEqual(await transcript(pipeline, chat.token), [
      'participant.joined Ana',
      'participant.joined Bot',
      'participant.left Bot',
      'Alone',
    ]);
  });

  it('[DP1] writes no participant.left of who never connected', async () => {
    const chat = await startChat(pipeline, {}, false);
    assert.equal((await disconnect(chat.token)).status, 200);
    assert.deepEqual(await items(chat.ContactId), [['chat.ended', undefined]]);
  });

  it('[DP3] answers 200 to the same ClientToken and 403 to another or none', async () => {
    const chat = await startChat(pipeline);
    assert.equal((await disconnect(chat.token, 'once')).status, 200);
    assert.deepEqual((await disconnect(chat.token, 'once')).body, {});
    for (const other of ['twice', '', undefined]) {
      const answer = await disconnect(chat.token, other);
      assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
      assert.match(answer.body.message, /ended at/);
    }
    assert.equal((await items(chat.ContactId)).length, 3);
  });

  it('[DP3] answers 403 to a bot that left before, saying so', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    await disconnect(bot.token, 'once');
    assert.equal((await disconnect(bot.token, 'once')).status, 200);
    const answer = await disconnect(bot.token, 'twice');
    assert.equal(answer.status, 403);
    assert.match(answer.body.message, new RegExp(`${bot.ParticipantId} left`));
  });

  it('[DP3] takes a participant out once by many calls at once with one ClientToken, all answered 200', async () => {
    const chat = await startChat(pipeline);
    const answers = await Promise.all(Array.from({ length: 40 }, () => disconnect(chat.token, 'once')));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal((await items(chat.ContactId)).length, 3);
  });

  it('[DP3] takes a participant out once by many calls at once with different ClientTokens, one answered 200', async () => {
    const chat = await startChat(pipeline);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => disconnect(chat.token, String(index))));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(answers.filter(({ status }) => status === 403).length, 9);
    assert.equal((await items(chat.ContactId)).length, 3);
  });

  it('[DP3] keeps the ClientTokens of two participants apart', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    await disconnect(bot.token, 'once');
    await disconnect(chat.token, 'once');
    assert.equal((await items(chat.ContactId)).at(-1)?.[0], 'chat.ended');
  });

  it('[AG4] lets everyone of many supervisors leave at once', async () => {
    const chat = await startChat(pipeline);
    const supervisors = [];
    for (let count = 0; count < 40; count += 1)
      supervisors.push(await addAgent(pipeline, chat.ContactId, 'SUPERVISOR'));
    const answers = await Promise.all(supervisors.map(({ token }) => disconnect(token)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal((await items(chat.ContactId)).length, 81);
  });
});
