import assert from 'node:assert/strict';
import { admit } from '../../src/domain/participant.ts';
import type { TestPipeline } from './pipeline.ts';

type Place = Pick<TestPipeline, 'store' | 'time' | 'ids' | 'tokens' | 'call'>;

/** An agent or a supervisor that is yet to connect: what no operation can do, as long as none can be routed. */
export async function admitAgent(
  { store, time, ids, tokens }: Place,
  contactId: string,
  role: 'AGENT' | 'SUPERVISOR' = 'AGENT',
  displayName = 'Eva',
) {
  const chat = await store.chat({ contactId });
  assert(chat);
  const participant = { id: ids.uuid(), role, displayName, createdAt: time.now };
  const step = admit(chat, participant, time.now);
  assert('chat' in step);
  await store.commit({ now: time.now, chat: { expected: chat.revision, after: step.chat } });
  const identity = { ...chat, chatId: chat.id, chatKey: chat.key, participantId: participant.id };
  return {
    ParticipantId: participant.id,
    ParticipantToken: tokens.sign('participant', identity, time.now, chat.expiresAt),
  };
}

/** The same, connected. */
export async function addAgent(place: Place, contactId: string, role?: 'AGENT' | 'SUPERVISOR', displayName?: string) {
  const { ParticipantId, ParticipantToken } = await admitAgent(place, contactId, role, displayName);
  const connection = await place.call(
    'CreateParticipantConnection',
    { Type: ['CONNECTION_CREDENTIALS'], ConnectParticipant: true },
    ParticipantToken,
  );
  assert.equal(connection.status, 200);
  return {
    ParticipantId,
    token: connection.body.ConnectionCredentials.ConnectionToken as string,
  };
}
