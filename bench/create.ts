/**
 * Chats started and joined a second: StartChatContact, CreateParticipant, CreateParticipantConnection, one after the other
 * in chains, many chains at once; unsigned and signed, beside the least program that writes the same rows.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { developmentInstance } from '../src/config.ts';
import { atOnce, type Connection, membersOf, openConnection } from './connection.ts';
import {
  cpuSeconds,
  type Measurement,
  median,
  type Run,
  ratios,
  type Subject,
  shown,
  startSubject,
  startTertulia,
  takeTurns,
} from './measure.ts';
import { type Sign, signer } from './sign.ts';

const levels = [8, 64];
/** Chains of a turn: half a second. */
const chains = 400;
const accessKey = { id: 'AKIATERTULIABENCH', secret: 'the secret of a measurement' };

interface Server {
  readonly name: string;
  readonly subject: Subject;
  readonly sign: Sign;
  readonly connections: readonly Connection[];
  readonly results: Map<number, { readonly perSecond: number[]; readonly perCpuSecond: number[] }>;
}

const unsigned: Sign = () => ['content-type: application/json'];

export const measurement: Measurement = {
  name: 'create',
  async run(how) {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-bench-'));
    stack.defer(() => rmSync(folder, { recursive: true }));
    const prototype = stack.use(await startSubject(['bench/ceilings/create.ts', folder], /ready on (\d+)/));
    const plain = stack.use(await startTertulia());
    const signing = stack.use(await startTertulia(signedBy(folder)));
    const sign = signer(signing.port, accessKey.id, accessKey.secret);
    const servers = [
      await openServer('prototype', prototype, unsigned, stack),
      await openServer('Tertulia, unsigned', plain, unsigned, stack),
      await openServer('Tertulia, signed', signing, sign, stack),
    ];
    await demandVerified(signing, sign);
    return [await measured(servers, how)];
  },
};

/** A server as others would run it: who signs may do what its policy says. */
function signedBy(folder: string): Record<string, string> {
  const Statement = [{ Effect: 'Allow', Action: 'connect:*', Resource: '*' }];
  const policy = { Version: '2012-10-17', Statement };
  const config = join(folder, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({ accessKeys: [{ ...accessKey, account: developmentInstance.account, policy }] }),
  );
  return { TERTULIA_AUTH: 'sigv4', TERTULIA_CONFIG: config };
}

async function openServer(name: string, subject: Subject, sign: Sign, stack: AsyncDisposableStack): Promise<Server> {
  const connections: Connection[] = [];
  for (let count = 0; count < Math.max(...levels); count += 1) {
    connections.push(stack.use(await openConnection(subject.port)));
  }
  const results = new Map(levels.map((level) => [level, { perSecond: [] as number[], perCpuSecond: [] as number[] }]));
  return { name, subject, sign, connections, results };
}

/** Or it would be measured what refusing costs, or taking anything. */
async function demandVerified({ port }: Subject, sign: Sign): Promise<void> {
  using connection = await openConnection(port);
  const forged = signer(port, accessKey.id, 'another secret');
  const ask = async (signing: Sign) => {
    const body = startBody();
    return connection.ask('PUT', '/contact/chat', signing('PUT', '/contact/chat', body), body);
  };
  const statuses = [(await ask(sign)).status, (await ask(forged)).status, (await ask(unsigned)).status];
  if (`${statuses}` !== '200,403,403') throw new Error(`signatures are not verified: ${statuses}`);
}

/** As an SDK sends them: each with a token for the case that it has to be repeated. */
function startBody(): string {
  return JSON.stringify({
    InstanceId: developmentInstance.id,
    ContactFlowId: developmentInstance.flows[0]?.id,
    ParticipantDetails: { DisplayName: 'Ana' },
    ClientToken: randomUUID(),
  });
}

const connectBody = JSON.stringify({ Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'], ConnectParticipant: true });

async function chain(connection: Connection, sign: Sign): Promise<void> {
  const ask = (method: string, path: string, body: string) =>
    connection.ask(method, path, sign(method, path, body), body);
  const { ContactId } = membersOf<{ ContactId: string }>(await ask('PUT', '/contact/chat', startBody()));
  const { ParticipantCredentials } = membersOf<{ ParticipantCredentials: { ParticipantToken: string } }>(
    await ask(
      'POST',
      '/contact/create-participant',
      JSON.stringify({
        InstanceId: developmentInstance.id,
        ContactId,
        ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' },
        ClientToken: randomUUID(),
      }),
    ),
  );
  const bearer = [`x-amz-bearer: ${ParticipantCredentials.ParticipantToken}`, 'content-type: application/json'];
  const { Websocket } = membersOf<{ Websocket: { Url: string } }>(
    await connection.ask('POST', '/participant/connection', bearer, connectBody),
  );
  if (!Websocket.Url) throw new Error('connected without a URL');
}

async function turn({ subject, sign, connections, results }: Server, level: number, isCounted: boolean): Promise<void> {
  const cpu = cpuSeconds(subject.pid);
  const began = performance.now();
  const free = connections.slice(0, level);
  await atOnce(level, chains, async () => {
    const connection = free.pop();
    if (!connection) throw new Error('more chains than connections');
    await chain(connection, sign);
    free.push(connection);
  });
  if (!isCounted) return;
  results.get(level)?.perSecond.push(chains / ((performance.now() - began) / 1000));
  results.get(level)?.perCpuSecond.push(chains / (cpuSeconds(subject.pid) - cpu));
}

async function measured(servers: readonly Server[], { rounds, progress }: Run) {
  const turns = levels.flatMap((level) => servers.map((server) => ({ server, level })));
  await takeTurns(turns, { warming: 2, counted: rounds }, ({ server, level }, isCounted, round) => {
    if (server === servers[0] && level === levels[0]) progress(`create: round ${round}`);
    return turn(server, level, isCounted);
  });
  const rows = levels.flatMap((level) => {
    const of = ({ results }: Server) => results.get(level) ?? { perSecond: [], perCpuSecond: [] };
    const base = of(servers[0] as Server);
    return servers.map((server) => {
      const { perSecond, perCpuSecond } = of(server);
      const beside = median(ratios(perSecond, base.perSecond)).toFixed(2);
      const cpuBeside = median(ratios(perCpuSecond, base.perCpuSecond)).toFixed(2);
      return [server.name, String(level), shown(perSecond), beside, shown(perCpuSecond), cpuBeside];
    });
  });
  return {
    title: 'create: chats started and joined by a second participant',
    columns: ['server', 'chains at once', 'chains/s', '× prototype', 'per CPU-second', '× prototype'],
    rows,
    notes: [
      'A chain is StartChatContact, CreateParticipant and CreateParticipantConnection, each durable when it is answered. Target: signed at least 0.50 of the prototype.',
    ],
  };
}
