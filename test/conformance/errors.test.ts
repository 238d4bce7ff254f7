import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as connectSdk from '@aws-sdk/client-connect';
import * as participantSdk from '@aws-sdk/client-connectparticipant';
import { botWindow } from '../../src/domain/participant.ts';
import { type QuotaProfile, sharedBucket } from '../../src/domain/quota.ts';
import { catalogue, common, type ServiceName } from '../../src/fault.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { registry } from '../../src/operations/registry.ts';
import { addAgent } from '../support/agents.ts';
import { sendFile } from '../support/attachments.ts';
import { inputsFor } from '../support/inputs.ts';
import { InstanceId, otherInstance } from '../support/pipeline.ts';
import { begun, openWorld, text, type World } from '../support/sdk-world.ts';

/** Every error that an operation declares, provoked and read by the installed SDK; or why nothing leads to it. */

const sdks = { connect: connectSdk, participant: participantSdk } as const;

type Input = Record<string, unknown>;

/** A way to an error, from a good call. */
interface Way {
  readonly quotas?: QuotaProfile;
  /** By who may do nothing. */
  readonly isNobody?: boolean;
  /** Leads there; answers the input that then fails. */
  readonly from?: (at: World, good: Input) => Input | Promise<Input>;
}

/** By the name of the error; a text says why nothing leads to one that Amazon's model has the operation declare. */
type Ways = Readonly<Record<string, Way | string>>;

function given(more: Input): Way {
  return { from: (_, good) => ({ ...good, ...more }) };
}

const broken: Way = {
  from(at, good) {
    at.break();
    return good;
  },
};

function tokenMember({ bearer }: Operation): 'ParticipantToken' | 'ConnectionToken' {
  return bearer === 'participant' ? 'ParticipantToken' : 'ConnectionToken';
}

/** What leads to errors of one name, for most operations. */
function usualWays(operation: Operation): Ways {
  const { name, service, errors } = operation;
  const throttled: Way = {
    quotas: { rates: { [sharedBucket[name] ?? name]: { rate: 1, burst: 1 } } },
    async from({ call }, good) {
      await call(name, good);
      return good;
    },
  };
  if (service === 'participant') {
    return {
      AccessDeniedException: given({ [tokenMember(operation)]: 'forged' }),
      InternalServerException: broken,
      ThrottlingException: throttled,
    };
  }
  return {
    // These two come before any operation runs, whether it declares them or not.
    AccessDeniedException: { isNobody: true },
    [errors.includes('ThrottlingException') ? 'ThrottlingException' : 'TooManyRequestsException']: throttled,
    InternalServiceException: broken,
    InvalidActiveRegionException: 'no instance is in several Regions',
    ...(errors.includes('InvalidRequestException')
      ? {
          InvalidParameterException: 'what is wrong in a request is InvalidRequestException',
          InvalidRequestException: given({ InstanceId: 'i'.repeat(101) }),
        }
      : { InvalidParameterException: given({ InstanceId: 'i'.repeat(101) }) }),
    ResourceNotFoundException: given({ InstanceId: 'nowhere' }),
  };
}

/** Operations on resources by their ARN have no InstanceId. */
const byArn: Ways = {
  InvalidRequestException: given({ resourceArn: 'no-arn' }),
  ResourceNotFoundException: given({
    resourceArn: `arn:aws:connect:us-east-1:${otherInstance.account}:instance/${otherInstance.id}`,
  }),
};

/** Where there is no usual way, or it leads nowhere. */
const ownWays: Readonly<Record<string, Ways>> = {
  AssociateApprovedOrigin: {
    ResourceConflictException: {
      async from({ done }, good) {
        await done('AssociateApprovedOrigin', good);
        return good;
      },
    },
    ServiceQuotaExceededException: {
      async from({ done }, good) {
        for (let count = 0; count < 100; count += 1) {
          await done('AssociateApprovedOrigin', { ...good, Origin: `https://${count}.example.com` });
        }
        return good;
      },
    },
  },
  // The instance of development has one.
  AssociateInstanceStorageConfig: { ResourceConflictException: given({}) },
  CompleteAttachmentUpload: {
    ConflictException: {
      async from({ system, ConnectionToken }) {
        const AttachmentId = await sendFile(system, ConnectionToken);
        return { ConnectionToken, AttachmentIds: [AttachmentId], ClientToken: 'another' };
      },
    },
    ServiceQuotaExceededException: 'the number of attachments is held when they are started',
    ValidationException: given({}),
  },
  GetAttachment: { ValidationException: given({}) },
  StartAttachmentUpload: {
    ServiceQuotaExceededException: {
      async from({ done }, good) {
        for (let count = 0; count < 35; count += 1) {
          await done('StartAttachmentUpload', { ...good, ClientToken: `token ${count}` });
        }
        return good;
      },
    },
    ValidationException: given({ AttachmentName: 'program.exe' }),
  },
  // No flow begins an authentication or hands out a view.
  CancelParticipantAuthentication: { ValidationException: given({}) },
  DescribeView: { ResourceNotFoundException: given({}), ValidationException: given({ ViewToken: 'v'.repeat(1001) }) },
  GetAuthenticationUrl: { ValidationException: given({}) },
  CreateParticipant: {
    ConflictException: {
      async from({ system, ContactId }, good) {
        await addAgent(system, ContactId);
        return good;
      },
    },
    ServiceQuotaExceededException: {
      async from({ done }, good) {
        await done('CreateParticipant', good);
        return good;
      },
    },
  },
  CreateParticipantConnection: {
    ValidationException: given({ Type: ['WEBRTC_CONNECTION'] }),
    // Amazon's model does not have it here: see operations/presence.ts.
    ResourceNotFoundException: {
      from: async (at) => ({ ParticipantToken: (await expiredBot(at)).ParticipantToken, ConnectParticipant: true }),
    },
  },
  // The chat goes on.
  DeleteContactData: { ContactNotTerminatedException: given({}) },
  DisconnectParticipant: { ValidationException: given({ ClientToken: 'c'.repeat(501) }) },
  GetTranscript: { ValidationException: given({ ContactId: 'another' }) },
  ListTagsForResource: byArn,
  SendEvent: {
    ConflictException: {
      async from({ system, ContactId }, good) {
        await addAgent(system, ContactId, 'SUPERVISOR');
        return {
          ...good,
          ContentType: 'application/vnd.amazonaws.connect.event.message.read',
          Content: '{"messageId":"x"}',
        };
      },
    },
    ValidationException: given({ ContentType: 'text/plain' }),
  },
  SendMessage: { ValidationException: given({ ContentType: 'text/unknown' }) },
  StartChatContact: { LimitExceededException: { quotas: { rates: {}, concurrentChats: 1 } } },
  StartContactStreaming: {
    LimitExceededException: {
      async from({ done }, good) {
        for (const name of ['one', 'two']) {
          const StreamingEndpointArn = `arn:aws:sns:us-east-1:123456789012:tertulia-${name}`;
          const ChatStreamingConfiguration = { StreamingEndpointArn };
          await done('StartContactStreaming', { ...good, ChatStreamingConfiguration, ClientToken: name });
        }
        return good;
      },
    },
  },
  StopContact: { ContactNotFoundException: 'for voice contacts; an unknown chat is ResourceNotFoundException' },
  TagResource: byArn,
  TransferContact: {
    IdempotencyException: 'nothing is transferred that could be transferred again',
    ServiceQuotaExceededException: 'nothing is transferred that could be too much',
  },
  UntagResource: byArn,
  UpdateContact: { ConflictException: 'of updates that race all are made' },
};

/** A custom participant that was not connected in time. */
async function expiredBot({ done, system, ContactId }: World) {
  const { ParticipantId, ParticipantCredentials } = await done('CreateParticipant', {
    InstanceId,
    ContactId,
    ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Late' },
  });
  system.time.now += botWindow + 1;
  return { ParticipantId, ParticipantToken: ParticipantCredentials.ParticipantToken };
}

/** A good input as the SDK takes it: with the caller's token, and times as dates. */
function goodInput(at: World, operation: Operation): Input {
  const input = { ...inputsFor(at.ContactId)[operation.name] } as Input;
  if (operation.service === 'participant') return { ...input, [tokenMember(operation)]: at[tokenMember(operation)] };
  const TimeRange = { Type: 'INITIATION_TIMESTAMP', StartTime: new Date(begun), EndTime: new Date(begun) };
  return input.TimeRange ? { ...input, TimeRange } : input;
}

/** What the SDK keeps of an error's model; its traits stand in the fourth place. */
interface ErrorSchema {
  readonly 3: { readonly httpError: number };
}

describe('the errors of operations', () => {
  it('[HT1] are those of operations that there are', () => {
    const names = registry.map(({ name }) => name);
    assert.deepEqual(
      Object.keys(ownWays).filter((name) => !names.includes(name)),
      [],
    );
  });

  for (const [service, statuses] of Object.entries(catalogue)) {
    it(`[HT1] of the ${service} service have the statuses that the SDK has them for`, () => {
      const schemas: Readonly<Record<string, unknown>> = { ...sdks[service as ServiceName] };
      const statusOf = (error: string) => (schemas[`${error}$`] as ErrorSchema | undefined)?.[3].httpError;
      const theirs = Object.keys(statuses).map((error) => [error, statusOf(error)]);
      assert.deepEqual(statuses, Object.fromEntries(theirs));
    });
  }

  for (const operation of registry) {
    const { name, service, errors } = operation;
    const own = ownWays[name] ?? {};
    const ways: Ways = { ...usualWays(operation), ...own };

    it(`[HT1] that ${name} declares are all provoked here, or it is said why not`, () => {
      assert.deepEqual(
        errors.filter((each) => !Object.hasOwn(ways, each)),
        [],
      );
      const isNeedless = (each: string) => typeof own[each] === 'string' && !errors.includes(each);
      assert.deepEqual(Object.keys(own).filter(isNeedless), []);
    });

    for (const [error, way] of Object.entries(ways)) {
      if (typeof way === 'string') continue;
      it(`[HT1] of ${name}: ${error} is the SDK’s own class, with the Message`, async () => {
        const at = await openWorld(way.quotas);
        const good = goodInput(at, operation);
        const wrong = way.from ? await way.from(at, good) : good;
        const { failure, status } = await (way.isNobody ? at.callAsNobody : at.call)(name, wrong);
        const statuses: Readonly<Record<string, number>> = { ...common, ...catalogue[service] };
        assert.equal(status, statuses[error], failure?.message);
        const Class = sdks[service][error as 'ConflictException'];
        assert.ok(failure instanceof Class, `${failure?.name}: ${failure?.message}`);
        // `instanceof` of the SDK's classes may be content with a name.
        assert.equal(Object.getPrototypeOf(failure), Class.prototype);
        assert.equal(failure.message, text(at.lastBody().Message));
      });
    }
  }

  it('[CP10, HT1] carry further members: which participant was not found', async () => {
    const at = await openWorld();
    const { ParticipantId, ParticipantToken } = await expiredBot(at);
    const { failure } = await at.call('CreateParticipantConnection', { ParticipantToken, ConnectParticipant: true });
    assert.ok(failure instanceof participantSdk.ResourceNotFoundException);
    assert.deepEqual([failure.ResourceType, failure.ResourceId], ['PARTICIPANT', ParticipantId]);
  });
});
