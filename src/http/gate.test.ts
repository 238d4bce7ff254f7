import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { inputsFor } from '../../test/support/inputs.ts';
import {
  ContactFlowId,
  InstanceId,
  otherInstance,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../test/support/pipeline.ts';
import { type SignedBy, signed } from '../../test/support/signed.ts';
import { developmentInstance } from '../config.ts';
import { Fault } from '../fault.ts';
import { registry } from '../operations/registry.ts';
import { systemSteady } from '../runtime/steady.ts';
import { seed } from '../seeds.ts';
import { openSqlite } from '../store/sqlite.ts';
import { type AccessKey, policySettings } from './access-keys.ts';
import { type GateSettings, openGate, type Signer } from './gate.ts';
import { parsePolicy } from './policy.ts';
import type { Request } from './request.ts';

const { account } = developmentInstance;
const arn = (rest = '') => `arn:aws:connect:us-east-1:${account}:instance/${InstanceId}${rest}`;
const unknown = '00000000-0000-4000-8000-000000000000';
const secret = 'a secret of forty characters, as they are';

function policyOf(...Statement: object[]): AccessKey['policy'] {
  const read = parsePolicy({ Version: '2012-10-17', Statement }, policySettings);
  assert(read.ok, JSON.stringify(read));
  return read.policy;
}

const allow = (Action: string | string[], Resource: string | string[] = '*', Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const deny = (Action: string | string[], Resource: string | string[] = '*', Condition?: object) => ({
  ...allow(Action, Resource, Condition),
  Effect: 'Deny',
});

function keyOf(id: string, policy: AccessKey['policy'], of = account): AccessKey {
  return { id, account: of, name: `user-${id.slice(-4)}`, secret, version: '1', policy };
}

const owner = keyOf('AKIAOWNER00000000001', policyOf(allow('connect:*')));
const nobody = keyOf('AKIANOBODY0000000002', policyOf(allow('connect:Nothing')));
const free = keyOf('AKIAFREE000000000003', undefined);
const keys = [owner, nobody, free];
const by = ({ id }: AccessKey, region = 'us-east-1'): SignedBy => ({
  accessKeyId: id,
  secretAccessKey: secret,
  region,
});

/** A gate with a store of its own, in which both instances are seeded. */
async function withGate(
  run: (gate: ReturnType<typeof openGate>) => Promise<void>,
  settings: Partial<GateSettings> = {},
): Promise<void> {
  await using store = openSqlite(':memory:', systemSteady);
  await seed(store, [developmentInstance, otherInstance], 1);
  const all = { verifies: true, isDevelopment: true, pathPrefix: '', ...settings };
  await run(openGate(all, async (id) => keys.find((each) => each.id === id), store));
}

async function refusalOf(run: () => Promise<unknown>): Promise<Fault> {
  try {
    await run();
  } catch (failure) {
    assert(failure instanceof Fault, String(failure));
    return failure;
  }
  assert.fail('nothing was refused');
}

describe('the order of what is looked at', () => {
  const once = { rates: { CreateParticipant: { rate: 0.001, burst: 1 } } };
  const good = { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' };
  const input = { InstanceId, ContactId: unknown, ParticipantDetails: good };
  const wrong = { ...input, ParticipantDetails: { ...good, DisplayName: '' } };
  const answer = async (system: TestPipeline, request: Request) => {
    const { status, headers } = await system.handle(request);
    return [status, headers['x-amzn-errortype']];
  };

  it('[AU1] is the signature first: who is not known takes nothing from the rate of the account', async () => {
    const system = await testPipeline({ keys, quotas: once });
    const guessed = { ...by(owner), secretAccessKey: 'guessed' };
    for (let each = 0; each < 3; each += 1) {
      const request = await signed('CreateParticipant', input, guessed, '{');
      assert.deepEqual(await answer(system, request), [403, 'InvalidSignatureException']);
    }
    const first = await signed('CreateParticipant', input, by(owner));
    assert.deepEqual(await answer(system, first), [404, 'ResourceNotFoundException']);
  });

  it('[AU1] is the rate before the body: called too often is 429, whatever was sent', async () => {
    const system = await testPipeline({ keys, quotas: once });
    await answer(system, await signed('CreateParticipant', input, by(owner)));
    for (const [who, body] of [
      [owner, '{'],
      [nobody, '{}'],
      [owner, undefined],
    ] as const) {
      const request = await signed('CreateParticipant', input, by(who), body);
      assert.deepEqual(await answer(system, request), [429, 'ThrottlingException']);
    }
  });

  it('[AU1] is the body before the policy: what cannot be read is 400, also for who may do nothing', async () => {
    const system = await testPipeline({ keys });
    for (const body of ['{', '[]', '{"ContactId":5}']) {
      const request = await signed('CreateParticipant', input, by(nobody), body);
      assert.deepEqual(await answer(system, request), [400, 'SerializationException']);
    }
  });

  it('[AU1] is the policy before the constraints, and these before what exists', async () => {
    const system = await testPipeline({ keys });
    const cases = [
      [nobody, wrong, 403, 'AccessDeniedException'],
      [nobody, input, 403, 'AccessDeniedException'],
      [owner, wrong, 400, 'InvalidRequestException'],
      [owner, input, 404, 'ResourceNotFoundException'],
    ] as const;
    for (const [who, given, status, type] of cases) {
      const request = await signed('CreateParticipant', given, by(who));
      assert.deepEqual(await answer(system, request), [status, type]);
    }
  });

  it('[AU1, QU2] is the same for who has a bearer token: the rate, then the body, then the constraints', async () => {
    const system = await testPipeline({ quotas: { rates: { SendMessage: { rate: 0.001, burst: 2 } } } });
    const { token } = await startChat(system);
    const send = async (body: string) => {
      const { status, type } = await system.raw('POST', '/participant/message', body, { 'x-amz-bearer': token });
      return [status, type];
    };
    assert.deepEqual(await send('{'), [400, 'SerializationException']);
    assert.deepEqual(await send('{"ContentType":"text/plain","Content":""}'), [400, 'ValidationException']);
    assert.deepEqual(await send('{'), [429, 'ThrottlingException']);
    const { status } = await system.raw('POST', '/participant/message', '{', { 'x-amz-bearer': `${token}x` });
    assert.equal(status, 403);
  });
});

describe('a request that is not verified', () => {
  it('[AU2] is taken with any signature or none, for the account that owns the instance it names', async () => {
    const system = await testPipeline();
    const ParticipantDetails = { DisplayName: 'Ana' };
    for (const authorization of [undefined, '', 'Basic x', 'AWS4-HMAC-SHA256 Credential=any']) {
      for (const [instance, flow] of [
        [InstanceId, ContactFlowId],
        [otherInstance.id, otherInstance.flows[0]?.id],
      ]) {
        const { status } = await system.raw(
          'PUT',
          '/contact/chat',
          JSON.stringify({ InstanceId: instance, ContactFlowId: flow, ParticipantDetails }),
          authorization === undefined ? {} : { authorization },
        );
        assert.equal(status, 200, authorization);
      }
    }
  });
});

describe('a request that is verified', () => {
  it('[AU2, AU3] is of the account of its key, in the Region that it was signed for', () =>
    withGate(async (gate) => {
      const request = await signed('StopContact', { InstanceId, ContactId: unknown }, by(owner, 'eu-central-1'));
      const signer = await gate.authenticate(request);
      assert.deepEqual(
        [signer.account, signer.region, signer.userArn, signer.policies],
        [account, 'eu-central-1', `arn:aws:iam::${account}:user/user-0001`, [owner.policy]],
      );
    }));

  it('[AU3] finds no instance of another Region', async () => {
    const system = await testPipeline({ keys });
    const { ContactId } = await startChatBy(system);
    for (const [region, status] of [
      ['us-east-1', 200],
      ['eu-central-1', 404],
    ] as const) {
      const request = await signed('DescribeContact', { InstanceId, ContactId }, by(owner, region));
      assert.equal((await system.handle(request)).status, status, region);
    }
  });

  it('[AU7] with a key without a policy may do everything in development, and nothing in production', async () => {
    const operation = registry.find(({ name }) => name === 'StopContact');
    assert(operation);
    const input = { InstanceId, ContactId: unknown };
    const request = await signed('StopContact', input, by(free));
    await withGate(async (gate) => {
      const signer = await gate.authenticate(request);
      assert.equal(signer.policies, undefined);
      await gate.permit(signer, operation, input);
    });
    await withGate(
      async (gate) => {
        const signer = await gate.authenticate(request);
        assert.deepEqual(signer.policies, []);
        const fault = await refusalOf(() => gate.permit(signer, operation, input));
        assert.deepEqual([fault.type, fault.status], ['AccessDeniedException', 403]);
      },
      { isDevelopment: false },
    );
  });

  it('[AU12] with a signature that does not match is told in development what should have been signed', async () => {
    const request = await signed(
      'StopContact',
      { InstanceId, ContactId: unknown },
      { ...by(owner), secretAccessKey: 'x' },
    );
    const [, token] = request.headers.find(([name]) => name.toLowerCase() === 'x-amz-date') ?? [];
    await withGate(async (gate) => {
      const fault = await refusalOf(() => gate.authenticate(request));
      assert.equal(fault.type, 'InvalidSignatureException');
      assert.match(
        fault.message,
        /^The request signature we calculated does not match .*\n\nThe canonical string for this request should have been\n'POST\n\/contact\/stop\n/,
      );
      assert.match(fault.message, /\n\nThe string to sign should have been\n'AWS4-HMAC-SHA256\n/);
      assert(fault.message.includes(`x-amz-date:${token}`));
    });
    await withGate(
      async (gate) => {
        const fault = await refusalOf(() => gate.authenticate(request));
        assert.equal(fault.type, 'InvalidSignatureException');
        assert.doesNotMatch(fault.message, /\n|canonical|AWS4|\/contact\/stop/);
      },
      { isDevelopment: false },
    );
  });

  it('[AU6] whose key is gone meanwhile is refused', async () => {
    await using store = openSqlite(':memory:', systemSteady);
    let lookups = 0;
    const gate = openGate(
      { verifies: true, isDevelopment: true, pathPrefix: '' },
      async () => {
        lookups += 1;
        return lookups === 1 ? owner : undefined;
      },
      store,
    );
    const request = await signed('StopContact', { InstanceId, ContactId: unknown }, by(owner));
    assert.equal((await refusalOf(() => gate.authenticate(request))).type, 'UnrecognizedClientException');
  });

  it("[CF7] may have lost the public URL's path on its way, which its signature has", async () => {
    const input = { InstanceId, ContactId: unknown };
    const asSent = await signed('StopContact', input, by(owner), undefined, 'https://chat.example.com/connect');
    assert.equal(asSent.path, '/connect/contact/stop');
    const arrived = { ...asSent, path: '/contact/stop' };
    const forged = { ...arrived, body: Buffer.from('{}') };
    const plain = await signed('StopContact', input, by(owner));
    await withGate(
      async (gate) => {
        // With it, as the listener hands it on, and without it; and a client inside that knows nothing of it.
        for (const each of [{ ...arrived, prefix: '/connect' }, arrived, plain]) {
          assert.equal((await gate.authenticate(each)).account, account);
        }
        for (const each of [forged, { ...plain, prefix: '/connect' }]) {
          assert.equal((await refusalOf(() => gate.authenticate(each))).type, 'InvalidSignatureException');
        }
      },
      { pathPrefix: '/connect' },
    );
    await withGate(async (gate) => void (await refusalOf(() => gate.authenticate(arrived))));
  });
});

async function startChatBy(system: TestPipeline, more: object = {}): Promise<{ ContactId: string }> {
  const input = { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' }, ...more };
  const reply = await system.handle(await signed('StartChatContact', input, by(owner)));
  assert.equal(reply.status, 200);
  return JSON.parse(reply.body);
}

describe('what a policy is asked', () => {
  /** The resource of each operation, for the inputs that it is tried with. */
  const contact = `/contact/${unknown}`;
  const resources: Readonly<Record<string, string>> = {
    AssociateApprovedOrigin: arn(),
    AssociateInstanceStorageConfig: arn(),
    CreateParticipant: arn(contact),
    CreatePersistentContactAssociation: arn(contact),
    DeleteContactData: arn(contact),
    DescribeAttachedFilesConfiguration: arn(),
    DescribeContact: arn(contact),
    DescribeInstanceStorageConfig: arn(),
    DisassociateApprovedOrigin: arn(),
    DisassociateInstanceStorageConfig: arn(),
    GetContactAttributes: arn(contact),
    ListApprovedOrigins: arn(),
    ListAssociatedContacts: arn(contact),
    ListAttachedFilesConfigurations: arn(),
    ListContactReferences: arn(contact),
    ListInstanceStorageConfigs: arn(),
    ListTagsForResource: arn(),
    SearchContacts: arn(),
    StartChatContact: arn(`/contact-flow/${ContactFlowId}`),
    StartContactStreaming: arn(contact),
    StopContact: arn(contact),
    StopContactStreaming: arn(contact),
    TagContact: arn(contact),
    TagResource: arn(),
    TransferContact: arn(contact),
    UntagContact: arn(contact),
    UntagResource: arn(),
    UpdateAttachedFilesConfiguration: arn(),
    UpdateContact: arn(contact),
    UpdateContactAttributes: arn(contact),
    UpdateInstanceStorageConfig: arn(),
    UpdateParticipantRoleConfig: arn(contact),
  };

  for (const operation of registry.filter(({ service }) => service === 'connect')) {
    const { name } = operation;
    const resource = resources[name] ?? assert.fail(`${name} has no resource here`);
    const input = inputsFor(unknown)[name] as Record<string, unknown>;

    it(`[AU4, AU5] is for ${name} whether connect:${name} is allowed on ${resource.slice(arn().length) || 'its instance'}`, () =>
      withGate(async (gate) => {
        const permit = (...statements: object[]) =>
          gate.permit(signerWith(...statements), operation, input).then(
            () => 'allowed',
            (fault: Fault) => fault.message,
          );
        assert.equal(await permit(allow(`connect:${name}`, resource)), 'allowed');
        const sentence = `User: arn:aws:iam::${account}:user/bot is not authorized to perform: connect:${name} on resource: ${resource} `;
        assert.equal(
          await permit(allow(`connect:${name}`, `${resource}x`), allow('connect:Nothing')),
          `${sentence}because no identity-based policy allows the connect:${name} action`,
        );
        assert.equal(
          await permit(allow('*'), deny(`connect:${name}`, resource)),
          `${sentence}with an explicit deny in an identity-based policy`,
        );
      }));

    it(`[AU5] is for ${name} which instance, which account and which Region it is about`, () =>
      withGate(async (gate) => {
        for (const [key, value] of [
          ['connect:InstanceId', InstanceId],
          ['aws:PrincipalAccount', account],
          ['aws:RequestedRegion', 'us-east-1'],
        ] as const) {
          const only = (each: string) =>
            gate.permit(signerWith(allow('*', '*', { StringEquals: { [key]: each } })), operation, input);
          await only(value);
          assert.equal((await refusalOf(() => only(`${value}0`))).type, 'AccessDeniedException', key);
        }
      }));
  }

  function signerWith(...statements: object[]): Signer {
    const policy = policyOf(...statements);
    assert(policy);
    return { account, region: 'us-east-1', userArn: `arn:aws:iam::${account}:user/bot`, policies: [policy] };
  }

  const permits = (name: string, input: Record<string, unknown>, ...statements: object[]) => {
    const operation = registry.find((each) => each.name === name);
    assert(operation);
    let allowed = true;
    return withGate(async (gate) => {
      await gate.permit(signerWith(...statements), operation, input).catch(() => {
        allowed = false;
      });
    }).then(() => allowed);
  };

  it('[AU5] is the same for an ARN as for the id at its end', async () => {
    const input = {
      InstanceId: arn(),
      ContactFlowId: arn(`/contact-flow/${ContactFlowId}`),
      ParticipantDetails: { DisplayName: 'Ana' },
    };
    assert(await permits('StartChatContact', input, allow('*', arn(`/contact-flow/${ContactFlowId}`))));
  });

  it('[AU4] is the same for the draft of a flow as for the flow', async () => {
    for (const draft of [`${ContactFlowId}:$SAVED`, arn(`/contact-flow/${ContactFlowId}:$LATEST`)]) {
      const input = { InstanceId, ContactFlowId: draft, ParticipantDetails: { DisplayName: 'Ana' } };
      const denied = deny('*', arn(`/contact-flow/${ContactFlowId}`));
      assert.equal(await permits('StartChatContact', input, allow('*'), denied), false, draft);
      const resourceArn = arn(`/contact-flow/${ContactFlowId}:$SAVED`);
      assert.equal(await permits('ListTagsForResource', { resourceArn }, allow('*'), denied), false, resourceArn);
    }
  });

  it('[AU4] has no other name by which the same thing would be found', async () => {
    const system = await testPipeline();
    const nested = arn(`/contact-flow/${arn(`/contact-flow/${ContactFlowId}`)}`);
    const { status, type } = await system.call('ListTagsForResource', { resourceArn: nested });
    assert.deepEqual([status, type], [404, 'ResourceNotFoundException']);
  });

  it('[AU5] is which tags a request brings, and their keys', async () => {
    const tag = { resourceArn: arn(), tags: { team: 'blue', cost: '7' } };
    const ifTag = (value: string) => allow('*', '*', { StringEquals: { 'aws:RequestTag/team': value } });
    assert(await permits('TagResource', tag, ifTag('blue')));
    assert.equal(await permits('TagResource', tag, ifTag('red')), false);
    const ifKeys = (...keys: string[]) =>
      allow('*', '*', {
        'ForAllValues:StringEquals': { 'aws:TagKeys': keys },
        Null: { 'aws:TagKeys': 'false' },
      });
    assert(await permits('TagResource', tag, ifKeys('team', 'cost')));
    assert.equal(await permits('TagResource', tag, ifKeys('team')), false);
    assert(await permits('UntagResource', { resourceArn: arn(), tagKeys: ['team'] }, ifKeys('team')));
    assert.equal(await permits('UntagResource', { resourceArn: arn(), tagKeys: ['cost'] }, ifKeys('team')), false);
    assert.equal(await permits('ListTagsForResource', { resourceArn: arn() }, ifKeys('team')), false);
  });

  it('[AU5, SO11] is which type of resource a storage configuration is for', async () => {
    const ifType = allow('*', '*', { StringEquals: { 'connect:StorageResourceType': 'CHAT_TRANSCRIPTS' } });
    const names = registry.map(({ name }) => name).filter((name) => name.includes('InstanceStorageConfig'));
    assert.equal(names.length, 5);
    for (const name of names) {
      const input = inputsFor(unknown)[name] as Record<string, unknown>;
      assert(await permits(name, input, ifType), name);
      assert.equal(await permits(name, { ...input, ResourceType: 'CONTACT_TRACE_RECORDS' }, ifType), false, name);
    }
    assert.equal(await permits('ListApprovedOrigins', { InstanceId }, ifType), false);
  });

  it('[AU5, CK4] is what time it is on the machine', async () => {
    const input = { InstanceId, ContactId: unknown };
    const when = (operator: string, time: string) =>
      permits('StopContact', input, allow('*', '*', { [operator]: { 'aws:CurrentTime': time } }));
    const hour = 3_600_000;
    const [before, after] = [new Date(Date.now() - hour), new Date(Date.now() + hour)].map((each) =>
      each.toISOString(),
    );
    assert(await when('DateGreaterThan', before ?? ''));
    assert(await when('DateLessThan', after ?? ''));
    assert.equal(await when('DateLessThan', before ?? ''), false);
  });

  describe('of the tags of what it is about', () => {
    const blue = { StringEquals: { 'aws:ResourceTag/team': 'blue' } };
    const only = keyOf('AKIATAGGED0000000004', policyOf(allow('connect:*', '*', blue)));
    const not = keyOf('AKIAUNTAG00000000005', policyOf(allow('connect:*'), deny('connect:*', '*', blue)));
    let system: TestPipeline;
    let tagged = '';
    let plain = '';
    before(async () => {
      system = await testPipeline({ keys: [owner, only, not] });
      tagged = (await startChatBy(system)).ContactId;
      plain = (await startChatBy(system)).ContactId;
      await done('TagContact', { InstanceId, ContactId: tagged, Tags: { team: 'blue' } });
      const flow = arn(`/contact-flow/${ContactFlowId}`);
      for (const resourceArn of [arn(), flow]) await done('TagResource', { resourceArn, tags: { team: 'blue' } });
    });

    const ask = async (who: AccessKey, name: string, input: object) =>
      (await system.handle(await signed(name, input, by(who)))).status;

    async function done(name: string, input: object): Promise<void> {
      assert.equal(await ask(owner, name, input), 200, name);
    }

    for (const name of [
      'DescribeContact',
      'GetContactAttributes',
      'UpdateContactAttributes',
      'ListAssociatedContacts',
    ]) {
      it(`[AU5] is for ${name} that of the contact, by whichever member names it`, async () => {
        const input = (ContactId: string) => inputsFor(ContactId)[name] as object;
        assert.deepEqual([await ask(only, name, input(tagged)), await ask(only, name, input(plain))], [200, 403]);
        assert.deepEqual([await ask(not, name, input(tagged)), await ask(not, name, input(plain))], [403, 200]);
        assert.deepEqual([await ask(only, name, input(unknown)), await ask(not, name, input(unknown))], [403, 404]);
      });
    }

    it('[AU5] is that of the instance, or of the flow', async () => {
      const start = { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } };
      for (const [name, input] of [
        ['SearchContacts', inputsFor(tagged).SearchContacts as object],
        ['ListTagsForResource', { resourceArn: arn() }],
        ['ListTagsForResource', { resourceArn: arn(`/contact-flow/${ContactFlowId}`) }],
        ['StartChatContact', start],
      ] as const) {
        assert.deepEqual([await ask(only, name, input), await ask(not, name, input)], [200, 403], name);
      }
    });

    it("[AU4] is nothing for another account's, whose tags nobody can feel for", async () => {
      const theirs = { InstanceId: otherInstance.id, ContactFlowId: otherInstance.flows[0]?.id };
      const ContactId = system.ids.uuid();
      const chat = await system.store.chat({ contactId: tagged });
      assert(chat);
      const { key: _, revision: __, last: ___, lastTime: ____, ...created } = chat;
      await system.store.commit({
        now: system.time.now,
        chat: {
          created: {
            ...created,
            id: ContactId,
            account: otherInstance.account,
            instanceId: otherInstance.id,
            contact: { ...created.contact, id: ContactId },
          },
        },
      });
      for (const id of [ContactId, unknown]) {
        const named = { InstanceId: theirs.InstanceId, ContactId: id };
        assert.deepEqual(
          [await ask(only, 'DescribeContact', named), await ask(not, 'DescribeContact', named)],
          [403, 404],
        );
      }
    });
  });
});
