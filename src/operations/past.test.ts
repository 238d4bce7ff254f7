import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ContactFlowId, InstanceId, startChat, type TestPipeline, testPipeline } from '../../test/support/pipeline.ts';

const limit = 5_242_880;

interface Item {
  readonly Id: string;
  readonly Content?: string;
  readonly RelatedContactId?: string;
}

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});

const persistent = (SourceContactId: string) => ({
  PersistentChat: { RehydrationType: 'FROM_SEGMENT', SourceContactId },
});
const stop = (ContactId: string) => pipeline.call('StopContact', { InstanceId, ContactId });
const say = async (token: string, Content: string) => {
  const { status } = await pipeline.call('SendMessage', { ContentType: 'text/plain', Content }, token);
  assert.equal(status, 200);
};

/** All items before the chat's own, newest first. */
async function pastOf(token: string): Promise<Item[]> {
  const items: Item[] = [];
  let NextToken: string | undefined;
  do {
    const { body } = await pipeline.call('GetTranscript', { MaxResults: 100, NextToken }, token);
    items.push(...body.Transcript.filter((each: Item) => each.RelatedContactId !== undefined));
    ({ NextToken } = body);
  } while (NextToken);
  return items;
}

const sizeOf = (items: readonly Item[]) =>
  items.reduce((sum, item) => sum + Buffer.byteLength(JSON.stringify(item)), 0);
const contactsOf = (items: readonly Item[]) => [...new Set(items.map((each) => each.RelatedContactId))];

/** An ended chat, continuing another if one is given, whose transcript is that long as a past one. */
async function endedChat(bytes: number, more: Record<string, unknown> = {}): Promise<string> {
  const { ContactId, token } = await startChat(pipeline, more);
  const { joined, message, ended } = await sizes();
  let left = bytes - joined - ended;
  while (left > 0) {
    const rest = left - message;
    // What is left for the last one must be a whole message, too.
    const content = rest <= 16_384 ? rest : Math.min(16_384, rest - message - 1);
    await say(token, 'x'.repeat(content));
    left -= message + content;
  }
  assert.equal(left, 0);
  await stop(ContactId);
  return ContactId;
}

/** What items are long, but for the content of a message. */
let known: Promise<Record<'joined' | 'message' | 'ended', number>> | undefined;
function sizes() {
  known ??= (async () => {
    const { ContactId, token } = await startChat(pipeline);
    await say(token, 'x');
    await stop(ContactId);
    const [ended = 0, message = 0, joined = 0] = (
      await pastOf((await startChat(pipeline, persistent(ContactId))).token)
    ).map((each) => sizeOf([each]));
    return { joined, message: message - 1, ended };
  })();
  return known;
}

describe('the source of a persistent chat', () => {
  it('[PC9] is measured in the bytes of its items as GetTranscript writes them, receipts and all', async () => {
    const { ContactId, token } = await startChat(pipeline, { ParticipantDetails: { DisplayName: 'Zoë 😀' } });
    await say(token, 'Grüße, 日本, "quoted"\n😀');
    const { body } = await pipeline.call('GetTranscript', {}, token);
    const bot = await pipeline.call('CreateParticipant', {
      InstanceId,
      ContactId,
      ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' },
    });
    const connected = await pipeline.call(
      'CreateParticipantConnection',
      { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: true },
      bot.body.ParticipantCredentials.ParticipantToken,
    );
    const read = {
      ContentType: 'application/vnd.amazonaws.connect.event.message.read',
      Content: JSON.stringify({ messageId: body.Transcript[0].Id }),
    };
    await pipeline.call('SendEvent', read, connected.body.ConnectionCredentials.ConnectionToken);
    await stop(ContactId);
    const next = await startChat(pipeline, persistent(ContactId));
    const items = await pastOf(next.token);
    assert.equal(items.length, 4);
    const chat = await pipeline.store.chat({ contactId: next.ContactId });
    assert.equal(chat?.past?.chats[0]?.bytes, sizeOf(items));
  });

  it('[PC9] may be 5 MB long, and no byte longer', async () => {
    const fits = await endedChat(limit);
    const { token } = await startChat(pipeline, persistent(fits));
    assert.equal(sizeOf(await pastOf(token)), limit);

    const long = await endedChat(limit + 1);
    const input = { InstanceId, RehydrationType: 'FROM_SEGMENT', SourceContactId: long };
    const other = await startChat(pipeline);
    const refusals = [
      await pipeline.call('StartChatContact', {
        InstanceId,
        ContactFlowId,
        ParticipantDetails: { DisplayName: 'Ana' },
        ...persistent(long),
      }),
      await pipeline.call('CreatePersistentContactAssociation', { ...input, InitialContactId: other.ContactId }),
    ];
    for (const { status, type, body } of refusals) {
      assert.deepEqual([status, type], [400, 'InvalidRequestException']);
      assert.match(body.message, new RegExp(`${long} is longer than 5242880 bytes`));
    }
  });

  it('[PC9] brings of its own past what fits into 5 MB together with it', async () => {
    const oldest = await endedChat(1000);
    const middle = await endedChat(limit - 1_000_000, persistent(oldest));
    const fits = await endedChat(1_000_000 - 1000, persistent(middle));
    const tooLong = await endedChat(1_000_000 + 1, persistent(middle));
    const none = await endedChat(1_000_000 - 999, persistent(middle));
    for (const [source, expected] of [
      [fits, [fits, middle, oldest]],
      [none, [none, middle]],
      [tooLong, [tooLong]],
    ] as const) {
      const { token } = await startChat(pipeline, persistent(source));
      assert.deepEqual(contactsOf(await pastOf(token)), expected);
    }
  });

  it('[PC9] is not read at all if its items alone say that it is too long', async () => {
    const reads: number[] = [];
    const watched = await testPipeline({
      wrap: (store) => ({
        ...store,
        async chat(ref) {
          const chat = await store.chat(ref);
          return chat?.end ? { ...chat, last: 1_000_000 } : chat;
        },
        items(key, range) {
          reads.push(key);
          return store.items(key, range);
        },
        [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      }),
    });
    const { ContactId } = await startChat(watched);
    await watched.call('StopContact', { InstanceId, ContactId });
    const { ContactId: InitialContactId } = await startChat(watched);
    const { status } = await watched.call('CreatePersistentContactAssociation', {
      InstanceId,
      InitialContactId,
      RehydrationType: 'FROM_SEGMENT',
      SourceContactId: ContactId,
    });
    assert.deepEqual([status, reads], [400, []]);
  });

  it('[PC8] brings its own past, to a hundred contacts in all', async () => {
    const ended: string[] = [];
    for (let count = 0; count < 102; count += 1) {
      const source = ended.at(-1);
      const { ContactId } = await startChat(pipeline, source ? persistent(source) : {});
      await stop(ContactId);
      ended.push(ContactId);
    }
    const { token } = await startChat(pipeline, persistent(ended.at(-1) ?? ''));
    const items = await pastOf(token);
    assert.deepEqual(contactsOf(items), ended.slice(2).toReversed());
    assert.equal(items.length, 200);
  });
});
