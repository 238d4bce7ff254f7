import type { Chat, Reference } from '../../domain/chat.ts';
import { segmentAttributesProblem, utf8Bytes } from '../../domain/limits.ts';
import { printable } from '../../shape/check.ts';
import { enumeration, type Infer, label, map, required, string, structure } from '../../shape/shape.ts';
import { changeContact } from '../contact.ts';
import { connectOperation } from '../operation.ts';
import {
  agentId,
  contactDescription,
  contactId,
  contactName,
  instanceId,
  nothing,
  referenceArn,
  referenceKey,
  referenceStatus,
  referenceType,
  referenceValue,
  segmentAttributes,
} from '../shapes.ts';

const endpoint = structure({
  Type: enumeration(['TELEPHONE_NUMBER', 'VOIP', 'CONTACT_FLOW', 'CONNECT_PHONENUMBER_ARN', 'EMAIL_ADDRESS']),
  Address: string({ min: 0, max: 256 }),
});

const input = structure({
  InstanceId: label(instanceId),
  ContactId: label(contactId),
  Name: contactName,
  Description: contactDescription,
  References: map(
    referenceKey,
    structure({
      Value: referenceValue,
      Type: required(referenceType),
      Status: referenceStatus,
      Arn: referenceArn,
      StatusReason: string({ min: 0, max: 100 }),
    }),
  ),
  SegmentAttributes: segmentAttributes,
  QueueInfo: structure({ Id: string() }),
  UserInfo: structure({ UserId: agentId }),
  CustomerEndpoint: endpoint,
  SystemEndpoint: endpoint,
});

export const UpdateContact = connectOperation({
  name: 'UpdateContact',
  route: ['POST', '/contacts/{InstanceId}/{ContactId}'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
    'ThrottlingException',
    'AccessDeniedException',
    'ConflictException',
    'InvalidActiveRegionException',
  ],
  input,
  output: nothing,
  async handle(call, input) {
    const demand = (problem: string | undefined) => {
      if (problem) throw call.fault('InvalidRequestException', problem);
    };
    demand(
      voiceProblem(input) ??
        emptinessProblem(input) ??
        referencesProblem(input.References ?? {}) ??
        segmentsProblem(input.SegmentAttributes ?? {}),
    );
    await changeContact(call, input, (chat) => {
      const after = updated(chat, input, call.now);
      demand(sizeProblem('References', after.contact.references ?? {}));
      demand(sizeProblem('SegmentAttributes', after.contact.segmentAttributes));
      return after;
    });
    return {};
  },
});

type Update = Infer<typeof input>;

/** What may be given for external audio contacts alone. */
const voiceMembers = ['QueueInfo', 'UserInfo', 'CustomerEndpoint', 'SystemEndpoint'] as const;
const chatMembers = ['Name', 'Description', 'References', 'SegmentAttributes'] as const;
/** The others are made by Amazon of files that it stores. */
const referenceTypes = ['URL', 'STRING', 'NUMBER', 'DATE', 'EMAIL'];
/** Ours, of UTF-8 in JSON: a program in a loop must not grow a contact without end. */
const maxBytes = 65_536;

function voiceProblem(input: Update): string | undefined {
  const member = voiceMembers.find((name) => input[name] !== undefined);
  return member && `${member} can be updated for external audio contacts only; leave it out for a chat.`;
}

function emptinessProblem(input: Update): string | undefined {
  if (chatMembers.some((name) => input[name] !== undefined)) return undefined;
  return `There is nothing to update: give at least one of ${chatMembers.join(', ')}.`;
}

function referencesProblem(references: Readonly<Record<string, Reference>>): string | undefined {
  for (const [key, { Type, Value }] of Object.entries(references)) {
    const which = `The reference '${printable(key)}'`;
    if (!referenceTypes.includes(Type)) {
      return `${which} has the Type ${Type}, which is not for a chat to set; use one of ${referenceTypes.join(', ')}.`;
    }
    if (Type === 'DATE' && !/^\d+$/.test(Value ?? '')) {
      return `${which} is of Type DATE: its Value must be a time in seconds or milliseconds since 1970, in digits alone.`;
    }
  }
  return undefined;
}

function segmentsProblem(given: NonNullable<Update['SegmentAttributes']>): string | undefined {
  const own = Object.keys(given).find((name) => name.startsWith('connect:'));
  if (own !== undefined) {
    return `The segment attribute ${own} cannot be changed on a chat: those of Amazon's own are set by StartChatContact, and how long a chat lasts by its ChatDurationInMinutes.`;
  }
  const other = Object.entries(given).find(([, value]) => value.ValueString === undefined);
  return (
    segmentAttributesProblem(given, []) ??
    (other && `The segment attribute ${other[0]} must be a ValueString: user-defined ones are text.`)
  );
}

function sizeProblem(member: string, entries: object): string | undefined {
  const bytes = utf8Bytes(JSON.stringify(entries));
  if (bytes <= maxBytes) return undefined;
  return `${member} would be ${bytes} bytes long with these; those of one contact may be ${maxBytes} bytes of UTF-8 together.`;
}

/** Entries of maps are added to those that are there, or replace them. */
function updated(chat: Chat, input: Update, now: number): Chat {
  const { contact } = chat;
  return {
    ...chat,
    contact: {
      ...contact,
      updatedAt: now,
      name: input.Name ?? contact.name,
      description: input.Description ?? contact.description,
      references: input.References ? { ...contact.references, ...input.References } : contact.references,
      segmentAttributes: { ...contact.segmentAttributes, ...input.SegmentAttributes },
    },
  };
}
