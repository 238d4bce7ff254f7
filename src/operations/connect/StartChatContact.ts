import type { NewChat } from '../../domain/chat.ts';
import {
  attributesProblem,
  type ContentLimits,
  messageProblem,
  segmentAttributesProblem,
  supportedTypesProblem,
} from '../../domain/limits.ts';
import { continuing } from '../../domain/past.ts';
import { enumeration, type Infer, integer, list, required, string, structure } from '../../shape/shape.ts';
import { findFlow, findInstance, type Instance } from '../instance.ts';
import { type Call, connectOperation, type Principal } from '../operation.ts';
import { findSource, rehydrationType } from '../past.ts';
import {
  attributes,
  chatContent,
  chatContentType,
  clientToken,
  contactFlowId,
  contactId,
  displayName,
  instanceId,
  participantId,
  participantToken,
  segmentAttributes,
} from '../shapes.ts';

const input = structure({
  InstanceId: required(instanceId),
  ContactFlowId: required(contactFlowId),
  Attributes: attributes,
  ParticipantDetails: required(structure({ DisplayName: required(displayName) })),
  ParticipantConfiguration: structure({ ResponseMode: enumeration(['INCREMENTAL', 'COMPLETE']) }),
  InitialMessage: structure({ ContentType: required(chatContentType), Content: required(chatContent) }),
  ClientToken: clientToken,
  ChatDurationInMinutes: integer({ min: 60, max: 10080 }),
  SupportedMessagingContentTypes: list(string({ min: 1, max: 100 })),
  PersistentChat: structure({ RehydrationType: rehydrationType, SourceContactId: contactId }),
  RelatedContactId: contactId,
  SegmentAttributes: segmentAttributes,
  CustomerId: string({ min: 1, max: 128, sensitive: true }),
  DisconnectOnCustomerExit: list(enumeration(['AGENT']), { min: 1, max: 1 }),
});

/** 25 hours, Amazon's default. */
const defaultDurationMinutes = 1500;

export const StartChatContact = connectOperation({
  name: 'StartChatContact',
  route: ['PUT', '/contact/chat'],
  access: { resource: 'contact-flow/{ContactFlowId}' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
    'LimitExceededException',
  ],
  input,
  output: structure({
    ContactId: contactId,
    ParticipantId: participantId,
    ParticipantToken: participantToken,
    ContinuedFromContactId: contactId,
  }),
  async handle(call, input) {
    const instance = await findInstance(call, input.InstanceId);
    const flowId = await findFlow(call, instance, input.ContactFlowId);
    const problem = problemOf(input, call.settings.maxContentBytes);
    if (problem) throw call.fault('InvalidRequestException', problem);

    const { ClientToken, ...request } = input;
    const { answer, chat: started } = await call.writer.write({
      now: call.now,
      token: {
        scope: `StartChatContact ${instance.account} ${instance.id}`,
        value: ClientToken,
        request,
        conflict: () =>
          call.fault(
            'InvalidRequestException',
            'This ClientToken was used for another request; use a new one for each new chat.',
          ),
      },
      async decide() {
        await demandRoom(call, instance);
        const created = await placed(call, instance, newChat(call, instance, flowId, input), input);
        const { participants, past, contact } = created;
        return {
          change: { chat: { created, atMost: call.settings.concurrentChats } },
          answer: {
            ContactId: created.id,
            ParticipantId: participants[0]?.id ?? '',
            ContinuedFromContactId: past && contact.relatedContactId,
          },
        };
      },
    });
    const { ContactId, ParticipantId, ContinuedFromContactId } = answer;
    const chat = started ?? (await call.store.chat({ contactId: ContactId }));
    if (!chat) {
      throw call.fault(
        'ResourceNotFoundException',
        `Contact ${ContactId}, which was started with this ClientToken, was erased. Use a new ClientToken to start another chat.`,
      );
    }
    const identity = {
      ...instance,
      instanceId: instance.id,
      chatId: chat.id,
      chatKey: chat.key,
      participantId: ParticipantId,
    };
    const token = call.tokens.sign('participant', identity, chat.createdAt, chat.expiresAt);
    return { ContactId, ParticipantId, ParticipantToken: token, ContinuedFromContactId };
  },
});

/** Waiting and idle chats count as well. The commit sees to it that of those that come at once no more are let in. */
async function demandRoom(call: Starter, { id }: Instance): Promise<void> {
  const { concurrentChats } = call.settings;
  if (concurrentChats === undefined || (await call.store.openChats(id, concurrentChats)) < concurrentChats) return;
  throw call.fault(
    'LimitExceededException',
    `Instance ${id} has ${concurrentChats} open chats, as many as it may have. End one with StopContact, or raise the quota.`,
  );
}

/** The chat in its place among others: the first of a tree, related to a contact, or continuing one. */
async function placed(
  call: Starter,
  instance: Instance,
  chat: NewChat,
  { RelatedContactId, PersistentChat: persistent }: Start,
): Promise<NewChat> {
  if (persistent?.SourceContactId !== undefined) {
    const source = await findSource(call, instance, persistent.SourceContactId);
    return continuing(chat, source.chat, source.past);
  }
  if (RelatedContactId === undefined) return chat;
  const related = await call.store.chat({ contactId: RelatedContactId });
  if (related?.instanceId === instance.id) {
    const { associationId } = related.contact;
    return { ...chat, contact: { ...chat.contact, relatedContactId: RelatedContactId, associationId } };
  }
  throw call.fault(
    'ResourceNotFoundException',
    `RelatedContactId ${RelatedContactId} was not found in instance ${instance.id}. Give a contact of this instance, or start the chat without one.`,
  );
}

type Starter = Call<Principal, 'InvalidRequestException' | 'LimitExceededException' | 'ResourceNotFoundException'>;
type Start = Infer<typeof input>;

/** What Amazon's shapes do not say. */
function problemOf(input: Start, limits: ContentLimits): string | undefined {
  const supported = input.SupportedMessagingContentTypes ?? ['text/plain'];
  const { InitialMessage: first, PersistentChat: persistent } = input;
  if (persistent && input.RelatedContactId) return 'PersistentChat and RelatedContactId exclude each other; give one.';
  if (persistent && !(persistent.RehydrationType && persistent.SourceContactId)) {
    return 'PersistentChat needs both RehydrationType and SourceContactId.';
  }
  return (
    supportedTypesProblem(supported) ??
    attributesProblem(input.Attributes ?? {}) ??
    segmentAttributesProblem(input.SegmentAttributes ?? {}, supported) ??
    (first && messageProblem({ contentType: first.ContentType, content: first.Content }, supported, limits))
  );
}

function newChat(call: Pick<Call, 'ids' | 'now'>, instance: Instance, flowId: string, input: Start): NewChat {
  const id = call.ids.uuid();
  const { InitialMessage: first } = input;
  return {
    id,
    account: instance.account,
    region: instance.region,
    instanceId: instance.id,
    createdAt: call.now,
    expiresAt: call.now + (input.ChatDurationInMinutes ?? defaultDurationMinutes) * 60_000,
    settings: {
      flowId,
      supportedContentTypes: input.SupportedMessagingContentTypes ?? ['text/plain'],
      initialMessage: first && { contentType: first.ContentType, content: first.Content },
      responseMode: input.ParticipantConfiguration?.ResponseMode,
      disconnectOnCustomerExit: input.DisconnectOnCustomerExit,
    },
    participants: [
      {
        id: call.ids.uuid(),
        role: 'CUSTOMER',
        displayName: input.ParticipantDetails.DisplayName,
        createdAt: call.now,
      },
    ],
    attributes: input.Attributes ?? {},
    contact: {
      id,
      initiationMethod: 'API',
      initiatedAt: call.now,
      updatedAt: call.now,
      customerId: input.CustomerId,
      associationId: id,
      // Every chat has a subtype; this is what Amazon gives a web chat.
      segmentAttributes: { 'connect:Subtype': { ValueString: 'connect:Chat' }, ...input.SegmentAttributes },
    },
  };
}
