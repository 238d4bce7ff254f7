import type { Chat, Step } from '../domain/chat.ts';
import { type Absence, absence, botWindow, connect, exchange } from '../domain/participant.ts';
import { serviceFault } from '../fault.ts';
import { isoTime } from '../wire/time.ts';
import type { Bearer, Call } from './operation.ts';

type Caller = Call<Bearer, 'AccessDeniedException'>;

/** The chat of the caller's token, over or not; 403 if this store does not have it. */
export async function ownChat(call: Caller): Promise<Chat> {
  const { chatKey, chatId } = call.caller.identity;
  const chat = await call.store.chat({ key: chatKey });
  if (chat?.id !== chatId) throw absent(call, { refused: 'no-participant' });
  return chat;
}

/** The chat of the caller's token, which the caller may act in; else 403, saying what ended and when. */
export async function presentChat(call: Caller): Promise<Chat> {
  const chat = await ownChat(call);
  const gone = absence(chat, call.caller.identity.participantId, call.now);
  if (gone) throw absent(call, gone);
  return chat;
}

export function absent(call: Caller, gone: Absence) {
  const message = sentence(call.caller.identity, gone);
  // The one error that the model does not list for CreateParticipantConnection: Amazon's troubleshooting guide names it
  // for a custom participant that was not connected in time. No other operation can meet it: nobody has its token.
  if (gone.refused === 'participant-expired') {
    return serviceFault('participant', 'ResourceNotFoundException', message, {
      ResourceId: call.caller.identity.participantId,
      ResourceType: 'PARTICIPANT',
    });
  }
  return call.fault('AccessDeniedException', message);
}

function sentence({ chatId, participantId }: Bearer['identity'], gone: Absence): string {
  switch (gone.refused) {
    case 'contact-ended':
      return `The chat ${chatId} ended at ${isoTime(gone.at)}; its tokens work no more. Start a new chat.`;
    case 'participant-left':
      return `Participant ${participantId} left the chat ${chatId} at ${isoTime(gone.at)}; its tokens work no more. To come back, call CreateParticipant again with a new ClientToken.`;
    case 'participant-removed':
      return `Participant ${participantId} was removed from the chat ${chatId} at ${isoTime(gone.at)}, when an agent or supervisor joined; its tokens work no more. Once no agent is there, call CreateParticipant again with a new ClientToken.`;
    case 'participant-expired':
      return `Participant ${participantId} was not connected within ${botWindow / 1000} s of CreateParticipant, that is by ${isoTime(gone.at)}. Call CreateParticipant again with a new ClientToken, and CreateParticipantConnection at once.`;
    case 'no-participant':
      return `There is no participant ${participantId} in a chat ${chatId}; the token belongs to another store or to a chat that was erased.`;
  }
}

/** Marks the caller connected, once: the first time writes `participant.joined`. */
export function connectCaller(call: Caller): Promise<void> {
  return change(call, (chat) => connect(chat, call.caller.identity.participantId, call.now, call.ids.tail));
}

/** Takes note that the caller has credentials, though it is not connected yet. */
export function exchangeCaller(call: Caller): Promise<void> {
  return change(call, (chat) => exchange(chat, call.caller.identity.participantId, call.now));
}

async function change(call: Caller, rule: (chat: Chat) => Step | Absence): Promise<void> {
  await call.writer.attempt({
    now: call.now,
    async decide() {
      const chat = await presentChat(call);
      const step = rule(chat);
      if ('refused' in step) throw absent(call, step);
      if (step.chat === chat) return { answer: {} };
      return { change: { chat: { before: chat, after: step.chat }, items: step.items }, answer: {} };
    },
  });
}
