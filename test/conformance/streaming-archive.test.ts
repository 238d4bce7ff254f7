import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  AssociateInstanceStorageConfigCommand,
  DescribeContactCommand,
  DisassociateInstanceStorageConfigCommand,
  ListInstanceStorageConfigsCommand,
  UpdateContactAttributesCommand,
} from '@aws-sdk/client-connect';
import { within } from '../support/journal.ts';
import { addBot, connection, InstanceId, say, startChat } from '../support/server.ts';
import { allItems, type StreamingServer, startStreaming, stopContact } from '../support/streaming.ts';

/** What a chat leaves behind when it has ended, as files. */

/** Resolves once a read answers what is looked for; nothing tells when that is. */
async function eventually<T>(what: string, read: () => Promise<T | undefined> | T | undefined): Promise<T> {
  let seen: T | undefined;
  return within(
    what,
    (async () => {
      for (;;) {
        seen = await read();
        if (seen !== undefined) return seen;
      }
    })(),
    () => seen,
  );
}

async function recordings({ api }: StreamingServer, ContactId: string) {
  const { Contact } = await api.connect.send(new DescribeContactCommand({ InstanceId, ContactId }));
  return Contact?.Recordings?.length ? { Contact, Recordings: Contact.Recordings } : undefined;
}

/** A chat with a message from each side, ended. */
async function ended(server: StreamingServer) {
  const ticket = await startChat(server.api, { Attributes: { plan: 'silver' } });
  const ana = await connection(server.api, ticket);
  const bot = await connection(server.api, await addBot(server.api, ticket.ContactId));
  await say(server.api, ana, 'Grüße 🐢');
  await say(server.api, bot, 'good day');
  await stopContact(server.api, ticket.ContactId);
  return ticket;
}

/** Where both objects of a contact are, by its start. */
function keys(transcripts: string, records: string, ContactId: string, start: Date) {
  const minute = start.toISOString().slice(0, 16);
  const day = minute.slice(0, 10).replaceAll('-', '/');
  return {
    transcript: `${transcripts}/${day}/${ContactId}_${minute.replaceAll('-', '')}_UTC.json`,
    record: `${records}/${day}/${ContactId}.json`,
  };
}

function files(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
}

test('[TF1, TF2, TF3, TF7, CR1, CR5, SO13] are plain files of exact names where a folder stands for the bucket, and the record follows the attributes', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-buckets-'));
  await using server = await startStreaming({ buckets: [{ bucket: '*', directory }] });
  const { connect } = server.api;
  try {
    // The transcripts go to a bucket of one's own.
    const ResourceType = 'CHAT_TRANSCRIPTS';
    const list = new ListInstanceStorageConfigsCommand({ InstanceId, ResourceType });
    const [seeded] = (await connect.send(list)).StorageConfigs ?? [];
    const AssociationId = seeded?.AssociationId;
    await connect.send(new DisassociateInstanceStorageConfigCommand({ InstanceId, ResourceType, AssociationId }));
    const S3Config = { BucketName: 'our-chats', BucketPrefix: 'kept/chats' };
    const StorageConfig = { StorageType: 'S3', S3Config } as const;
    await connect.send(new AssociateInstanceStorageConfigCommand({ InstanceId, ResourceType, StorageConfig }));

    const { ContactId, ParticipantId } = await ended(server);
    const { Contact, Recordings } = await eventually('a recording', () => recordings(server, ContactId));
    const start = Contact.InitiationTimestamp as Date;
    const { transcript, record } = keys(
      'our-chats/kept/chats',
      'tertulia-dev/connect/tertulia-dev/ContactRecords',
      ContactId,
      start,
    );
    assert.deepEqual(
      Recordings.map(({ StorageType, Location, Status, ParticipantType }) => [
        StorageType,
        Location,
        Status,
        ParticipantType,
      ]),
      [['S3', transcript, 'AVAILABLE', 'ALL']],
    );
    const items = await allItems(server, ContactId);
    const written = JSON.parse(readFileSync(join(directory, transcript), 'utf8'));
    const { Participants, Transcript, ...head } = written;
    assert.deepEqual(head, {
      Version: '2019-08-26',
      AWSAccountId: '123456789012',
      ...{ InstanceId, InitialContactId: ContactId, ContactId },
    });
    assert.equal(Participants.length, 2);
    assert.deepEqual(Participants[0], { ParticipantId });
    assert.deepEqual(
      Transcript.map((each: Record<string, string>) => [
        each.Id,
        each.Type,
        each.AbsoluteTime,
        each.Content,
        each.ContactId,
      ]),
      items.map(({ Id, Type, AbsoluteTime, Content }) => [Id, Type, AbsoluteTime, Content, undefined]),
    );
    const readRecord = () => {
      const file = join(directory, record);
      return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
    };
    const first = await eventually('the contact record', readRecord);
    assert.deepEqual([first.ContactId, first.Channel, first.Attributes], [ContactId, 'CHAT', { plan: 'silver' }]);
    assert.equal(first.Recordings[0].Location, transcript);

    const bytes = readFileSync(join(directory, transcript), 'utf8');
    const Attributes = { plan: 'gold', note: 'later' };
    await connect.send(new UpdateContactAttributesCommand({ InstanceId, InitialContactId: ContactId, Attributes }));
    const second = await eventually('the new attributes', () =>
      readRecord().Attributes.plan === 'gold' ? readRecord() : undefined,
    );
    assert.deepEqual(second.Attributes, Attributes);
    assert.deepEqual(
      { ...second, Attributes: 0, LastUpdateTimestamp: 0 },
      { ...first, Attributes: 0, LastUpdateTimestamp: 0 },
    );
    assert.equal(readFileSync(join(directory, transcript), 'utf8'), bytes, 'the transcript is as it was');
    assert.deepEqual(
      files(directory).sort(),
      [join(directory, transcript), join(directory, record)].sort(),
      'and nothing else',
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('[OB8, TF3, SO14] are in the data directory without any configuration, also of a chat whose server is killed as it ends', async () => {
  await using server = await startStreaming({});
  const ending = [];
  for (let count = 0; count < 4; count += 1) {
    const ticket = await startChat(server.api);
    await say(server.api, await connection(server.api, ticket), `hello ${count}`);
    ending.push(ticket);
  }
  await Promise.all(ending.map(({ ContactId }) => stopContact(server.api, ContactId)));
  await server.crash();
  for (const { ContactId } of ending) {
    const { Contact, Recordings } = await eventually('a recording', () => recordings(server, ContactId));
    const prefix = 'connect/tertulia-dev';
    const start = Contact.InitiationTimestamp as Date;
    const { transcript } = keys(`tertulia-dev/${prefix}/ChatTranscripts`, '', ContactId, start);
    assert.equal(Recordings[0]?.Location, transcript);
    const mine = () => files(join(server.directory, 'blobs')).filter((each) => each.includes(ContactId));
    await eventually('both objects', () => (mine().length === 2 ? true : undefined));
  }
});
