import type { Chat } from '../domain/chat.ts';
import { participantOf } from '../domain/chat.ts';
import { rangeFrom, rangePast } from '../domain/paging.ts';
import { type AdmitRefusal, admit, maxParticipants, stateOf } from '../domain/participant.ts';
import { receiptsOf } from '../domain/receipts.ts';
import { nextDue } from '../domain/timers.ts';
import { serviceFault } from '../fault.ts';
import type { Writer } from '../operations/writer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import { enumeration, integer, label, query, required, string, structure } from '../shape/shape.ts';
import type { Lane } from '../store/lanes.ts';
import type { Store } from '../store/store.ts';
import { pushedItem } from '../wire/item.ts';
import { isoTime } from '../wire/time.ts';
import { invalid, notFound, type Route, route } from './route.ts';

export interface ContactParts {
  readonly store: Store;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly ids: Ids;
  /** The participant token that an operation would have answered. */
  readonly participantToken: (chat: Chat, participantId: string) => string;
  /** Removes all files of a chat, and what was written of it when it had ended; resolves to how many. */
  readonly removeFiles: (chat: Chat) => Promise<number>;
}

const contactId = string({ min: 1, max: 256 });
/** Rows that one step of erasing removes. */
const batch = 500;

/** Looking at contacts, putting agents in as long as none can be routed, and erasing. */
export function contactRoutes(parts: ContactParts): Route[] {
  const { store, clock } = parts;
  return [
    route({
      method: 'GET',
      path: '/_tertulia/contacts/{ContactId}',
      input: structure({ ContactId: label(contactId) }),
      async handle({ ContactId }) {
        const chat = await chatOf(store, ContactId);
        return { ...described(chat, clock.now()), Streams: streams(chat, await store.lanesOf(chat.key)) };
      },
    }),
    route({
      method: 'GET',
      path: '/_tertulia/contacts/{ContactId}/transcript',
      input: structure({
        ContactId: label(contactId),
        MaxResults: query('maxResults', integer({ min: 1, max: 1000 })),
        After: query('after', integer({ min: 0 })),
      }),
      handle: ({ ContactId, MaxResults = 100, After }) => transcript(store, ContactId, MaxResults, After),
    }),
    route({
      method: 'POST',
      path: '/_tertulia/contacts/{ContactId}/participants',
      input: structure({
        ContactId: label(contactId),
        ParticipantRole: required(enumeration(['AGENT', 'SUPERVISOR'])),
        DisplayName: required(string({ min: 1, max: 256 })),
      }),
      handle: ({ ContactId, ParticipantRole, DisplayName }) => addAgent(parts, ContactId, ParticipantRole, DisplayName),
    }),
    route({
      method: 'DELETE',
      path: '/_tertulia/contacts/{ContactId}',
      input: structure({ ContactId: label(contactId) }),
      handle: ({ ContactId }) => erase(parts, ContactId, clock.now()),
    }),
  ];
}

async function chatOf(store: Store, contactId: string): Promise<Chat> {
  const chat = await store.chat({ contactId });
  if (!chat) throw notFound(`There is no contact ${contactId}; it never was, or it was erased.`);
  return chat;
}

function described(chat: Chat, now: number): object {
  const { contact, settings } = chat;
  const due = nextDue(chat);
  return {
    ContactId: contact.id,
    InitialContactId: chat.id,
    InstanceId: chat.instanceId,
    State: chat.end ? 'ENDED' : 'OPEN',
    InitiationTimestamp: isoTime(chat.createdAt),
    ExpiryTimestamp: isoTime(chat.expiresAt),
    DisconnectTimestamp: chat.end && isoTime(chat.end.at),
    DisconnectReason: chat.end?.reason,
    Items: chat.last,
    SupportedMessagingContentTypes: settings.supportedContentTypes,
    Participants: chat.participants.map((each) => ({
      ParticipantId: each.id,
      ParticipantRole: each.role,
      DisplayName: each.displayName,
      State: stateOf(each, now).toUpperCase(),
      CreatedAt: isoTime(each.createdAt),
      ConnectedAt: each.connectedAt === undefined ? undefined : isoTime(each.connectedAt),
      LeftAt: each.leftAt === undefined ? undefined : isoTime(each.leftAt),
      LeftBecause: each.leftBecause,
    })),
    Timers: { NextDue: due === undefined ? undefined : isoTime(due), Configured: chat.timers ?? [] },
  };
}

/** A stream that failed or is parked is DEGRADED; what still waits in one that was stopped is delivered all the same. */
function streams({ streams = [], end, last }: Chat, lanes: readonly Lane[]): object[] {
  return streams.map((each) => {
    const lane = lanes.find(({ id }) => id === each.id);
    const isOpen = !end && each.stoppedAt === undefined;
    const isDegraded = lane !== undefined && (lane.isParked || lane.attempts > 0);
    return {
      StreamingId: each.id,
      StreamingEndpointArn: each.topic,
      State: isDegraded ? 'DEGRADED' : isOpen ? 'ACTIVE' : 'STOPPED',
      StartedAt: isoTime(each.startedAt),
      StoppedAt: each.stoppedAt === undefined ? undefined : isoTime(each.stoppedAt),
      Waiting: lane ? (lane.until ?? last) - lane.number : 0,
      IsParked: lane?.isParked ?? false,
      FailedAttempts: lane?.attempts ?? 0,
      NextAttempt: lane?.attempts && lane.due !== undefined ? isoTime(lane.due) : undefined,
      Error: lane?.error,
    };
  });
}

/** Oldest first; `next` is the `after` of the next page. */
async function transcript(store: Store, contactId: string, limit: number, after: number | undefined): Promise<object> {
  const chat = await chatOf(store, contactId);
  const range =
    after === undefined ? rangeFrom(undefined, 'FORWARD', limit + 1) : rangePast(after, 'FORWARD', limit + 1);
  const read = await store.items(chat.key, range);
  const page = read.slice(0, limit);
  const [first, last] = [page[0], page.at(-1)];
  const marks = first && last ? await store.marks(chat.key, first.number, last.number) : [];
  const surroundings = { chatId: chat.id, contactId, participant: (id: string) => participantOf(chat, id) };
  return {
    Transcript: page.map((item) => pushedItem(item, surroundings, receiptsOf(item.number, item.participantId, marks))),
    next: read.length > limit ? page.at(-1)?.time : undefined,
  };
}

async function addAgent(parts: ContactParts, contactId: string, role: 'AGENT' | 'SUPERVISOR', displayName: string) {
  const { store, writer, clock, ids } = parts;
  const now = clock.now();
  const { answer, chat = await chatOf(store, contactId) } = await writer.write({
    now,
    async decide() {
      const chat = await chatOf(store, contactId);
      const participant = { id: ids.uuid(), role, displayName, createdAt: now };
      const step = admit(chat, participant, now);
      if ('refused' in step) throw invalid(refusal(contactId, step));
      return {
        change: { chat: { before: chat, after: step.chat } },
        answer: { ParticipantId: participant.id },
      };
    },
  });
  const { ParticipantId } = answer;
  return {
    ParticipantId,
    ParticipantCredentials: {
      ParticipantToken: parts.participantToken(chat, ParticipantId),
      Expiry: isoTime(chat.expiresAt),
    },
  };
}

function refusal(contactId: string, refused: AdmitRefusal): string {
  return refused.refused === 'contact-ended'
    ? `Contact ${contactId} ended at ${isoTime(refused.at)}: an agent can join only a chat that goes on. Start a new one with StartChatContact.`
    : `Contact ${contactId} has had ${maxParticipants} participants, the most that one chat may have. Start a new one with StartChatContact.`;
}

/**
 * Erases a contact that has ended, and says what is gone and what is not yet. That it is to be erased is written first:
 * were it cut short between its files and its rows, the worker would end it.
 */
async function erase({ store, writer, removeFiles }: ContactParts, contactId: string, now: number): Promise<object> {
  const { chat } = await writer.attempt({
    now,
    async decide() {
      const chat = await chatOf(store, contactId);
      if (!chat.end) {
        throw serviceFault(
          'participant',
          'ConflictException',
          `Contact ${contactId} goes on; end it with StopContact, then erase it.`,
        );
      }
      return { change: { chat: { before: chat, after: { ...chat, erasingAt: now } } }, answer: { chat } };
    },
  });
  const files = await removeFiles(chat);
  const sum = { items: 0, tokens: 0, marks: 0, contacts: 0, owed: 0 };
  for (;;) {
    const erased = await store.erase({ key: chat.key }, batch);
    for (const name of ['items', 'tokens', 'marks', 'contacts', 'owed'] as const) sum[name] += erased?.[name] ?? 0;
    if (!erased || erased.isDone) break;
  }
  return {
    ContactId: contactId,
    erasedAt: isoTime(now),
    erased: { ...sum, participants: chat.participants.length, attributes: Object.keys(chat.attributes).length, files },
    kept: 'The id alone, so that it is never used again.',
    notYet: [
      'free pages of the store and its write-ahead log, until they are overwritten or the store is vacuumed',
      'backups made before this moment, and versions of files that an S3 bucket keeps by itself',
    ],
  };
}
