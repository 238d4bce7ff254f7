import assert from 'node:assert/strict';
import { DisconnectParticipantCommand } from '@aws-sdk/client-connectparticipant';
import { controlAt } from './control.ts';
import {
  type Api,
  type Connection,
  connection,
  inShort,
  startChat,
  type Ticket,
  testServer,
  transcript,
} from './server.ts';

/** A server of its own, with a clock that can be moved, and a chat whose customer is connected. */
export async function openChat(more: object = {}, environment: Record<string, string> = {}) {
  const { api, [Symbol.asyncDispose]: stop } = await testServer(environment);
  const ask = controlAt(api.endpoint);
  const ticket = await startChat(api, more);
  const ana = await connection(api, ticket);
  return {
    api,
    ask,
    ticket,
    ana,
    ContactId: ticket.ContactId,
    /** Somebody whom the control API puts in, yet to connect. */
    put: (role: 'AGENT' | 'SUPERVISOR', name: string) => putIn(api, ticket.ContactId, role, name),
    wait: async (advance: string) => assert.equal((await ask('POST /clock', { advance })).status, 200),
    lines: async () => inShort(await transcript(api, ana)),
    [Symbol.asyncDispose]: stop,
  };
}

export async function putIn({ endpoint }: Api, ContactId: string, ParticipantRole: string, DisplayName: string) {
  const ask = controlAt(endpoint);
  const { status, body } = await ask(`POST /contacts/${ContactId}/participants`, { ParticipantRole, DisplayName });
  assert.equal(status, 200, body.message);
  const { ParticipantId, ParticipantCredentials } = body;
  return { ContactId, ParticipantId, ParticipantToken: ParticipantCredentials.ParticipantToken } as Ticket;
}

/** Asserts the SDK's own error of a call, and what its message says. */
export async function refused(
  call: Promise<unknown>,
  type: new (...args: never[]) => Error,
  message: RegExp,
): Promise<Error> {
  const failure = await call.then(
    () => assert.fail('nothing was refused'),
    (each: Error) => each,
  );
  assert(failure instanceof type, String(failure));
  assert.match(failure.message, message);
  return failure;
}

export function leave({ participant }: Api, { token }: Connection): Promise<unknown> {
  return participant.send(new DisconnectParticipantCommand({ ConnectionToken: token }));
}
