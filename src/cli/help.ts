import { settings } from '../settings.ts';

const commands: readonly (readonly [name: string, meaning: string])[] = [
  ['start', 'run the server until SIGINT or SIGTERM (the default)'],
  ['demo', 'let a customer and a bot chat; starts a server if none runs'],
  ['demo streaming', 'the same with a bot that is fed by message streaming'],
  ['keys', 'access keys, and the key of tokens; also while it runs'],
  ['migrate', 'bring the store to the schema of this version'],
  ['version', 'print the version'],
  ['help', 'print this'],
];

/** The settings that a first day needs, in fewer words than the table of `config.ts`, which has them all. */
const firstSettings: readonly (readonly [name: string, meaning: string])[] = [
  ['TERTULIA_HOST', 'address to listen on'],
  ['TERTULIA_PORT', 'port to listen on; 0 takes any free one'],
  ['TERTULIA_PUBLIC_URL', 'where clients reach the server'],
  ['TERTULIA_DATA_DIR', 'folder of the store, or :memory:'],
  ['TERTULIA_STORE', 'sqlite, or postgres://… for several servers'],
  ['TERTULIA_BUS', 'local, or nats://… between them'],
  ['TERTULIA_MODE', 'development or production'],
  ['TERTULIA_AUTH', 'none or sigv4: whether requests must be signed'],
  ['TERTULIA_SECRET_KEY', 'seals access keys: openssl rand -base64 32'],
  ['TERTULIA_CONTROL_TOKEN', 'Bearer token that the control API wants'],
  ['TERTULIA_QUOTAS', 'unlimited, aws, or a JSON file'],
  ['TERTULIA_LOG', 'debug, info, warn, error or silent'],
  ['TERTULIA_TLS_CERT', 'PEM certificate chain: serves HTTPS and WSS'],
  ['TERTULIA_TLS_KEY', 'PEM private key of the certificate'],
];

/** What `tertulia help` prints: at most 80 columns, ends with a newline. */
export function help(version: string): string {
  return `Tertulia ${version}: a chat server for unmodified Amazon Connect Chat clients

Usage: tertulia [command]

Commands
${table(commands)}

  keys create [--account ID] [--name NAME] [--policy FILE] [--json]
  keys list [--json]
  keys revoke ID
  keys rotate

Settings, from the environment or the JSON file that TERTULIA_CONFIG names
${table(firstSettings.map(([name, meaning]) => [name, `${meaning}${defaultOf(name)}`]))}

README.md lists every setting.
`;
}

function table(rows: readonly (readonly [name: string, meaning: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`).join('\n');
}

function defaultOf(name: string): string {
  const value = settings.find((setting) => setting.name === name)?.default;
  return value ? ` (${value})` : '';
}
