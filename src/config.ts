import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type AccessKeyConfig, type Config, type InstanceConfig, type Setting, settings } from './settings.ts';

/** A setting that stops the start; the message is one line for a person, whatever the setting holds. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message.replaceAll(/[\r\n]+/g, ' '));
  }
}

/** The development seeds: always the same, so that a test written today runs tomorrow. */
export const developmentInstance: InstanceConfig = {
  account: '123456789012',
  region: 'us-east-1',
  id: '10000000-0000-4000-8000-000000000001',
  alias: 'tertulia-dev',
  flows: [{ id: '20000000-0000-4000-8000-000000000001', name: 'Inbound chat' }],
};

/** Not settings of the server, but of its users. */
const others = new Set(['TERTULIA_CONFIG']);

/** Reads environment, file and defaults, in this order of precedence. Throws ConfigError. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const known = new Set(settings.map((each) => each.name as string));
  const stranger = Object.keys(environment).find(
    (name) =>
      name.startsWith('TERTULIA_') && !name.startsWith('TERTULIA_TEST_') && !known.has(name) && !others.has(name),
  );
  if (stranger) throw new ConfigError(`${stranger} is not a setting; allowed are ${[...known, ...others].join(', ')}`);
  const { instances, accessKeys, streams, contactEvents, buckets, ...file } = readFile(environment.TERTULIA_CONFIG);
  const values = settings.map((setting) => [
    setting.key,
    readSetting(setting, environment[setting.name], file[setting.name]),
  ]);
  const lists = {
    instances: instancesOf(instances),
    accessKeys: accessKeysOf(accessKeys),
    streams: listOf(streams, 'streams', '[{topics, kind, …}]'),
    contactEvents: listOf(contactEvents, 'contactEvents', '[{kind, …}]'),
    buckets: listOf(buckets, 'buckets', '[{bucket, directory or s3}]'),
  };
  const configFolder = environment.TERTULIA_CONFIG ? dirname(resolve(environment.TERTULIA_CONFIG)) : resolve();
  const config = { ...Object.fromEntries(values), ...lists, configFolder } as Config;
  return Object.freeze(checked(withDefaults(config)));
}

/** The environment's value, else the file's, else the default. An empty variable is none. Throws ConfigError. */
export function readSetting(setting: Setting, fromEnvironment: string | undefined, fromFile?: unknown): unknown {
  const given = fromEnvironment || (fromFile === undefined ? setting.default : fromFile);
  try {
    if (!['string', 'number', 'boolean'].includes(typeof given)) throw new Error();
    return setting.read(String(given));
  } catch {
    throw new ConfigError(`${setting.name} is ${shown(setting, given)}; allowed: ${setting.allowed}`);
  }
}

/** A URL may hold a password that does not belong there. */
function shown(setting: Setting, given: unknown): string {
  return setting.isSecret ? '(not shown)' : JSON.stringify(given).replace(/(?<=:\/\/)[^/?#"]*@/, '(not shown)@');
}

/** What no single setting can say. */
function checked(config: Config): Config {
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const [there, missing] = config.tlsCert
      ? ['TERTULIA_TLS_CERT', 'TERTULIA_TLS_KEY']
      : ['TERTULIA_TLS_KEY', 'TERTULIA_TLS_CERT'];
    throw new ConfigError(`${there} is set and ${missing} is not; allowed: both or neither`);
  }
  if (config.store !== undefined && config.secretKey === undefined) {
    throw new ConfigError(
      'TERTULIA_SECRET_KEY is not set; allowed with TERTULIA_STORE: 32 bytes in base64 (openssl rand -base64 32), the same on each server',
    );
  }
  if (config.mode === 'production') return fitForProduction(config);
  if (config.auth === 'none' && !isLoopback(config.host) && !config.allowUnsignedRemote) {
    throw new ConfigError(
      `TERTULIA_HOST is ${JSON.stringify(config.host)}, reachable from other machines, while unsigned requests are accepted; allowed: a loopback address, TERTULIA_AUTH=sigv4, or TERTULIA_ALLOW_UNSIGNED_REMOTE=true`,
    );
  }
  return config;
}

/** What is safe to leave out depends on the mode. */
function withDefaults(config: Config): Config {
  const isProduction = config.mode === 'production';
  const quotas = config.quotas ?? (isProduction ? undefined : 'unlimited');
  return { ...config, auth: config.auth ?? (isProduction ? 'sigv4' : 'none'), quotas: quotas as string };
}

/** Production takes nothing for granted. */
function fitForProduction(config: Config): Config {
  const missing: readonly (readonly [boolean, string])[] = [
    [config.auth !== 'sigv4', 'TERTULIA_AUTH is "none"; allowed in production: sigv4'],
    [config.allowUnsignedRemote, 'TERTULIA_ALLOW_UNSIGNED_REMOTE is "true"; allowed in production: false'],
    [
      config.secretKey === undefined,
      'TERTULIA_SECRET_KEY is not set; allowed in production: 32 bytes in base64 (openssl rand -base64 32)',
    ],
    [config.quotas === undefined, 'TERTULIA_QUOTAS is not set; allowed in production: unlimited, aws, or a file'],
    [
      config.instances.length === 0,
      'TERTULIA_CONFIG names no instances; allowed in production: a file with at least one',
    ],
  ];
  const first = missing.find(([isMissing]) => isMissing);
  if (first) throw new ConfigError(first[1]);
  return config;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function readFile(path: string | undefined): Record<string, unknown> {
  if (!path) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (failure) {
    const why = failure instanceof SyntaxError ? 'it is not valid JSON' : (failure as Error).message;
    throw new ConfigError(`TERTULIA_CONFIG is "${path}", which cannot be read: ${why}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConfigError(`TERTULIA_CONFIG is "${path}"; allowed: a file that holds a JSON object`);
  }
  const names = [
    'instances',
    'accessKeys',
    'streams',
    'contactEvents',
    'buckets',
    ...settings.map((each) => each.name),
  ];
  const stranger = Object.keys(parsed).find((name) => !names.includes(name));
  if (stranger) throw new ConfigError(`${stranger} in ${path} is not a setting; allowed are ${names.join(', ')}`);
  return parsed as Record<string, unknown>;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Members of an instance of the file and what they must be. */
const instanceMembers: readonly [keyof InstanceConfig, RegExp, string][] = [
  ['account', /^\d{12}$/, '12 digits'],
  ['region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'a Region such as eu-central-1'],
  ['id', uuid, 'a UUID in lower case'],
  ['alias', /^[a-z0-9-]{1,62}$/, '1 to 62 letters, digits and hyphens'],
];

function instancesOf(given: unknown): InstanceConfig[] {
  if (given === undefined) return [];
  if (!Array.isArray(given))
    throw new ConfigError('instances is not a list; allowed: [{account, region, id, alias, flows}]');
  return given.map((each: Record<string, unknown>, index) => {
    demandNames(each, [...instanceMembers.map(([name]) => name), 'flows'], `instances[${index}]`);
    for (const [name, pattern, allowed] of instanceMembers) {
      demand(each?.[name], pattern, `instances[${index}].${name}`, allowed);
    }
    const flows = Array.isArray(each.flows) ? (each.flows as Record<string, unknown>[]) : [];
    for (const [place, flow] of flows.entries()) {
      demandNames(flow, ['id', 'name'], `instances[${index}].flows[${place}]`);
      demand(flow?.id, uuid, `instances[${index}].flows[${place}].id`, 'a UUID in lower case');
      demand(flow?.name, /^.{1,127}$/, `instances[${index}].flows[${place}].name`, '1 to 127 characters');
    }
    if (flows.length === 0)
      throw new ConfigError(`instances[${index}].flows is empty; allowed: [{id, name}], at least one`);
    return each as unknown as InstanceConfig;
  });
}

function accessKeysOf(given: unknown): AccessKeyConfig[] {
  if (given === undefined) return [];
  if (!Array.isArray(given))
    throw new ConfigError('accessKeys is not a list; allowed: [{id, secret, account, policy}]');
  return given.map((each: Record<string, unknown>, index) => {
    demandNames(each, ['id', 'secret', 'account', 'name', 'policy'], `accessKeys[${index}]`);
    // Who has swapped id and secret must not find the secret in a log.
    if (typeof each?.id !== 'string' || !/^[A-Z0-9]{16,128}$/.test(each.id)) {
      throw new ConfigError(`accessKeys[${index}].id is (not shown); allowed: 16 to 128 capital letters and digits`);
    }
    if (given.findIndex((other) => other?.id === each.id) < index) {
      throw new ConfigError(`accessKeys[${index}].id is that of another one; allowed: each id once`);
    }
    if (typeof each.secret !== 'string' || each.secret.length < 16) {
      throw new ConfigError(`accessKeys[${index}].secret is (not shown); allowed: at least 16 characters`);
    }
    demand(each.account, /^\d{12}$/, `accessKeys[${index}].account`, '12 digits');
    if (each.name !== undefined)
      demand(each.name, /^[\w+=,.@-]{1,64}$/, `accessKeys[${index}].name`, '1 to 64 letters, digits and +=,.@_-');
    return each as unknown as AccessKeyConfig;
  });
}

/** A list of the file that others read. */
function listOf(given: unknown, name: string, allowed: string): readonly unknown[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw new ConfigError(`${name} is not a list; allowed: ${allowed}`);
  return given;
}

function demandNames(given: unknown, names: readonly string[], path: string): void {
  const stranger = Object.keys(Object(given)).find((name) => !names.includes(name));
  if (stranger !== undefined)
    throw new ConfigError(`${path}.${stranger} is not known; allowed are ${names.join(', ')}`);
}

function demand(value: unknown, pattern: RegExp, name: string, allowed: string): void {
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw new ConfigError(`${name} is ${JSON.stringify(value) ?? 'missing'}; allowed: ${allowed}`);
  }
}
