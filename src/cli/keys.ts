import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError, developmentInstance } from '../config.ts';
import { accessKeyKind, policySettings, type StoredKey } from '../http/access-keys.ts';
import { parsePolicy } from '../http/policy.ts';
import { keeperOf, vaultOf } from '../nodes.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import { rotateSigningKeys } from '../runtime/signing-key.ts';
import type { Config } from '../settings.ts';
import type { Resource, Store } from '../store/store.ts';

export const keysUsage =
  'tertulia keys create [--account ID] [--name NAME] [--policy FILE] [--json] | list [--json] | revoke ID | rotate';

interface KeyParts {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Makes, lists and revokes access keys in the configured store, beside a running server. Returns what to print. */
export async function keys(args: readonly string[], parts: KeyParts): Promise<string> {
  const { values, positionals } = parsed(args);
  const [action, id] = positionals;
  if (positionals.length > (action === 'revoke' ? 2 : 1)) {
    throw new ConfigError(`keys ${positionals.join(' ')} is not a command; usage: ${keysUsage}`);
  }
  switch (action) {
    case 'create':
      return created(parts, values);
    case 'list':
      return listed(await parts.store.resources(accessKeyKind), values.json ?? false);
    case 'revoke':
      return revoked(parts, id);
    case 'rotate':
      return rotated(parts);
    default:
      throw new ConfigError(`keys ${action ?? ''} is not a command; usage: ${keysUsage}`);
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        account: { type: 'string' },
        name: { type: 'string' },
        policy: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
  } catch (failure) {
    throw new ConfigError(`${(failure as Error).message}; usage: ${keysUsage}`);
  }
}

interface Options {
  readonly account?: string | undefined;
  readonly name?: string | undefined;
  readonly policy?: string | undefined;
  readonly json?: boolean | undefined;
}

async function created({ config, store, clock, ids }: KeyParts, options: Options): Promise<string> {
  const isProduction = config.mode === 'production';
  const account = options.account ?? config.instances[0]?.account ?? developmentInstance.account;
  if (!/^\d{12}$/.test(account)) throw new ConfigError(`--account is "${account}"; allowed: 12 digits`);
  if (options.name !== undefined && !/^[\w+=,.@-]{1,64}$/.test(options.name)) {
    throw new ConfigError(`--name is "${options.name}"; allowed: 1 to 64 letters, digits and +=,.@_-`);
  }
  if (config.dataDir === ':memory:' && config.store === undefined) {
    throw new ConfigError('TERTULIA_DATA_DIR is ":memory:", where no server would find the key; allowed: a folder');
  }
  if (isProduction && options.policy === undefined) {
    throw new ConfigError('--policy is missing; in production a key may do only what a policy file allows');
  }
  const policy = options.policy === undefined ? undefined : readPolicy(options.policy);
  const id = accessKeyId(ids);
  const secret = ids.secret(30).toString('base64');
  const name = options.name ?? `key-${id.slice(-4).toLowerCase()}`;
  const vault = vaultOf(config, ids);
  const document = { account, sealed: vault.seal(id, secret), policy, createdAt: clock.now() } satisfies StoredKey;
  await store.commit({ now: clock.now(), resources: [{ kind: accessKeyKind, instance: '', id, name, document }] });
  if (options.json) {
    return `${JSON.stringify({ AccessKeyId: id, SecretAccessKey: secret, Account: account, Name: name })}\n`;
  }
  const may = policy ? `what ${options.policy} allows` : `everything in account ${account}, in development mode`;
  return `AWS_ACCESS_KEY_ID=${id}\nAWS_SECRET_ACCESS_KEY=${secret}\n\nThe secret is shown this once. The key may do ${may}.\n`;
}

function readPolicy(file: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (failure) {
    throw new ConfigError(`--policy ${file} cannot be read: ${(failure as Error).message}`);
  }
  const read = parsePolicy(document, policySettings);
  if (read.ok) return document;
  const problems = read.problems.map(({ path, message }) => `${path || 'the document'}: ${message}`);
  throw new ConfigError(`--policy ${file}: ${problems.join('; ')}`);
}

/** `AKIA` and sixteen characters of the alphabet of such ids. */
function accessKeyId(ids: Ids): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return `AKIA${[...ids.secret(16)].map((byte) => alphabet[byte % 32]).join('')}`;
}

function listed(resources: readonly Resource[], asJson: boolean): string {
  const rows = resources.map(({ id, name, document }) => {
    const { account, policy, createdAt, revokedAt } = document as unknown as StoredKey;
    const state = revokedAt === undefined ? 'active' : 'revoked';
    return {
      AccessKeyId: id,
      Account: account,
      Name: name,
      State: state,
      HasPolicy: policy !== undefined,
      CreatedAt: day(createdAt),
    };
  });
  if (asJson) return `${JSON.stringify(rows)}\n`;
  if (rows.length === 0) return 'There are no access keys. Make one with: tertulia keys create\n';
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()}\n`;
  const widths = [20, 12, 20, 7, 6, 10];
  return (
    line(['ACCESS KEY ID', 'ACCOUNT', 'NAME', 'STATE', 'POLICY', 'CREATED']) +
    rows
      .map((row) =>
        line([row.AccessKeyId, row.Account, row.Name, row.State, row.HasPolicy ? 'yes' : 'no', row.CreatedAt]),
      )
      .join('')
  );
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The keys that tokens are signed with; nobody has to do anything before or after. */
async function rotated({ config, store, clock, ids }: KeyParts): Promise<string> {
  if (config.dataDir === ':memory:' && config.store === undefined) {
    throw new ConfigError('TERTULIA_DATA_DIR is ":memory:", where each start has a key of its own; allowed: a folder');
  }
  const from = await rotateSigningKeys(keeperOf(config, store, ids), ids, clock.now());
  return `A new key signs tokens from ${new Date(from).toISOString()}. Those that were signed before it are good until they expire.\n`;
}

async function revoked({ store, clock }: KeyParts, id: string | undefined): Promise<string> {
  const resource = id === undefined ? undefined : await store.resource(accessKeyKind, '', id);
  if (!resource) throw new ConfigError(`there is no access key ${id ?? '(none given)'}; tertulia keys list shows them`);
  const document = { ...resource.document, revokedAt: clock.now() };
  const outcome = await store.commit({ now: clock.now(), replaced: [{ ...resource, document }] });
  if (!('done' in outcome)) throw new ConfigError(`access key ${id} was changed at this moment; try again`);
  return `Access key ${id} works no more, within a second.\n`;
}
