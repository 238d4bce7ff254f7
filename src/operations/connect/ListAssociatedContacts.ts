import type { Chat } from '../../domain/chat.ts';
import type { ContactPlace } from '../../domain/search.ts';
import { integer, label, list, query, required, string, structure, timestamp } from '../../shape/shape.ts';
import { findNamed } from '../contact.ts';
import { contactArn } from '../instance.ts';
import { connectOperation } from '../operation.ts';
import { channel, contactId, initiationMethod, instanceId } from '../shapes.ts';

const summary = structure({
  ContactId: contactId,
  ContactArn: string(),
  InitiationTimestamp: timestamp(),
  DisconnectTimestamp: timestamp(),
  InitialContactId: contactId,
  PreviousContactId: contactId,
  RelatedContactId: contactId,
  InitiationMethod: initiationMethod,
  Channel: channel,
});

/** Amazon names no default; this is the most. */
const defaultPage = 100;

export const ListAssociatedContacts = connectOperation({
  name: 'ListAssociatedContacts',
  route: ['GET', '/contact/associated/{InstanceId}'],
  access: { resource: 'contact/{ContactId}' },
  errors: [
    'InternalServiceException',
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'ThrottlingException',
  ],
  input: structure({
    InstanceId: label(instanceId),
    ContactId: required(query('contactId', contactId)),
    MaxResults: query('maxResults', integer({ min: 1, max: 100 })),
    NextToken: query('nextToken', string()),
  }),
  output: structure({ ContactSummaryList: list(summary), NextToken: string() }),
  async handle(call, input) {
    const { instance, chat } = await findNamed(call, input);
    const purpose = `ListAssociatedContacts ${instance.id} ${input.ContactId}`;
    const past = input.NextToken ? call.tokens.unseal(purpose, input.NextToken) : [];
    if (!Array.isArray(past)) {
      throw call.fault(
        'InvalidRequestException',
        'NextToken is not one that was answered for this contact; repeat the request without it.',
      );
    }
    const limit = input.MaxResults ?? defaultPage;
    // One more than asked for tells whether anything is left.
    const places = await call.store.associated(chat.contact.associationId, past[0] as ContactPlace, limit + 1);
    const page = places.slice(0, limit);
    const chats = await Promise.all(page.map((place) => call.store.chat({ contactId: place.contactId })));
    return {
      ContactSummaryList: chats.filter((each) => each !== undefined).map(summaryOf),
      NextToken: places.length > limit ? call.tokens.seal(purpose, [page.at(-1)]) : undefined,
    };
  },
});

function summaryOf(chat: Chat) {
  const { contact, end } = chat;
  return {
    ContactId: contact.id,
    ContactArn: contactArn(chat, contact.id),
    InitiationTimestamp: contact.initiatedAt,
    DisconnectTimestamp: end?.at,
    InitialContactId: chat.id,
    RelatedContactId: contact.relatedContactId,
    InitiationMethod: contact.initiationMethod,
    Channel: 'CHAT' as const,
  };
}
