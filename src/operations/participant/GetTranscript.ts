import { type Chat, participantOf } from '../../domain/chat.ts';
import { rangeFrom, rangePast, type ScanDirection, type SortOrder } from '../../domain/paging.ts';
import { enumeration, type Infer, integer, list, string, structure } from '../../shape/shape.ts';
import { type Bearer, type Call, participantOperation } from '../operation.ts';
import { presentChat } from '../presence.ts';
import {
  bearer,
  chatContent,
  chatContentType,
  chatItemId,
  contactId,
  displayName,
  instant,
  participantId,
  participantRole,
} from '../shapes.ts';
import { beginningOfPast, itemOf, ownPage, type Page, type Place, pastPage } from '../transcript.ts';

const errors = [
  'AccessDeniedException',
  'InternalServerException',
  'ThrottlingException',
  'ValidationException',
] as const;

const itemTypes = [
  'TYPING',
  'PARTICIPANT_JOINED',
  'PARTICIPANT_LEFT',
  'CHAT_ENDED',
  'TRANSFER_SUCCEEDED',
  'TRANSFER_FAILED',
  'MESSAGE',
  'EVENT',
  'ATTACHMENT',
  'CONNECTION_ACK',
  'MESSAGE_DELIVERED',
  'MESSAGE_READ',
] as const;

const nextToken = string({ min: 1, max: 1000 });

const item = structure({
  AbsoluteTime: instant,
  Content: chatContent,
  ContentType: chatContentType,
  Id: chatItemId,
  Type: enumeration(itemTypes),
  ParticipantId: participantId,
  DisplayName: displayName,
  ParticipantRole: participantRole,
  Attachments: list(
    structure({
      ContentType: string({ min: 1, max: 255 }),
      AttachmentId: string({ min: 1, max: 256 }),
      AttachmentName: string({ min: 1, max: 256 }),
      Status: enumeration(['APPROVED', 'REJECTED', 'IN_PROGRESS']),
    }),
  ),
  MessageMetadata: structure({
    MessageId: chatItemId,
    Receipts: list(
      structure({ DeliveredTimestamp: instant, ReadTimestamp: instant, RecipientParticipantId: participantId }),
    ),
    MessageProcessingStatus: enumeration(['PROCESSING', 'FAILED', 'REJECTED']),
  }),
  RelatedContactId: contactId,
  ContactId: contactId,
});

const input = structure({
  ContactId: contactId,
  MaxResults: integer({ min: 0, max: 100 }),
  NextToken: nextToken,
  ScanDirection: enumeration(['FORWARD', 'BACKWARD']),
  SortOrder: enumeration(['DESCENDING', 'ASCENDING']),
  StartPosition: structure({
    Id: chatItemId,
    AbsoluteTime: instant,
    MostRecent: integer({ min: 0, max: 100 }),
  }),
  ConnectionToken: bearer,
});

/** With a zone: a time without one would mean another moment on each machine. */
const isoInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** Amazon's default; chatjs asks for 15. */
const defaultPage = 10;

export const GetTranscript = participantOperation({
  name: 'GetTranscript',
  route: ['POST', '/participant/transcript'],
  bearer: 'connection',
  errors,
  input,
  output: structure({ InitialContactId: contactId, Transcript: list(item), NextToken: nextToken }),
  async handle(call, input) {
    const chat = await presentChat(call);
    const problem = problemOf(chat, input);
    if (problem) throw call.fault('ValidationException', problem);
    const reading: Reading = {
      direction: input.ScanDirection ?? (isPosition(input.StartPosition) ? 'FORWARD' : 'BACKWARD'),
      order: input.SortOrder ?? 'DESCENDING',
      limit: input.MaxResults || defaultPage,
    };
    const { items, next } = await pageOf(call, chat, input, reading);
    const isAsRead = (reading.direction === 'FORWARD') === (reading.order === 'ASCENDING');
    return {
      InitialContactId: chat.id,
      Transcript: isAsRead ? [...items] : items.toReversed(),
      NextToken: next && call.tokens.seal(purpose(chat, reading), next),
    };
  },
});

type Reader = Call<Bearer, (typeof errors)[number]>;
type Input = Infer<typeof input>;
type Start = NonNullable<Input['StartPosition']>;

interface Reading {
  readonly direction: ScanDirection;
  readonly order: SortOrder;
  readonly limit: number;
}

/** What a page's token is good for: this chat, read this way. */
function purpose(chat: Chat, { direction, order }: Reading): string {
  return `GetTranscript ${chat.id} ${direction} ${order}`;
}

/** `{}` is what SDKs make of an absent position. */
function isPosition(start: Start | undefined): start is Start {
  return start !== undefined && Object.keys(start).length > 0;
}

/** What is wrong with a request, as far as it can be told without reading items. */
function problemOf(chat: Chat, { ContactId, StartPosition: start = {} }: Input): string | undefined {
  if (ContactId !== undefined && ContactId !== chat.contact.id) {
    return `ContactId ${ContactId} is not a contact of this chat.`;
  }
  if (Object.keys(start).length > 1) {
    return 'StartPosition takes one of Id, AbsoluteTime and MostRecent, not several.';
  }
  if (start.AbsoluteTime !== undefined && timeIn(start.AbsoluteTime) === undefined) {
    return 'StartPosition.AbsoluteTime must be a time such as 2026-01-31T12:00:00.000Z.';
  }
  return undefined;
}

function timeIn(text: string): number | undefined {
  const time = isoInstant.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

async function pageOf(call: Reader, chat: Chat, input: Input, reading: Reading): Promise<Page> {
  const role = participantOf(chat, call.caller.identity.participantId)?.role ?? 'SYSTEM';
  const reader = { store: call.store, role };
  const { direction, limit } = reading;
  const place = input.NextToken === undefined ? undefined : placeIn(call, chat, input.NextToken, reading);
  if (place?.length === 2) {
    if (input.ContactId === undefined) return pastPage(reader, chat, place, limit);
    throw call.fault(
      'ValidationException',
      'NextToken leads to the chats that this one continues, and ContactId asks for its own items; leave ContactId out.',
    );
  }
  const range = place ? rangePast(place[0], direction, limit) : await rangeOf(call, chat, input, reading);
  if (!range) return { items: [], next: undefined };
  const page = await ownPage(reader, chat, range);
  const mayGoOn = direction === 'BACKWARD' && input.ContactId === undefined;
  return page.next || !mayGoOn ? page : { ...page, next: await beginningOfPast(reader, chat) };
}

function placeIn(call: Reader, chat: Chat, token: string, reading: Reading): Place {
  const place = call.tokens.unseal(purpose(chat, reading), token);
  if (Array.isArray(place)) return place as unknown as Place;
  throw call.fault(
    'ValidationException',
    'NextToken is not one that this chat answered for this ScanDirection and SortOrder; repeat the request without it.',
  );
}

/** Of a first page; undefined if it begins after the last item. */
async function rangeOf(call: Reader, chat: Chat, { StartPosition }: Input, { direction, limit }: Reading) {
  if (!isPosition(StartPosition)) return rangeFrom(undefined, direction, limit);
  const { Id, AbsoluteTime, MostRecent } = StartPosition;
  if (AbsoluteTime !== undefined) return rangeFrom(timeIn(AbsoluteTime), direction, limit);
  if (MostRecent === 0) return undefined;
  if (MostRecent !== undefined) {
    const recent = await call.store.items(chat.key, { newestFirst: true, limit: MostRecent });
    return rangeFrom(recent.at(-1)?.time, direction, limit);
  }
  return rangeFrom(await timeOf(call, chat, Id ?? ''), direction, limit);
}

async function timeOf(call: Reader, chat: Chat, id: string): Promise<number> {
  const found = await itemOf(call.store, chat.key, id);
  if (found) return found.time;
  throw call.fault('ValidationException', 'StartPosition.Id is not the Id of an item of this chat.');
}
