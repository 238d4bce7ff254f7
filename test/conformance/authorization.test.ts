import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { AccessKey } from '../../src/http/access-keys.ts';
import { parsePolicy } from '../../src/http/policy.ts';
import { registry } from '../../src/operations/registry.ts';
import { helloFile, sendFile } from '../support/attachments.ts';
import { inputsFor } from '../support/inputs.ts';
import { ContactFlowId, InstanceId, otherInstance, type TestPipeline, testPipeline } from '../support/pipeline.ts';
import { type Outcome, sdk } from '../support/sdk.ts';

/**
 * Who may call what: every operation × every way not to be allowed, through the official SDK. An operation without rows
 * here fails the test.
 */

const allowAll = policy([{ Effect: 'Allow', Action: 'connect:*', Resource: '*' }]);
const keys: readonly AccessKey[] = [
  key('AKIAOWNER0000000', '123456789012', allowAll),
  key('AKIANOBODY000000', '123456789012', policy([{ Effect: 'Allow', Action: 'connect:Nothing', Resource: '*' }])),
  key(
    'AKIADENIED000000',
    '123456789012',
    policy([
      { Effect: 'Allow', Action: 'connect:*', Resource: '*' },
      { Effect: 'Deny', Action: 'connect:*', Resource: '*' },
    ]),
  ),
  key('AKIAOTHER0000000', otherInstance.account, allowAll),
];

function key(id: string, account: string, policy: AccessKey['policy']): AccessKey {
  return { id, account, name: id.toLowerCase(), secret: `secret of ${id}`, version: '1', policy };
}

function policy(Statement: object[]): AccessKey['policy'] {
  const read = parsePolicy({ Version: '2012-10-17', Statement });
  assert.ok(read.ok);
  return read.policy;
}

/** What the cells of the tables are about. */
interface World {
  readonly system: TestPipeline;
  readonly ContactId: string;
  readonly EndedContactId: string;
  readonly OtherContactId: string;
  readonly ParticipantToken: string;
  readonly token: string;
  readonly leftToken: string;
  readonly leftParticipantToken: string;
  readonly endedToken: string;
  readonly endedParticipantToken: string;
  readonly messageOfOtherChat: string;
  readonly attachmentOfOtherChat: string;
}

let world: World;

before(async () => {
  // Chats are made by a system that verifies nothing; it shares its store with the one under test.
  const system = await testPipeline({ keys });
  const owner = sdk(system, credentials('AKIAOWNER0000000'));
  const start = async () => {
    const { output } = await owner('StartChatContact', {
      InstanceId,
      ContactFlowId,
      ParticipantDetails: { DisplayName: 'Ana' },
    });
    const connected = await owner('CreateParticipantConnection', {
      ParticipantToken: output.ParticipantToken,
      Type: ['CONNECTION_CREDENTIALS'],
      ConnectParticipant: true,
    });
    return { ...output, token: connected.output.ConnectionCredentials.ConnectionToken } as Record<string, string>;
  };
  const bot = async (ContactId: string | undefined) => {
    const ParticipantDetails = { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' };
    const { output } = await owner('CreateParticipant', { InstanceId, ContactId, ParticipantDetails });
    const connected = await owner('CreateParticipantConnection', {
      ParticipantToken: output.ParticipantCredentials.ParticipantToken,
      Type: ['CONNECTION_CREDENTIALS'],
      ConnectParticipant: true,
    });
    return {
      participantToken: output.ParticipantCredentials.ParticipantToken,
      token: connected.output.ConnectionCredentials.ConnectionToken,
    };
  };
  const [chat, ended, other] = [await start(), await start(), await start()];
  const left = await bot(chat.ContactId);
  await owner('DisconnectParticipant', { ConnectionToken: left.token });
  const message = await owner('SendMessage', {
    ConnectionToken: other.token,
    ContentType: 'text/plain',
    Content: 'there',
  });
  await owner('StopContact', { InstanceId, ContactId: ended.ContactId });
  world = {
    system,
    ContactId: chat.ContactId ?? '',
    EndedContactId: ended.ContactId ?? '',
    OtherContactId: other.ContactId ?? '',
    ParticipantToken: chat.ParticipantToken ?? '',
    token: chat.token ?? '',
    leftToken: left.token,
    leftParticipantToken: left.participantToken,
    endedToken: ended.token ?? '',
    endedParticipantToken: ended.ParticipantToken ?? '',
    messageOfOtherChat: message.output.Id,
    attachmentOfOtherChat: await sendFile(system, other.token ?? ''),
  };
});

function credentials(accessKeyId: string) {
  return { accessKeyId, secretAccessKey: `secret of ${accessKeyId}` };
}

/** What a signed operation answers for an ended contact; undefined where no contact is named. */
const signed: Readonly<Record<string, number | undefined>> = {
  AssociateApprovedOrigin: undefined,
  AssociateInstanceStorageConfig: undefined,
  CreateParticipant: 404,
  CreatePersistentContactAssociation: 404,
  DeleteContactData: 200,
  DescribeAttachedFilesConfiguration: undefined,
  DescribeContact: 200,
  DescribeInstanceStorageConfig: undefined,
  DisassociateApprovedOrigin: undefined,
  DisassociateInstanceStorageConfig: undefined,
  GetContactAttributes: 200,
  ListApprovedOrigins: undefined,
  ListAssociatedContacts: 200,
  ListAttachedFilesConfigurations: undefined,
  ListContactReferences: 200,
  ListInstanceStorageConfigs: undefined,
  ListTagsForResource: undefined,
  SearchContacts: undefined,
  StartChatContact: undefined,
  StartContactStreaming: 400,
  StopContact: 200,
  StopContactStreaming: 404,
  TagContact: 200,
  TagResource: undefined,
  TransferContact: 400,
  UntagContact: 200,
  UntagResource: undefined,
  UpdateAttachedFilesConfiguration: undefined,
  UpdateContact: 200,
  UpdateContactAttributes: 200,
  UpdateInstanceStorageConfig: undefined,
  UpdateParticipantRoleConfig: 404,
};

/** An operation with a bearer token: the rest of a good input, and one that names something of another chat. */
interface BearerRow {
  readonly tokenMember: 'ParticipantToken' | 'ConnectionToken';
  readonly input: object;
  readonly otherChat?: { readonly input: (world: World) => object; readonly status: number };
}

const typing = 'application/vnd.amazonaws.connect.event.typing';
const readReceipt = 'application/vnd.amazonaws.connect.event.message.read';

const SessionId = '00000000-0000-4000-8000-000000000000';

const bearer: Readonly<Record<string, BearerRow>> = {
  CancelParticipantAuthentication: { tokenMember: 'ConnectionToken', input: { SessionId } },
  CompleteAttachmentUpload: {
    tokenMember: 'ConnectionToken',
    input: { AttachmentIds: ['any'], ClientToken: 'any' },
    otherChat: {
      input: (world) => ({ AttachmentIds: [world.attachmentOfOtherChat], ClientToken: 'other' }),
      status: 400,
    },
  },
  CreateParticipantConnection: { tokenMember: 'ParticipantToken', input: { Type: ['CONNECTION_CREDENTIALS'] } },
  DescribeView: { tokenMember: 'ConnectionToken', input: { ViewToken: 'view' } },
  DisconnectParticipant: { tokenMember: 'ConnectionToken', input: {} },
  GetAttachment: {
    tokenMember: 'ConnectionToken',
    input: { AttachmentId: 'any' },
    otherChat: { input: (world) => ({ AttachmentId: world.attachmentOfOtherChat }), status: 400 },
  },
  GetAuthenticationUrl: {
    tokenMember: 'ConnectionToken',
    input: { SessionId, RedirectUri: 'https://www.example.com' },
  },
  GetTranscript: {
    tokenMember: 'ConnectionToken',
    input: {},
    otherChat: { input: ({ OtherContactId }) => ({ ContactId: OtherContactId }), status: 400 },
  },
  SendEvent: {
    tokenMember: 'ConnectionToken',
    input: { ContentType: typing },
    otherChat: {
      input: (world) => ({
        ContentType: readReceipt,
        Content: JSON.stringify({ messageId: world.messageOfOtherChat }),
      }),
      status: 400,
    },
  },
  SendMessage: { tokenMember: 'ConnectionToken', input: { ContentType: 'text/plain', Content: 'x' } },
  StartAttachmentUpload: { tokenMember: 'ConnectionToken', input: helloFile },
};

describe('the authorization matrix', () => {
  it('[AU13] has a row for every operation, and no other', () => {
    const rows = [...Object.keys(signed), ...Object.keys(bearer)].sort();
    assert.deepEqual(rows, registry.map(({ name }) => name).sort());
  });

  for (const [name, ended] of Object.entries(signed)) {
    const call = (who: string, ContactId: string) =>
      sdk(world.system, credentials(who))(name, sdkInput(name, ContactId));
    const expect = async (outcome: Promise<Outcome>, status: number, error?: string) => {
      const { status: got, error: type, message } = await outcome;
      assert.deepEqual([got, type], [status, error], message);
    };

    it(`[AU1, AU2] ${name} without a signature, or with a wrong one, is 403`, async () => {
      const path = await world.system.raw('POST', '/contact/stop', '{}');
      assert.equal(path.type, 'MissingAuthenticationTokenException');
      const wrong = sdk(world.system, { accessKeyId: 'AKIAOWNER0000000', secretAccessKey: 'guessed' });
      await expect(wrong(name, sdkInput(name, world.ContactId)), 403, 'InvalidSignatureException');
      await expect(call('AKIAUNKNOWN00000', world.ContactId), 403, 'UnrecognizedClientException');
    });

    it(`[AU4] ${name} without permission is 403, whether or not what it names exists`, async () => {
      for (const who of ['AKIANOBODY000000', 'AKIADENIED000000']) {
        await expect(call(who, world.ContactId), 403, 'AccessDeniedException');
        await expect(call(who, 'no-such-contact'), 403, 'AccessDeniedException');
      }
    });

    it(`[AU3, CP3] ${name} by another account finds nothing`, async () => {
      await expect(call('AKIAOTHER0000000', world.ContactId), 404, 'ResourceNotFoundException');
    });

    if (ended !== undefined) {
      it(`[CP16] ${name} on an unknown contact is 404, on an ended one ${ended}`, async () => {
        const unknown = await call('AKIAOWNER0000000', '00000000-0000-4000-8000-000000000000');
        assert.equal(unknown.status, 404, unknown.message);
        const over = await call('AKIAOWNER0000000', world.EndedContactId);
        assert.equal(over.status, ended, over.message);
      });
    }
  }

  for (const [name, row] of Object.entries(bearer)) {
    const expect = async (token: string | undefined, status: number, input: object = row.input) => {
      const call =
        token === undefined ? unsent(name, input) : sdk(world.system)(name, { ...input, [row.tokenMember]: token });
      const outcome = await call;
      assert.equal(outcome.status, status, outcome.message);
      if (status === 403) assert.equal(outcome.error, 'AccessDeniedException');
    };
    const isFirst = row.tokenMember === 'ParticipantToken';

    it(`[AU13] ${name} without a token, or with one that was changed, is 403`, async () => {
      await expect(undefined, 403);
      await expect(`${isFirst ? world.ParticipantToken : world.token}x`, 403);
    });

    it(`[AU13, TK1] ${name} with another kind of token is 403`, () =>
      expect(isFirst ? world.token : world.ParticipantToken, 403));

    it(`[AU13] ${name} after its participant left, or the chat ended, is 403`, async () => {
      await expect(isFirst ? world.leftParticipantToken : world.leftToken, 403);
      await expect(isFirst ? world.endedParticipantToken : world.endedToken, 403);
    });

    it(`[AU13, TK1] ${name} with an expired token is 403`, async () => {
      const { system } = world;
      const { time } = system;
      const before = time.now;
      try {
        time.now += 26 * 60 * 60_000;
        await expect(isFirst ? world.ParticipantToken : world.token, 403);
      } finally {
        time.now = before;
      }
    });

    const { otherChat } = row;
    if (otherChat) {
      it(`[AU13, CP16] ${name} that names something of another chat is ${otherChat.status}`, () =>
        expect(world.token, otherChat.status, otherChat.input(world)));
    }
  }
});

/** The SDK takes times as dates. */
function sdkInput(name: string, ContactId: string): object {
  const input = inputsFor(ContactId)[name] as { TimeRange?: { StartTime: number; EndTime: number } };
  if (!input.TimeRange) return input;
  const { StartTime, EndTime } = input.TimeRange;
  return {
    ...input,
    TimeRange: { ...input.TimeRange, StartTime: new Date(StartTime * 1000), EndTime: new Date(EndTime * 1000) },
  };
}

/** The SDK does not send a request without its token. */
async function unsent(name: string, input: object): Promise<Outcome> {
  const { status, type, body } = await world.system.call(name, { ...input });
  return { status, error: type, message: body?.Message };
}
