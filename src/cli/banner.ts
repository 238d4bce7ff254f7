import { developmentInstance } from '../config.ts';
import type { Server } from '../server.ts';
import type { Config, InstanceConfig } from '../settings.ts';

/** What a person reads when the server is ready: where it is, what is in it, and in development what to paste. */
export function banner(version: string, config: Config, urls: Server['urls']): string {
  const isDevelopment = config.mode === 'development';
  const instances = isDevelopment ? [developmentInstance] : config.instances;
  const lines = [
    '',
    `  Tertulia ${version} is ready in ${config.mode} mode`,
    '',
    `    endpoint   ${urls.base}`,
    `    websocket  ${urls.socketBase}`,
    `    data       ${places(config)}`,
    ...instances.flatMap(place),
    '',
    ...(isDevelopment ? snippet(urls.base) : []),
    ...(urls.warning ? [`  Warning: ${urls.warning}`, ''] : []),
  ];
  return lines.join('\n');
}

/** Where chats are and, where that is another place, files. Never the URL of a store: it may hold a password. */
function places({ store, storeSchema, blobs, dataDir }: Config): string {
  const own = dataDir === ':memory:' ? 'in memory, gone at the end' : dataDir;
  const chats = store === undefined ? own : `PostgreSQL, schema ${storeSchema}`;
  const files = blobs === undefined ? own : `s3://${[blobs.bucket, blobs.prefix].filter(Boolean).join('/')}`;
  return files === chats ? chats : `${chats}; files: ${files}`;
}

function place({ account, region, id, flows }: InstanceConfig): string[] {
  return [`    region     ${region}    account ${account}`, `    instance   ${id}`, `    flow       ${flows[0]?.id}`];
}

function snippet(endpoint: string): string[] {
  const { region, id, flows } = developmentInstance;
  return [
    '  Point an unmodified AWS SDK at it:',
    '',
    "    import { ConnectClient, StartChatContactCommand } from '@aws-sdk/client-connect';",
    `    const connect = new ConnectClient({ endpoint: '${endpoint}', region: '${region}',`,
    "      credentials: { accessKeyId: 'any', secretAccessKey: 'any' } });",
    `    await connect.send(new StartChatContactCommand({ InstanceId: '${id}',`,
    `      ContactFlowId: '${flows[0]?.id}', ParticipantDetails: { DisplayName: 'Ana' } }));`,
    '',
    '  See a chat happen: npm run demo',
    '',
  ];
}
