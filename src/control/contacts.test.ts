import assert from 'node:assert/strict';
import { before, beforeEach, describe, it } from 'node:test';
import { inputsFor } from '../../test/support/inputs.ts';
import {
  addBot,
  ContactFlowId,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../test/support/pipeline.ts';
import { developmentInstance } from '../config.ts';
import { maxParticipants } from '../domain/participant.ts';
import { registry } from '../operations/registry.ts';
import { silentLog } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';
import { contactRoutes } from './contacts.ts';
import { openControl } from './control.ts';

const noon = '2026-01-31T12:00:00.000Z';
const unknown = '00000000-0000-4000-8000-000000000000';
let system: TestPipeline;
let ask: ReturnType<typeof controlOf>;

beforeEach(async () => {
  system = await testPipeline();
  ask = controlOf(system);
});

/** The control API's routes of contacts, asked without a socket. */
function controlOf({ store, writer, clock, ids, tokens }: TestPipeline, seen: Store = store) {
  const control = openControl(
    {
      version: '1.2.3',
      mode: 'development',
      publicUrl: 'http://127.0.0.1:8378',
      socketUrl: 'ws://127.0.0.1:8378/participant/websocket',
      operations: registry,
      instances: [developmentInstance],
      readiness: () => ({ isReady: true }),
      uptimeSeconds: () => 1,
      throttled: () => ({}),
      controlToken: undefined,
      log: silentLog,
    },
    contactRoutes({
      store: seen,
      removeFiles: async () => 0,
      writer,
      clock,
      ids,
      participantToken: (chat, participantId) =>
        tokens.sign(
          'participant',
          { ...chat, chatId: chat.id, chatKey: chat.key, participantId },
          clock.now(),
          chat.expiresAt,
        ),
    }),
  );
  return async (method: string, path: string, body: unknown = '') => {
    const [own = '', query = ''] = path.split('?');
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const request = { method, path: `/_tertulia/contacts/${own}`, query, headers: [], body: bytes, id: 'request-1' };
    const reply = await control(request);
    return { status: reply.status, type: reply.headers['x-amzn-errortype'], body: JSON.parse(reply.body) };
  };
}

const connectInput = { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: true };

/** Puts somebody in by the control API; connected unless it is told otherwise. */
async function enter(ContactId: string, ParticipantRole: string, DisplayName = 'Eva') {
  const { body } = await ask('POST', `${ContactId}/participants`, { ParticipantRole, DisplayName });
  const connected = await system.call(
    'CreateParticipantConnection',
    connectInput,
    body.ParticipantCredentials.ParticipantToken,
  );
  return connected.body.ConnectionCredentials.ConnectionToken as string;
}

const bot = (ContactId: string, DisplayName = 'Bot') => ({
  InstanceId,
  ContactId,
  ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName },
});

describe('an agent that is put in', () => {
  for (const ParticipantRole of ['AGENT', 'SUPERVISOR']) {
    it(`[AG1] as ${ParticipantRole} gets what CreateParticipant answers`, async () => {
      const { ContactId } = await startChat(system);
      const { status, body } = await ask('POST', `${ContactId}/participants`, { ParticipantRole, DisplayName: 'Eva' });
      assert.equal(status, 200);
      assert.deepEqual(Object.keys(body), ['ParticipantId', 'ParticipantCredentials']);
      const { ParticipantToken, Expiry } = body.ParticipantCredentials;
      assert.equal(Expiry, '2026-02-01T13:00:00.000Z');
      assert(ParticipantToken.length <= 1000);
      const connection = await system.call('CreateParticipantConnection', connectInput, ParticipantToken);
      assert.equal(connection.status, 200);
      const token = connection.body.ConnectionCredentials.ConnectionToken;
      const sent = await system.call('SendMessage', { ContentType: 'text/plain', Content: 'Hi' }, token);
      assert.equal(sent.status, 200);
      const { body: read } = await system.call('GetTranscript', { SortOrder: 'ASCENDING' }, token);
      const { ParticipantId, DisplayName, ParticipantRole: role } = read.Transcript.at(-1);
      assert.deepEqual([ParticipantId, DisplayName, role], [body.ParticipantId, 'Eva', ParticipantRole]);
    });
  }

  it('[AG2] is present, and joined, when it connects and not earlier', async () => {
    const { ContactId, token } = await startChat(system);
    const { body } = await ask('POST', `${ContactId}/participants`, { ParticipantRole: 'AGENT', DisplayName: 'Eva' });
    assert.deepEqual(await transcript(system, token), ['participant.joined Ana']);
    assert.equal((await system.call('CreateParticipant', bot(ContactId))).status, 200);
    await system.call('CreateParticipantConnection', connectInput, body.ParticipantCredentials.ParticipantToken);
    assert.deepEqual(await transcript(system, token), ['participant.joined Ana', 'participant.joined Eva']);
    assert.equal((await system.call('CreateParticipant', bot(ContactId))).type, 'ConflictException');
  });

  it('[AG3] ends the chat when it leaves as the last of its kind, after its own left', async () => {
    const { ContactId, token } = await startChat(system);
    const [first, second] = [await enter(ContactId, 'AGENT'), await enter(ContactId, 'AGENT', 'Udo')];
    // One that never connected does not keep the chat.
    await ask('POST', `${ContactId}/participants`, { ParticipantRole: 'AGENT', DisplayName: 'Late' });
    assert.equal((await system.call('DisconnectParticipant', {}, first)).status, 200);
    assert.equal((await ask('GET', ContactId)).body.State, 'OPEN');
    assert.equal((await transcript(system, token)).at(-1), 'participant.left Eva');
    assert.equal((await system.call('DisconnectParticipant', {}, second)).status, 200);
    const { body } = await ask('GET', ContactId);
    assert.deepEqual([body.State, body.DisconnectReason], ['ENDED', 'AGENT_DISCONNECT']);
    const { Transcript } = (await ask('GET', `${ContactId}/transcript`)).body;
    assert.deepEqual(
      Transcript.slice(-2).map((each: Item) => [each.ContentType.split('event.')[1], each.DisplayName]),
      [
        ['participant.left', 'Udo'],
        ['chat.ended', undefined],
      ],
    );
  });

  it('[AG4] does not end the chat when it leaves as a supervisor', async () => {
    const { ContactId } = await startChat(system);
    const token = await enter(ContactId, 'SUPERVISOR', 'Sue');
    await system.call('DisconnectParticipant', {}, token);
    assert.equal((await ask('GET', ContactId)).body.State, 'OPEN');
  });

  for (const [what, body, status, type] of [
    ['no role', { DisplayName: 'Eva' }, 400, 'ValidationException'],
    ['the role of a bot', { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Eva' }, 400, 'ValidationException'],
    ['the role of the customer', { ParticipantRole: 'CUSTOMER', DisplayName: 'Eva' }, 400, 'ValidationException'],
    ['no name', { ParticipantRole: 'AGENT' }, 400, 'ValidationException'],
    ['an empty name', { ParticipantRole: 'AGENT', DisplayName: '' }, 400, 'ValidationException'],
    ['a long name', { ParticipantRole: 'AGENT', DisplayName: 'x'.repeat(257) }, 400, 'ValidationException'],
    ['a name that is none', { ParticipantRole: 'AGENT', DisplayName: 5 }, 400, 'SerializationException'],
    ['no JSON', '{"ParticipantRole":', 400, 'SerializationException'],
    ['nothing', '', 400, 'ValidationException'],
  ] as const) {
    it(`[AG1] is refused with ${what}`, async () => {
      const { ContactId } = await startChat(system);
      const refused = await ask('POST', `${ContactId}/participants`, body);
      assert.deepEqual([refused.status, refused.type], [status, type], refused.body.message);
      assert.equal((await ask('GET', ContactId)).body.Participants.length, 1);
    });
  }

  it('[AG1] is refused by a chat that is unknown, over or full, each with its reason', async () => {
    const agent = { ParticipantRole: 'AGENT', DisplayName: 'Eva' };
    const stranger = await ask('POST', `${unknown}/participants`, agent);
    assert.deepEqual([stranger.status, stranger.type], [404, 'ResourceNotFoundException']);
    const { ContactId } = await startChat(system);
    await system.call('StopContact', { InstanceId, ContactId });
    const late = await ask('POST', `${ContactId}/participants`, agent);
    assert.deepEqual([late.status, late.type], [400, 'ValidationException']);
    assert.match(late.body.message, new RegExp(`^Contact ${ContactId} ended at ${noon}: .* Start a new one`));

    const { ContactId: busy } = await startChat(system);
    const chat = await system.store.chat({ contactId: busy });
    assert(chat);
    const others = Array.from({ length: maxParticipants - 1 }, (_, each) => ({
      id: `agent ${each}`,
      role: 'AGENT' as const,
      displayName: 'Udo',
      createdAt: system.time.now,
    }));
    const after = { ...chat, participants: [...chat.participants, ...others] };
    await system.store.commit({ now: system.time.now, chat: { expected: chat.revision, after } });
    const full = await ask('POST', `${busy}/participants`, agent);
    assert.equal(full.status, 400);
    assert.match(full.body.message, /has had 1000 participants, the most that one chat may have/);
  });
});

interface Item {
  readonly Id: string;
  readonly ContentType: string;
  readonly Content?: string;
  readonly DisplayName?: string;
}

describe('a contact that is looked at', () => {
  it('[EX3] shows its participants with role, state and times, and its timers', async () => {
    const { ContactId, ParticipantId } = await startChat(system);
    const { ParticipantId: botId } = await addBot(system, ContactId);
    system.time.now += 1000;
    const token = await enter(ContactId, 'AGENT');
    await system.call('UpdateParticipantRoleConfig', {
      InstanceId,
      ContactId,
      ChannelConfiguration: {
        Chat: {
          ParticipantTimerConfigList: [
            { ParticipantRole: 'CUSTOMER', TimerType: 'IDLE', TimerValue: { ParticipantTimerDurationInMinutes: 5 } },
          ],
        },
      },
    });
    system.time.now += 1000;
    const open = (await ask('GET', ContactId)).body;
    const [customer, bot, agent] = open.Participants;
    assert.deepEqual(customer, {
      ParticipantId,
      ParticipantRole: 'CUSTOMER',
      DisplayName: 'Ana',
      State: 'CONNECTED',
      CreatedAt: noon,
      ConnectedAt: noon,
    });
    assert.deepEqual(bot, {
      ParticipantId: botId,
      ParticipantRole: 'CUSTOM_BOT',
      DisplayName: 'Bot',
      State: 'LEFT',
      CreatedAt: noon,
      ConnectedAt: noon,
      LeftAt: '2026-01-31T12:00:01.000Z',
      LeftBecause: 'removed',
    });
    assert.deepEqual([agent.ParticipantRole, agent.State], ['AGENT', 'CONNECTED']);
    const { Participants: _, ...rest } = open;
    assert.deepEqual(rest, {
      ContactId,
      InitialContactId: ContactId,
      InstanceId,
      State: 'OPEN',
      InitiationTimestamp: noon,
      ExpiryTimestamp: '2026-02-01T13:00:00.000Z',
      Items: 4,
      SupportedMessagingContentTypes: ['text/plain'],
      Timers: {
        NextDue: '2026-02-01T13:00:00.000Z',
        Configured: [{ role: 'CUSTOMER', type: 'IDLE', minutes: 5 }],
      },
      Streams: [],
    });

    await system.call('DisconnectParticipant', {}, token);
    const over = (await ask('GET', ContactId)).body;
    assert.deepEqual(
      [over.State, over.DisconnectReason, over.DisconnectTimestamp, over.Timers.NextDue],
      ['ENDED', 'AGENT_DISCONNECT', '2026-01-31T12:00:02.000Z', '2026-02-01T12:00:02.000Z'],
    );
  });

  it('[EX3] shows who is waited for, and who was not connected in time', async () => {
    const { ContactId } = await startChat(system, {}, false);
    await system.call('CreateParticipant', bot(ContactId));
    const states = async () =>
      (await ask('GET', ContactId)).body.Participants.map((each: { State: string }) => each.State);
    assert.deepEqual(await states(), ['CREATED', 'CREATED']);
    assert.equal((await ask('GET', ContactId)).body.Timers.NextDue, '2026-01-31T12:05:00.000Z');
    system.time.now += 15_001;
    assert.deepEqual(await states(), ['CREATED', 'EXPIRED']);
  });

  it('[EX3] gives its transcript page by page, oldest first, also after the end', async () => {
    const { ContactId, ParticipantId, token } = await startChat(system);
    for (let each = 1; each <= 5; each += 1) {
      await system.call('SendMessage', { ContentType: 'text/plain', Content: `message ${each}` }, token);
    }
    await system.call('StopContact', { InstanceId, ContactId });
    const whole = (await ask('GET', `${ContactId}/transcript`)).body;
    assert.equal(whole.next, undefined);
    assert.equal(whole.Transcript.length, 7);
    assert.deepEqual([whole.Transcript[1].Content, whole.Transcript[1].ParticipantId], ['message 1', ParticipantId]);
    assert.deepEqual([whole.Transcript[6].ContactId, whole.Transcript[6].InitialContactId], [ContactId, ContactId]);
    for (const size of [1, 2, 3, 6, 7]) {
      const items: Item[] = [];
      let after: number | undefined;
      do {
        const more = after === undefined ? '' : `&after=${after}`;
        const page = (await ask('GET', `${ContactId}/transcript?maxResults=${size}${more}`)).body;
        assert(page.Transcript.length <= size);
        items.push(...page.Transcript);
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(items, whole.Transcript, `pages of ${size}`);
    }
  });

  it('[EX3] gives the receipts of its messages', async () => {
    const { ContactId, token } = await startChat(system);
    const reader = await addBot(system, ContactId);
    const sent = await system.call('SendMessage', { ContentType: 'text/plain', Content: 'read me' }, token);
    await system.call(
      'SendEvent',
      {
        ContentType: 'application/vnd.amazonaws.connect.event.message.read',
        Content: JSON.stringify({ messageId: sent.body.Id }),
      },
      reader.token,
    );
    const { Transcript } = (await ask('GET', `${ContactId}/transcript`)).body;
    const [receipt] = Transcript.at(-1).MessageMetadata.Receipts;
    assert.deepEqual([receipt.RecipientParticipantId, receipt.ReadTimestamp], [reader.ParticipantId, noon]);
  });

  for (const [query, status, type] of [
    ['maxResults=0', 400, 'ValidationException'],
    ['maxResults=1001', 400, 'ValidationException'],
    ['maxResults=ten', 400, 'SerializationException'],
    ['after=-1', 400, 'ValidationException'],
    ['after=noon', 400, 'SerializationException'],
    ['maxResults=1000&after=999999999999999', 200, undefined],
  ] as const) {
    it(`[EX3] answers ${status} to a transcript with ${query}`, async () => {
      const { ContactId } = await startChat(system);
      const { status: got, type: error } = await ask('GET', `${ContactId}/transcript?${query}`);
      assert.deepEqual([got, error], [status, type]);
    });
  }

  it('[EX3] is not found if there never was one, and is asked for by these methods alone', async () => {
    for (const [method, path] of [
      ['GET', unknown],
      ['GET', `${unknown}/transcript`],
      ['DELETE', unknown],
      ['GET', '%E0%A4%A'],
    ] as const) {
      const { status, type } = await ask(method, path);
      assert.deepEqual([status, type], [404, 'ResourceNotFoundException'], `${method} ${path}`);
    }
    const { ContactId } = await startChat(system);
    for (const [method, path] of [
      ['POST', ContactId],
      ['PUT', ContactId],
      ['DELETE', `${ContactId}/transcript`],
      ['GET', `${ContactId}/participants`],
      ['GET', `${ContactId}/nothing`],
    ] as const) {
      const { status, type } = await ask(method, path);
      assert.deepEqual([status, type], [404, 'UnknownOperationException'], `${method} ${path}`);
    }
    assert.equal((await ask('GET', 'x'.repeat(257))).type, 'ValidationException');
    assert.equal((await ask('GET', '')).type, 'ValidationException');
  });
});

describe('a contact that is erased', () => {
  it('[EX1] must have ended', async () => {
    const { ContactId } = await startChat(system);
    const { status, type, body } = await ask('DELETE', ContactId);
    assert.deepEqual([status, type], [409, 'ConflictException']);
    assert.equal(body.message, `Contact ${ContactId} goes on; end it with StopContact, then erase it.`);
    assert.equal((await ask('GET', ContactId)).body.Items, 1);
  });

  it('[EX1] is gone with all that belongs to it, and the answer says what that was and what is not gone yet', async () => {
    const { ContactId, token } = await startChat(system, { Attributes: { one: '1', two: '2' } });
    const reader = await addBot(system, ContactId);
    // More than one batch.
    const sent = await Promise.all(
      Array.from({ length: 600 }, (_, each) =>
        system.call(
          'SendMessage',
          { ContentType: 'text/plain', Content: `secret ${each}`, ClientToken: `t${each}` },
          token,
        ),
      ),
    );
    await system.call(
      'SendEvent',
      {
        ContentType: 'application/vnd.amazonaws.connect.event.message.read',
        Content: JSON.stringify({ messageId: sent[0]?.body.Id }),
      },
      reader.token,
    );
    await system.call('StopContact', { InstanceId, ContactId });
    const key = (await system.store.chat({ contactId: ContactId }))?.key ?? 0;
    const { status, body } = await ask('DELETE', ContactId);
    assert.equal(status, 200);
    assert.deepEqual(body, {
      ContactId,
      erasedAt: noon,
      // Owed: that it is archived.
      erased: { items: 603, tokens: 600, marks: 1, contacts: 1, owed: 1, participants: 2, attributes: 2, files: 0 },
      kept: 'The id alone, so that it is never used again.',
      notYet: [
        'free pages of the store and its write-ahead log, until they are overwritten or the store is vacuumed',
        'backups made before this moment, and versions of files that an S3 bucket keeps by itself',
      ],
    });
    assert.deepEqual(await system.store.items(key, { newestFirst: false, limit: 10 }), []);
    assert.deepEqual(await system.store.marks(key, 0, Number.MAX_SAFE_INTEGER), []);
    assert.equal(await system.store.forgetMessageTokens(key, 10), 0);
    assert.equal(await system.store.nextDue(), undefined);
    for (const path of [ContactId, `${ContactId}/transcript`]) assert.equal((await ask('GET', path)).status, 404);
    assert.equal((await ask('DELETE', ContactId)).status, 404);
  });

  it('[EX1] leaves others alone', async () => {
    const [gone, stays] = [await startChat(system), await startChat(system)];
    await system.call('StopContact', { InstanceId, ContactId: gone.ContactId });
    await ask('DELETE', gone.ContactId);
    assert.deepEqual(await transcript(system, stays.token), ['participant.joined Ana']);
  });

  it('[EX1] that is erased by two at once is erased once', async () => {
    const { ContactId } = await startChat(system);
    await system.call('StopContact', { InstanceId, ContactId });
    const answers = await Promise.all([ask('DELETE', ContactId), ask('DELETE', ContactId)]);
    const sum = answers.reduce((items, { body }) => items + (body.erased?.items ?? 0), 0);
    assert.equal(sum, 2);
    assert.equal((await ask('GET', ContactId)).status, 404);
  });

  it('[EX1, SC9] is not started anew by the ClientToken that started it', async () => {
    const input = { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' }, ClientToken: 'once' };
    const { ContactId } = (await system.call('StartChatContact', input)).body;
    await system.call('StopContact', { InstanceId, ContactId });
    await ask('DELETE', ContactId);
    const { status, type, body } = await system.call('StartChatContact', input);
    assert.deepEqual([status, type], [404, 'ResourceNotFoundException']);
    assert.match(body.message, new RegExp(`Contact ${ContactId}, .* was erased\\. Use a new ClientToken`));
  });

  it('[EX2] whose erasing was cut short is finished by the next run of the timers', async () => {
    const { ContactId, token } = await startChat(system);
    for (let each = 0; each < 600; each += 1) {
      await system.call('SendMessage', { ContentType: 'text/plain', Content: 'x' }, token);
    }
    await system.call('StopContact', { InstanceId, ContactId });
    const key = (await system.store.chat({ contactId: ContactId }))?.key ?? 0;
    let batches = 0;
    const crashing = controlOf(system, {
      ...system.store,
      erase(ref, limit) {
        batches += 1;
        return batches === 2 ? Promise.reject(new Error('crash')) : system.store.erase(ref, limit);
      },
    });
    assert.equal((await crashing('DELETE', ContactId)).status, 500);
    assert.equal((await ask('GET', ContactId)).status, 404);
    assert.notDeepEqual(await system.store.items(key, { newestFirst: false, limit: 1 }), []);
    await system.wait(0);
    assert.deepEqual(await system.store.items(key, { newestFirst: false, limit: 1 }), []);
    assert.equal(await system.store.nextDue(), undefined);
  });
});

describe('after its erasing a contact', () => {
  let ContactId = '';
  let participantToken = '';
  let connectionToken = '';
  before(async () => {
    system = await testPipeline();
    ask = controlOf(system);
  });
  beforeEach(async () => {
    const chat = await startChat(system);
    [ContactId, participantToken, connectionToken] = [chat.ContactId, chat.ParticipantToken, chat.token];
    await system.call('StopContact', { InstanceId, ContactId });
    assert.equal((await ask('DELETE', ContactId)).status, 200);
  });

  for (const { name, service, input } of registry) {
    const named = ['ContactId', 'InitialContactId'].filter((each) => input.members?.[each]);
    if (service === 'connect' && named.length > 0) {
      it(`[EX2] is not found by ${name}`, async () => {
        const answer = await system.call(name, { ...inputsFor(ContactId)[name] });
        assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException'], answer.body.message);
      });
    } else if (service === 'participant') {
      it(`[EX2] is not found by ${name}, whose token is refused`, async () => {
        const isFirst = name === 'CreateParticipantConnection';
        const answer = await system.call(
          name,
          { ...inputsFor(ContactId)[name] },
          isFirst ? participantToken : connectionToken,
        );
        assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
        assert.match(answer.body.message, /belongs to another store or to a chat that was erased/);
      });
    }
  }

  it('[EX2] is not found by SearchContacts', async () => {
    const day = Date.parse(noon) / 1000;
    const { body } = await system.call('SearchContacts', {
      InstanceId,
      TimeRange: { Type: 'INITIATION_TIMESTAMP', StartTime: day - 3600, EndTime: day + 3600 },
    });
    assert.deepEqual(body.Contacts, []);
  });
});
