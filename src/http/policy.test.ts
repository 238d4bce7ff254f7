import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AccessRequest, decide, deniedSentence, type Policy, type PolicySettings, parsePolicy } from './policy.ts';

const instance = 'arn:aws:connect:us-east-1:123456789012:instance/10000000-0000-4000-8000-000000000001';
const contact = `${instance}/contact/20000000-0000-4000-8000-000000000001`;

function policy(...statements: Record<string, unknown>[]): Policy {
  const parsed = parsePolicy({ Version: '2012-10-17', Statement: statements });
  assert.ok(parsed.ok, parsed.ok ? '' : JSON.stringify(parsed.problems));
  return parsed.policy;
}

function ask(policies: Policy[], more: Partial<AccessRequest> = {}): string {
  const decision = decide(policies, {
    action: 'connect:CreateParticipant',
    resources: [contact],
    context: {},
    ...more,
  });
  return decision.allowed ? 'allowed' : `${decision.because} ${decision.resource}`;
}

const allow = { Effect: 'Allow', Action: 'connect:CreateParticipant', Resource: `${instance}/contact/*` };

describe('deciding', () => {
  it('[PO1] denies what no statement allows', () => {
    assert.equal(ask([]), `implicit ${contact}`);
    assert.equal(ask([policy({ ...allow, Action: 'connect:StopContact' })]), `implicit ${contact}`);
    assert.equal(ask([policy({ ...allow, Resource: `${instance}/contact-flow/*` })]), `implicit ${contact}`);
    assert.equal(ask([policy(allow)]), 'allowed');
  });

  it('[PO2] lets an explicit deny win, wherever it stands', () => {
    const deny = { Effect: 'Deny', Action: 'connect:*', Resource: '*' };
    for (const policies of [
      [policy(allow, deny)],
      [policy(deny, allow)],
      [policy(allow), policy(deny)],
      [policy(deny), policy(allow)],
      [policy(deny)],
    ]) {
      assert.equal(ask(policies), `explicit ${contact}`);
    }
    assert.equal(ask([policy(allow, { ...deny, Action: 'connect:Delete*' })]), 'allowed');
  });

  it('[PO3] wants every resource allowed, each by any statement, and names the first that is not', () => {
    const other = { ...allow, Resource: instance };
    const both = { resources: [contact, instance] };
    assert.equal(ask([policy(allow)], both), `implicit ${instance}`);
    assert.equal(ask([policy(allow, other)], both), 'allowed');
    assert.equal(ask([policy(allow), policy(other)], both), 'allowed');
    assert.equal(ask([policy({ ...other, Effect: 'Deny' })], both), `explicit ${instance}`);
  });

  it('[PO3] takes an action without resources as one that only * covers', () => {
    assert.equal(ask([policy(allow)], { resources: [] }), 'implicit *');
    assert.equal(ask([policy({ ...allow, Resource: '*' })], { resources: [] }), 'allowed');
  });

  it('[PO4] compares actions without case and resources with it', () => {
    const resource = contact.replace('contact/2', 'contact/A2');
    const actions: [pattern: string, expected: boolean][] = [
      ['*', true],
      ['connect:*', true],
      ['CONNECT:createparticipant', true],
      ['connect:Create*', true],
      ['connect:CreateParticipan?', true],
      ['connect:CreateParticipant?', false],
      ['connect:Create', false],
      ['s3:*', false],
    ];
    for (const [Action, expected] of actions) {
      assert.equal(ask([policy({ ...allow, Action })]) === 'allowed', expected, Action);
    }
    const resources: [pattern: string, expected: boolean][] = [
      [resource, true],
      [resource.replace('/A', '/a'), false],
      [resource.replace('/A', '/?'), true],
      ['arn:*', true],
      ['arn:aws:connect:*:*:instance/*', true],
      [instance, false],
    ];
    for (const [Resource, expected] of resources) {
      assert.equal(ask([policy({ ...allow, Resource })], { resources: [resource] }) === 'allowed', expected, Resource);
    }
  });

  it('[PO4] covers with NotAction and NotResource all but what they name', () => {
    const { Action, Resource, ...bare } = allow;
    assert.equal(ask([policy({ ...bare, NotAction: ['connect:Delete*', 'connect:Stop*'], Resource })]), 'allowed');
    assert.equal(ask([policy({ ...bare, NotAction: ['connect:Create*'], Resource })]), `implicit ${contact}`);
    assert.equal(ask([policy({ ...bare, Action, NotResource: `${instance}/queue/*` })]), 'allowed');
    assert.equal(ask([policy({ ...bare, Action, NotResource: [contact] })]), `implicit ${contact}`);
    const others = { Effect: 'Deny', NotAction: Action, NotResource: Resource };
    assert.equal(ask([policy(allow, others)]), 'allowed');
    assert.equal(ask([policy(allow, others)], { action: 'connect:X', resources: [instance] }), `explicit ${instance}`);
  });

  it('[PO7] applies a statement when all of its keys and operators hold, keys being the same in any case', () => {
    const Condition = {
      StringEquals: { 'connect:InstanceId': [instance, 'other'], 'CONNECT:channel': 'CHAT' },
      'ForAllValues:StringLike': { 'aws:TagKeys': ['team*'] },
    };
    const policies = [policy({ ...allow, Condition })];
    const context = { 'Connect:InstanceID': instance, 'connect:Channel': 'CHAT' };
    assert.equal(ask(policies, { context }), 'allowed');
    assert.equal(ask(policies, { context: { ...context, 'aws:tagkeys': ['team-a', 'teams'] } }), 'allowed');
    for (const different of [
      { 'aws:TagKeys': ['team', 'cost'] },
      { 'connect:Channel': 'VOICE' },
      { 'connect:Channel': undefined },
    ]) {
      assert.equal(ask(policies, { context: { ...context, ...different } }), `implicit ${contact}`);
    }
    const deny = { Effect: 'Deny', Action: '*', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': false } } };
    assert.equal(ask([policy(allow, deny)], { context: { 'aws:SecureTransport': 'true' } }), 'allowed');
    assert.equal(ask([policy(allow, deny)], { context: { 'aws:SecureTransport': 'false' } }), `explicit ${contact}`);
  });
});

describe('reading', () => {
  function problems(document: unknown, settings?: PolicySettings): Record<string, string> {
    const parsed = parsePolicy(document, settings);
    assert.ok(!parsed.ok, 'must be refused');
    return Object.fromEntries(parsed.problems.map(({ path, message }) => [path, message]));
  }
  const statement = (changes: Record<string, unknown>) => {
    const changed = Object.entries({ ...allow, ...changes }).filter(([, value]) => value !== undefined);
    return { Version: '2012-10-17', Statement: [Object.fromEntries(changed)] };
  };

  it('[PO10] reads a document as it is written, single values as lists', () => {
    const parsed = parsePolicy({
      Version: '2012-10-17',
      Id: 'bots',
      Statement: { Sid: 'Bots1', ...allow, Condition: { NumericLessThan: { 'x:Age': 5 }, Bool: { 'x:Is': [true] } } },
    });
    assert.ok(parsed.ok);
    const [read] = parsed.policy.Statement;
    assert.deepEqual([parsed.policy.Version, parsed.policy.Id, read?.Sid], ['2012-10-17', 'bots', 'Bots1']);
    assert.deepEqual([read?.Action, read?.Resource], [[allow.Action], [allow.Resource]]);
    assert.deepEqual(
      read?.Condition.map(({ operator, key, values }) => [operator, key, values]),
      [
        ['NumericLessThan', 'x:age', ['5']],
        ['Bool', 'x:is', ['true']],
      ],
    );
    const old = parsePolicy({ Statement: [allow] });
    assert.ok(old.ok && old.policy.Version === '2008-10-17');
  });

  it('[PO10] refuses what it does not evaluate by name, all of it at once', () => {
    assert.deepEqual(
      problems({
        Version: '2013-01-01',
        Comment: 'x',
        Statement: [
          { ...allow, Principal: '*', Sid: 'a b' },
          { ...allow, Effect: 'allow', Action: 'CreateParticipant', Resource: 'contact/*' },
        ],
      }),
      {
        Version: 'must be "2012-10-17" or "2008-10-17"',
        Comment: 'not supported; allowed here: Version, Id, Statement',
        'Statement[0].Principal':
          'not supported (the policy applies to the user that it is given to); ' +
          'allowed here: Sid, Effect, Action, NotAction, Resource, NotResource, Condition',
        'Statement[0].Sid': 'must be letters and digits',
        'Statement[1].Effect': 'must be "Allow" or "Deny"',
        'Statement[1].Action': '"CreateParticipant" must be * or service:Operation, in which * and ? may stand',
        'Statement[1].Resource': '"contact/*" must be * or an ARN, in which * and ? may stand',
      },
    );
  });

  it('[PO10] says where a document has the wrong shape, and what belongs there', () => {
    const at = 'Statement[0]';
    const wrong: [document: unknown, path: string, message: RegExp][] = [
      [null, '', /^must be a JSON object$/],
      [[], '', /^must be a JSON object$/],
      ['{}', '', /^must be a JSON object$/],
      [{}, 'Statement', /^must be a JSON object$/],
      [{ Statement: [] }, 'Statement', /at least one statement/],
      [{ Statement: [7] }, at, /^must be a JSON object$/],
      [{ Id: 7, Statement: [allow] }, 'Id', /^must be a string$/],
      [
        { Statement: [allow, allow].map((each) => ({ ...each, Sid: 'A' })) },
        'Statement',
        /Sid "A" is used more than once/,
      ],
      [statement({ Sid: 7 }), `${at}.Sid`, /^must be letters and digits$/],
      [statement({ Effect: undefined }), `${at}.Effect`, /"Allow" or "Deny"/],
      [statement({ Action: undefined }), at, /^must have either Action or NotAction$/],
      [statement({ NotAction: '*' }), at, /^must have either Action or NotAction, not both$/],
      [statement({ Resource: undefined }), at, /^must have either Resource or NotResource$/],
      [statement({ Action: [] }), `${at}.Action`, /at least one value/],
      [statement({ Action: [allow.Action, 7] }), `${at}.Action`, /^must be a string or a list of them$/],
      [statement({ Action: '*:*' }), `${at}.Action`, /service:Operation/],
      [statement({ Condition: [] }), `${at}.Condition`, /^must be a JSON object$/],
      [statement({ Condition: { StringEquals: 'x' } }), `${at}.Condition.StringEquals`, /^must be a JSON object$/],
      [
        statement({ Condition: { StringEquals: { 'a:b': null } } }),
        `${at}.Condition.StringEquals.a:b`,
        /^must be a string, number, boolean or a list of them$/,
      ],
      [
        statement({ Condition: { StringEquals: { 'a:b': [] } } }),
        `${at}.Condition.StringEquals.a:b`,
        /at least one value/,
      ],
      [statement({ Condition: { StringEquals: { ab: 'x' } } }), `${at}.Condition.StringEquals.ab`, /service:Name/],
      [
        statement({ Condition: { BinaryEquals: { 'a:b': 'x' } } }),
        `${at}.Condition.BinaryEquals`,
        /^not a supported condition operator; allowed: StringEquals, .*Null; all but Null also after ForAllValues:/,
      ],
      [
        statement({ Condition: { DateLessThan: { 'aws:CurrentTime': ['2026-01-31', 'x'] } } }),
        `${at}.Condition.DateLessThan.aws:CurrentTime`,
        /^"x" must be a date/,
      ],
      [JSON.parse('{"Statement":[],"__proto__":1,"constructor":2}'), '__proto__', /^not supported; allowed here/],
    ];
    for (const [document, path, message] of wrong) {
      assert.match(problems(document)[path] ?? 'nothing', message, `${path} of ${JSON.stringify(document)}`);
    }
  });

  it('[PO11] refuses policy variables by name', () => {
    const variable = `\${aws:username}`;
    const message = `the policy variable ${variable} is not supported; write out the value`;
    assert.deepEqual(problems(statement({ Resource: `${instance}/agent/${variable}` })), {
      'Statement[0].Resource': message,
    });
    assert.deepEqual(problems(statement({ Condition: { StringLike: { 'a:b': ['x', `${variable}*`] } } })), {
      'Statement[0].Condition.StringLike.a:b': message,
    });
  });

  it('[PO12] refuses a document over the limit, counted without white space', () => {
    const document = { Statement: [{ ...allow, Action: Array(300).fill('connect:GetQueue') }] };
    assert.ok(parsePolicy(document).ok);
    const size = JSON.stringify(document).length;
    assert.ok(parsePolicy(document, { maxDocumentChars: size }).ok);
    assert.deepEqual(problems(document, { maxDocumentChars: size - 1 }), {
      '': `${size} characters without white space; at most ${size - 1} are allowed`,
    });
    const long = { Statement: [{ ...allow, Sid: 'A'.repeat(6144) }] };
    assert.match(problems(long)[''] ?? '', /at most 6144 are allowed$/);
  });

  it('[PO13] refuses condition keys that the server never fills, when it is told which it fills', () => {
    const settings = { maxDocumentChars: 6144, conditionKeys: ['connect:InstanceId', 'aws:RequestTag/'] };
    const keyed = (key: string) => statement({ Condition: { StringEquals: { [key]: 'x' } } });
    for (const key of ['connect:InstanceId', 'CONNECT:instanceid', 'aws:requesttag/Team']) {
      assert.ok(parsePolicy(keyed(key), settings).ok, key);
    }
    for (const key of ['connect:InstnaceId', 'aws:RequestTag/', 'aws:RequestTag']) {
      assert.equal(
        problems(keyed(key), settings)[`Statement[0].Condition.StringEquals.${key}`],
        'this server fills no such condition key; allowed: connect:InstanceId, aws:RequestTag/',
      );
      assert.ok(parsePolicy(keyed(key)).ok, key);
    }
  });
});

it('[PO14] says who may not do what to which resource, and why, in the sentence of AWS', () => {
  const denial = {
    userArn: 'arn:aws:iam::123456789012:user/bot',
    action: 'connect:CreateParticipant',
    resource: contact,
  };
  const start = `User: arn:aws:iam::123456789012:user/bot is not authorized to perform: connect:CreateParticipant on resource: ${contact}`;
  assert.equal(
    deniedSentence({ ...denial, because: 'implicit' }),
    `${start} because no identity-based policy allows the connect:CreateParticipant action`,
  );
  assert.equal(
    deniedSentence({ ...denial, because: 'explicit' }),
    `${start} with an explicit deny in an identity-based policy`,
  );
});
