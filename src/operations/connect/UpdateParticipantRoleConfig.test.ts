import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import {
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const timer = (ParticipantRole: string, TimerType: string, minutes: number | 'Unset') => ({
  ParticipantRole,
  TimerType,
  TimerValue:
    minutes === 'Unset' ? { ParticipantTimerAction: minutes } : { ParticipantTimerDurationInMinutes: minutes },
});
const configuration = (...timers: object[]) => ({
  ChannelConfiguration: { Chat: { ParticipantTimerConfigList: timers } },
});
const valid = { InstanceId, ContactId: 'unknown', ...configuration(timer('CUSTOMER', 'IDLE', 5)) };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'UpdateParticipantRoleConfig', valid, pipeline: () => pipeline };
const update = (ContactId: string, more: object) =>
  pipeline.call('UpdateParticipantRoleConfig', { ...valid, ContactId, ...more });
const timersOf = async (contactId: string) => (await pipeline.store.chat({ contactId }))?.timers;

const list = '/ChannelConfiguration/Chat/ParticipantTimerConfigList';

describe('UpdateParticipantRoleConfig: serialization', () => {
  serialization(subject, [
    ['/ChannelConfiguration', [], 'an object'],
    ['/ChannelConfiguration/Chat', 'chat', 'an object'],
    [list, {}, 'a list'],
    [`${list}/0`, 'timer', 'an object'],
    [`${list}/0/ParticipantRole`, 5, 'a string'],
    [`${list}/0/TimerType`, 5, 'a string'],
    [`${list}/0/TimerValue`, 5, 'an object'],
    [`${list}/0/TimerValue/ParticipantTimerDurationInMinutes`, '5', 'a whole number'],
    [`${list}/0/TimerValue/ParticipantTimerAction`, true, 'a string'],
  ]);
});

describe('UpdateParticipantRoleConfig: validation', () => {
  outside(subject, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/ContactId', tooLong(256), 'have length between 1 and 256, inclusive'],
  ]);
  const seven = Array.from({ length: 7 }, () => timer('AGENT', 'IDLE', 2));
  validation(
    subject,
    [
      ['/ChannelConfiguration', undefined, 'not be null'],
      [list, undefined, 'not be null'],
      [list, [], 'have length between 1 and 6, inclusive'],
      [list, seven, 'have length between 1 and 6, inclusive'],
      [`${list}/0/ParticipantRole`, undefined, 'not be null'],
      [`${list}/0/ParticipantRole`, 'CUSTOM_BOT', 'satisfy enum value set: [CUSTOMER, AGENT]'],
      [`${list}/0/TimerType`, undefined, 'not be null'],
      [`${list}/0/TimerType`, 'WAIT', 'satisfy enum value set: [IDLE, DISCONNECT_NONCUSTOMER]'],
      [`${list}/0/TimerValue`, undefined, 'not be null'],
      [`${list}/0/TimerValue/ParticipantTimerAction`, 'unset', 'satisfy enum value set: [Unset]'],
      [`${list}/0/TimerValue/ParticipantTimerDurationInMinutes`, 1, 'be between 2 and 480, inclusive'],
      [`${list}/0/TimerValue/ParticipantTimerDurationInMinutes`, 481, 'be between 2 and 480, inclusive'],
    ],
    [
      [`${list}/0/TimerValue/ParticipantTimerDurationInMinutes`, 2],
      [`${list}/0/TimerValue/ParticipantTimerDurationInMinutes`, 480],
    ],
  );

  for (const [what, more, message] of [
    ['no channel', { ChannelConfiguration: {} }, /^ChannelConfiguration must have its one member, Chat/],
    [
      'a timer twice',
      configuration(timer('AGENT', 'IDLE', 5), timer('CUSTOMER', 'IDLE', 5), timer('AGENT', 'IDLE', 'Unset')),
      /List\[2\] sets the IDLE timer of the AGENT, as \[0\] does/,
    ],
    [
      'a timer without a value',
      configuration({ ParticipantRole: 'AGENT', TimerType: 'IDLE', TimerValue: {} }),
      /List\[0\]\.TimerValue must have exactly one of/,
    ],
    [
      'a timer with both values',
      configuration({
        ParticipantRole: 'AGENT',
        TimerType: 'IDLE',
        TimerValue: { ParticipantTimerAction: 'Unset', ParticipantTimerDurationInMinutes: 5 },
      }),
      /List\[0\]\.TimerValue must have exactly one of/,
    ],
  ] as const) {
    it(`[RC2] refuses ${what}`, async () => {
      const { ContactId } = await startChat(pipeline);
      const answer = await update(ContactId, more);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, message);
      assert.equal(await timersOf(ContactId), undefined);
    });
  }

  it('[RC4] answers 404 to an unknown contact, and to one of another instance', async () => {
    const { ContactId } = await startChat(pipeline);
    assert.equal((await update('unknown', {})).type, 'ResourceNotFoundException');
    assert.equal((await update(ContactId, { InstanceId: otherInstance.id })).type, 'ResourceNotFoundException');
    assert.equal(await timersOf(ContactId), undefined);
  });

  it('[RC3] answers 404 to a chat that has ended, and says when it did', async () => {
    const { ContactId } = await startChat(pipeline);
    await pipeline.call('StopContact', { InstanceId, ContactId });
    const answer = await update(ContactId, {});
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    assert.match(answer.body.message, /ended at 2026-01-31T12:00:00\.000Z/);
  });
});

describe('UpdateParticipantRoleConfig: behaviour', () => {
  it('[RC1] sets timers by role and type, replaces them, and takes away what is unset', async () => {
    const { ContactId } = await startChat(pipeline);
    const first = await update(
      ContactId,
      configuration(
        timer('CUSTOMER', 'IDLE', 5),
        timer('CUSTOMER', 'DISCONNECT_NONCUSTOMER', 10),
        timer('AGENT', 'IDLE', 480),
      ),
    );
    assert.deepEqual([first.status, first.body], [200, {}]);
    await update(
      ContactId,
      configuration(
        timer('CUSTOMER', 'IDLE', 2),
        timer('AGENT', 'IDLE', 'Unset'),
        timer('AGENT', 'DISCONNECT_NONCUSTOMER', 'Unset'),
      ),
    );
    assert.deepEqual(await timersOf(ContactId), [
      { role: 'CUSTOMER', type: 'DISCONNECT_NONCUSTOMER', minutes: 10 },
      { role: 'CUSTOMER', type: 'IDLE', minutes: 2 },
    ]);
  });

  it('[RC1] keeps every one of timers that race', async () => {
    const { ContactId } = await startChat(pipeline);
    const timers = ['CUSTOMER', 'AGENT'].flatMap((role) =>
      ['IDLE', 'DISCONNECT_NONCUSTOMER'].map((type) => timer(role, type, 5)),
    );
    await Promise.all(timers.map((each) => update(ContactId, configuration(each))));
    assert.equal((await timersOf(ContactId))?.length, 4);
  });
});
