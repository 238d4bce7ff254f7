import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { addAgent } from '../../../test/support/agents.ts';
import {
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const noon = 1_769_860_800;
const during = (StartTime: number, EndTime: number, Type = 'INITIATION_TIMESTAMP') => ({
  TimeRange: { Type, StartTime, EndTime },
});
const allDay = during(noon - 43_200, noon + 43_200);
const valid = { InstanceId, ...allDay };

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'SearchContacts', valid, pipeline: () => pipeline };
const search = (at: TestPipeline, SearchCriteria: object = {}, more: object = {}) =>
  at.call('SearchContacts', { ...valid, SearchCriteria, ...more });
const idsOf = (answer: { body: { Contacts: { Id: string }[] } }) => answer.body.Contacts.map(({ Id }) => Id);
const sorted = (FieldName: string, Order = 'ASCENDING') => ({ Sort: { FieldName, Order } });
const found = async (at: TestPipeline, SearchCriteria: object = {}, more: object = {}) => {
  const answer = await search(at, SearchCriteria, more);
  assert.equal(answer.status, 200, answer.body?.message);
  return idsOf(answer);
};

/** Chats a second apart, not connected; ended ones end ten minutes later, in the order of `ended`. */
async function chats(at: TestPipeline, starts: readonly object[], ended: readonly number[] = []): Promise<string[]> {
  const ids: string[] = [];
  for (const more of starts) {
    ids.push((await startChat(at, more as Record<string, unknown>, false)).ContactId);
    at.time.now += 1000;
  }
  at.time.now += 600_000;
  for (const index of ended) {
    await at.call('StopContact', { InstanceId, ContactId: ids[index] });
    at.time.now += 1000;
  }
  return ids;
}

describe('SearchContacts: serialization', () => {
  const time = 'a number of seconds since 1970';
  const range = (path: string) =>
    [
      [`${path}/Type`, 5, 'a string'],
      [`${path}/StartTime`, '2026-01-31T12:00:00Z', time],
      [`${path}/EndTime`, {}, time],
    ] as const;
  const of = (path: string, ...rows: readonly (readonly [string, unknown, string])[]) =>
    rows.map(([member, value, must]) => [`/SearchCriteria${path}${member}`, value, must] as const);
  const lists = (...paths: string[]) => paths.flatMap((path) => of(path, ['', 'x', 'a list'], ['/0', 5, 'a string']));
  serialization(subject, [
    ['/InstanceId', 5, 'a string'],
    ['/TimeRange', [], 'an object'],
    ...range('/TimeRange'),
    ['/SearchCriteria', 'chat', 'an object'],
    ...of('/Name', ['', 'x', 'an object'], ['/MatchType', 5, 'a string']),
    ...lists('/Name/SearchText', '/AgentIds', '/Channels', '/InitiationMethods', '/QueueIds', '/ActiveRegions'),
    ...of('/AgentHierarchyGroups', ['', [], 'an object']),
    ...lists(...[1, 2, 3, 4, 5].map((level) => `/AgentHierarchyGroups/L${level}Ids`)),
    ...of('/ContactAnalysis', ['', 'x', 'an object'], ['/Transcript', 'x', 'an object']),
    ...of('/ContactAnalysis/Transcript', ['/Criteria', {}, 'a list'], ['/MatchType', 5, 'a string']),
    ...of('/ContactAnalysis/Transcript/Criteria/0', ['', 'x', 'an object'], ['/ParticipantRole', 5, 'a string']),
    ...of('/RoutingCriteria', ['', 'x', 'an object'], ['/Steps', {}, 'a list'], ['/Steps/0', 'x', 'an object']),
    ...of('/RoutingCriteria/Steps/0/AgentCriteria', ['', 'x', 'an object'], ['/MatchType', 5, 'a string']),
    ...of('/AdditionalTimeRange', ['', 'x', 'an object'], ['/Criteria', {}, 'a list'], ['/MatchType', 5, 'a string']),
    ...of('/AdditionalTimeRange/Criteria/0', ['', 'x', 'an object'], ['/TimeRange', 'x', 'an object']),
    ...range('/SearchCriteria/AdditionalTimeRange/Criteria/0/TimeRange'),
    ...of('/AdditionalTimeRange/Criteria/0/TimestampCondition', ['', 'x', 'an object'], ['/Type', 5, 'a string']),
    ...['/SearchableContactAttributes', '/SearchableSegmentAttributes'].flatMap((path) => [
      ...of(path, ['', 'x', 'an object'], ['/Criteria', {}, 'a list'], ['/MatchType', 5, 'a string']),
      ...of(`${path}/Criteria/0`, ['', 'x', 'an object'], ['/Key', 5, 'a string'], ['/Values', 'x', 'a list']),
    ]),
    ...of('/ContactTags', ['', 'x', 'an object'], ['/OrConditions', {}, 'a list'], ['/AndConditions', {}, 'a list']),
    ...of('/ContactTags/OrConditions/0', ['', 'x', 'a list'], ['/0', 'x', 'an object']),
    ...['/ContactTags/AndConditions/0', '/ContactTags/TagCondition'].flatMap((path) =>
      of(path, ['', 'x', 'an object'], ['/TagKey', 5, 'a string'], ['/TagValue', 5, 'a string']),
    ),
    ...of('/AiAgents', ['', 'x', 'an object'], ['/Criteria', {}, 'a list'], ['/Criteria/0', 'x', 'an object']),
    ...of('/AiAgents/Criteria/0', ['/Id', 5, 'a string'], ['/VersionNumber', '1', 'a whole number']),
    ...of('/AiAgents/Criteria/0', ['/AiAgentEscalated', 'true', 'true or false'], ['/AiUseCase', 5, 'a string']),
    ['/MaxResults', '5', 'a whole number'],
    ['/NextToken', 5, 'a string'],
    ['/Sort', 'x', 'an object'],
    ['/Sort/FieldName', 5, 'a string'],
    ['/Sort/Order', 5, 'a string'],
  ]);
});

describe('SearchContacts: validation', () => {
  const matchTypes = 'satisfy enum value set: [MATCH_ALL, MATCH_ANY, MATCH_EXACT, MATCH_NONE]';
  const timeTypes =
    'satisfy enum value set: [INITIATION_TIMESTAMP, SCHEDULED_TIMESTAMP, CONNECTED_TO_AGENT_TIMESTAMP, DISCONNECT_TIMESTAMP, ENQUEUE_TIMESTAMP]';
  const most = (count: number) => `have length between 0 and ${count}, inclusive`;
  const times = (count: number, value: unknown = 'x') => Array.from({ length: count }, () => value);
  const text = { SearchText: ['x'], MatchType: 'MATCH_ANY' };
  const criterion = { Key: 'key', Values: ['value'] };
  const full = {
    ...valid,
    SearchCriteria: {
      Name: text,
      ContactAnalysis: { Transcript: { Criteria: [{ ParticipantRole: 'AGENT', ...text }] } },
      AdditionalTimeRange: {
        MatchType: 'MATCH_ALL',
        Criteria: [{ ...allDay, TimestampCondition: { Type: 'ENQUEUE_TIMESTAMP', ConditionType: 'NOT_EXISTS' } }],
      },
      SearchableContactAttributes: { Criteria: [criterion] },
      SearchableSegmentAttributes: { Criteria: [criterion] },
    },
    Sort: { FieldName: 'CHANNEL', Order: 'ASCENDING' },
  };
  const of = (path: string, ...rows: readonly (readonly [string, unknown, string])[]) =>
    rows.map(([member, value, must]) => [`/SearchCriteria${path}${member}`, value, must] as const);
  const range = (path: string) =>
    [
      [`${path}/Type`, undefined, 'not be null'],
      [`${path}/Type`, 'END', timeTypes],
      [`${path}/StartTime`, undefined, 'not be null'],
      [`${path}/EndTime`, undefined, 'not be null'],
    ] as const;
  validation(
    // Without shared parts: a change of one must not be one of another.
    { ...subject, valid: JSON.parse(JSON.stringify(full)) },
    [
      ['/InstanceId', undefined, 'not be null'],
      ['/InstanceId', 'i'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/TimeRange', undefined, 'not be null'],
      ...range('/TimeRange'),
      ...of('/Name', ['/SearchText', undefined, 'not be null'], ['/SearchText', times(101), most(100)]),
      ...of('/Name', ['/SearchText/0', 't'.repeat(129), 'have length less than or equal to 128']),
      ...of('/Name', ['/MatchType', undefined, 'not be null'], ['/MatchType', 'ANY', matchTypes]),
      ...of('/AgentIds', ['', times(101), most(100)], ['/0', '', 'have length between 1 and 256, inclusive']),
      ...[1, 2, 3, 4, 5].flatMap((level) => of(`/AgentHierarchyGroups/L${level}Ids`, ['', times(11), most(10)])),
      ...of('/Channels/0', ['', 'SMS', 'satisfy enum value set: [VOICE, CHAT, TASK, EMAIL]']),
      ...of('/ContactAnalysis/Transcript/Criteria', ['', undefined, 'not be null']),
      ...of('/ContactAnalysis/Transcript', ['/MatchType', 'ANY', matchTypes]),
      ...of('/InitiationMethods/0', [
        '',
        'CHAT',
        'satisfy enum value set: [INBOUND, OUTBOUND, TRANSFER, QUEUE_TRANSFER, CALLBACK, API, DISCONNECT, MONITOR, EXTERNAL_OUTBOUND, WEBRTC_API, AGENT_REPLY, FLOW]',
      ]),
      ...of('/QueueIds', ['', times(101), most(100)]),
      ...of('/RoutingCriteria/Steps/0/AgentCriteria', ['/AgentIds', times(101), most(100)]),
      ...of('/AdditionalTimeRange', ['/Criteria', undefined, 'not be null'], ['/MatchType', undefined, 'not be null']),
      ...of('/AdditionalTimeRange', ['/MatchType', 'ANY', matchTypes]),
      ...range('/SearchCriteria/AdditionalTimeRange/Criteria/0/TimeRange'),
      ...of('/AdditionalTimeRange/Criteria/0/TimestampCondition', ['/Type', 'END', timeTypes]),
      ...of(
        '/SearchableContactAttributes/Criteria',
        ['', undefined, 'not be null'],
        ['', times(16, criterion), most(15)],
      ),
      ...of('/SearchableContactAttributes/Criteria/0', [
        '/Key',
        'k'.repeat(101),
        'have length between 1 and 100, inclusive',
      ]),
      ...of('/SearchableContactAttributes/Criteria/0', ['/Values', times(21), most(20)]),
      ...of('/SearchableContactAttributes/Criteria/0', ['/Values/0', 'v'.repeat(101), most(100)]),
      ...of('/SearchableContactAttributes', ['/MatchType', 'ANY', matchTypes]),
      ...of('/SearchableSegmentAttributes/Criteria', ['', undefined, 'not be null']),
      ...of('/SearchableSegmentAttributes/Criteria', ['', [], 'have length between 1 and 15, inclusive']),
      ...of('/SearchableSegmentAttributes/Criteria/0', [
        '/Key',
        'k'.repeat(65),
        'have length between 1 and 64, inclusive',
      ]),
      ...of('/SearchableSegmentAttributes/Criteria/0', ['/Values', [], 'have length between 1 and 20, inclusive']),
      ...of('/SearchableSegmentAttributes/Criteria/0', ['/Values/0', 'v'.repeat(129), most(128)]),
      ...of('/SearchableSegmentAttributes', ['/MatchType', 'ANY', matchTypes]),
      ...of('/ActiveRegions/0', ['', 'useast1', 'satisfy regular expression pattern: [a-z]{2}(-[a-z]+){1,2}(-[0-9])?']),
      ...of('/AiAgents', ['/Criteria', times(2, {}), most(1)], ['/Criteria/0/Id', 'i'.repeat(129), most(128)]),
      ...of('/AiAgents', ['/Criteria/0/AiUseCase', 'x', 'satisfy enum value set: [AgentAssistance, SelfService]']),
      ['/MaxResults', 0, 'be between 1 and 100, inclusive'],
      ['/MaxResults', 101, 'be between 1 and 100, inclusive'],
      ['/NextToken', '', 'have length between 1 and 100000, inclusive'],
      ['/Sort/FieldName', undefined, 'not be null'],
      [
        '/Sort/FieldName',
        'ID',
        'satisfy enum value set: [INITIATION_TIMESTAMP, SCHEDULED_TIMESTAMP, CONNECTED_TO_AGENT_TIMESTAMP, DISCONNECT_TIMESTAMP, INITIATION_METHOD, CHANNEL, EXPIRY_TIMESTAMP]',
      ],
      ['/Sort/Order', undefined, 'not be null'],
      ['/Sort/Order', 'ASC', 'satisfy enum value set: [ASCENDING, DESCENDING]'],
    ],
    [
      ['/SearchCriteria/SearchableContactAttributes/Criteria/0/Values', []],
      ['/MaxResults', 100],
    ],
  );

  for (const [what, more, message] of [
    ['a range that ends before it starts', during(noon, noon - 1), /^TimeRange: StartTime is after EndTime/],
    ['a range of more than eight weeks', during(noon, noon + 56 * 86_400 + 1), /^TimeRange is longer than eight weeks/],
    [
      'a search of transcripts',
      {
        SearchCriteria: {
          ContactAnalysis: {
            Transcript: { Criteria: [{ ParticipantRole: 'AGENT', SearchText: ['x'], MatchType: 'MATCH_ANY' }] },
          },
        },
      },
      /ContactAnalysis searches what Contact Lens made of transcripts/,
    ],
    [
      'a time condition without a condition',
      { SearchCriteria: { AdditionalTimeRange: { MatchType: 'MATCH_ALL', Criteria: [{}] } } },
      /needs a TimeRange or a TimestampCondition/,
    ],
    [
      'a tag condition without a key',
      { SearchCriteria: { ContactTags: { OrConditions: [[{ TagValue: 'x' }]] } } },
      /ContactTags: each condition needs a TagKey/,
    ],
    [
      'more than a hundred tag conditions',
      { SearchCriteria: { ContactTags: { AndConditions: times(101, { TagKey: 'x' }) } } },
      /more than 100 conditions of one kind/,
    ],
    ['a foreign NextToken', { NextToken: 'token' }, /^NextToken is not one that was answered for this search/],
  ] as const) {
    it(`[SR1, SR8, SR10] refuses ${what}`, async () => {
      const answer = await pipeline.call('SearchContacts', { ...valid, ...more });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, message);
    });
  }

  it('[SR13] answers 404 to an unknown instance', async () => {
    const answer = await pipeline.call('SearchContacts', { ...valid, InstanceId: 'nowhere' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
  });
});

describe('SearchContacts: what is found', () => {
  it('[SR1] finds by the time of initiation, both ends included, newest first, and describes what it finds', async () => {
    const at = await testPipeline();
    const [a = '', b = '', c = ''] = await chats(at, [{}, {}, {}], [1]);
    await at.call('UpdateContact', { InstanceId, ContactId: b, Name: 'Order 7' });
    await at.call('TagContact', { InstanceId, ContactId: b, Tags: { team: 'red' } });
    assert.deepEqual(await found(at), [c, b, a]);
    assert.deepEqual(await found(at, {}, during(noon, noon + 1)), [b, a]);
    assert.deepEqual(await found(at, {}, during(noon + 0.001, noon + 1.999)), [b]);
    assert.deepEqual(await found(at, {}, during(noon + 3, noon + 9)), []);
    const { Contacts, TotalCount, NextToken } = (await search(at, {}, during(noon + 1, noon + 1))).body;
    assert.deepEqual([TotalCount, NextToken], [1, undefined]);
    assert.deepEqual(Contacts, [
      {
        Arn: `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}/contact/${b}`,
        Id: b,
        InitialContactId: b,
        InitiationMethod: 'API',
        Channel: 'CHAT',
        InitiationTimestamp: noon + 1,
        DisconnectTimestamp: noon + 603,
        SegmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' } },
        Name: 'Order 7',
        Tags: { team: 'red' },
      },
    ]);
  });

  it('[SR1] finds by the time of the end', async () => {
    const at = await testPipeline();
    const [a, b, c] = await chats(at, [{}, {}, {}, {}], [2, 0, 1]);
    const ended = (from: number, to: number) => during(noon + 604 + from, noon + 604 + to, 'DISCONNECT_TIMESTAMP');
    assert.deepEqual(await found(at, {}, ended(0, 100)), [b, a, c]);
    assert.deepEqual(await found(at, {}, ended(0, 1)), [a, c]);
    assert.deepEqual(await found(at, {}, ended(1, 1)), [a]);
  });

  it('[SR2] finds by the time when the first agent connected; no chat is scheduled or queued', async () => {
    const at = await testPipeline();
    const ids = await chats(at, [{ ChatDurationInMinutes: 10_080 }, {}, {}]);
    await addAgent(at, ids[1] ?? '');
    at.time.now += 6 * 86_400_000;
    await addAgent(at, ids[0] ?? '');
    const day = (index: number) =>
      during(noon + index * 86_400, noon + (index + 1) * 86_400, 'CONNECTED_TO_AGENT_TIMESTAMP');
    assert.deepEqual(await found(at, {}, day(0)), [ids[1]]);
    assert.deepEqual(await found(at, {}, day(6)), [ids[0]]);
    assert.deepEqual(await found(at, {}, day(3)), []);
    const { Contacts } = (await search(at, {}, day(6))).body;
    assert.deepEqual(Contacts[0].AgentInfo, { ConnectedToAgentTimestamp: at.time.now / 1000 });
    for (const Type of ['SCHEDULED_TIMESTAMP', 'ENQUEUE_TIMESTAMP']) {
      const answer = await search(at, {}, during(0, 86_400, Type));
      assert.deepEqual(answer.body, { Contacts: [], TotalCount: 0 });
    }
  });

  it('[SR3] finds nothing by what no chat here has, and everything by what all have or by empty lists', async () => {
    const at = await testPipeline();
    const ids = (await chats(at, [{}, {}])).toReversed();
    const step = (MatchType: string) => ({
      RoutingCriteria: { Steps: [{ AgentCriteria: { AgentIds: ['x'], MatchType } }] },
    });
    for (const none of [
      { Channels: ['VOICE', 'TASK'] },
      { InitiationMethods: ['INBOUND', 'TRANSFER'] },
      { AgentIds: ['agent'] },
      { QueueIds: ['queue'] },
      { AgentHierarchyGroups: { L3Ids: ['group'] } },
      { ActiveRegions: ['us-east-1'] },
      { AiAgents: { Criteria: [{ AiAgentEscalated: true }] } },
      step('MATCH_ANY'),
    ]) {
      assert.deepEqual(await found(at, none), [], JSON.stringify(none));
    }
    for (const all of [
      { Channels: ['VOICE', 'CHAT'] },
      { InitiationMethods: ['API'] },
      { AgentIds: [], QueueIds: [], Channels: [], InitiationMethods: [], ActiveRegions: [] },
      { AgentHierarchyGroups: { L1Ids: [] }, AiAgents: {}, RoutingCriteria: {}, ContactTags: {} },
      { ContactAnalysis: { Transcript: { Criteria: [] } }, SearchableContactAttributes: { Criteria: [] } },
      step('MATCH_NONE'),
    ]) {
      assert.deepEqual(await found(at, all), ids, JSON.stringify(all));
    }
  });

  it('[SR4] finds by contact attributes under each MatchType', async () => {
    const at = await testPipeline();
    const [gold, silver, both, none] = await chats(at, [
      { Attributes: { plan: 'gold' } },
      { Attributes: { plan: 'silver', city: 'Rome' } },
      { Attributes: { plan: 'gold', city: 'Rome' } },
      {},
    ]);
    const by = (criteria: [string, string[]][], MatchType?: string) =>
      found(at, {
        SearchableContactAttributes: { MatchType, Criteria: criteria.map(([Key, Values]) => ({ Key, Values })) },
      });
    assert.deepEqual(await by([['plan', ['gold']]]), [both, gold]);
    assert.deepEqual(await by([['plan', ['gold', 'silver', 'x']]]), [both, silver, gold]);
    assert.deepEqual(await by([['plan', ['Gold']]]), []);
    assert.deepEqual(await by([['city', []]]), [both, silver], 'no value asks for the key');
    const two: [string, string[]][] = [
      ['plan', ['gold']],
      ['city', ['Rome']],
    ];
    assert.deepEqual(await by(two), [both]);
    assert.deepEqual(await by(two, 'MATCH_ALL'), [both]);
    assert.deepEqual(await by(two, 'MATCH_EXACT'), [both]);
    assert.deepEqual(await by(two, 'MATCH_ANY'), [both, silver, gold]);
    assert.deepEqual(await by(two, 'MATCH_NONE'), [none]);
    const many = Array.from({ length: 3 }, (_, index) => [
      'plan',
      Array.from({ length: 20 }, (_, value) => `${index} ${value}`),
    ]);
    const last: [string, string[]] = ['plan', ['gold']];
    assert.deepEqual(await by([...(many as [string, string[]][]), last], 'MATCH_ANY'), [both, gold], 'of many values');
  });

  it('[SR4] finds by attributes as they are now, and by the time of the end as well', async () => {
    const at = await testPipeline();
    const ids = await chats(at, [{ Attributes: { plan: 'gold' } }, { Attributes: { plan: 'gold' } }, {}], [0, 1, 2]);
    const gold = { SearchableContactAttributes: { Criteria: [{ Key: 'plan', Values: ['gold'] }] } };
    const ended = during(noon, noon + 3600, 'DISCONNECT_TIMESTAMP');
    assert.deepEqual(await found(at, gold, ended), [ids[1], ids[0]]);
    await at.call('UpdateContactAttributes', { InstanceId, InitialContactId: ids[0], Attributes: { plan: 'silver' } });
    await at.call('UpdateContactAttributes', { InstanceId, InitialContactId: ids[2], Attributes: { plan: 'gold' } });
    assert.deepEqual(await found(at, gold, ended), [ids[2], ids[1]]);
    assert.deepEqual(await found(at, gold), [ids[2], ids[1]]);
  });

  it('[SR4] finds by segment attributes', async () => {
    const at = await testPipeline();
    const unit = { ValueString: 'sales' };
    const [a, b] = await chats(at, [{ SegmentAttributes: { unit, count: { ValueInteger: 5 } } }, {}]);
    const { Contacts } = (await search(at, {}, during(noon, noon))).body;
    assert.deepEqual(Contacts[0].SegmentAttributes, { 'connect:Subtype': { ValueString: 'connect:Chat' }, unit });
    const by = (Key: string, Value: string) =>
      found(at, { SearchableSegmentAttributes: { Criteria: [{ Key, Values: [Value] }] } });
    assert.deepEqual(await by('unit', 'sales'), [a]);
    assert.deepEqual(await by('connect:Subtype', 'connect:Chat'), [b, a]);
    assert.deepEqual(await by('sales', 'unit'), []);
  });

  it('[SR5] finds by tags: alternatives of conditions that are all to be met', async () => {
    const at = await testPipeline();
    const ids = await chats(at, [{}, {}, {}, {}]);
    const tags = [{ team: 'red' }, { team: 'blue', cost: '1' }, { team: 'red', cost: '1' }];
    for (const [index, Tags] of tags.entries())
      await at.call('TagContact', { InstanceId, ContactId: ids[index], Tags });
    const [red, blue, both] = ids;
    const is = (TagKey: string, TagValue?: string) => ({ TagKey, TagValue });
    const by = (ContactTags: object) => found(at, { ContactTags });
    assert.deepEqual(await by({ TagCondition: is('team', 'red') }), [both, red]);
    assert.deepEqual(await by({ TagCondition: is('cost') }), [both, blue]);
    assert.deepEqual(await by({ AndConditions: [is('team', 'red'), is('cost', '1')] }), [both]);
    assert.deepEqual(await by({ OrConditions: [[is('team', 'blue')], [is('team', 'red'), is('cost')]] }), [both, blue]);
    assert.deepEqual(await by({ OrConditions: [[is('cost', '1')]], TagCondition: is('team', 'blue') }), [blue]);
  });

  it('[SR6] finds by name under each MatchType', async () => {
    const at = await testPipeline();
    const ids = await chats(at, [{}, {}, {}]);
    for (const [index, Name] of ['Late order', 'Lost ORDER'].entries()) {
      await at.call('UpdateContact', { InstanceId, ContactId: ids[index], Name });
    }
    const [late, lost, none] = ids;
    const by = (MatchType: string, ...SearchText: string[]) => found(at, { Name: { MatchType, SearchText } });
    assert.deepEqual(await by('MATCH_ANY', 'late', 'x'), [late]);
    assert.deepEqual(await by('MATCH_ALL', 'order', 'lo'), [lost]);
    assert.deepEqual(await by('MATCH_EXACT', 'Late order', 'x'), [late]);
    assert.deepEqual(await by('MATCH_EXACT', 'late order'), []);
    assert.deepEqual(await by('MATCH_NONE', 'late'), [none, lost]);
    assert.deepEqual(await by('MATCH_ANY'), [none, lost, late]);
  });

  it('[SR7] finds by additional times, and by times that there are not', async () => {
    const at = await testPipeline();
    const [a, b, c] = await chats(at, [{}, {}, {}], [1]);
    const by = (MatchType: string, ...Criteria: object[]) =>
      found(at, { AdditionalTimeRange: { MatchType, Criteria } });
    const ended = during(noon + 600, noon + 700, 'DISCONNECT_TIMESTAMP');
    const not = (Type: string) => ({ TimestampCondition: { Type, ConditionType: 'NOT_EXISTS' } });
    assert.deepEqual(await by('MATCH_ALL', ended), [b]);
    assert.deepEqual(await by('MATCH_NONE', ended), [c, a]);
    assert.deepEqual(await by('MATCH_ALL', not('DISCONNECT_TIMESTAMP')), [c, a]);
    assert.deepEqual(await by('MATCH_ALL', not('DISCONNECT_TIMESTAMP'), during(noon, noon)), [a]);
    assert.deepEqual(await by('MATCH_ANY', during(noon, noon), ended), [b, a]);
    assert.deepEqual(await by('MATCH_ALL', not('ENQUEUE_TIMESTAMP')), [c, b, a]);
    assert.deepEqual(await by('MATCH_ALL', during(noon, noon, 'SCHEDULED_TIMESTAMP')), []);
    assert.deepEqual(await by('MATCH_ALL', { ...ended, ...not('DISCONNECT_TIMESTAMP') }), []);
  });

  it('[SR13] finds contacts of the instance alone, and none that was erased', async () => {
    const at = await testPipeline();
    const [a, b] = await chats(at, [{}, {}], [0, 1]);
    const instance = { InstanceId: otherInstance.id, ContactFlowId: otherInstance.flows[0]?.id };
    const foreign = (await startChat(at, instance, false)).ContactId;
    assert.deepEqual(await found(at), [b, a]);
    assert.deepEqual(await found(at, {}, { InstanceId: otherInstance.id }), [foreign]);
    await at.store.erase({ contactId: a ?? '' }, 100);
    assert.deepEqual(await found(at), [b]);
  });

  it('[SR14] finds by the first hundred attributes of a contact', async () => {
    const at = await testPipeline();
    const Attributes = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`key${index}`, 'value']));
    const [a] = await chats(at, [{ Attributes }]);
    const by = (Key: string) => found(at, { SearchableContactAttributes: { Criteria: [{ Key, Values: ['value'] }] } });
    assert.deepEqual([await by('key0'), await by('key99'), await by('key100')], [[a], [a], []]);
  });
});

describe('SearchContacts: order and pages', () => {
  it('[SR9] sorts by the time of the range either way; what is equal for all changes nothing', async () => {
    const at = await testPipeline();
    const ids = await chats(at, [{}, {}, {}], [2, 0, 1]);
    const ended = during(noon, noon + 3600, 'DISCONNECT_TIMESTAMP');
    for (const field of [
      'INITIATION_TIMESTAMP',
      'CHANNEL',
      'INITIATION_METHOD',
      'SCHEDULED_TIMESTAMP',
      'EXPIRY_TIMESTAMP',
    ]) {
      assert.deepEqual(await found(at, {}, sorted(field)), ids, field);
      assert.deepEqual(await found(at, {}, sorted(field, 'DESCENDING')), ids.toReversed(), field);
    }
    assert.deepEqual(await found(at, {}, { ...ended, ...sorted('DISCONNECT_TIMESTAMP') }), [ids[2], ids[0], ids[1]]);
    assert.deepEqual(await found(at, {}, { ...ended, ...sorted('CHANNEL', 'DESCENDING') }), [ids[1], ids[0], ids[2]]);
  });

  it('[SR9] sorts by another time, contacts without it last', async () => {
    const at = await testPipeline();
    const [a = '', b, c = '', d] = await chats(at, [{}, {}, {}, {}], [1, 3]);
    await addAgent(at, c);
    at.time.now += 1000;
    await addAgent(at, a);
    const lastOf = (ids: string[]) => ids.slice(2).toSorted();
    const up = await found(at, {}, sorted('DISCONNECT_TIMESTAMP'));
    const down = await found(at, {}, sorted('DISCONNECT_TIMESTAMP', 'DESCENDING'));
    assert.deepEqual(
      [up.slice(0, 2), down.slice(0, 2)],
      [
        [b, d],
        [d, b],
      ],
    );
    assert.deepEqual([lastOf(up), lastOf(down)], [[a, c].toSorted(), [a, c].toSorted()]);
    assert.deepEqual((await found(at, {}, sorted('CONNECTED_TO_AGENT_TIMESTAMP'))).slice(0, 2), [c, a]);
    const ended = during(noon, noon + 3600, 'DISCONNECT_TIMESTAMP');
    assert.deepEqual(await found(at, {}, { ...ended, ...sorted('INITIATION_TIMESTAMP') }), [b, d]);
  });

  it('[SR10, SR12] gives pages that join to the whole, and a TotalCount where one page is all', async () => {
    const at = await testPipeline();
    const ids = await chats(
      at,
      Array.from({ length: 7 }, (_, index) => ({ Attributes: { odd: String(index % 2) } })),
      [3, 1, 5],
    );
    const odd = { SearchableContactAttributes: { Criteria: [{ Key: 'odd', Values: ['1'] }] } };
    for (const [criteria, more] of [
      [{}, {}],
      [{}, sorted('INITIATION_TIMESTAMP')],
      [{}, sorted('DISCONNECT_TIMESTAMP')],
      [{}, sorted('DISCONNECT_TIMESTAMP', 'DESCENDING')],
      [odd, {}],
      [odd, during(noon, noon + 3600, 'DISCONNECT_TIMESTAMP')],
      [{ Name: { MatchType: 'MATCH_NONE', SearchText: ['x'] } }, {}],
    ] as const) {
      const all = await search(at, criteria, more);
      assert.deepEqual([all.body.TotalCount, all.body.NextToken], [idsOf(all).length, undefined]);
      assert.equal(idsOf(all).length, criteria === odd ? 3 : ids.length);
      for (const MaxResults of [1, 2, 3, 6, 7]) {
        const joined: string[] = [];
        let NextToken: string | undefined;
        do {
          const page = await search(at, criteria, { ...more, MaxResults, NextToken });
          joined.push(...idsOf(page));
          NextToken = page.body.NextToken;
          assert.equal(NextToken === undefined, joined.length === idsOf(all).length);
          assert.equal(page.body.TotalCount === undefined, MaxResults < idsOf(all).length);
        } while (NextToken);
        assert.deepEqual(joined, idsOf(all));
      }
    }
  });

  it('[SR10] takes a NextToken for the very search alone; MaxResults may change', async () => {
    const at = await testPipeline();
    await chats(at, [{}, {}, {}]);
    const { NextToken } = (await search(at, {}, { MaxResults: 1 })).body;
    assert.equal((await search(at, {}, { MaxResults: 2, NextToken })).status, 200);
    for (const [criteria, more] of [
      [{ Channels: ['CHAT'] }, {}],
      [{}, during(noon, noon + 9)],
      [{}, sorted('INITIATION_TIMESTAMP')],
      [{}, { InstanceId: otherInstance.id }],
      [{}, { NextToken: `${NextToken}x` }],
    ] as const) {
      const answer = await search(at, criteria, { NextToken, ...more });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    }
  });

  it('[SR10] answers a hundred contacts unless asked for fewer', async () => {
    const at = await testPipeline();
    const ids = await chats(
      at,
      Array.from({ length: 101 }, () => ({})),
    );
    const first = await search(at);
    assert.deepEqual(idsOf(first), ids.slice(1).toReversed());
    assert.deepEqual(await found(at, {}, { NextToken: first.body.NextToken }), [ids[0]]);
  });
});

describe('SearchContacts: bounds', () => {
  /** Many contacts, put straight into the store: all alike but for their ids and names. */
  async function crowd(count: number): Promise<TestPipeline> {
    const at = await testPipeline();
    const { ContactId } = await startChat(at, {}, false);
    const chat = await at.store.chat({ contactId: ContactId });
    assert(chat);
    const { key: _, revision: __, last: ___, lastTime: ____, ...first } = chat;
    const commits = Array.from({ length: count - 1 }, (_, index) => {
      const id = `contact-${String(index).padStart(5, '0')}`;
      const contact = { ...first.contact, id, initiatedAt: first.contact.initiatedAt + 1 + index, name: `n${index}` };
      return at.store.commit({ now: at.time.now, chat: { created: { ...first, id, contact } } });
    });
    await Promise.all(commits);
    return at;
  }

  it('[SR11] looks at five hundred contacts at most, and goes on where it was with the next call', async () => {
    const at = await crowd(505);
    const nowhere = { Name: { MatchType: 'MATCH_EXACT', SearchText: ['n0'] } };
    const first = await search(at, nowhere);
    assert.deepEqual(first.body.Contacts, []);
    assert.equal(first.body.TotalCount, undefined);
    const second = await search(at, nowhere, { NextToken: first.body.NextToken });
    assert.deepEqual(idsOf(second), ['contact-00000']);
    assert.equal(second.body.NextToken, undefined);
  });

  it('[SR9] refuses to sort more than five hundred by another time, and says what to do', async () => {
    const at = await crowd(501);
    const by = (FieldName: string, more = {}) => search(at, {}, { ...sorted(FieldName), ...more });
    const answer = await by('DISCONNECT_TIMESTAMP');
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    assert.match(answer.body.message, /^More than 500 contacts .*Search a shorter one/);
    assert.equal((await by('DISCONNECT_TIMESTAMP', during(noon + 0.001, noon + 10))).status, 200);
    assert.equal((await by('INITIATION_TIMESTAMP')).status, 200);
  });
});
