// A bot that joins a running chat and answers every message of the customer. It uses the official AWS SDK and nothing
// of Tertulia: take it, change `answer`, and run it against Amazon Connect by leaving the endpoint out.
//
//   node echo-bot.mjs <InstanceId> <ContactId>
//
// Needs Node 22.18 or newer (for its WebSocket and import.meta.main), and: npm install @aws-sdk/client-connect @aws-sdk/client-connectparticipant
import { ConnectClient, CreateParticipantCommand } from '@aws-sdk/client-connect';
import {
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';

/** What the bot says to a message. */
function answer(text) {
  return `You said: ${text}`;
}

/**
 * Joins the chat as a custom participant. Resolves when the bot listens; `ended` resolves when the chat is over.
 * `options` are those of the SDK's clients: endpoint, region, credentials.
 */
export async function joinAsBot({ instanceId, contactId, displayName = 'Echo', options = {} }) {
  const connect = new ConnectClient(options);
  const participant = new ConnectParticipantClient(options);

  // From here the bot has 15 seconds to connect.
  const created = await connect.send(
    new CreateParticipantCommand({
      InstanceId: instanceId,
      ContactId: contactId,
      ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: displayName },
    }),
  );
  const connection = await participant.send(
    new CreateParticipantConnectionCommand({
      Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'],
      ConnectParticipant: true,
      ParticipantToken: created.ParticipantCredentials.ParticipantToken,
    }),
  );
  const token = connection.ConnectionCredentials.ConnectionToken;
  const send = (text) =>
    participant.send(new SendMessageCommand({ ConnectionToken: token, ContentType: 'text/plain', Content: text }));

  const socket = new WebSocket(connection.Websocket.Url);
  const heartbeat = setInterval(() => socket.send('{"topic":"aws/heartbeat"}'), 10_000);
  const ended = new Promise((resolve) => {
    socket.onclose = () => {
      clearInterval(heartbeat);
      resolve();
    };
  });
  const listening = new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}');
    socket.onerror = () => reject(new Error('the WebSocket could not be opened'));
    socket.onmessage = async ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.topic === 'aws/subscribe') resolve();
      if (frame.topic !== 'aws/chat') return;
      const item = JSON.parse(frame.content);
      if (item.ContentType?.endsWith('chat.ended')) socket.close();
      if (item.Type === 'MESSAGE' && item.ParticipantRole === 'CUSTOMER') await send(answer(item.Content));
    };
  });
  await listening;
  return { participantId: created.ParticipantId, ended };
}

if (import.meta.main) {
  const [instanceId, contactId] = process.argv.slice(2);
  if (!contactId) {
    console.error('usage: node echo-bot.mjs <InstanceId> <ContactId>');
    process.exit(1);
  }
  const bot = await joinAsBot({ instanceId, contactId });
  console.log(`joined as ${bot.participantId}`);
  await bot.ended;
  console.log('the chat is over');
}
