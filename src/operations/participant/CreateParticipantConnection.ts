import { boolean, enumeration, list, string, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { type Bearer, type Call, participantOperation } from '../operation.ts';
import { approvedOrigins, isApproved } from '../origins.ts';
import { connectCaller, exchangeCaller } from '../presence.ts';
import { bearer, participantToken } from '../shapes.ts';

/** A connection token lives one day, whatever the chat's duration; chatjs renews it a minute before. */
const connectionLife = 24 * 60 * 60 * 1000;
/** A WebSocket URL must be dialled within this time of being handed out. */
const urlLife = 100 * 1000;

export const CreateParticipantConnection = participantOperation({
  name: 'CreateParticipantConnection',
  route: ['POST', '/participant/connection'],
  bearer: 'participant',
  errors: ['AccessDeniedException', 'InternalServerException', 'ThrottlingException', 'ValidationException'],
  input: structure({
    Type: list(enumeration(['WEBSOCKET', 'CONNECTION_CREDENTIALS', 'WEBRTC_CONNECTION']), { min: 1 }),
    ParticipantToken: bearer,
    ConnectParticipant: boolean(),
  }),
  output: structure({
    Websocket: structure({ Url: string({ min: 1, max: 2000 }), ConnectionExpiry: string() }),
    ConnectionCredentials: structure({ ConnectionToken: participantToken, Expiry: string() }),
  }),
  async handle(call, input) {
    const types = input.Type ?? [];
    if (types.includes('WEBRTC_CONNECTION')) {
      throw call.fault(
        'ValidationException',
        'Type WEBRTC_CONNECTION is for voice contacts; a chat has WEBSOCKET and CONNECTION_CREDENTIALS.',
      );
    }
    if (types.length === 0 && !input.ConnectParticipant) {
      throw call.fault('ValidationException', 'Nothing was asked for: give Type, or ConnectParticipant true, or both.');
    }
    await demandApproved(call);
    const { identity } = call.caller;
    if (types.includes('WEBSOCKET') || input.ConnectParticipant) await connectCaller(call);
    else await exchangeCaller(call);

    const token = (kind: 'connection' | 'socket', life: number) =>
      call.tokens.sign(kind, identity, call.now, call.now + life);
    return {
      Websocket: types.includes('WEBSOCKET')
        ? { Url: call.settings.webSocketUrl(token('socket', urlLife)), ConnectionExpiry: isoTime(call.now + urlLife) }
        : undefined,
      ConnectionCredentials: types.includes('CONNECTION_CREDENTIALS')
        ? { ConnectionToken: token('connection', connectionLife), Expiry: isoTime(call.now + connectionLife) }
        : undefined,
    };
  },
});

/**
 * Refuses pages of origins that the instance did not approve, if it approved any. Here alone: whoever got a URL may dial
 * it from anywhere, because a client whose upgrade is refused asks for the next URL at once.
 */
async function demandApproved(call: Call<Bearer, 'AccessDeniedException'>): Promise<void> {
  const { origin, identity } = call.caller;
  if (origin === undefined) return;
  const approved = await approvedOrigins(call.store, identity.instanceId);
  if (approved.length === 0 || isApproved(approved, origin)) return;
  throw call.fault(
    'AccessDeniedException',
    `Pages of the origin ${origin.slice(0, 267)} may not connect to instance ${identity.instanceId}; approve it with AssociateApprovedOrigin.`,
  );
}
