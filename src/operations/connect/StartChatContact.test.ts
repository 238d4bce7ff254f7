import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  addBot,
  ContactFlowId,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';
import { developmentInstance } from '../../config.ts';

const valid = { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } };
const instanceArn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
const flowArn = `${instanceArn}/contact-flow/${ContactFlowId}`;
const interactive = 'application/vnd.amazonaws.connect.message.interactive';
const interactiveResponse = `${interactive}.response`;
const everyType = ['text/plain', 'text/markdown', 'application/json', interactive, interactiveResponse];
const day = 24 * 60 * 60 * 1000;

let pipeline: TestPipeline;
const start = (more: Record<string, unknown> = {}) => pipeline.call('StartChatContact', { ...valid, ...more });
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'StartChatContact', valid, pipeline: () => pipeline };

describe('StartChatContact: serialization', () => {
  serialization(subject, [
    ['/InstanceId', 5, 'a string'],
    ['/ContactFlowId', { id: ContactFlowId }, 'a string'],
    ['/Attributes', ['key'], 'an object'],
    ['/Attributes/key', 5, 'a string'],
    ['/ParticipantDetails', 'Ana', 'an object'],
    ['/ParticipantDetails/DisplayName', ['Ana'], 'a string'],
    ['/ParticipantConfiguration', [], 'an object'],
    ['/ParticipantConfiguration/ResponseMode', 1, 'a string'],
    ['/InitialMessage', 'Hello', 'an object'],
    ['/InitialMessage/ContentType', true, 'a string'],
    ['/InitialMessage/Content', { text: 'Hello' }, 'a string'],
    ['/ClientToken', 5, 'a string'],
    ['/ChatDurationInMinutes', '60', 'a whole number'],
    ['/ChatDurationInMinutes', 60.5, 'a whole number'],
    ['/SupportedMessagingContentTypes', 'text/plain', 'a list'],
    ['/SupportedMessagingContentTypes/0', 5, 'a string'],
    ['/SupportedMessagingContentTypes/0', null, 'a value; lists have no null'],
    ['/PersistentChat', 'FROM_SEGMENT', 'an object'],
    ['/PersistentChat/RehydrationType', 1, 'a string'],
    ['/PersistentChat/SourceContactId', {}, 'a string'],
    ['/RelatedContactId', 7, 'a string'],
    ['/SegmentAttributes', [], 'an object'],
    ['/SegmentAttributes/key', 'value', 'an object'],
    ['/SegmentAttributes/key/ValueString', 5, 'a string'],
    ['/SegmentAttributes/key/ValueMap', [], 'an object'],
    ['/SegmentAttributes/key/ValueMap/key', 'value', 'an object'],
    ['/SegmentAttributes/key/ValueInteger', '5', 'a whole number'],
    ['/SegmentAttributes/key/ValueInteger', 1.5, 'a whole number'],
    ['/SegmentAttributes/key/ValueList', {}, 'a list'],
    ['/SegmentAttributes/key/ValueList/0', 'value', 'an object'],
    ['/SegmentAttributes/key/ValueArn', false, 'a string'],
    ['/CustomerId', 12, 'a string'],
    ['/DisconnectOnCustomerExit', 'AGENT', 'a list'],
    ['/DisconnectOnCustomerExit/0', 1, 'a string'],
  ]);
});

describe('StartChatContact: validation', () => {
  validation(
    { ...subject, valid: { ...valid, InitialMessage: { ContentType: 'text/plain', Content: 'Hello' } } },
    [
      ['/InstanceId', undefined, 'not be null'],
      ['/InstanceId', null, 'not be null'],
      ['/InstanceId', '', 'have length between 1 and 100, inclusive'],
      ['/InstanceId', 'i'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/ContactFlowId', undefined, 'not be null'],
      ['/ContactFlowId', 'f'.repeat(501), 'have length less than or equal to 500'],
      ['/Attributes (key)', { '': 'v' }, 'have length between 1 and 32767, inclusive'],
      ['/Attributes (key)', { ['k'.repeat(32_768)]: 'v' }, 'have length between 1 and 32767, inclusive'],
      ['/Attributes/key', 'v'.repeat(32_768), 'have length between 0 and 32767, inclusive'],
      ['/ParticipantDetails', undefined, 'not be null'],
      ['/ParticipantDetails/DisplayName', undefined, 'not be null'],
      ['/ParticipantDetails/DisplayName', '', 'have length between 1 and 256, inclusive'],
      ['/ParticipantDetails/DisplayName', 'n'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/ParticipantDetails/DisplayName', '😀'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/ParticipantConfiguration/ResponseMode', 'SLOW', 'satisfy enum value set: [INCREMENTAL, COMPLETE]'],
      ['/InitialMessage/ContentType', '', 'have length between 1 and 100, inclusive'],
      ['/InitialMessage/ContentType', 't'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/InitialMessage/Content', '', 'have length between 1 and 16384, inclusive'],
      ['/InitialMessage/Content', 'c'.repeat(16_385), 'have length between 1 and 16384, inclusive'],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
      ['/ChatDurationInMinutes', 59, 'be between 60 and 10080, inclusive'],
      ['/ChatDurationInMinutes', 10_081, 'be between 60 and 10080, inclusive'],
      ['/SupportedMessagingContentTypes/0', '', 'have length between 1 and 100, inclusive'],
      ['/SupportedMessagingContentTypes/0', 't'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/PersistentChat/RehydrationType', 'ALL', 'satisfy enum value set: [ENTIRE_PAST_SESSION, FROM_SEGMENT]'],
      ['/PersistentChat/SourceContactId', '', 'have length between 1 and 256, inclusive'],
      ['/PersistentChat/SourceContactId', 'c'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/RelatedContactId', '', 'have length between 1 and 256, inclusive'],
      ['/RelatedContactId', 'c'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/SegmentAttributes (key)', { '': { ValueString: 'v' } }, 'have length between 1 and 128, inclusive'],
      [
        '/SegmentAttributes (key)',
        { ['n'.repeat(129)]: { ValueString: 'v' } },
        'have length between 1 and 128, inclusive',
      ],
      ['/SegmentAttributes/key/ValueString', 'v'.repeat(1025), 'have length between 0 and 1024, inclusive'],
      [
        '/SegmentAttributes/key/ValueMap (key)',
        { '': { ValueInteger: 1 } },
        'have length between 1 and 128, inclusive',
      ],
      ['/SegmentAttributes/key/ValueArn', 'a'.repeat(1025), 'have length between 0 and 1024, inclusive'],
      ['/CustomerId', '', 'have length between 1 and 128, inclusive'],
      ['/CustomerId', 'c'.repeat(129), 'have length between 1 and 128, inclusive'],
      ['/DisconnectOnCustomerExit', [], 'have length between 1 and 1, inclusive'],
      ['/DisconnectOnCustomerExit', ['AGENT', 'AGENT'], 'have length between 1 and 1, inclusive'],
      ['/DisconnectOnCustomerExit/0', 'CUSTOMER', 'satisfy enum value set: [AGENT]'],
    ],
    [
      ['/InstanceId', 'i'.repeat(100)],
      ['/ContactFlowId', 'f'.repeat(500)],
      ['/Attributes/key', 'v'.repeat(32_764)],
      ['/ParticipantDetails/DisplayName', 'n'.repeat(256)],
      ['/ParticipantDetails/DisplayName', '😀'.repeat(256)],
      ['/ClientToken', '😀'.repeat(500)],
      ['/ChatDurationInMinutes', 60],
      ['/ChatDurationInMinutes', 10_080],
      ['/RelatedContactId', 'c'.repeat(256)],
      ['/SegmentAttributes/key/ValueString', ''],
      ['/SegmentAttributes/key/ValueInteger', Number.MIN_SAFE_INTEGER],
      ['/CustomerId', 'c'.repeat(128)],
    ],
  );

  it('[SH3] counts all broken constraints and names each', async () => {
    const { body } = await start({ InstanceId: '', ChatDurationInMinutes: 1, ParticipantDetails: {} });
    assert.match(body.message, /^3 validation errors detected: /);
    for (const path of ['/InstanceId', '/ChatDurationInMinutes', '/ParticipantDetails/DisplayName']) {
      assert.ok(body.message.includes(`Value at '${path}'`), path);
    }
  });

  it('[SH4] says a wrong type before any broken constraint', async () => {
    const answer = await start({ InstanceId: '', CustomerId: 5 });
    assert.equal(answer.type, 'SerializationException');
  });

  for (const [what, text] of [
    ['U+0000', 'An\0a'],
    ['a lone surrogate', 'An\ud800a'],
  ] as const) {
    it(`[SH6] refuses ${what} in a value, in a key and in a member that is not constrained`, async () => {
      for (const more of [
        { ParticipantDetails: { DisplayName: text } },
        { Attributes: { key: text } },
        { Attributes: { [text]: 'value' } },
        { SegmentAttributes: { key: { ValueString: text } } },
        { ClientToken: text },
      ]) {
        const answer = await start(more);
        assert.equal(answer.type, 'InvalidRequestException', JSON.stringify(more));
        assert.match(answer.body.message, /text without U\+0000 and without unpaired surrogates/);
      }
    });
  }

  it('[SH9] repeats neither CustomerId nor content in a refusal', async () => {
    const secret = 'never to be shown';
    for (const more of [
      { CustomerId: secret.repeat(10) },
      { InitialMessage: { ContentType: 'text/plain', Content: secret.repeat(2000) } },
      { InitialMessage: { ContentType: 'text/plain', Content: `${secret}\0` } },
      {
        InitialMessage: { ContentType: 'application/json', Content: secret },
        SupportedMessagingContentTypes: everyType,
      },
    ]) {
      const { body } = await start(more);
      assert.doesNotMatch(JSON.stringify(body), /never to be shown/);
    }
  });

  for (const [what, more, name] of [
    ['an unknown instance', { InstanceId: 'nowhere' }, 'Instance nowhere'],
    ['an unknown flow', { ContactFlowId: 'nowhere' }, 'Contact flow nowhere'],
    ['the flow of another instance', { ContactFlowId: otherInstance.flows[0]?.id }, 'Contact flow 20000000-'],
    ['an ARN of another account', { InstanceId: instanceArn.replace('123456789012', '210987654321') }, 'Instance arn:'],
    ['an ARN of another Region', { InstanceId: instanceArn.replace('us-east-1', 'eu-west-2') }, 'Instance arn:'],
    ['an instance id in capitals', { InstanceId: 'TERTULIA-DEV' }, 'Instance TERTULIA-DEV'],
    [
      'a flow ARN of another account',
      { ContactFlowId: flowArn.replace('123456789012', '210987654321') },
      'Contact flow arn:',
    ],
    ['a flow ARN of another Region', { ContactFlowId: flowArn.replace('us-east-1', 'eu-west-2') }, 'Contact flow arn:'],
    [
      'a flow ARN of another instance',
      { ContactFlowId: flowArn.replace(InstanceId, otherInstance.id) },
      'Contact flow arn:',
    ],
    ['a flow ARN as instance', { InstanceId: flowArn.slice(0, 100) }, 'Instance arn:'],
  ] as const) {
    it(`[SC2, SH8] answers 404 to ${what}, and names it`, async () => {
      const answer = await start(more);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
      assert.ok(answer.body.message.startsWith(name), answer.body.message);
    });
  }

  for (const [given, names] of [
    ['bare ids', { InstanceId, ContactFlowId }],
    ['ARNs', { InstanceId: instanceArn, ContactFlowId: flowArn }],
    ['a saved draft of the flow', { ContactFlowId: `${ContactFlowId}:$SAVED` }],
    ['a saved draft by ARN', { ContactFlowId: `${flowArn}:$SAVED` }],
  ] as const) {
    it(`[SH8] takes ${given}`, async () => {
      assert.equal((await start(names)).status, 200);
    });
  }

  /** Refusals that Amazon's shapes do not say, and the words by which each is known. */
  const refused: readonly [title: string, more: Record<string, unknown>, words: RegExp][] = [
    [
      '[SC3] refuses an attribute key with a dot',
      { Attributes: { 'a.b': 'v' } },
      /'a\.b'.*letters, digits, '-' and '_'/,
    ],
    ['[SC3] refuses an attribute key with a space', { Attributes: { 'a b': 'v' } }, /letters, digits/],
    ['[SC3] refuses an attribute key that is not ASCII', { Attributes: { clé: 'v' } }, /letters, digits/],
    [
      '[SC3] refuses attributes of 32,769 bytes',
      { Attributes: { k: 'v'.repeat(32_000), l: 'v'.repeat(767) } },
      /32769 bytes/,
    ],
    [
      '[SC3] refuses attributes over the limit in bytes alone',
      { Attributes: { k: 'é'.repeat(16_384) } },
      /32769 bytes/,
    ],
    ['[SC6] refuses an empty list of types', { SupportedMessagingContentTypes: [] }, /must contain text\/plain/],
    [
      '[SC6] refuses types without text/plain',
      { SupportedMessagingContentTypes: ['text/markdown'] },
      /must contain text\/plain/,
    ],
    [
      '[SC6] refuses an unknown type',
      { SupportedMessagingContentTypes: ['text/plain', 'text/html'] },
      /'text\/html' is not known/,
    ],
    [
      '[SC7] refuses PersistentChat with RelatedContactId',
      { PersistentChat: { RehydrationType: 'FROM_SEGMENT', SourceContactId: 'c' }, RelatedContactId: 'c' },
      /exclude each other/,
    ],
    [
      '[SC7] refuses PersistentChat without RehydrationType',
      { PersistentChat: { SourceContactId: 'c' } },
      /needs both/,
    ],
    [
      '[SC7] refuses PersistentChat without SourceContactId',
      { PersistentChat: { RehydrationType: 'FROM_SEGMENT' } },
      /needs both/,
    ],
    [
      '[SC8] refuses a segment attribute name with a dot',
      { SegmentAttributes: { 'a.b': { ValueString: 'v' } } },
      /'a\.b'/,
    ],
    ['[SC8] refuses a foreign prefix', { SegmentAttributes: { 'mine:a': { ValueString: 'v' } } }, /'mine:a'/],
    ['[SC8] refuses a value without a member', { SegmentAttributes: { a: {} } }, /'a' must have exactly one/],
    [
      '[SC8] refuses a value of two members',
      { SegmentAttributes: { a: { ValueString: 'v', ValueInteger: 1 } } },
      /exactly one/,
    ],
    [
      '[SC8] refuses such a value in a list',
      { SegmentAttributes: { a: { ValueList: [{}] } } },
      /'a' must have exactly one/,
    ],
    [
      '[SC8] refuses such a value in a map',
      { SegmentAttributes: { a: { ValueMap: { b: {} } } } },
      /'b' must have exactly one/,
    ],
    [
      '[SC8] refuses such a name in a map',
      { SegmentAttributes: { a: { ValueMap: { 'b c': { ValueInteger: 1 } } } } },
      /'b c'/,
    ],
    [
      '[SC8] refuses a guide without interactive types',
      { SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Guide' } } },
      /needs both/,
    ],
    [
      '[SC8] refuses a guide with one of the interactive types',
      {
        SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Guide' } },
        SupportedMessagingContentTypes: ['text/plain', interactive],
      },
      /needs both/,
    ],
    [
      '[SC4] refuses a first message of an unknown type',
      { InitialMessage: { ContentType: 'text/html', Content: 'a' } },
      /cannot be sent/,
    ],
    [
      '[SC4] refuses a first message of a flow’s type',
      { InitialMessage: { ContentType: interactive, Content: 'a' } },
      /cannot be sent/,
    ],
    [
      '[SC4] refuses a first message of a type not supported',
      { InitialMessage: { ContentType: 'text/markdown', Content: 'a' } },
      /not supported by this chat/,
    ],
    [
      '[SC4] refuses a first message of 16,386 UTF-8 bytes',
      { InitialMessage: { ContentType: 'text/plain', Content: 'é'.repeat(8193) } },
      /16386 bytes long; it may be 16384/,
    ],
  ];
  for (const [title, more, words] of refused) {
    it(title, async () => {
      const answer = await start(more);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, words);
    });
  }
});

describe('StartChatContact: behaviour', () => {
  it('[SC1] answers ids and a token, and opens a chat whose customer is not yet connected', async () => {
    const { status, body } = await start();
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ['ContactId', 'ParticipantId', 'ParticipantToken']);
    const chat = await pipeline.store.chat({ contactId: body.ContactId });
    assert.equal(chat?.end, undefined);
    assert.deepEqual(
      chat?.participants.map(({ id, connectedAt }) => [id, connectedAt]),
      [[body.ParticipantId, undefined]],
    );
    const connection = await pipeline.call(
      'CreateParticipantConnection',
      { ConnectParticipant: true },
      body.ParticipantToken,
    );
    assert.equal(connection.status, 200);
  });

  it('[SH5] ignores unknown members and takes null for absent', async () => {
    const { status } = await start({
      Colour: 'red',
      Attributes: null,
      ParticipantDetails: { DisplayName: 'Ana', Age: 5 },
    });
    assert.equal(status, 200);
  });

  it('[SC3] keeps attributes of 32,768 bytes, every legal key among them', async () => {
    const Attributes = { __proto__x: '1', 'A-z_0': '2', constructor: '3', k: 'é'.repeat(16_369) };
    const { body } = await start({ Attributes });
    const described = await pipeline.call('DescribeContact', { InstanceId, ContactId: body.ContactId });
    assert.deepEqual(described.body.Contact.Attributes, Attributes);
  });

  it('[SC3] keeps an attribute named __proto__', async () => {
    const text = `{"InstanceId":"${InstanceId}","ContactFlowId":"${ContactFlowId}","ParticipantDetails":{"DisplayName":"Ana"},
      "Attributes":{"__proto__":"mine"},"ClientToken":"prototype"}`;
    const { body } = await pipeline.raw('PUT', '/contact/chat', text);
    const described = await pipeline.call('DescribeContact', { InstanceId, ContactId: body.ContactId });
    assert.deepEqual(Object.entries(described.body.Contact.Attributes), [['__proto__', 'mine']]);
    assert.equal((await pipeline.raw('PUT', '/contact/chat', text.replace('mine', 'other'))).status, 400);
  });

  for (const ContentType of ['text/plain', 'text/markdown', 'application/json', interactiveResponse]) {
    it(`[SC4] makes a ${ContentType} the customer's first item, right after its participant.joined`, async () => {
      const { token } = await startChat(pipeline, {
        SupportedMessagingContentTypes: everyType,
        InitialMessage: { ContentType, Content: '{"a":1}' },
      });
      const { body } = await pipeline.call('GetTranscript', { SortOrder: 'ASCENDING' }, token);
      assert.deepEqual(
        body.Transcript.map((item: Record<string, string>) => [item.Type, item.ContentType, item.ParticipantRole]),
        [
          ['EVENT', 'application/vnd.amazonaws.connect.event.participant.joined', 'CUSTOMER'],
          ['MESSAGE', ContentType, 'CUSTOMER'],
        ],
      );
      assert.equal(body.Transcript[1].Content, '{"a":1}');
    });
  }

  it('[SC4] takes a first message of 16,384 UTF-8 bytes', async () => {
    const Content = '😀'.repeat(4096);
    const { token } = await startChat(pipeline, { InitialMessage: { ContentType: 'text/plain', Content } });
    assert.deepEqual(await transcript(pipeline, token), ['participant.joined Ana', Content]);
  });

  it('[SC4] leaves the first message out until the customer connects, also while others write', async () => {
    const chat = await startChat(pipeline, { InitialMessage: { ContentType: 'text/plain', Content: 'First' } }, false);
    const bot = await addBot(pipeline, chat.ContactId);
    await pipeline.call('SendMessage', { ContentType: 'text/plain', Content: 'I wait' }, bot.token);
    assert.deepEqual(await transcript(pipeline, bot.token), ['participant.joined Bot', 'I wait']);
    await pipeline.call('CreateParticipantConnection', { ConnectParticipant: true }, chat.ParticipantToken);
    assert.deepEqual((await transcript(pipeline, bot.token)).slice(2), ['participant.joined Ana', 'First']);
  });

  for (const [given, minutes] of [
    [undefined, 1500],
    [60, 60],
    [10_080, 10_080],
  ] as const) {
    it(`[SC5] ends the chat's duration after ${minutes} minutes when ${given ?? 'nothing'} is asked`, async () => {
      const { body } = await start({ ChatDurationInMinutes: given });
      const chat = await pipeline.store.chat({ contactId: body.ContactId });
      assert.equal(chat?.expiresAt, pipeline.time.now + minutes * 60_000);
    });
  }

  it('[SC6] supports text/plain alone unless told otherwise', async () => {
    const plain = await startChat(pipeline);
    const rich = await startChat(pipeline, { SupportedMessagingContentTypes: everyType });
    const send = (token: string) =>
      pipeline.call('SendMessage', { ContentType: 'text/markdown', Content: '*a*' }, token);
    assert.equal((await send(plain.token)).status, 400);
    assert.equal((await send(rich.token)).status, 200);
  });

  it('[SC8] keeps segment attributes of every kind, and gives a web chat its subtype', async () => {
    const SegmentAttributes = {
      text: { ValueString: '' },
      number: { ValueInteger: -5 },
      arn: { ValueArn: 'arn:aws:s3:::bucket' },
      map: { ValueMap: { 'connect:inner': { ValueList: [{ ValueString: 'a' }, { ValueInteger: 0 }] } } },
    };
    const { body } = await start({ SegmentAttributes });
    const described = await pipeline.call('DescribeContact', { InstanceId, ContactId: body.ContactId });
    assert.deepEqual(described.body.Contact.SegmentAttributes, {
      'connect:Subtype': { ValueString: 'connect:Chat' },
      ...SegmentAttributes,
    });
  });

  it('[SC8] takes a guide that has both interactive types', async () => {
    const SegmentAttributes = { 'connect:Subtype': { ValueString: 'connect:Guide' } };
    const { status, body } = await start({ SegmentAttributes, SupportedMessagingContentTypes: everyType });
    assert.equal(status, 200);
    const described = await pipeline.call('DescribeContact', { InstanceId, ContactId: body.ContactId });
    assert.deepEqual(described.body.Contact.SegmentAttributes, SegmentAttributes);
  });
});

describe('StartChatContact: participant configuration', () => {
  for (const ResponseMode of ['INCREMENTAL', 'COMPLETE', undefined] as const) {
    it(`[SC11] is kept: ResponseMode ${ResponseMode}`, async () => {
      const { ContactId } = await startChat(pipeline, ResponseMode && { ParticipantConfiguration: { ResponseMode } });
      assert.equal((await pipeline.store.chat({ contactId: ContactId }))?.settings.responseMode, ResponseMode);
    });
  }
});

describe('StartChatContact: repeated', () => {
  const keyed = { ...valid, ClientToken: 'once', Attributes: { one: '1', two: '2' } };

  it('[SC9] answers the same ids and token to the same ClientToken and request, within seven days', async () => {
    const at = await testPipeline();
    const first = await at.call('StartChatContact', keyed);
    at.time.now += 7 * day - 1;
    const again = await at.call('StartChatContact', { ...keyed, Attributes: { two: '2', one: '1' }, Unknown: 1 });
    assert.deepEqual(again.body, first.body);
    assert.equal(again.status, 200);
  });

  it('[SC9] starts a new chat with a ClientToken that was used seven days ago', async () => {
    const at = await testPipeline();
    const first = await at.call('StartChatContact', keyed);
    at.time.now += 7 * day;
    const again = await at.call('StartChatContact', { ...keyed, CustomerId: 'another' });
    assert.equal(again.status, 200);
    assert.notEqual(again.body.ContactId, first.body.ContactId);
  });

  it('[SC9] answers them after the chat ended, too', async () => {
    const at = await testPipeline();
    const first = await at.call('StartChatContact', keyed);
    await at.call('StopContact', { InstanceId, ContactId: first.body.ContactId });
    assert.deepEqual((await at.call('StartChatContact', keyed)).body, first.body);
  });

  for (const more of [
    { ParticipantDetails: { DisplayName: 'Eva' } },
    { Attributes: { one: '1' } },
    { CustomerId: 'c' },
    { ChatDurationInMinutes: 60 },
  ]) {
    it(`[SC9] refuses the same ClientToken with another ${Object.keys(more)[0]}`, async () => {
      const at = await testPipeline();
      await at.call('StartChatContact', keyed);
      const answer = await at.call('StartChatContact', { ...keyed, ...more });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, /ClientToken was used for another request/);
    });
  }

  it('[SC9] makes one chat of many calls at once with the same ClientToken', async () => {
    const at = await testPipeline();
    const answers = await Promise.all(Array.from({ length: 40 }, () => at.call('StartChatContact', keyed)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1);
    assert.equal(await at.store.chat({ key: 2 }), undefined);
  });

  it('[SC9] makes one chat and refuses the rest when requests that differ race with the same ClientToken', async () => {
    const at = await testPipeline();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => at.call('StartChatContact', { ...keyed, CustomerId: String(index) })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400, 400, 400, 400, 400, 400]);
    assert.equal(await at.store.chat({ key: 2 }), undefined);
  });

  it('[SC9] keeps the ClientTokens of two instances apart', async () => {
    const at = await testPipeline();
    const one = await at.call('StartChatContact', keyed);
    const other = await at.call('StartChatContact', {
      ...keyed,
      InstanceId: otherInstance.id,
      ContactFlowId: otherInstance.flows[0]?.id,
    });
    assert.equal(other.status, 200);
    assert.notEqual(other.body.ContactId, one.body.ContactId);
  });

  for (const [what, ClientToken] of [
    ['absent', undefined],
    ['empty', ''],
  ]) {
    it(`[SC10] makes a chat of every call when ClientToken is ${what}`, async () => {
      const one = await start({ ClientToken });
      const other = await start({ ClientToken });
      assert.deepEqual([one.status, other.status], [200, 200]);
      assert.notEqual(one.body.ContactId, other.body.ContactId);
    });
  }

  it('[CF9] finds the development seeds by their constant ids', async () => {
    assert.equal(developmentInstance.id, '10000000-0000-4000-8000-000000000001');
    assert.equal(ContactFlowId, '20000000-0000-4000-8000-000000000001');
    assert.equal((await start()).status, 200);
  });
});

describe('StartChatContact: quotas', () => {
  it('[QU4] refuses a chat over the instance’s open chats, until one has ended', async () => {
    const at = await testPipeline({ quotas: { rates: {}, concurrentChats: 2 } });
    const first = await startChat(at);
    await startChat(at, {}, false);
    const input = { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } };
    const refused = await at.call('StartChatContact', input);
    assert.deepEqual([refused.status, refused.type], [429, 'LimitExceededException']);
    assert.match(refused.body.message, /has 2 open chats, as many as it may have/);
    await at.call('StopContact', { InstanceId, ContactId: first.ContactId });
    assert.equal((await at.call('StartChatContact', input)).status, 200);
  });
});
