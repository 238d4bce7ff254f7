// A bot that is fed by message streaming: the handler of a Lambda function that subscribes to an SNS topic. It uses the
// official AWS SDK and nothing of Tertulia: change `answer`, and deploy it for Amazon Connect as it is.
//
// It keeps nothing: CreateParticipant with the same ClientToken answers the same participant for seven days, and
// SendMessage with the Id of the message it answers stores one answer, however often a notification comes.
//
// Needs: npm install @aws-sdk/client-connect @aws-sdk/client-connectparticipant
import { ConnectClient, CreateParticipantCommand } from '@aws-sdk/client-connect';
import {
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';

const connect = new ConnectClient({});
const participant = new ConnectParticipantClient({});
/** Connection tokens by contact, so that not every message asks for one. */
const tokens = new Map();

/** What the bot says to a message of the customer. */
function answer(text) {
  return `You said: ${text}`;
}

/** What says that the bot has no place in the chat: an agent has come, the bot has left, or the chat is over. */
const gone = ['AccessDeniedException', 'ConflictException', 'ResourceNotFoundException'];

export async function handler(event) {
  for (const { Sns } of event.Records) {
    const attribute = (name) => Sns.MessageAttributes[name]?.Value;
    const item = JSON.parse(Sns.Message);
    if (attribute('ContentType')?.endsWith('chat.ended')) tokens.delete(item.InitialContactId);
    if (attribute('ParticipantRole') !== 'CUSTOMER') continue;
    try {
      if (attribute('ContentType')?.endsWith('participant.joined')) await join(item, attribute('InstanceId'));
      if (attribute('Type') === 'MESSAGE') await say(item, attribute('InstanceId'), answer(item.Content));
    } catch (failure) {
      // Nothing can be done, and nothing need be: trying again would only hold up what comes next.
      if (!gone.includes(failure.name)) throw failure;
      tokens.delete(item.InitialContactId);
    }
  }
}

/** Adds the bot to the chat of an item, and connects it within its 15 seconds. Again, it is the same bot. */
async function join({ InitialContactId }, instanceId) {
  for (let attempt = 1; ; attempt += 1) {
    const created = await connect.send(
      new CreateParticipantCommand({
        InstanceId: instanceId,
        ContactId: InitialContactId,
        ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Streaming bot' },
        ClientToken: `streaming-bot ${InitialContactId} ${attempt}`,
      }),
    );
    try {
      const { ConnectionCredentials } = await participant.send(
        new CreateParticipantConnectionCommand({
          Type: ['CONNECTION_CREDENTIALS'],
          ConnectParticipant: true,
          ParticipantToken: created.ParticipantCredentials.ParticipantToken,
        }),
      );
      tokens.set(InitialContactId, ConnectionCredentials.ConnectionToken);
      return;
    } catch (failure) {
      // It was created and then, as this program stopped, not connected in time: the next ClientToken is for a new one.
      if (failure.name !== 'ResourceNotFoundException' || attempt === 5) throw failure;
    }
  }
}

async function say(item, instanceId, text) {
  const isFresh = !tokens.has(item.InitialContactId);
  if (isFresh) await join(item, instanceId);
  try {
    await participant.send(
      new SendMessageCommand({
        ConnectionToken: tokens.get(item.InitialContactId),
        ContentType: 'text/plain',
        Content: text,
        ClientToken: item.Id,
      }),
    );
  } catch (failure) {
    // A connection token lives for a day: perhaps that is all.
    if (isFresh || failure.name !== 'AccessDeniedException') throw failure;
    tokens.delete(item.InitialContactId);
    await say(item, instanceId, text);
  }
}
