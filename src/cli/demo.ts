import { developmentInstance, readConfig } from '../config.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemIds } from '../runtime/ids.ts';
import { silentLog } from '../runtime/log.ts';
import { systemSteady } from '../runtime/steady.ts';
import { type Server, startServer } from '../server.ts';

type Print = (line: string) => void;

const turns = ['Hello?', 'Is anybody there?', 'A bot, then. Good bye!'];

/**
 * Shows a chat between unmodified clients: an amazon-connect-chatjs customer and the echo bot of `examples/`, against
 * the server that runs, or one started for the purpose. Returns the exit code.
 */
export async function demo(environment: Readonly<Record<string, string | undefined>>, print: Print): Promise<number> {
  const config = readConfig(environment);
  const running = config.publicUrl ?? `http://127.0.0.1:${config.port}`;
  const isRunning = await fetch(`${running}/_tertulia/health`).then(
    (reply) => reply.ok,
    () => false,
  );
  let server: Server | undefined;
  if (!isRunning) {
    const runtime = { clock: systemClock, steady: systemSteady, ids: systemIds(), log: silentLog };
    server = await startServer({ ...config, port: 0, dataDir: ':memory:', publicUrl: undefined }, runtime);
  }
  const endpoint = server?.urls.base ?? running;
  print(
    isRunning
      ? `A server runs at ${endpoint}.`
      : `No server runs at ${running}: started one at ${endpoint}, in memory.`,
  );
  try {
    await converse(endpoint, print);
    return 0;
  } finally {
    await server?.[Symbol.asyncDispose]();
  }
}

interface ChatjsItem {
  readonly ContentType?: string;
  readonly Content?: string;
  readonly Type: string;
  readonly DisplayName?: string;
  readonly ParticipantRole?: string;
  readonly AbsoluteTime: string;
}

async function converse(endpoint: string, print: Print): Promise<void> {
  const { ConnectClient, StartChatContactCommand } = await import('@aws-sdk/client-connect');
  const { joinAsBot } = await import('../../examples/echo-bot/echo-bot.mjs');
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
  const over = new Promise<void>((resolve) => session.onEnded(() => resolve()));
  session.onMessage(({ data }: { data: ChatjsItem }) => {
    print(line(data));
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
  const joined = next((item) => item.ParticipantRole === 'CUSTOM_BOT');
  const bot = await joinAsBot({ instanceId: InstanceId, contactId: contact.ContactId, options });
  await joined;
  print(`CreateParticipant      bot ${bot.participantId} listens`);
  for (const message of turns) {
    const answered = next((item) => item.Type === 'MESSAGE' && item.ParticipantRole === 'CUSTOM_BOT');
    await session.sendMessage({ contentType: 'text/plain', message });
    await answered;
  }
  await session.disconnectParticipant();
  await Promise.all([over, bot.ended]);
  print('The chat is over. The bot is examples/echo-bot/echo-bot.mjs: copy it and change its answer.');
}

function line(item: ChatjsItem): string {
  const time = item.AbsoluteTime.slice(11, 23);
  const who = (item.DisplayName ?? '').padEnd(8);
  const what = item.Type === 'MESSAGE' ? item.Content : `(${item.ContentType?.replace(/^.*event\./, '')})`;
  return `${time}  ${who}  ${what}`;
}
