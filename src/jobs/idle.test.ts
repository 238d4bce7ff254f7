import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addAgent } from '../../test/support/agents.ts';
import {
  addBot,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../test/support/pipeline.ts';

const minute = 60_000;

/** What was pushed since the last time, in order: events by name, items by number. */
function pushed({ news }: TestPipeline): string[] {
  const lines = news.map((each) =>
    each.kind === 'event' ? (each.contentType.split('.').at(-1) ?? '') : `${each.kind} ${'to' in each ? each.to : ''}`,
  );
  news.length = 0;
  return lines;
}

function configure(at: TestPipeline, ContactId: string, timers: readonly (readonly [string, string, number])[]) {
  const ParticipantTimerConfigList = timers.map(([ParticipantRole, TimerType, minutes]) => ({
    ParticipantRole,
    TimerType,
    TimerValue: { ParticipantTimerDurationInMinutes: minutes },
  }));
  const ChannelConfiguration = { Chat: { ParticipantTimerConfigList } };
  return at.call('UpdateParticipantRoleConfig', { InstanceId, ContactId, ChannelConfiguration });
}

const say = (at: TestPipeline, token: string) =>
  at.call('SendMessage', { ContentType: 'text/plain', Content: 'hi' }, token);

describe('idle participants', () => {
  test('[IT3, IT9] are told to all when the time is up, stored nowhere, and lose their bot', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    await configure(at, chat.ContactId, [
      ['CUSTOMER', 'IDLE', 2],
      ['CUSTOMER', 'DISCONNECT_NONCUSTOMER', 2],
    ]);
    const bot = await addBot(at, chat.ContactId);
    pushed(at);
    await at.wait(2 * minute - 1);
    assert.deepEqual(pushed(at), []);
    await at.wait(1);
    assert.deepEqual(pushed(at), ['idle', 'items 2']);
    await at.wait(2 * minute);
    assert.deepEqual(pushed(at), ['autodisconnection', 'items 3']);
    assert.equal((await say(at, bot.token)).status, 403);
    assert.deepEqual(await transcript(at, chat.token), [
      'participant.joined Ana',
      'participant.joined Bot',
      'participant.left Bot',
    ]);
    assert.equal((await addBot(at, chat.ContactId)).ParticipantId.length, 36, 'the place is free');
  });

  test('[IT7] are back with their next message, which comes first', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    await configure(at, chat.ContactId, [['CUSTOMER', 'IDLE', 2]]);
    const bot = await addBot(at, chat.ContactId);
    await at.wait(2 * minute);
    pushed(at);
    assert.equal((await say(at, bot.token)).status, 200);
    assert.deepEqual(pushed(at), ['items 3'], 'the bot was not idle');
    const { body } = await say(at, chat.token);
    assert.deepEqual(pushed(at), ['items 4', 'returned', 'items 4']);
    assert.equal((await say(at, chat.token)).status, 200);
    assert.deepEqual(pushed(at), ['items 5']);
    await at.wait(2 * minute - 1);
    assert.deepEqual(pushed(at), []);
    // Committed times are a millisecond apart at least, and the time begins with the message.
    await at.wait(Date.parse(body.AbsoluteTime) - at.time.now + 4 * minute);
    assert.ok(pushed(at).includes('idle'));
  });

  test('[IT6] are not idle as long as they write, and messages write no timer', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    await configure(at, chat.ContactId, [['CUSTOMER', 'IDLE', 2]]);
    await addBot(at, chat.ContactId);
    const before = await at.store.chat({ contactId: chat.ContactId });
    for (let count = 0; count < 10; count += 1) {
      await say(at, chat.token);
      const now = await at.store.chat({ contactId: chat.ContactId });
      if (count === 0) assert.equal(now?.revision, before?.revision);
      pushed(at);
      await at.wait(minute);
      assert.ok(!pushed(at).includes('idle'));
    }
  });

  test('[IT4] end the chat with their agent', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    await configure(at, chat.ContactId, [['AGENT', 'DISCONNECT_NONCUSTOMER', 2]]);
    await addAgent(at, chat.ContactId);
    await at.wait(2 * minute);
    const { body } = await at.call('DescribeContact', { InstanceId, ContactId: chat.ContactId });
    assert.equal(body.Contact.DisconnectReason, 'IDLE_DISCONNECT');
    assert.equal((await say(at, chat.token)).status, 403);
  });
});
