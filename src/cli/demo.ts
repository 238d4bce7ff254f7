import { fileURLToPath } from 'node:url';
import type { ConnectClientConfig } from '@aws-sdk/client-connect';
import { developmentInstance, readConfig } from '../config.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemIds } from '../runtime/ids.ts';
import { silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { type Server, startServer } from '../server.ts';

type Print = (line: string) => void;

const turns = ['Hello?', 'Is anybody there?', 'A bot, then. Good bye!'];

/** How the bot hears of the chat. */
export type Way = 'socket' | 'streaming';

const streamingTopic = `arn:aws:sns:${developmentInstance.region}:${developmentInstance.account}:demo`;
const streamingBot = fileURLToPath(new URL('../../examples/streaming-bot/streaming-bot.mjs', import.meta.url));

/**
 * Shows a chat between unmodified clients: an amazon-connect-chatjs customer and a bot of `examples/`, against the
 * server that runs, or one started for the purpose; that of the streaming bot is always one of its own, as its
 * configuration names the handler. Returns the exit code.
 */
export async function demo(
  environment: Readonly<Record<string, string | undefined>>,
  print: Print,
  way: Way = 'socket',
): Promise<number> {
  const config = readConfig(environment);
  const running = config.publicUrl ?? `http://127.0.0.1:${config.port}`;
  const isRunning = way === 'socket' && (await isHealthy(running));
  let server: Server | undefined;
  if (!isRunning) {
    const runtime = {
      ...{ clock: systemClock, steady: systemSteady, ids: systemIds(), log: silentLog },
      ...{ environment: withoutAws(environment), write: (text: string) => print(text.trimEnd()) },
    };
    const streams = [{ topics: streamingTopic, kind: 'process', module: streamingBot }];
    const own = { ...config, port: 0, dataDir: ':memory:', publicUrl: undefined, contactEvents: [], buckets: [] };
    server = await startServer(way === 'streaming' ? { ...own, streams } : own, runtime);
  }
  const endpoint = server?.urls.base ?? running;
  print(introduction(way, isRunning, running, endpoint));
  try {
    await converse(endpoint, print, way === 'socket' ? echoBot : streamToBot);
    return 0;
  } finally {
    await server?.[Symbol.asyncDispose]();
  }
}

/** A shell that was made ready for the server that runs, as README says, would lead the bot to that one. */
function withoutAws(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('AWS_')));
}

function introduction(way: Way, isRunning: boolean, running: string, endpoint: string): string {
  if (way === 'streaming')
    return `Started a server at ${endpoint}, in memory, whose stream leads to a handler on this machine.`;
  if (isRunning) return `A server runs at ${endpoint}.`;
  return `No server runs at ${running}: started one at ${endpoint}, in memory.`;
}

async function isHealthy(url: string): Promise<boolean> {
  return fetch(`${url}/_tertulia/health`).then(
    (reply) => reply.ok,
    () => false,
  );
}

interface ChatjsItem {
  readonly ContentType?: string;
  readonly Content?: string;
  readonly Type: string;
  readonly DisplayName?: string;
  readonly ParticipantRole?: string;
  readonly AbsoluteTime: string;
}

/** A bot that joins: `begin` before the customer connects, `join` after; `over` resolves when it has heard the end. */
interface Bot {
  readonly begin: (at: BotParts) => Promise<void>;
  readonly join: (at: BotParts) => Promise<{ readonly ended: Promise<void> }>;
  readonly epilogue: string;
}

interface BotParts {
  readonly contactId: string | undefined;
  readonly options: ConnectClientConfig;
  readonly print: Print;
}

const instanceId = developmentInstance.id;

const echoBot: Bot = {
  async begin() {},
  async join({ contactId, options, print }) {
    const { joinAsBot } = await import('../../examples/echo-bot/echo-bot.mjs');
    const bot = await joinAsBot({ instanceId, contactId, options });
    print(`CreateParticipant      bot ${bot.participantId} listens`);
    return bot;
  },
  epilogue: 'The chat is over. The bot is examples/echo-bot/echo-bot.mjs: copy it and change its answer.',
};

/** It joins by itself, when the stream tells it that the customer is there. */
const streamToBot: Bot = {
  async begin({ contactId, options, print }) {
    const { ConnectClient, StartContactStreamingCommand } = await import('@aws-sdk/client-connect');
    const ChatStreamingConfiguration = { StreamingEndpointArn: streamingTopic };
    const start = { InstanceId: instanceId, ContactId: contactId, ChatStreamingConfiguration, ClientToken: contactId };
    const { StreamingId } = await new ConnectClient(options).send(new StartContactStreamingCommand(start));
    print(`StartContactStreaming  ${StreamingId} to ${streamingTopic}`);
  },
  join: async () => ({ ended: Promise.resolve() }),
  epilogue: 'The chat is over. The bot is examples/streaming-bot/streaming-bot.mjs: copy it and change its answer.',
};

async function converse(endpoint: string, print: Print, bot: Bot): Promise<void> {
  const { ConnectClient, StartChatContactCommand } = await import('@aws-sdk/client-connect');
  const { loadChatjs } = await import('../../examples/chatjs-in-node.mjs');
  const { id: InstanceId, region, flows } = developmentInstance;
  const options = { endpoint, region, credentials: { accessKeyId: 'demo', secretAccessKey: 'demo' } };

  const contact = await new ConnectClient(options).send(
    new StartChatContactCommand({
      InstanceId,
      ContactFlowId: flows[0]?.id,
      ParticipantDetails: { DisplayName: 'Ana' },
    }),
  );
  print(`StartChatContact       contact ${contact.ContactId}`);
  const parts = { contactId: contact.ContactId, options, print };
  await bot.begin(parts);
  const session = loadChatjs({ endpoint, region }).ChatSession.create({
    chatDetails: {
      contactId: contact.ContactId,
      participantId: contact.ParticipantId,
      participantToken: contact.ParticipantToken,
    },
    type: 'CUSTOMER',
    options: { region },
    disableCSM: true,
  });
  let heard = (_: ChatjsItem) => {};
  let isJoined = false;
  const over = new Promise<void>((resolve) => session.onEnded(() => resolve()));
  session.onMessage(({ data }: { data: ChatjsItem }) => {
    print(line(data));
    isJoined ||= data.ParticipantRole === 'CUSTOM_BOT';
    heard(data);
  });
  const next = (isIt: (item: ChatjsItem) => boolean) =>
    new Promise<void>((resolve) => {
      heard = (item) => isIt(item) && resolve();
    });

  // chatjs calls a connection established before its socket is open; the answer to its first ping comes after it subscribed.
  const ready = new Promise<void>((resolve) => session.onDeepHeartbeatSuccess(() => resolve()));
  await session.connect();
  await ready;
  print('chatjs                 connected as Ana');
  const joined = isJoined ? undefined : next((item) => item.ParticipantRole === 'CUSTOM_BOT');
  const { ended } = await bot.join(parts);
  await joined;
  for (const message of turns) {
    const answered = next((item) => item.Type === 'MESSAGE' && item.ParticipantRole === 'CUSTOM_BOT');
    await session.sendMessage({ contentType: 'text/plain', message });
    await answered;
  }
  await session.disconnectParticipant();
  await Promise.all([over, ended]);
  print(bot.epilogue);
}

function line(item: ChatjsItem): string {
  const time = item.AbsoluteTime.slice(11, 23);
  const who = (item.DisplayName ?? '').padEnd(8);
  const what = item.Type === 'MESSAGE' ? item.Content : `(${item.ContentType?.replace(/^.*event\./, '')})`;
  return `${time}  ${who}  ${what}`;
}
