import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { addBot, InstanceId, startChat, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';

interface Item {
  readonly Id: string;
  readonly Content?: string;
  readonly ContentType: string;
  readonly ContactId?: string;
  readonly RelatedContactId?: string;
}

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});

const read = (token: string, more: Record<string, unknown> = {}) => pipeline.call('GetTranscript', more, token);
const stop = (ContactId: string) => pipeline.call('StopContact', { InstanceId, ContactId });
const persistent = (SourceContactId: string) => ({
  PersistentChat: { RehydrationType: 'FROM_SEGMENT', SourceContactId },
});
async function say(token: string, ...contents: string[]): Promise<void> {
  for (const Content of contents) {
    pipeline.time.now += 10;
    await pipeline.call('SendMessage', { ContentType: 'text/plain', Content }, token);
  }
}
/** Messages by their contents, events by the last part of their types. */
const inShort = (items: readonly Item[]) =>
  items.map(({ Content, ContentType }) => Content ?? ContentType.slice(ContentType.lastIndexOf('.') + 1));

/** Every page from the first on. */
async function pages(token: string, input: Record<string, unknown> = {}): Promise<Item[][]> {
  const found: Item[][] = [];
  let NextToken: string | undefined;
  do {
    const { status, body } = await read(token, { ...input, NextToken });
    assert.equal(status, 200);
    found.push(body.Transcript);
    ({ NextToken } = body);
  } while (NextToken);
  return found;
}

/** Puts an event in the log that is for the customer alone. */
async function hide(contactId: string, participantId: string): Promise<void> {
  const chat = await pipeline.store.chat({ contactId });
  const contentType = 'application/vnd.amazonaws.connect.event.authentication.initiated';
  await pipeline.store.append({
    chat: chat?.key ?? 0,
    author: participantId,
    now: pipeline.time.now,
    item: { tail: pipeline.ids.tail(), type: 'EVENT', contentType, content: 'secret', participantId },
    token: { value: pipeline.ids.uuid(), request: '' },
  });
}

/** A chat with these messages, ended or not. */
async function chat(contents: readonly string[], more: Record<string, unknown> = {}) {
  const started = await startChat(pipeline, more);
  await say(started.token, ...contents);
  return started;
}
async function endedChat(contents: readonly string[], more: Record<string, unknown> = {}): Promise<string> {
  const { ContactId } = await chat(contents, more);
  await stop(ContactId);
  return ContactId;
}

describe('GetTranscript of a persistent chat', () => {
  it('[PC10] has a NextToken on its first page, own items alone on it, and the past on the next', async () => {
    const past = await endedChat(['a1', 'a2']);
    const { token } = await chat(['b1'], persistent(past));
    assert.deepEqual((await pages(token)).map(inShort), [
      ['b1', 'joined'],
      ['ended', 'a2', 'a1', 'joined'],
    ]);
    assert.deepEqual((await pages(token, { SortOrder: 'ASCENDING', MaxResults: 100 })).map(inShort), [
      ['joined', 'b1'],
      ['joined', 'a1', 'a2', 'ended'],
    ]);
  });

  it('[PC8, PC10] reads contact after contact, the latest first, pages of past items going over their borders', async () => {
    const first = await endedChat(['a1']);
    const second = await endedChat(['b1'], persistent(first));
    const { token } = await chat([], persistent(second));
    assert.deepEqual((await pages(token, { MaxResults: 4 })).map(inShort), [
      ['joined'],
      ['ended', 'b1', 'joined', 'ended'],
      ['a1', 'joined'],
    ]);
    assert.deepEqual((await pages(token, { MaxResults: 3, SortOrder: 'ASCENDING' })).map(inShort), [
      ['joined'],
      ['joined', 'b1', 'ended'],
      ['joined', 'a1', 'ended'],
    ]);
  });

  it('[PC10] keeps the order of contacts, not of times, of a past that ended after the chat began', async () => {
    const source = await chat(['a1']);
    const { ContactId, token } = await chat(['b1']);
    await say(source.token, 'a2');
    await stop(source.ContactId);
    await pipeline.call('CreatePersistentContactAssociation', {
      InstanceId,
      InitialContactId: ContactId,
      RehydrationType: 'ENTIRE_PAST_SESSION',
      SourceContactId: source.ContactId,
    });
    await say(token, 'b2');
    assert.deepEqual((await pages(token, { SortOrder: 'ASCENDING' })).map(inShort), [
      ['joined', 'b1', 'b2'],
      ['joined', 'a1', 'a2', 'ended'],
    ]);
  });

  it('[PC10] goes on into the past with a NextToken that is older than the association', async () => {
    const past = await endedChat(['a1']);
    const { ContactId, token } = await chat(['b1', 'b2']);
    const { body } = await read(token, { MaxResults: 2 });
    await pipeline.call('CreatePersistentContactAssociation', {
      InstanceId,
      InitialContactId: ContactId,
      RehydrationType: 'FROM_SEGMENT',
      SourceContactId: past,
    });
    const rest = await read(token, { MaxResults: 2, NextToken: body.NextToken });
    assert.deepEqual(inShort(rest.body.Transcript), ['joined']);
    const further = await read(token, { NextToken: rest.body.NextToken });
    assert.deepEqual(inShort(further.body.Transcript), ['ended', 'a1', 'joined']);
  });

  it('[PC10] reads the past before the chat has an item of its own', async () => {
    const past = await endedChat(['a1']);
    const { token } = await startChat(pipeline, persistent(past), false);
    assert.deepEqual((await pages(token)).map(inShort), [[], ['ended', 'a1', 'joined']]);
  });

  it('[PC10] shows the past to a bot as well', async () => {
    const past = await endedChat(['a1']);
    const { ContactId, token } = await chat([], persistent(past));
    const bot = await addBot(pipeline, ContactId);
    const [, ofBot] = await pages(bot.token);
    assert.deepEqual(ofBot, (await pages(token))[1]);
    assert.equal(ofBot?.length, 3);
  });

  it('[PC11] keeps Id, time, author, name, role and receipts of past items, and names their own contact', async () => {
    const source = await chat(['a1'], { ParticipantDetails: { DisplayName: 'Ana of old' } });
    const bot = await addBot(pipeline, source.ContactId, 'Bot of old');
    const [before = []] = await pages(source.token, { MaxResults: 100 });
    const message = before.find(({ Content }) => Content === 'a1');
    pipeline.time.now += 1000;
    await pipeline.call(
      'SendEvent',
      {
        ContentType: 'application/vnd.amazonaws.connect.event.message.read',
        Content: JSON.stringify({ messageId: message?.Id }),
      },
      bot.token,
    );
    const [own = []] = await pages(source.token, { MaxResults: 100 });
    await stop(source.ContactId);
    const { token } = await chat([], persistent(source.ContactId));
    const [, [ended, ...past] = []] = await pages(token, { MaxResults: 100 });
    assert.deepEqual(
      past,
      own.map(({ ContactId, ...item }) => ({ ...item, RelatedContactId: ContactId })),
    );
    assert.deepEqual(Object.keys(ended ?? {}).sort(), [
      'AbsoluteTime',
      'ContentType',
      'Id',
      'RelatedContactId',
      'Type',
    ]);
    const { MessageMetadata: metadata, DisplayName } = past.find(({ Id }) => Id === message?.Id) as unknown as {
      DisplayName: string;
      MessageMetadata: { Receipts: { ReadTimestamp: string }[] };
    };
    assert.equal(DisplayName, 'Ana of old');
    assert.equal(metadata.Receipts[0]?.ReadTimestamp, new Date(pipeline.time.now).toISOString());
  });

  it('[PC12] reads no past item FORWARD, with a ContactId, or from a position among past items', async () => {
    const source = await chat(['a1', 'a2']);
    const [items = []] = await pages(source.token);
    await stop(source.ContactId);
    const { ContactId, token } = await chat(['b1'], persistent(source.ContactId));
    for (const input of [{ ScanDirection: 'FORWARD' }, { ContactId }, { StartPosition: { MostRecent: 50 } }]) {
      const found = await pages(token, { ...input, SortOrder: 'ASCENDING' });
      assert.deepEqual(found.map(inShort), [['joined', 'b1']], JSON.stringify(input));
    }
    for (const input of [{ StartPosition: { Id: items[0]?.Id } }, { ContactId: source.ContactId }]) {
      const { status, type } = await read(token, input);
      assert.deepEqual([status, type], [400, 'ValidationException'], JSON.stringify(input));
    }
  });

  it('[PC12] goes on into the past BACKWARD from a StartPosition, whatever it is', async () => {
    const past = await endedChat(['a1']);
    const { token } = await chat(['b1', 'b2'], persistent(past));
    const [own = []] = await pages(token, { MaxResults: 10 });
    const old = ['ended', 'a1', 'joined'];
    for (const [StartPosition, expected] of [
      [{ Id: own[1]?.Id }, [['b1', 'joined'], old]],
      [{ MostRecent: 2 }, [['b1', 'joined'], old]],
      [{ MostRecent: 100 }, [['joined'], old]],
      [{ AbsoluteTime: '2020-01-01T00:00:00.000Z' }, [[], old]],
      [{ MostRecent: 0 }, [[]]],
    ] as const) {
      const found = await pages(token, { StartPosition, ScanDirection: 'BACKWARD' });
      assert.deepEqual(found.map(inShort), expected, JSON.stringify(StartPosition));
    }
  });

  it('[PC12] refuses a ContactId with a NextToken that leads into the past, and takes it with another', async () => {
    const past = await endedChat(['a1', 'a2']);
    const { ContactId, token } = await chat(['b1'], persistent(past));
    const first = await read(token, { MaxResults: 1 });
    const second = await read(token, { MaxResults: 1, ContactId, NextToken: first.body.NextToken });
    assert.deepEqual([second.status, 'NextToken' in second.body], [200, false]);
    const whole = await read(token);
    const third = await read(token, { MaxResults: 1, NextToken: whole.body.NextToken });
    for (const NextToken of [whole.body.NextToken, third.body.NextToken]) {
      const { status, type, body } = await read(token, { ContactId, NextToken });
      assert.deepEqual([status, type], [400, 'ValidationException']);
      assert.match(body.message, /leave ContactId out/);
    }
  });

  it('[PC13] passes over a past contact that was erased, and ends where all were', async () => {
    const first = await endedChat(['a1']);
    const second = await endedChat(['b1'], persistent(first));
    const third = await endedChat(['c1'], persistent(second));
    const { token } = await chat([], persistent(third));
    await pipeline.store.erase({ contactId: second }, 1);
    const old = ['ended', 'c1', 'joined', 'ended', 'a1', 'joined'];
    assert.deepEqual((await pages(token)).map(inShort), [['joined'], old]);
    assert.deepEqual((await pages(token, { MaxResults: 3 })).map(inShort), [['joined'], old.slice(0, 3), old.slice(3)]);
    await pipeline.store.erase({ contactId: first }, 1);
    assert.deepEqual((await pages(token, { MaxResults: 3 })).map(inShort), [['joined'], old.slice(0, 3)]);
    await pipeline.store.erase({ contactId: third }, 1);
    const { body } = await read(token);
    assert.deepEqual([inShort(body.Transcript), 'NextToken' in body], [['joined'], false]);
  });

  it('[PC13] goes on after a past contact that is erased between two pages', async () => {
    const first = await endedChat(['a1']);
    const second = await endedChat(['b1', 'b2'], persistent(first));
    const { token } = await chat([], persistent(second));
    const own = await read(token);
    const { body } = await read(token, { MaxResults: 2, NextToken: own.body.NextToken });
    assert.deepEqual(inShort(body.Transcript), ['ended', 'b2']);
    await pipeline.store.erase({ contactId: second }, 1);
    const next = await read(token, { NextToken: body.NextToken });
    assert.deepEqual(inShort(next.body.Transcript), ['ended', 'a1', 'joined']);
  });

  it('[TR3] refuses a NextToken of a chat that continues the same past', async () => {
    const past = await endedChat(['a1']);
    const [one, other] = [await chat([], persistent(past)), await chat([], persistent(past))];
    const { body } = await read(one.token);
    assert.equal((await read(other.token, { NextToken: body.NextToken })).status, 400);
    assert.equal((await read(one.token, { NextToken: body.NextToken, SortOrder: 'ASCENDING' })).status, 400);
    assert.equal((await read(one.token, { NextToken: body.NextToken })).status, 200);
  });

  it('[TR10] checks the form of a StartPosition beside a NextToken, and goes where the token says', async () => {
    const { token } = await chat(['b1', 'b2', 'b3']);
    const { body } = await read(token, { MaxResults: 2 });
    const more = { NextToken: body.NextToken, ScanDirection: 'BACKWARD' };
    const next = await read(token, { ...more, StartPosition: { MostRecent: 1 } });
    assert.deepEqual(inShort(next.body.Transcript), ['b1', 'joined']);
    for (const StartPosition of [{ AbsoluteTime: 'yesterday' }, { MostRecent: 1, Id: 'x' }]) {
      assert.equal((await read(token, { ...more, StartPosition })).status, 400);
    }
  });

  it('[TR11] leaves out what the reader may not see, of the past as well', async () => {
    const source = await chat(['a1']);
    await hide(source.ContactId, source.ParticipantId);
    await say(source.token, 'a2');
    await stop(source.ContactId);
    const { ContactId, ParticipantId, token } = await chat(['b1'], persistent(source.ContactId));
    await hide(ContactId, ParticipantId);
    const bot = await addBot(pipeline, ContactId);
    assert.deepEqual((await pages(token)).map(inShort), [
      ['joined', 'secret', 'b1', 'joined'],
      ['ended', 'a2', 'secret', 'a1', 'joined'],
    ]);
    assert.deepEqual((await pages(bot.token)).map(inShort), [
      ['joined', 'b1', 'joined'],
      ['ended', 'a2', 'a1', 'joined'],
    ]);
    assert.deepEqual((await pages(bot.token, { MaxResults: 2 })).map(inShort), [
      ['joined'],
      ['b1', 'joined'],
      ['ended', 'a2'],
      ['a1'],
      ['joined'],
    ]);
  });
});
