import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  addBot,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';
import { maxParticipants } from '../../domain/participant.ts';

const day = 24 * 60 * 60 * 1000;
const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
const ParticipantDetails = { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' };

let pipeline: TestPipeline;
let ContactId: string;
before(async () => {
  pipeline = await testPipeline();
  ({ ContactId } = await startChat(pipeline));
});

/** A bot for that chat; `at` is where the chat is. */
function create(more: Record<string, unknown> = {}, at = pipeline) {
  return at.call('CreateParticipant', { InstanceId, ContactId, ParticipantDetails, ...more });
}

const subject = {
  name: 'CreateParticipant',
  // Nothing is wrong with the shape of this; the contact is nobody's.
  valid: { InstanceId, ContactId: 'unknown', ParticipantDetails },
  pipeline: () => pipeline,
};

describe('CreateParticipant: serialization', () => {
  serialization(subject, [
    ['/InstanceId', 1, 'a string'],
    ['/ContactId', ['a'], 'a string'],
    ['/ClientToken', 5, 'a string'],
    ['/ParticipantDetails', 'Bot', 'an object'],
    ['/ParticipantDetails/ParticipantRole', 1, 'a string'],
    ['/ParticipantDetails/DisplayName', {}, 'a string'],
    ['/ParticipantDetails/ParticipantCapabilities', [], 'an object'],
    ['/ParticipantDetails/ParticipantCapabilities/Video', true, 'a string'],
    ['/ParticipantDetails/ParticipantCapabilities/ScreenShare', 1, 'a string'],
  ]);
});

describe('CreateParticipant: validation', () => {
  const roles = '[AGENT, CUSTOMER, SYSTEM, CUSTOM_BOT, SUPERVISOR]';
  validation(
    subject,
    [
      ['/InstanceId', undefined, 'not be null'],
      ['/InstanceId', '', 'have length between 1 and 100, inclusive'],
      ['/InstanceId', 'i'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/ContactId', undefined, 'not be null'],
      ['/ContactId', '', 'have length between 1 and 256, inclusive'],
      ['/ContactId', 'c'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
      ['/ParticipantDetails', undefined, 'not be null'],
      ['/ParticipantDetails', null, 'not be null'],
      ['/ParticipantDetails/ParticipantRole', 'BOT', `satisfy enum value set: ${roles}`],
      ['/ParticipantDetails/DisplayName', '', 'have length between 1 and 256, inclusive'],
      ['/ParticipantDetails/DisplayName', '😀'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/ParticipantDetails/ParticipantCapabilities/Video', 'RECEIVE', 'satisfy enum value set: [SEND]'],
      ['/ParticipantDetails/ParticipantCapabilities/ScreenShare', '', 'satisfy enum value set: [SEND]'],
    ],
    [
      ['/ContactId', 'c'.repeat(256)],
      ['/ClientToken', 't'.repeat(500)],
      ['/ParticipantDetails/DisplayName', '😀'.repeat(256)],
      ['/ParticipantDetails/ParticipantCapabilities', { Video: 'SEND', ScreenShare: 'SEND' }],
    ],
  );

  for (const ParticipantRole of ['AGENT', 'CUSTOMER', 'SYSTEM', 'SUPERVISOR', undefined]) {
    it(`[CP1] refuses ${ParticipantRole ?? 'no role'}, naming ParticipantRole and the one that is legal`, async () => {
      const answer = await create({ ParticipantDetails: { DisplayName: 'Bot', ParticipantRole } });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, /ParticipantDetails\.ParticipantRole must be CUSTOM_BOT/);
    });
  }

  for (const [what, DisplayName] of [
    ['a missing', undefined],
    ['an absent', null],
    ['an empty', ''],
    ['a too long', 'n'.repeat(257)],
  ]) {
    it(`[CP2] refuses ${what} DisplayName by its name`, async () => {
      const answer = await create({ ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName } });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, /ParticipantDetails[./]DisplayName/);
    });
  }

  it('[CP3] answers 404 to an unknown contact', async () => {
    const answer = await create({ ContactId: 'unknown' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    assert.match(answer.body.message, /Contact unknown was not found/);
  });

  it('[CP3] answers 404 to a contact of another instance, which is of another account', async () => {
    const answer = await create({ InstanceId: otherInstance.id });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    assert.match(answer.body.message, new RegExp(`Contact ${ContactId} was not found`));
  });

  it('[SH8] compares the contact id exactly', async () => {
    assert.equal((await create({ ContactId: ContactId.toUpperCase() })).status, 404);
    assert.equal((await create({ ContactId: ` ${ContactId}` })).status, 404);
  });

  it('[SH8] takes the ARN of the instance, and no ARN of another account', async () => {
    assert.equal((await create({ InstanceId: instanceArn })).status, 200);
    assert.equal(
      (await create({ InstanceId: instanceArn.replace('123456789012', otherInstance.account) })).status,
      404,
    );
  });

  it('[CP4] answers 404 to a contact that ended, and says when', async () => {
    const chat = await startChat(pipeline);
    await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
    const answer = await create({ ContactId: chat.ContactId });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    assert.match(answer.body.message, new RegExp(`${chat.ContactId} ended at 2026-01-31T12:00:00.000Z`));
  });

  it('[CP4] answers 402 once a chat has had as many participants as one may have, and says how many', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const stored = await at.store.chat({ contactId: chat.ContactId });
    assert.ok(stored);
    const [customer] = stored.participants;
    assert.ok(customer);
    const others = Array.from({ length: maxParticipants - 1 }, (_, index) => ({ ...customer, id: String(index) }));
    const after = { ...stored, participants: [customer, ...others] };
    await at.store.commit({ now: at.time.now, chat: { expected: stored.revision, after } });
    const answer = await create({ ContactId: chat.ContactId }, at);
    assert.deepEqual([answer.status, answer.type], [402, 'ServiceQuotaExceededException']);
    assert.match(answer.body.message, /1000 participants/);
  });
});

describe('CreateParticipant: behaviour', () => {
  it('[CP5] answers an id and credentials that work until the end of the chat’s duration', async () => {
    const at = await testPipeline();
    const chat = await startChat(at, { ChatDurationInMinutes: 60 });
    const { status, body } = await create({ ContactId: chat.ContactId }, at);
    assert.equal(status, 200);
    assert.equal(body.ParticipantCredentials.Expiry, '2026-01-31T13:00:00.000Z');
    const connect = () =>
      at.call(
        'CreateParticipantConnection',
        { ConnectParticipant: true },
        body.ParticipantCredentials.ParticipantToken,
      );
    assert.equal((await connect()).status, 200);
    at.time.now += 60 * 60_000 - 1;
    assert.equal((await connect()).status, 200);
    at.time.now += 1;
    const late = await connect();
    assert.deepEqual([late.status, late.type], [403, 'AccessDeniedException']);
    assert.match(late.body.message, /expired at 2026-01-31T13:00:00.000Z/);
  });

  it('[SH10] writes Expiry as ISO 8601 with milliseconds, as Amazon’s model has it: a string', async () => {
    const { ContactId } = await startChat(pipeline);
    const { body } = await create({ ContactId });
    assert.match(body.ParticipantCredentials.Expiry, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('[CP7] joins the participant when it connects, not when it is created', async () => {
    const chat = await startChat(pipeline);
    const { body } = await create({ ContactId: chat.ContactId });
    assert.deepEqual(await transcript(pipeline, chat.token), ['participant.joined Ana']);
    await pipeline.call(
      'CreateParticipantConnection',
      { ConnectParticipant: true },
      body.ParticipantCredentials.ParticipantToken,
    );
    assert.deepEqual(await transcript(pipeline, chat.token), ['participant.joined Ana', 'participant.joined Bot']);
  });

  it('[CP5] keeps a display name of 256 emoji as it was given', async () => {
    const chat = await startChat(pipeline);
    const DisplayName = '👩🏽‍🚀'.repeat(64);
    assert.equal([...DisplayName].length, 256);
    const bot = await addBot(pipeline, chat.ContactId, DisplayName);
    assert.ok(bot.token);
    assert.equal((await transcript(pipeline, chat.token)).at(-1), `participant.joined ${DisplayName}`);
  });

  it('[CP13] adds one bot after another to the same chat', async () => {
    const chat = await startChat(pipeline);
    const one = await addBot(pipeline, chat.ContactId, 'One');
    await pipeline.call('DisconnectParticipant', {}, one.token);
    const two = await addBot(pipeline, chat.ContactId, 'Two');
    assert.notEqual(one.ParticipantId, two.ParticipantId);
    assert.equal((await transcript(pipeline, two.token)).length, 4);
  });

  it('[CP8] adds exactly one of a hundred bots that are created at once', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const answers = await Promise.all(Array.from({ length: 100 }, () => create({ ContactId: chat.ContactId }, at)));
    const added = answers.filter(({ status }) => status === 200);
    assert.deepEqual([added.length, answers.filter(({ status }) => status === 402).length], [1, 99]);
    const stored = await at.store.chat({ contactId: chat.ContactId });
    assert.deepEqual(
      stored?.participants.map(({ id }) => id),
      [chat.ParticipantId, added[0]?.body.ParticipantId],
    );
  });
});

describe('CreateParticipant: repeated', () => {
  const ClientToken = 'once';

  it('[CP6] answers the same participant and credentials to the same ClientToken and request', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const first = await create({ ContactId: chat.ContactId, ClientToken }, at);
    at.time.now += day;
    const again = await create({ ContactId: chat.ContactId, ClientToken }, at);
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, first.body);
    assert.equal((await at.store.chat({ contactId: chat.ContactId }))?.participants.length, 2);
  });

  it('[CP6] answers them after the chat ended, too', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const first = await create({ ContactId: chat.ContactId, ClientToken }, at);
    await at.call('StopContact', { InstanceId, ContactId: chat.ContactId });
    const again = await create({ ContactId: chat.ContactId, ClientToken }, at);
    assert.deepEqual([again.status, again.body], [200, first.body]);
  });

  it('[CP6] makes one participant of many calls at once with the same ClientToken', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => create({ ContactId: chat.ContactId, ClientToken }, at)),
    );
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1);
    assert.equal((await at.store.chat({ contactId: chat.ContactId }))?.participants.length, 2);
  });

  it('[CP6] refuses the same ClientToken with another request by 409', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    await create({ ContactId: chat.ContactId, ClientToken }, at);
    const other = { ...ParticipantDetails, DisplayName: 'Other' };
    const answer = await create({ ContactId: chat.ContactId, ClientToken, ParticipantDetails: other }, at);
    assert.deepEqual([answer.status, answer.type], [409, 'ConflictException']);
    assert.match(answer.body.message, /ClientToken was used for another request/);
  });

  it('[CP6] makes one participant and refuses the rest when requests that differ race with the same ClientToken', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        create(
          {
            ContactId: chat.ContactId,
            ClientToken,
            ParticipantDetails: { ...ParticipantDetails, DisplayName: `Bot ${index}` },
          },
          at,
        ),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409, 409]);
    assert.equal((await at.store.chat({ contactId: chat.ContactId }))?.participants.length, 2);
  });

  it('[CP6] keeps the ClientTokens of two contacts apart', async () => {
    const one = await startChat(pipeline);
    const other = await startChat(pipeline);
    const first = await create({ ContactId: one.ContactId, ClientToken });
    const second = await create({ ContactId: other.ContactId, ClientToken });
    assert.notEqual(first.body.ParticipantId, second.body.ParticipantId);
  });

  it('[CP6] takes no ClientToken, or an empty one, for no idempotency', async () => {
    const chat = await startChat(pipeline);
    for (const none of [undefined, '']) {
      const one = await create({ ContactId: chat.ContactId, ClientToken: none });
      assert.equal(one.status, 200);
      const other = await create({ ContactId: chat.ContactId, ClientToken: none });
      assert.equal(other.type, 'ServiceQuotaExceededException', 'it is a second bot, not the first once more');
      pipeline.time.now += 15_001;
    }
  });
});
