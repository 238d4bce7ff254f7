// A customer at a shell, to try a bot with. It uses the official AWS SDK, and keeps its chat in chat.json.
//
//   node customer.mjs start         starts a chat and prints its ContactId; the customer has not connected yet
//   node customer.mjs join          connects; the others below do so, too, if need be
//   node customer.mjs say TEXT      says it, and prints what is answered
//   node customer.mjs tell TEXT     the same without waiting for an answer
//   node customer.mjs transcript    prints the chat
//   node customer.mjs leave         leaves, which ends the chat
//
// Needs, in the environment: INSTANCE, FLOW, AWS_REGION, AWS_ENDPOINT_URL_CONNECT, AWS_ENDPOINT_URL_CONNECTPARTICIPANT,
// credentials; and: npm install @aws-sdk/client-connect @aws-sdk/client-connectparticipant
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { ConnectClient, StartChatContactCommand } from '@aws-sdk/client-connect';
import {
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  DisconnectParticipantCommand,
  GetTranscriptCommand,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';

const file = 'chat.json';
const patienceMs = 20_000;

const commands = { start, join: connected, say, tell: (text) => tell(text), transcript, leave };
const [, , name, text] = process.argv;
if (!Object.hasOwn(commands, name ?? '')) {
  console.error(`usage: node customer.mjs ${Object.keys(commands).join(' | ')} [TEXT]`);
  process.exit(1);
}
const participant = new ConnectParticipantClient({});
await commands[name](text);

async function start() {
  const { ContactId, ParticipantToken } = await new ConnectClient({}).send(
    new StartChatContactCommand({
      InstanceId: process.env.INSTANCE,
      ContactFlowId: process.env.FLOW,
      ParticipantDetails: { DisplayName: 'Ana' },
    }),
  );
  writeFileSync(file, JSON.stringify({ ContactId, ParticipantToken }));
  console.log(ContactId);
}

async function say(text) {
  const { Id, ConnectionToken } = await tell(text);
  for (const began = Date.now(); Date.now() - began < patienceMs; await pause(100)) {
    const items = await read(ConnectionToken, 'BACKWARD');
    const later = items.slice(items.findIndex((item) => item.Id === Id) + 1);
    const answer = later.find((item) => item.Type === 'MESSAGE' && item.ParticipantRole !== 'CUSTOMER');
    if (answer) return console.log(line(answer));
  }
  console.log(`(nobody answered within ${patienceMs / 1000} s)`);
  process.exitCode = 1;
}

async function tell(Content) {
  const ConnectionToken = await connected();
  const { Id } = await participant.send(
    new SendMessageCommand({ ConnectionToken, ContentType: 'text/plain', Content }),
  );
  console.log(`Ana: ${Content}`);
  return { Id, ConnectionToken };
}

async function transcript() {
  for (const item of await read(await connected(), 'FORWARD')) console.log(line(item));
}

async function leave() {
  await participant.send(new DisconnectParticipantCommand({ ConnectionToken: await connected() }));
}

/** The first time this is when the customer joins. */
async function connected() {
  const { ParticipantToken } = JSON.parse(readFileSync(file, 'utf8'));
  const { ConnectionCredentials } = await participant.send(
    new CreateParticipantConnectionCommand({
      Type: ['CONNECTION_CREDENTIALS'],
      ConnectParticipant: true,
      ParticipantToken,
    }),
  );
  return ConnectionCredentials.ConnectionToken;
}

/** The first or the last hundred items, oldest first. */
async function read(ConnectionToken, ScanDirection) {
  const { Transcript } = await participant.send(
    new GetTranscriptCommand({ ConnectionToken, ScanDirection, SortOrder: 'ASCENDING', MaxResults: 100 }),
  );
  return Transcript;
}

function line({ Type, ContentType, DisplayName, Content }) {
  if (Type === 'MESSAGE') return `${DisplayName}: ${Content}`;
  return `(${[DisplayName, ContentType.replace(/^.*event\.(participant\.)?/, '')].filter(Boolean).join(' ')})`;
}
