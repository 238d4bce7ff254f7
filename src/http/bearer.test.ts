import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { helloFile } from '../../test/support/attachments.ts';
import {
  addBot,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../test/support/pipeline.ts';
import { registry } from '../operations/registry.ts';
import { type Identity, openTokens, type TokenKind } from '../tokens/tokens.ts';

const event = 'application/vnd.amazonaws.connect.event.';
/** A request for every operation that takes a bearer token, which gets past the token when that is good. */
const inputs: Readonly<Record<string, (messageId: string) => Record<string, unknown>>> = {
  CancelParticipantAuthentication: () => ({ SessionId: '30000000-0000-4000-8000-000000000001' }),
  CompleteAttachmentUpload: () => ({ AttachmentIds: ['any'], ClientToken: 'once' }),
  CreateParticipantConnection: () => ({ Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'] }),
  DescribeView: () => ({ ViewToken: 'view' }),
  DisconnectParticipant: () => ({ ClientToken: 'once' }),
  GetAttachment: () => ({ AttachmentId: 'any' }),
  GetAuthenticationUrl: () => ({ SessionId: '30000000-0000-4000-8000-000000000001', RedirectUri: '' }),
  GetTranscript: () => ({}),
  SendEvent: (messageId) => ({ ContentType: `${event}message.read`, Content: JSON.stringify({ messageId }) }),
  SendMessage: () => ({ ContentType: 'text/plain', Content: 'I should not be here' }),
  StartAttachmentUpload: () => helloFile,
};
const operations = registry.filter((each) => each.bearer !== undefined);
const hour = 60 * 60 * 1000;

/** Everything that can be wrong with a token: how it is made, and how the refusal says so. */
interface Wrong {
  readonly what: string;
  readonly token: (good: string, kind: TokenKind, made: Made) => string | undefined | Promise<string | undefined>;
  readonly words: RegExp;
}

interface Made {
  readonly at: TestPipeline;
  readonly identity: Identity;
  readonly customer: Awaited<ReturnType<typeof startChat>>;
}

const signed = ({ at, identity }: Made, kind: TokenKind, more: Partial<Identity>, expiresAt = at.time.now + hour) =>
  at.tokens.sign(kind, { ...identity, ...more }, at.time.now, expiresAt);
const noToken = /^The x-amz-bearer header is missing: it must carry a (participant|connection) token/;
const foreign = /does not hold a token of this server; it must carry the (participant|connection) token that /;
const payloadOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as unknown[];
const nobody = /There is no participant .* in a chat /;

const wrongs: readonly Wrong[] = [
  { what: 'no token', token: () => undefined, words: noToken },
  { what: 'an empty token', token: () => '', words: noToken },
  { what: 'a text that is no token', token: () => 'nonsense', words: foreign },
  { what: 'dots', token: () => '...', words: foreign },
  { what: 'JSON', token: () => '{"alg":"none"}', words: foreign },
  { what: 'a token with Bearer before it', token: (good) => `Bearer ${good}`, words: foreign },
  { what: 'a token that is cut', token: (good) => good.slice(0, -1), words: foreign },
  { what: 'a token that goes on', token: (good) => `${good}A`, words: foreign },
  { what: 'a token without signature', token: (good) => good.split('.')[0], words: foreign },
  { what: 'a token of 15,000 characters', token: () => 'A'.repeat(15_000), words: foreign },
  {
    what: 'a token whose identity was changed',
    token(good) {
      const payload = payloadOf(good);
      payload[9] = 'somebody else';
      return `${Buffer.from(JSON.stringify(payload)).toString('base64url')}.${good.split('.')[1]}`;
    },
    words: foreign,
  },
  {
    what: 'a token of another server',
    token: (_, kind, { at, identity }) =>
      openTokens([{ id: 'k1', secret: Buffer.alloc(32), from: 0 }]).sign(
        kind,
        identity,
        at.time.now,
        at.time.now + hour,
      ),
    words: foreign,
  },
  {
    what: 'a paging token',
    token: async (_, __, { at, customer }) => {
      for (let count = 0; count < 11; count += 1) {
        await at.call('SendMessage', { ContentType: 'text/plain', Content: 'x' }, customer.token);
      }
      return (await at.call('GetTranscript', { MaxResults: 2 }, customer.token)).body.NextToken;
    },
    words: foreign,
  },
  {
    what: 'a token of the other kind',
    token: (_, kind, made) => signed(made, kind === 'participant' ? 'connection' : 'participant', {}),
    words: /holds a (participant|connection) token, but this operation takes a (connection|participant) token, from /,
  },
  {
    what: 'the token of a WebSocket URL',
    token: (_, __, made) => signed(made, 'socket', {}),
    words: /holds a socket token, but this operation takes a (participant|connection) token/,
  },
  {
    what: 'a token that expired',
    token: (_, kind, made) => signed(made, kind, {}, made.at.time.now),
    words: /token expired at 2026-01-31T12:00:00\.000Z; get a new one from /,
  },
  {
    what: 'a token of an unknown participant',
    token: (_, kind, made) => signed(made, kind, { participantId: 'x' }),
    words: nobody,
  },
  {
    what: 'a token of a chat that another store gave the same key',
    token: (_, kind, made) => signed(made, kind, { chatId: made.at.ids.uuid(), participantId: made.at.ids.uuid() }),
    words: nobody,
  },
  { what: 'a token of an unknown chat', token: (_, kind, made) => signed(made, kind, { chatKey: 999 }), words: nobody },
  {
    what: 'a token of a participant that left',
    async token(_, kind, made) {
      const bot = await addBot(made.at, made.customer.ContactId);
      await made.at.call('DisconnectParticipant', {}, bot.token);
      return signed(made, kind, { participantId: bot.ParticipantId });
    },
    words: /^Participant .* left the chat .* at 2026-01-31T12:00:00\.000Z/,
  },
  {
    what: 'a token of a chat that ended',
    async token(_, kind, { at }) {
      const chat = await startChat(at);
      await at.call('StopContact', { InstanceId, ContactId: chat.ContactId });
      return kind === 'participant' ? chat.ParticipantToken : chat.token;
    },
    words: /^The chat .* ended at 2026-01-31T12:00:00\.000Z/,
  },
];

for (const operation of operations) {
  const kind = operation.bearer ?? 'connection';
  describe(`the bearer token of ${operation.name}`, () => {
    let made: Made;
    let messageId: string;
    before(async () => {
      const at = await testPipeline();
      const customer = await startChat(at);
      const sent = await at.call('SendMessage', { ContentType: 'text/plain', Content: 'first' }, customer.token);
      messageId = sent.body.Id;
      const verdict = at.tokens.verify('connection', customer.token, at.time.now);
      assert.ok('identity' in verdict);
      made = { at, identity: verdict.identity, customer };
    });

    for (const { what, token, words } of wrongs) {
      it(`[TK1, CN1] refuses ${what} to ${operation.name} by 403, writes nothing and repeats no token`, async () => {
        const { at, customer } = made;
        const good = kind === 'participant' ? customer.ParticipantToken : customer.token;
        const given = await token(good, kind, made);
        const before = await transcript(at, customer.token);
        const answer = await at.call(operation.name, inputs[operation.name]?.(messageId) ?? {}, given);
        assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
        assert.match(answer.body.message, words);
        if (given) assert.ok(!JSON.stringify(answer.body).includes(given), 'the token is in the refusal');
        assert.deepEqual(await transcript(at, customer.token), before);
      });
    }

    it(`[HT6] answers ${operation.name} whatever the authorization header holds`, async () => {
      const { at, customer } = made;
      const chat = await startChat(at);
      const sent = await at.call('SendMessage', { ContentType: 'text/plain', Content: 'first' }, chat.token);
      const good = kind === 'participant' ? chat.ParticipantToken : chat.token;
      const body = JSON.stringify(inputs[operation.name]?.(sent.body.Id));
      const { status } = await at.raw(operation.method, operation.path, body, { 'X-Amz-Bearer': good });
      assert.notEqual(status, 403);
      for (const authorization of ['', 'nonsense', `Bearer ${customer.token}`, emptyKey]) {
        const headers = { 'X-Amz-Bearer': good, authorization };
        assert.equal((await at.raw(operation.method, operation.path, body, headers)).status, status, authorization);
      }
      const alone = await at.raw(operation.method, operation.path, body, { authorization: `Bearer ${good}` });
      assert.equal(alone.status, 403);
    });
  });
}

/** What chatjs sends with every call: a signature by an empty access key. */
const emptyKey =
  'AWS4-HMAC-SHA256 Credential=/20260131/us-west-2/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=00';

describe('bearer tokens', () => {
  it('[TK1] has a request here for every operation that takes a bearer token', () => {
    assert.deepEqual(Object.keys(inputs).sort(), operations.map(({ name }) => name).sort());
  });

  it('[TK1] reads and marks the chat of the token alone, of whatever instance the other one is', async () => {
    const at = await testPipeline();
    const mine = await startChat(at);
    const foreign = { InstanceId: otherInstance.id, ContactFlowId: otherInstance.flows[0]?.id };
    const other = await startChat(at, foreign);
    const sent = await at.call('SendMessage', { ContentType: 'text/plain', Content: 'theirs' }, other.token);
    assert.deepEqual(await transcript(at, mine.token), ['participant.joined Ana']);
    const Content = JSON.stringify({ messageId: sent.body.Id });
    const receipt = await at.call('SendEvent', { ContentType: `${event}message.read`, Content }, mine.token);
    assert.equal(receipt.status, 400);
    assert.equal((await at.call('GetTranscript', { ContactId: other.ContactId }, mine.token)).status, 400);
    const StartPosition = { Id: sent.body.Id };
    assert.equal((await at.call('GetTranscript', { StartPosition }, mine.token)).status, 400);
  });

  it('[TK1] refuses a token whose chat is not the one that its key names, though the participant is in it', async () => {
    const at = await testPipeline();
    const chat = await startChat(at);
    const verdict = at.tokens.verify('connection', chat.token, at.time.now);
    assert.ok('identity' in verdict);
    const identity = { ...verdict.identity, chatId: at.ids.uuid() };
    for (const { name, bearer = 'connection' } of operations.filter((each) => each.name !== 'SendMessage')) {
      const token = at.tokens.sign(bearer, identity, at.time.now, at.time.now + hour);
      assert.equal((await at.call(name, inputs[name]?.('x') ?? {}, token)).status, 403, name);
    }
  });

  it('[TK2] makes tokens of at most 1,000 characters, also where ids are of the longest', async () => {
    const at = await testPipeline();
    const identity = {
      account: '123456789012',
      region: 'ap-southeast-2',
      instanceId: at.ids.uuid(),
      chatId: at.ids.uuid(),
      chatKey: Number.MAX_SAFE_INTEGER,
      participantId: at.ids.uuid(),
    };
    for (const kind of ['participant', 'connection', 'socket'] as const) {
      const token = at.tokens.sign(kind, identity, at.time.now, at.time.now + hour);
      assert.ok(token.length <= 1000);
      assert.match(token, /^[\w.-]+$/, 'fits into a header and a query as it is');
    }
  });
});
