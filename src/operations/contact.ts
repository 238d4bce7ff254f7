import type { Chat } from '../domain/chat.ts';
import { findInstance, type Instance } from './instance.ts';
import type { Call, Principal } from './operation.ts';

type Finder = Call<Principal, 'ResourceNotFoundException'>;

/** The chat that has the contact, if it is one of the instance; else 404. */
export async function findContact(call: Finder, instance: Instance, contactId: string): Promise<Chat> {
  const chat = await call.store.chat({ contactId });
  if (chat?.instanceId === instance.id) return chat;
  throw call.fault('ResourceNotFoundException', `Contact ${contactId} was not found in instance ${instance.id}.`);
}

interface Named {
  readonly InstanceId: string;
  readonly ContactId: string;
}

/** What a request names by its InstanceId and its ContactId, each a 404 where it is not. */
export async function findNamed(call: Finder, named: Named): Promise<{ instance: Instance; chat: Chat }> {
  const instance = await findInstance(call, named.InstanceId);
  return { instance, chat: await findContact(call, instance, named.ContactId) };
}

/** Makes of the contact what the rule says; the rule is asked again if the chat moved meanwhile. */
export async function changeContact(call: Finder, named: Named, rule: (chat: Chat) => Chat): Promise<void> {
  const instance = await findInstance(call, named.InstanceId);
  await call.writer.attempt({
    now: call.now,
    async decide() {
      const chat = await findContact(call, instance, named.ContactId);
      return { change: { chat: { before: chat, after: rule(chat) } }, answer: {} };
    },
  });
}
