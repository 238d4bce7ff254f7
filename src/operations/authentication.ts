import { string } from '../shape/shape.ts';
import type { Bearer, Call } from './operation.ts';
import { presentChat } from './presence.ts';

/** Sessions in which a customer signs in. Flows begin them; as long as there are none, no SessionId names one. */

export const sessionId = string({ min: 36, max: 36 });

/** The fault for a SessionId that this chat did not begin: 400, as the model has nothing nearer. */
export async function unknownSession(call: Call<Bearer, 'AccessDeniedException' | 'ValidationException'>) {
  const { contact } = await presentChat(call);
  return call.fault(
    'ValidationException',
    `SessionId is not that of an authentication which contact ${contact.id} waits for; use the one in the Content of its authentication.initiated event.`,
  );
}
