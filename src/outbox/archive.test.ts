import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { addAgent } from '../../test/support/agents.ts';
import { sendFile } from '../../test/support/attachments.ts';
import {
  addBot,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../test/support/pipeline.ts';
import { region, startS3Server } from '../../test/support/s3-server.ts';
import { type Buckets, openBuckets } from '../blobs/buckets.ts';
import type { Archived, Chat } from '../domain/chat.ts';
import { developmentStorage, type StoredObject } from '../domain/storage.ts';
import { systemIds } from '../runtime/ids.ts';
import { silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { type ArchiveParts, archive, removeArchived } from './archive.ts';
import { Rejected } from './destination.ts';

const transcripts = {
  InstanceId,
  ResourceType: 'CHAT_TRANSCRIPTS',
  AssociationId: developmentStorage.CHAT_TRANSCRIPTS.id,
};
const records = {
  InstanceId,
  ResourceType: 'CONTACT_TRACE_RECORDS',
  AssociationId: developmentStorage.CONTACT_TRACE_RECORDS.id,
};

function partsOf({ store, buckets }: TestPipeline, more: Partial<ArchiveParts> = {}): ArchiveParts {
  return { store, buckets, log: silentLog, steady: systemSteady, ...more };
}

async function chatOf({ store }: TestPipeline, contactId: string): Promise<Chat> {
  return (await store.chat({ contactId })) ?? assert.fail(`there is no chat ${contactId}`);
}

/** A chat that began at noon and ended a minute later, with a message of its customer. */
async function endedChat(at: TestPipeline, more: Record<string, unknown> = {}): Promise<Chat> {
  const chat = await startChat(at, more);
  await say(at, chat.token, 'Hello');
  at.time.now += 60_000;
  await at.call('StopContact', { InstanceId, ContactId: chat.ContactId });
  return chatOf(at, chat.ContactId);
}

async function say(at: TestPipeline, token: string, Content: string): Promise<void> {
  const sent = await at.call('SendMessage', { ContentType: 'text/plain', Content }, token);
  assert.equal(sent.status, 200, sent.body.Message);
}

/** What the lead of a delivery does with what was written. */
async function keep({ store, time }: TestPipeline, chat: Chat, archived: Archived): Promise<Chat> {
  const outcome = await store.commit({
    now: time.now,
    chat: { expected: chat.revision, after: { ...chat, archived } },
  });
  assert('done' in outcome);
  return (await store.chat({ key: chat.key })) ?? assert.fail();
}

async function opened({ bucket, key }: StoredObject, buckets: Buckets) {
  return (await buckets.of(bucket))?.open(key);
}

/** What is in an object, and its type. */
async function read(object: StoredObject | undefined, buckets: Buckets) {
  assert(object);
  const blob = (await opened(object, buckets)) ?? assert.fail(`there is no ${object.key}`);
  assert.equal(blob.contentType, 'application/json');
  return JSON.parse(await text(blob.stream));
}

async function setPlace(
  at: TestPipeline,
  of: typeof transcripts,
  BucketName: string,
  BucketPrefix = 'p',
): Promise<void> {
  const StorageConfig = { StorageType: 'S3', S3Config: { BucketName, BucketPrefix } };
  assert.equal((await at.call('UpdateInstanceStorageConfig', { ...of, StorageConfig })).status, 200);
}

describe('the transcript', () => {
  test('[TF1, TF2, TF3] of a chat is in Amazon’s form, under Amazon’s name', async () => {
    const at = await testPipeline();
    const customer = await startChat(at, { SupportedMessagingContentTypes: ['text/plain', 'text/markdown'] });
    const bot = await addBot(at, customer.ContactId);
    await say(at, bot.token, 'I am "a bot"\n');
    await at.call('SendEvent', { ContentType: 'application/vnd.amazonaws.connect.event.typing' }, customer.token);
    await sendFile(at, customer.token);
    const agent = await addAgent(at, customer.ContactId);
    const { body: sent } = await at.call(
      'SendMessage',
      { ContentType: 'text/markdown', Content: '*Hi* 😀' },
      agent.token,
    );
    const read1 = {
      ContentType: 'application/vnd.amazonaws.connect.event.message.read',
      Content: JSON.stringify({ messageId: sent.Id }),
    };
    assert.equal((await at.call('SendEvent', read1, customer.token)).status, 200);
    const { body: before } = await at.call(
      'GetTranscript',
      { MaxResults: 100, SortOrder: 'ASCENDING' },
      customer.token,
    );
    at.time.now += 3_600_000;
    await at.call('DisconnectParticipant', {}, customer.token);
    const chat = await chatOf(at, customer.ContactId);

    const { transcript } = await archive(partsOf(at), chat);
    assert.deepEqual(transcript, {
      bucket: 'tertulia-dev',
      key: `connect/tertulia-dev/ChatTranscripts/2026/01/31/${chat.id}_20260131T12:00_UTC.json`,
    });
    const { Transcript, ...head } = await read(transcript, at.buckets);
    assert.deepEqual(head, {
      Version: '2019-08-26',
      AWSAccountId: '123456789012',
      InstanceId,
      InitialContactId: chat.id,
      ContactId: chat.id,
      Participants: [customer, bot, agent].map(({ ParticipantId }) => ({ ParticipantId })),
    });
    // Before the end it was what GetTranscript showed, receipts and contacts left out.
    const own = before.Transcript.map(
      ({ ContactId: _, MessageMetadata: __, ...rest }: Record<string, unknown>) => rest,
    );
    assert(before.Transcript.some((each: { MessageMetadata?: object }) => each.MessageMetadata));
    assert.deepEqual(Transcript.slice(0, own.length), own);
    const end = Transcript.slice(own.length);
    assert.deepEqual(
      end.map(({ Type, ContentType, DisplayName }: Record<string, string>) => [
        Type,
        ContentType?.split('.event.')[1],
        DisplayName,
      ]),
      [
        ['EVENT', 'participant.left', 'Ana'],
        ['EVENT', 'chat.ended', undefined],
      ],
    );
    assert.deepEqual(Object.keys(end[1]), ['AbsoluteTime', 'ContentType', 'Id', 'Type']);
    assert.deepEqual(
      Transcript.map(
        ({ Content, ContentType, Type }: Record<string, string>) => Content ?? ContentType?.split('.event.')[1] ?? Type,
      ),
      [
        ...['participant.joined', 'participant.joined', 'I am "a bot"\n', 'ATTACHMENT'],
        ...['participant.left', 'participant.joined', '*Hi* 😀', 'participant.left', 'chat.ended'],
      ],
    );
  });

  test('[TF1] names nobody who never connected', async () => {
    const at = await testPipeline();
    const { ContactId } = await startChat(at, {}, false);
    await at.call('StopContact', { InstanceId, ContactId });
    const { transcript } = await archive(partsOf(at), await chatOf(at, ContactId));
    const { Participants, Transcript } = await read(transcript, at.buckets);
    assert.deepEqual([Participants, Transcript.length], [[], 1]);
  });

  test('[TF3] has its name by the start of the contact, below a prefix with or without a slash at its end', async () => {
    const at = await testPipeline();
    at.time.now = Date.parse('2026-12-31T23:59:59.999Z');
    for (const prefix of ['Acme:1', 'Acme:1/']) {
      await setPlace(at, transcripts, 'acme', prefix);
      const chat = await endedChat(at);
      const { transcript } = await archive(partsOf(at), chat);
      assert.match(
        transcript?.key ?? '',
        new RegExp(`^Acme:1/\\d{4}/\\d\\d/\\d\\d/${chat.id}_\\d{8}T\\d\\d:\\d\\d_UTC.json$`),
      );
      if (prefix === 'Acme:1') assert.equal(transcript?.key, `Acme:1/2026/12/31/${chat.id}_20261231T23:59_UTC.json`);
    }
  });

  test('[TF5] is written once, and not while the chat goes on or is being erased', async () => {
    const at = await testPipeline();
    const going = await startChat(at);
    assert.deepEqual(await archive(partsOf(at), await chatOf(at, going.ContactId)), {});
    const chat = await endedChat(at);
    assert.deepEqual(await archive(partsOf(at), { ...chat, erasingAt: at.time.now }), {});
    const archived = await archive(partsOf(at), chat);
    assert(archived.transcript);
    const kept = await keep(at, chat, archived);
    await (await at.buckets.of('tertulia-dev'))?.write(archived.transcript.key, Buffer.from('{}'), 'application/json');
    assert.deepEqual(await archive(partsOf(at), kept), archived);
    assert.deepEqual(await read(archived.transcript, at.buckets), {});
  });

  test('[TF5, CR7] and the record are not written for an instance without configurations', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    assert.deepEqual(await archive(partsOf(at), { ...chat, instanceId: otherInstance.id }), {
      transcript: undefined,
      record: undefined,
    });
    await at.call('DisassociateInstanceStorageConfig', transcripts);
    const { transcript, record } = await archive(partsOf(at), chat);
    assert.equal(transcript, undefined);
    assert.equal((await read(record, at.buckets)).Recordings, null);
  });

  test('[TF7] is a recording of the contact as soon as the chat knows of it', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    const described = async () => (await at.call('DescribeContact', { InstanceId, ContactId: chat.id })).body.Contact;
    assert.equal((await described()).Recordings, undefined);
    const { transcript } = await archive(partsOf(at), chat);
    await keep(at, chat, { transcript });
    assert.deepEqual((await described()).Recordings, [
      {
        StorageType: 'S3',
        Location: `tertulia-dev/${transcript?.key}`,
        MediaStreamType: 'CHAT',
        ParticipantType: 'ALL',
        StartTimestamp: chat.contact.initiatedAt / 1000,
        StopTimestamp: (chat.end?.at ?? 0) / 1000,
        Status: 'AVAILABLE',
      },
    ]);
  });
});

describe('a long transcript', () => {
  const messages = 1201;

  async function longChat(): Promise<{ at: TestPipeline; chat: Chat }> {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    for (let number = 1; number <= messages; number += 1) await say(at, token, `${number} ${'é"'.repeat(50)}`);
    await at.call('StopContact', { InstanceId, ContactId });
    return { at, chat: await chatOf(at, ContactId) };
  }

  test('[TF4] is written whole, 500 items at a time, into a folder and into S3', async () => {
    await using server = await startS3Server();
    const { at, chat } = await longChat();
    const limits: number[] = [];
    const store: ArchiveParts['store'] = {
      chat: at.store.chat,
      resource: at.store.resource,
      async items(key, range) {
        limits.push(range.limit);
        return at.store.items(key, range);
      },
    };
    const bucket = await server.bucket();
    const rules = [{ pattern: 'bucket-*', place: { s3: {} } }];
    await using s3 = openBuckets({ rules, blobs: undefined, s3: { region, endpoint: server.url }, ids: systemIds() });
    const folder = await archive(partsOf(at, { store }), chat);
    await setPlace(at, transcripts, bucket);
    await setPlace(at, records, bucket);
    const remote = await archive(partsOf(at, { store, buckets: s3 }), chat);
    assert(limits.every((limit) => limit <= 500) && limits.length >= 12);
    const { Transcript } = await read(folder.transcript, at.buckets);
    assert.deepEqual(
      Transcript.slice(1, -1).map(({ Content }: { Content: string }) => Number.parseInt(Content, 10)),
      Array.from({ length: messages }, (_, index) => index + 1),
    );
    assert.deepEqual(await read(remote.transcript, s3), await read(folder.transcript, at.buckets));
    assert.deepEqual(await server.keys(bucket), [remote.record?.key, remote.transcript?.key]);
    const removed = await removeArchived(partsOf(at, { store, buckets: s3 }), { ...chat, archived: remote });
    assert.deepEqual([removed, await server.keys(bucket)], [2, []]);
  });

  test('[TF4, OB14] leaves everybody else a turn between two pages, and reads no more once it is broken off', async () => {
    const { at, chat } = await longChat();
    let turn = 0;
    const pass = () => {
      turn += 1;
      passing = setImmediate(pass);
    };
    let passing = setImmediate(pass);
    const reads: number[] = [];
    const stopping = new AbortController();
    const store: ArchiveParts['store'] = {
      ...at.store,
      async items(key, range) {
        reads.push(turn);
        if (reads.length === 5) stopping.abort();
        return at.store.items(key, range);
      },
    };
    const archiving = archive(partsOf(at, { store, signal: stopping.signal }), chat);
    await assert.rejects(archiving.finally(() => clearImmediate(passing)));
    assert.deepEqual([reads.length, new Set(reads).size], [5, 5]);
  });
});

describe('the contact record', () => {
  test('[CR1, CR2, CR3, CR4, CR5, CR6] of a chat with an agent has what Amazon’s have', async () => {
    const at = await testPipeline();
    const References = { order: { Value: 'https://example.com/7', Type: 'URL' } };
    const customer = await startChat(at, { CustomerId: 'c-1', Attributes: { plan: 'gold' } });
    const { ContactId } = customer;
    await at.call('UpdateContact', { InstanceId, ContactId, Name: 'Order 7', References });
    await at.call('TagContact', { InstanceId, ContactId, Tags: { team: 'red' } });
    await say(at, customer.token, 'Hello');
    at.time.now += 1_500;
    const agent = await addAgent(at, ContactId);
    at.time.now += 61_999;
    await say(at, agent.token, 'Hi');
    at.time.now += 1;
    await at.call('DisconnectParticipant', {}, agent.token);
    const chat = await chatOf(at, ContactId);
    const { transcript, record } = await archive(partsOf(at), chat);
    assert.equal(record?.key, `connect/tertulia-dev/ContactRecords/2026/01/31/${ContactId}.json`);
    const { ChatMetrics, ...written } = await read(record, at.buckets);
    assert.equal(ChatMetrics.AgentMetrics.LastMessageTimestamp, '2026-01-31T12:01:03Z');
    const start = '2026-01-31T12:00:00Z';
    const end = '2026-01-31T12:01:03Z';
    assert.deepEqual(written, {
      AWSAccountId: '123456789012',
      AWSContactTraceRecordFormatVersion: '2017-03-10',
      Agent: {
        ...{
          ARN: null,
          Username: 'Eva',
          ConnectedToAgentTimestamp: '2026-01-31T12:00:01Z',
          AgentInteractionDuration: 62,
        },
        ...{ AfterContactWorkStartTimestamp: null, AfterContactWorkEndTimestamp: null, AfterContactWorkDuration: 0 },
        ...{ CustomerHoldDuration: 0, NumberOfHolds: 0, LongestHoldDuration: 0 },
        ...{ HierarchyGroups: null, RoutingProfile: null, StateTransitions: null },
      },
      AgentConnectionAttempts: 1,
      Attributes: { plan: 'gold' },
      Channel: 'CHAT',
      ConnectedToSystemTimestamp: start,
      ContactAssociationId: ContactId,
      ContactDetails: { Name: 'Order 7' },
      ContactId,
      CustomerEndpoint: null,
      CustomerId: 'c-1',
      DisconnectReason: 'AGENT_DISCONNECT',
      DisconnectTimestamp: end,
      InitialContactId: null,
      InitiationMethod: 'API',
      InitiationTimestamp: start,
      InstanceARN: `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`,
      LastUpdateTimestamp: end,
      MediaStreams: [{ Type: 'CHAT' }],
      NextContactId: null,
      PreviousContactId: null,
      Queue: null,
      Recording: null,
      Recordings: [
        {
          ...{
            StorageType: 'S3',
            Location: `tertulia-dev/${transcript?.key}`,
            MediaStreamType: 'CHAT',
            ParticipantType: 'ALL',
          },
          ...{ Status: 'AVAILABLE', StartTimestamp: start, StopTimestamp: end, DeletionReason: null },
        },
      ],
      References: [{ Name: 'order', Type: 'URL', Value: 'https://example.com/7' }],
      RelatedContactId: null,
      RoutingCriteria: null,
      SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' } },
      SystemEndpoint: null,
      Tags: { team: 'red' },
      TransferCompletedTimestamp: null,
      TransferredToEndpoint: null,
    });
    const { Contact } = (await at.call('DescribeContact', { InstanceId, ContactId })).body;
    assert.deepEqual(ChatMetrics, withTimes(Contact.ChatMetrics));
  });

  /** Epoch seconds as whole seconds in ISO 8601. */
  function withTimes(metrics: Record<string, Record<string, unknown>>): Record<string, unknown> {
    const iso = ([name, value]: [string, unknown]) => [
      name,
      name.endsWith('Timestamp') ? `${new Date(Number(value) * 1000).toISOString().slice(0, 19)}Z` : value,
    ];
    return Object.fromEntries(
      Object.entries(metrics).map(([part, members]) => [part, Object.fromEntries(Object.entries(members).map(iso))]),
    );
  }

  test('[CR1, CR3] has null for what there was not, the agent among it', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    const written = await read((await archive(partsOf(at), chat)).record, at.buckets);
    assert.deepEqual([written.Agent, written.AgentConnectionAttempts, written.CustomerId], [null, 0, null]);
    assert.deepEqual([written.Tags, written.References, written.ContactDetails], [{}, [], {}]);
    assert.equal('AgentMetrics' in written.ChatMetrics, false);
  });

  test('[CR5, CR7] is replaced where it is, whatever is configured later', async () => {
    const at = await testPipeline();
    const first = await endedChat(at);
    const archived = await archive(partsOf(at), first);
    await keep(at, first, archived);
    const update = (plan: string) =>
      at.call('UpdateContactAttributes', { InstanceId, InitialContactId: first.id, Attributes: { plan } });
    const plan = async (object = archived.record) => (await read(object, at.buckets)).Attributes.plan;

    await update('gold');
    await setPlace(at, records, 'elsewhere');
    const again = await archive(partsOf(at), await chatOf(at, first.id));
    assert.deepEqual([again, await plan()], [archived, 'gold']);

    await at.call('DisassociateInstanceStorageConfig', records);
    await update('silver');
    assert.deepEqual([await archive(partsOf(at), await chatOf(at, first.id)), await plan()], [archived, 'gold']);
  });

  test('[CR5] gets a new place if nothing stands for the bucket of the old one', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    const archived = await archive(partsOf(at), chat);
    await setPlace(at, records, 'elsewhere');
    const buckets: Buckets = {
      has: (name) => name === 'elsewhere',
      of: async (name) => (name === 'elsewhere' ? at.buckets.of(name) : undefined),
      async [Symbol.asyncDispose]() {},
    };
    const { transcript, record } = await archive(partsOf(at, { buckets }), { ...chat, archived });
    assert.deepEqual(
      [transcript, record],
      [archived.transcript, { bucket: 'elsewhere', key: `p/2026/01/31/${chat.id}.json` }],
    );
  });
});

describe('what stands for a bucket', () => {
  test('[TF6] no more is refused by its name; the record is written, and gets the location with the next try', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    await setPlace(at, transcripts, 'was-there');
    const blobs = at.blobs;
    const rules = [{ pattern: 'was-*', place: { s3: {} } }];
    const s3 = { region, endpoint: 'http://127.0.0.1:1' };
    await using gone = openBuckets({ rules: [], blobs: undefined, s3, ids: at.ids });
    await using down = openBuckets({ rules, blobs, s3, ids: at.ids });
    const some: Buckets = { ...at.buckets, of: async (name) => (name === 'was-there' ? gone : at.buckets).of(name) };
    await assert.rejects(archive(partsOf(at, { buckets: some }), chat), (failure) => {
      assert(failure instanceof Rejected);
      assert.match(failure.message, /^bucket was-there, which the instance has for CHAT_TRANSCRIPTS, is not mapped/);
      return true;
    });
    const record = { bucket: 'tertulia-dev', key: `connect/tertulia-dev/ContactRecords/2026/01/31/${chat.id}.json` };
    assert.equal((await read(record, at.buckets)).Recordings, null);
    // A store that is down is no refusal: it is tried again.
    process.env.AWS_ACCESS_KEY_ID = 'test';
    process.env.AWS_SECRET_ACCESS_KEY = 'test';
    await assert.rejects(archive(partsOf(at, { buckets: down }), chat), (failure) => !(failure instanceof Rejected));
    const archived = await archive(partsOf(at), chat);
    assert.deepEqual(archived.record, record);
    assert.match((await read(record, at.buckets)).Recordings[0].Location, /^was-there\/p\/2026/);
  });
});

describe('erasing', () => {
  test('[TF8] removes both objects, whether the chat knows of them or not', async () => {
    for (const knows of [true, false]) {
      const at = await testPipeline();
      const chat = await endedChat(at);
      const archived = await archive(partsOf(at), chat);
      assert.equal(await removeArchived(partsOf(at), knows ? { ...chat, archived } : chat), knows ? 2 : 0);
      for (const object of [archived.transcript, archived.record]) {
        assert.equal(object && (await opened(object, at.buckets)), undefined);
      }
      assert.equal(await removeArchived(partsOf(at), chat), 0);
    }
  });

  test('[TF8] finds objects where they were written, whatever is configured later', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    const archived = await archive(partsOf(at), chat);
    await setPlace(at, transcripts, 'elsewhere');
    await at.call('DisassociateInstanceStorageConfig', records);
    assert.equal(await removeArchived(partsOf(at), { ...chat, archived }), 2);
    assert(archived.transcript && archived.record);
    assert.equal(await opened(archived.transcript, at.buckets), undefined);
    assert.equal(await opened(archived.record, at.buckets), undefined);
  });

  test('[TF8] says what it leaves in a bucket that nothing stands for', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    const archived = await archive(partsOf(at), chat);
    const warned: object[] = [];
    const log = { ...silentLog, warn: (fields: object) => void warned.push(fields) };
    await using none = openBuckets({ rules: [], blobs: undefined, s3: { region, endpoint: undefined }, ids: at.ids });
    await at.call('DisassociateInstanceStorageConfig', transcripts);
    await at.call('DisassociateInstanceStorageConfig', records);
    await removeArchived(partsOf(at, { buckets: none, log }), { ...chat, archived });
    assert.deepEqual(warned, [archived.transcript, archived.record]);
  });

  test('[TF8] leaves nothing of a chat that is written at the same time', async () => {
    const at = await testPipeline();
    const chat = await endedChat(at);
    const written: string[] = [];
    // The erasing comes between the transcript and the record, and is over before the latter is written.
    const buckets: Buckets = {
      ...at.buckets,
      async of(name) {
        const blobs = (await at.buckets.of(name)) ?? assert.fail();
        return {
          ...blobs,
          async write(key, ...rest) {
            const after = { ...chat, erasingAt: at.time.now };
            await at.store.commit({ now: at.time.now, chat: { expected: chat.revision, after } });
            await removeArchived(partsOf(at), after);
            await blobs.write(key, ...rest);
            written.push(key);
          },
        };
      },
    };
    assert.deepEqual(await archive(partsOf(at, { buckets }), chat), {});
    assert.equal(written.length, 1);
    const ofChat = async (prefix: string) => (await at.blobs.list(prefix, 1000)).filter((key) => key.includes(chat.id));
    assert.deepEqual(await ofChat('buckets/'), []);
  });
});
