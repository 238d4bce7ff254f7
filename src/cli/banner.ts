import { developmentInstance } from '../config.ts';
import type { Server } from '../server.ts';
import type { Config, InstanceConfig } from '../settings.ts';

/** What a person reads when the server is ready: where it is, what is in it, and in development what to paste. */
export function banner(version: string, config: Config, urls: Server['urls']): string {
  const isDevelopment = config.mode === 'development';
  const instances = isDevelopment ? [developmentInstance] : config.instances;
  const data = config.dataDir === ':memory:' ? 'in memory, gone at the end' : config.dataDir;
  const lines = [
    '',
    `  Tertulia ${version} is ready in ${config.mode} mode`,
    '',
    `    endpoint   ${urls.base}`,
    `    websocket  ${urls.socketBase}`,
    `    data       ${data}`,
    ...instances.flatMap(place),
    '',
    ...(isDevelopment ? snippet(urls.base) : []),
    ...(urls.warning ? [`  Warning: ${urls.warning}`, ''] : []),
  ];
  return lines.join('\n');
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
