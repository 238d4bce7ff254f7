import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { ConfigError, developmentInstance } from './config.ts';
import { type EventTarget, type StreamTarget, streamTarget, type Targets } from './outbox/targets.ts';
import type { Config } from './settings.ts';

/** The seeded topic, always there in development: its notifications are kept in memory, unless `streams` matches it. */
export const developmentTopic = `arn:aws:sns:${developmentInstance.region}:${developmentInstance.account}:tertulia-dev`;

/** What a member of a row must be. */
interface Member {
  readonly allowed: string;
  readonly is: (given: unknown) => boolean;
  readonly isOptional?: true;
  readonly isSecret?: true;
}

type Members = Readonly<Record<string, Member>>;
type Row = Readonly<Record<string, unknown>>;

/** Rows of the two lists: each is looked at whenever a stream is started, and each of the second gets every event. */
const maxStreams = 200;
const maxContactEvents = 20;

const text = (pattern: RegExp, allowed: string): Member => ({
  allowed,
  is: (given) => typeof given === 'string' && pattern.test(given),
});
const oneOf = (...values: string[]): Member => ({
  allowed: values.map((each) => JSON.stringify(each)).join(' or '),
  is: (given) => values.includes(given as string),
});
const optional = (member: Member): Member => ({ ...member, isOptional: true });
const url = (allowed: string, ...protocols: string[]): Member => ({
  allowed: `${allowed} of at most 2048 characters`,
  is: (given) =>
    typeof given === 'string' &&
    given.length <= 2048 &&
    URL.canParse(given) &&
    protocols.includes(new URL(given).protocol),
});

const httpUrl = url('an http or https URL', 'http:', 'https:');
const natsUrl = url('a nats:// or tls:// URL', 'nats:', 'tls:');
const arns = (such: string) =>
  text(/^(arn:|\*)[\w:/.*?-]{0,1023}$/, `an ARN in which * is any text and ? any one character, such as ${such}`);
const topics = arns('arn:aws:sns:us-east-1:123456789012:*');
const instances = optional(arns('arn:aws:connect:*:123456789012:instance/*'));
const region = optional(text(/^[a-z]{2}(-[a-z]+)+-\d$/, 'a Region such as eu-central-1'));
const program: Members = {
  command: optional(text(/^[^\0]{1,4096}$/s, 'a line for the shell')),
  module: optional(
    text(/^[^\0]{1,1024}\.[cm]?[jt]s$/s, 'the path of a file that ends in .js, .mjs, .cjs, .ts, .mts or .cts'),
  ),
};

const streamKinds: Readonly<Record<string, Members>> = {
  webhook: {
    url: httpUrl,
    signatureVersion: optional(oneOf('1', '2')),
    confirmation: optional(oneOf('required', 'none')),
  },
  sns: { endpoint: optional(httpUrl), region },
  lambda: {
    function: text(/^[\w:$-]{1,170}$/, 'the name or the ARN of a function'),
    endpoint: optional(httpUrl),
    region,
  },
  process: program,
};

const eventKinds: Readonly<Record<string, Members>> = {
  webhook: {
    url: httpUrl,
    secret: { ...optional(text(/^.{16,1024}$/s, 'at least 16 characters')), isSecret: true },
  },
  process: program,
  nats: {
    servers: {
      allowed: `${natsUrl.allowed}, or a list of 1 to 16`,
      is: (given) => listOf(given).length >= 1 && listOf(given).length <= 16 && listOf(given).every(natsUrl.is),
    },
    subject: text(
      /^(?=.{1,255}$)[^\s.*>]+(\.[^\s.*>]+)*$/,
      'a NATS subject without wildcards, such as tertulia.contacts',
    ),
  },
};

/** Reads `streams` and `contactEvents`. Throws ConfigError. */
export function readTargets(config: Pick<Config, 'mode' | 'streams' | 'contactEvents' | 'configFolder'>): Targets {
  const streams = rowsOf(config, 'streams', maxStreams, streamKinds, { topics }) as readonly StreamTarget[];
  const events = rowsOf(config, 'contactEvents', maxContactEvents, eventKinds, { instances });
  const contactEvents = events as readonly unknown[] as readonly EventTarget[];
  demandNames(streams, contactEvents);
  if (config.mode === 'production' || streamTarget({ streams }, developmentTopic)) return { streams, contactEvents };
  return { streams: [...streams, { kind: 'memory', target: 'memory', topics: developmentTopic }], contactEvents };
}

type List = 'streams' | 'contactEvents';

function rowsOf(
  config: Pick<Config, 'mode' | List | 'configFolder'>,
  list: List,
  most: number,
  kinds: Readonly<Record<string, Members>>,
  common: Members,
): unknown[] {
  if (config[list].length > most) {
    throw new ConfigError(`${list} has ${config[list].length} members; allowed: at most ${most}`);
  }
  return config[list].map((given, index) => {
    const path = `${list}[${index}]`;
    const { kind, members } = kindOf(given, path, config.mode, kinds);
    const row = given as Row;
    const all: Members = { ...common, ...members };
    const stranger = Object.keys(row).find((name) => name !== 'kind' && !Object.hasOwn(all, name));
    if (stranger !== undefined) {
      const names = ['kind', ...Object.keys(all)].join(', ');
      throw new ConfigError(`${path}.${stranger} is not known; allowed for ${kind} are ${names}`);
    }
    for (const [name, member] of Object.entries(all)) demand(row[name], member, `${path}.${name}`);
    return targetOf(kind, row, path, config.configFolder);
  });
}

function kindOf(given: unknown, path: string, mode: Config['mode'], kinds: Readonly<Record<string, Members>>) {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new ConfigError(`${path} is ${shown(given)}; allowed: an object with a kind`);
  }
  const { kind } = given as Row;
  const isProduction = mode === 'production';
  const allowed = Object.keys(kinds).filter((each) => !isProduction || each !== 'process');
  if (typeof kind === 'string' && allowed.includes(kind)) return { kind, members: kinds[kind] ?? {} };
  const why = kind === 'process' ? ', which is for development' : '';
  const where = isProduction ? ' in production' : '';
  throw new ConfigError(`${path}.kind is ${shown(kind)}${why}; allowed${where}: ${allowed.join(', ')}`);
}

function demand(given: unknown, { is, allowed, isOptional, isSecret }: Member, path: string): void {
  if ((given === undefined && isOptional) || is(given)) return;
  throw new ConfigError(
    `${path} is ${isSecret && given !== undefined ? '(not shown)' : shown(given)}; allowed: ${allowed}`,
  );
}

/** In a few words; a URL may hold a password, and a key in its query. */
function shown(given: unknown): string {
  const json = JSON.stringify(given) ?? 'missing';
  const plain = json
    // What is no URL yet may hold a password all the same, such as one with a slash.
    .replaceAll(/(?<=")(\w+:\/\/)?[^"]*@/g, '$1(not shown)@')
    .replaceAll(/(?<=:\/\/[^"?]*\?)[^"]*/g, '(not shown)');
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain;
}

/** A row that was checked, with its name and with what it leaves out. */
function targetOf(kind: string, row: Row, path: string, folder: string): unknown {
  const given = row as Readonly<Record<string, string | undefined>>;
  const at = given.endpoint === undefined ? '' : ` at ${plainUrl(given.endpoint)}`;
  switch (kind) {
    case 'webhook': {
      const isStream = row.topics !== undefined;
      const defaults = isStream ? { signatureVersion: '1', confirmation: 'required' } : {};
      return { ...defaults, ...row, target: `webhook ${hostOf(given.url ?? '')}` };
    }
    case 'sns':
      return { ...row, target: ['sns', given.region].filter(Boolean).join(' ') + at };
    case 'lambda':
      return { ...row, target: `lambda ${given.function}${given.region ? ` ${given.region}` : ''}${at}` };
    case 'nats': {
      const servers = listOf(row.servers) as string[];
      const hosts = servers.map((each) => new URL(each).host).join(',');
      return { ...row, servers, target: `nats ${given.subject} at ${hosts}` };
    }
    default:
      return { ...row, ...programOf(given, path, folder) };
  }
}

function programOf({ command, module }: Readonly<Record<string, string | undefined>>, path: string, folder: string) {
  if ((command === undefined) === (module === undefined)) {
    const has = command === undefined ? 'neither command nor module' : 'both command and module';
    throw new ConfigError(`${path} has ${has}; allowed: one of them`);
  }
  if (command !== undefined) return { folder, target: `process ${commandName(command)}` };
  return { folder, module: resolve(folder, module ?? ''), target: `process ${module}` };
}

/** A command may hold a password anywhere but in a plain first word; the rest is told apart by its hash. */
function commandName(command: string): string {
  const [, word = '', rest = ''] = /^\s*([\w./-]*)(?![^\s])(.*)$/s.exec(command) ?? ['', '', command];
  const hash = shortHash(command);
  return [basename(word), rest.trim() === '' && word !== '' ? '' : hash].filter(Boolean).join(' ');
}

/** Where a webhook is, for logs and metrics. Its path may be all that keeps strangers from posting there: a hash tells it. */
function hostOf(given: string): string {
  const { origin, pathname } = new URL(given);
  return pathname === '/' ? origin : `${origin}/…${shortHash(pathname)}`;
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** Scheme, host and path: what is no secret. */
function plainUrl(given: string): string {
  const { protocol, host, pathname } = new URL(given);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [given];
}

/** What is named alike must be the same: streams may share a destination, and no event may be sent to one twice. */
function demandNames(streams: readonly StreamTarget[], contactEvents: readonly EventTarget[]): void {
  const rest = (each: StreamTarget) => JSON.stringify(Object.entries({ ...each, topics: '' }).sort());
  for (const [index, each] of streams.entries()) {
    const first = streams.findIndex(({ target }) => target === each.target);
    const other = streams[first];
    if (other && rest(other) !== rest(each)) {
      throw new ConfigError(
        `streams[${index}] is "${each.target}" as streams[${first}] is, with other members; allowed: the same but for topics`,
      );
    }
  }
  for (const [index, { target }] of contactEvents.entries()) {
    const first = contactEvents.findIndex((other) => other.target === target);
    if (first < index) {
      throw new ConfigError(`contactEvents[${index}] is "${target}" as contactEvents[${first}] is; allowed: each once`);
    }
  }
}
