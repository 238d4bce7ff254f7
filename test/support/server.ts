import {
  ConnectClient,
  type ConnectClientConfig,
  CreateParticipantCommand,
  StartChatContactCommand,
} from '@aws-sdk/client-connect';
import {
  type ConnectionType,
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  GetTranscriptCommand,
  type Item,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';
import { developmentInstance, readConfig } from '../../src/config.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { systemIds } from '../../src/runtime/ids.ts';
import { type Log, silentLog } from '../../src/runtime/log.ts';
import { systemSteady } from '../../src/runtime/steady.ts';
import { type Server, startServer } from '../../src/server.ts';

export const InstanceId = developmentInstance.id;
export const ContactFlowId = developmentInstance.flows[0]?.id ?? '';

/** The unmodified SDK clients, pointed at an endpoint. */
export interface Api extends Disposable {
  readonly endpoint: string;
  readonly connect: ConnectClient;
  readonly participant: ConnectParticipantClient;
}

/** `more` is for both clients. */
export function apiAt(endpoint: string, more: Pick<ConnectClientConfig, 'requestHandler' | 'maxAttempts'> = {}): Api {
  const options = {
    endpoint,
    region: developmentInstance.region,
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    ...more,
  };
  const connect = new ConnectClient(options);
  const participant = new ConnectParticipantClient(options);
  return {
    endpoint,
    connect,
    participant,
    [Symbol.dispose]() {
      connect.destroy();
      participant.destroy();
    },
  };
}

/** A server of this process that listens for real, with the clients of its public URL. */
export interface TestServer extends AsyncDisposable {
  readonly server: Server;
  readonly api: Api;
}

/** `environment` is as `npm start` would have it; a free port and a store in memory unless it says otherwise. */
export async function testServer(environment: Record<string, string> = {}, log: Log = silentLog): Promise<TestServer> {
  const config = readConfig({ TERTULIA_PORT: '0', TERTULIA_DATA_DIR: ':memory:', ...environment });
  const runtime = {
    ...{ clock: systemClock, steady: systemSteady, ids: systemIds(), log },
    ...{ environment: process.env, write() {} },
  };
  const server = await startServer(config, runtime);
  const api = apiAt(server.urls.base);
  return {
    server,
    api,
    async [Symbol.asyncDispose]() {
      api[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Who a participant is: the members of StartChatContact's answer. */
export interface Ticket {
  readonly ContactId: string;
  readonly ParticipantId: string;
  readonly ParticipantToken: string;
}

/** A new chat whose customer has not connected yet. */
export async function startChat(
  { connect }: Api,
  more: Partial<StartChatContactCommand['input']> = {},
): Promise<Ticket> {
  const started = await connect.send(
    new StartChatContactCommand({ InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' }, ...more }),
  );
  return started as Ticket;
}

/** A custom participant of a chat, not connected yet. */
export async function addBot({ connect }: Api, ContactId: string, DisplayName = 'Bot'): Promise<Ticket> {
  const { ParticipantId, ParticipantCredentials } = await connect.send(
    new CreateParticipantCommand({
      InstanceId,
      ContactId,
      ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName },
    }),
  );
  return { ContactId, ParticipantId, ParticipantToken: ParticipantCredentials?.ParticipantToken } as Ticket;
}

/** What CreateParticipantConnection hands out. */
export interface Connection {
  readonly token: string;
  readonly url: string;
}

export async function connection(
  { participant }: Api,
  { ParticipantToken }: Ticket,
  Type: ConnectionType[] = ['WEBSOCKET', 'CONNECTION_CREDENTIALS'],
): Promise<Connection> {
  const { ConnectionCredentials, Websocket } = await participant.send(
    new CreateParticipantConnectionCommand({ ParticipantToken, Type, ConnectParticipant: true }),
  );
  return { token: ConnectionCredentials?.ConnectionToken ?? '', url: Websocket?.Url ?? '' };
}

/** A message of plain text; answers its Id and AbsoluteTime. */
export async function say(
  { participant }: Api,
  { token }: Pick<Connection, 'token'>,
  Content: string,
  ContentType = 'text/plain',
): Promise<{ Id: string; AbsoluteTime: string }> {
  const { Id = '', AbsoluteTime = '' } = await participant.send(
    new SendMessageCommand({ ConnectionToken: token, ContentType, Content }),
  );
  return { Id, AbsoluteTime };
}

/** The whole transcript, oldest first, read page by page as a program does. */
export async function transcript(
  { participant }: Api,
  { token }: Pick<Connection, 'token'>,
  MaxResults = 100,
): Promise<Item[]> {
  const items: Item[] = [];
  let NextToken: string | undefined;
  do {
    const page = await participant.send(
      new GetTranscriptCommand({
        ConnectionToken: token,
        MaxResults,
        ScanDirection: 'FORWARD',
        SortOrder: 'ASCENDING',
        NextToken,
      }),
    );
    items.push(...(page.Transcript ?? []));
    NextToken = page.NextToken;
  } while (NextToken);
  return items;
}

/** Items in short: the content of messages, `joined Ana` and the like for events. */
export function inShort(
  items: readonly {
    Content?: string | undefined;
    ContentType?: string | undefined;
    DisplayName?: string | undefined;
  }[],
): string[] {
  return items.map(
    ({ Content, ContentType, DisplayName }) =>
      Content ?? `${ContentType?.replace(/^.*event\.(participant\.)?/, '')} ${DisplayName ?? ''}`.trim(),
  );
}
