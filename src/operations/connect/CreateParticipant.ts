import { type Chat, participantOf } from '../../domain/chat.ts';
import { type AdmitRefusal, admit, maxParticipants } from '../../domain/participant.ts';
import { enumeration, required, string, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { findContact } from '../contact.ts';
import { findInstance } from '../instance.ts';
import { type Call, connectOperation, type Principal } from '../operation.ts';
import {
  clientToken,
  contactId,
  displayName,
  instanceId,
  participantId,
  participantRole,
  participantToken,
} from '../shapes.ts';

const errors = [
  'InvalidRequestException',
  'ResourceNotFoundException',
  'InternalServiceException',
  'ServiceQuotaExceededException',
  'ThrottlingException',
  'ConflictException',
] as const;

export const CreateParticipant = connectOperation({
  name: 'CreateParticipant',
  route: ['POST', '/contact/create-participant'],
  access: { resource: 'contact/{ContactId}' },
  errors,
  input: structure({
    InstanceId: required(instanceId),
    ContactId: required(contactId),
    ClientToken: clientToken,
    ParticipantDetails: required(
      structure({
        ParticipantRole: participantRole,
        DisplayName: displayName,
        // Video and screen sharing belong to voice contacts; on a chat they are taken and mean nothing.
        ParticipantCapabilities: structure({ Video: enumeration(['SEND']), ScreenShare: enumeration(['SEND']) }),
      }),
    ),
  }),
  output: structure({
    ParticipantCredentials: structure({ ParticipantToken: participantToken, Expiry: string() }),
    ParticipantId: participantId,
  }),
  async handle(call, input) {
    const instance = await findInstance(call, input.InstanceId);
    const { ParticipantRole: role, DisplayName: displayName } = input.ParticipantDetails;
    if (role !== 'CUSTOM_BOT') {
      const given = role ? `${role} cannot be added to a chat` : 'it is missing';
      throw call.fault(
        'InvalidRequestException',
        `ParticipantDetails.ParticipantRole must be CUSTOM_BOT on a chat: ${given}.`,
      );
    }
    if (displayName === undefined) {
      throw call.fault(
        'InvalidRequestException',
        'ParticipantDetails.DisplayName is missing: give the name, 1 to 256 characters, under which the participant appears in the chat.',
      );
    }

    const read = () => findContact(call, instance, input.ContactId);
    const { ClientToken, ...request } = input;
    const { answer, chat } = await call.writer.write({
      now: call.now,
      token: {
        scope: `CreateParticipant ${instance.account} ${instance.id} ${input.ContactId}`,
        value: ClientToken,
        request,
        conflict: () =>
          call.fault(
            'ConflictException',
            'This ClientToken was used for another request on this contact; use a new one.',
          ),
      },
      async decide() {
        const chat = await read();
        const participant = { id: call.ids.uuid(), role, displayName, createdAt: call.now };
        const step = admit(chat, participant, call.now);
        if ('refused' in step) throw refusal(call, input.ContactId, step);
        return {
          change: { chat: { before: chat, after: step.chat } },
          answer: { ParticipantId: participant.id },
        };
      },
    });
    const { ParticipantId } = answer;
    return { ParticipantId, ParticipantCredentials: credentials(call, chat ?? (await read()), ParticipantId) };
  },
});

type Maker = Call<Principal, (typeof errors)[number]>;

/** Signed from what is stored, so that a repeat gets the very same. */
function credentials(call: Maker, chat: Chat, participantId: string) {
  const createdAt = participantOf(chat, participantId)?.createdAt ?? chat.createdAt;
  const identity = { ...chat, chatId: chat.id, chatKey: chat.key, participantId };
  return {
    ParticipantToken: call.tokens.sign('participant', identity, createdAt, chat.expiresAt),
    Expiry: isoTime(chat.expiresAt),
  };
}

function refusal(call: Maker, contactId: string, refused: AdmitRefusal) {
  switch (refused.refused) {
    case 'contact-ended':
      return call.fault(
        'ResourceNotFoundException',
        `Contact ${contactId} ended at ${isoTime(refused.at)}: a participant can be added only to a chat that goes on. Start a new one with StartChatContact.`,
      );
    case 'agent-present':
      return call.fault(
        'ConflictException',
        `Contact ${contactId} has ${refused.role === 'AGENT' ? 'an agent' : 'a supervisor'}: a custom participant cannot be beside one. Wait until none is there, and create it again.`,
      );
    case 'bot-present': {
      const until = refused.until === undefined ? '' : ` (it is yet to connect, by ${isoTime(refused.until)})`;
      return call.fault(
        'ServiceQuotaExceededException',
        `Contact ${contactId} has the one custom participant that a chat may have, '${refused.displayName}'${until}. Let it leave with DisconnectParticipant, then create another.`,
      );
    }
    case 'too-many-participants':
      return call.fault(
        'ServiceQuotaExceededException',
        `Contact ${contactId} has had ${maxParticipants} participants, the most that one chat may have. Reuse a participant's token instead of creating one for each connection.`,
      );
  }
}
