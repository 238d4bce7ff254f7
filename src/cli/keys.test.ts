import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ConfigError, developmentInstance, readConfig } from '../config.ts';
import { accessKeyKind, openAccessKeys } from '../http/access-keys.ts';
import { systemIds } from '../runtime/ids.ts';
import { sealingKey } from '../runtime/signing-key.ts';
import { systemSteady } from '../runtime/steady.ts';
import type { Config } from '../settings.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { openVault } from '../tokens/vault.ts';
import { keys } from './keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'tertulia-keys-'));
const config = readConfig({ TERTULIA_DATA_DIR: join(directory, 'data') });
const ids = systemIds();
const clock = { now: () => Date.parse('2026-01-31T12:00:00.000Z') };
const policy = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'connect:CreateParticipant', Resource: '*' }],
};

/** Opened before there is a data directory, as by who makes a key before the first start. */
let store: Store;
before(() => {
  store = openSqlite(config.dataDir, systemSteady, 'tool');
});
after(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});
beforeEach(() => store.clear());

const run = (args: string, more: Partial<Config> = {}) =>
  keys(args === '' ? [] : args.split(' '), { config: { ...config, ...more }, store, clock, ids });

/** Asserts a refusal of one line, and that it made nothing. */
async function refuses(args: string, line: RegExp, more: Partial<Config> = {}): Promise<void> {
  const earlier = await store.resources(accessKeyKind);
  await assert.rejects(run(args, more), (failure) => {
    assert(failure instanceof ConfigError, String(failure));
    assert.match(failure.message, line);
    assert.doesNotMatch(failure.message, /\n/);
    return true;
  });
  assert.deepEqual(await store.resources(accessKeyKind), earlier);
}

function written(name: string, content: unknown): string {
  const file = join(directory, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

async function found(id: string) {
  return openAccessKeys([], store, openVault(sealingKey(config.dataDir, ids), ids.secret), systemSteady)(id);
}

describe('keys create', () => {
  test('[AU9] shows id and secret as the variables that an SDK reads, and what the key may do', async () => {
    const text = await run('create');
    const [, id = '', secret] =
      /^AWS_ACCESS_KEY_ID=(AKIA[A-Z2-7]{16})\nAWS_SECRET_ACCESS_KEY=([A-Za-z0-9+/]{40})\n\nThe secret is shown this once\. The key may do everything in account 123456789012, in development mode\.\n$/.exec(
        text,
      ) ?? assert.fail(text);
    const key = await found(id);
    assert.deepEqual(
      [key?.secret, key?.account, key?.policy, key?.name],
      [secret, developmentInstance.account, undefined, `key-${id.slice(-4).toLowerCase()}`],
    );
  });

  test('[AU9] shows them as JSON', async () => {
    const text = await run('create --json --account 210987654321 --name ci@example');
    const { AccessKeyId, SecretAccessKey, ...rest } = JSON.parse(text);
    assert.deepEqual(rest, { Account: '210987654321', Name: 'ci@example' });
    assert.equal((await found(AccessKeyId))?.secret, SecretAccessKey);
    assert.equal(text.split('\n').length, 2);
  });

  test('[AU9] gives the key the policy of a file', async () => {
    const file = written('policy.json', policy);
    const text = await run(`create --policy ${file}`);
    assert(text.endsWith(`The key may do what ${file} allows.\n`), text);
    const [, id = ''] = /ID=(\w+)/.exec(text) ?? [];
    assert.deepEqual((await found(id))?.policy?.Statement[0]?.Action, ['connect:CreateParticipant']);
  });

  test('[AU9] takes the account of the first instance of the configuration', async () => {
    const instances = [{ ...developmentInstance, account: '999999999999' }];
    assert.equal(JSON.parse(await run('create --json', { instances })).Account, '999999999999');
  });

  test('[AU7] wants a policy in production', async () => {
    const more = { mode: 'production', secretKey: ids.secret(32) } as const;
    await refuses('create', /^--policy is missing; in production a key may do only what a policy file allows$/, more);
    assert.match(await run(`create --policy ${written('policy.json', policy)}`, more), /^AWS_ACCESS_KEY_ID=/);
  });

  test('[AU8] makes no key of its own to seal with where TERTULIA_SECRET_KEY is set', async () => {
    const dataDir = join(directory, 'other');
    await run('create', { dataDir, secretKey: ids.secret(32) });
    assert.equal(existsSync(join(dataDir, 'sealing-key')), false);
  });

  test('[AU9] refuses what no key can be made of', async () => {
    await refuses('create --account 12', /^--account is "12"; allowed: 12 digits$/);
    await refuses('create --name a/b', /^--name is "a\/b"; allowed: 1 to 64 letters/);
    await refuses('create', /^TERTULIA_DATA_DIR is ":memory:", where no server would find/, { dataDir: ':memory:' });
  });

  test('[AU9] refuses a policy that is not there, is no JSON, or says what is not evaluated', async () => {
    await refuses(`create --policy ${join(directory, 'none.json')}`, /^--policy .*none\.json cannot be read: ENOENT/);
    await refuses(`create --policy ${written('bad.json', '{')}`, /^--policy .*bad\.json cannot be read: /);
    const unknown = { ...policy, Statement: [{ ...policy.Statement[0], Principal: '*', Effect: 'Perhaps' }] };
    await refuses(
      `create --policy ${written('unknown.json', unknown)}`,
      /^--policy .*unknown\.json: Statement\[0\]\.Principal: not supported.*; Statement\[0\]\.Effect: must be "Allow"/,
    );
  });
});

describe('keys list', () => {
  test('[AU9] says how to make one if there is none', async () => {
    assert.equal(await run('list'), 'There are no access keys. Make one with: tertulia keys create\n');
    assert.equal(await run('list --json'), '[]\n');
  });

  test('[AU9] shows every key with its state, and no secret', async () => {
    const one = JSON.parse(await run(`create --json --name bot --policy ${written('policy.json', policy)}`));
    const other = JSON.parse(await run('create --json --name ci'));
    await run(`revoke ${other.AccessKeyId}`);
    const row = (key: { AccessKeyId: string; Name: string }, State: string, HasPolicy: boolean) => ({
      AccessKeyId: key.AccessKeyId,
      Account: '123456789012',
      Name: key.Name,
      State,
      HasPolicy,
      CreatedAt: '2026-01-31',
    });
    const rows = [row(one, 'active', true), row(other, 'revoked', false)];
    rows.sort((a, b) => (a.AccessKeyId < b.AccessKeyId ? -1 : 1));
    assert.deepEqual(JSON.parse(await run('list --json')), rows);
    const text = await run('list');
    assert.deepEqual(text.trimEnd().split('\n'), [
      'ACCESS KEY ID         ACCOUNT       NAME                  STATE    POLICY  CREATED',
      ...rows.map(
        (each) =>
          `${each.AccessKeyId}  123456789012  ${each.Name.padEnd(20)}  ${each.State.padEnd(7)}  ${(each.HasPolicy ? 'yes' : 'no').padEnd(6)}  2026-01-31`,
      ),
    ]);
    for (const { SecretAccessKey } of [one, other]) {
      assert(!text.includes(SecretAccessKey));
      assert(!JSON.stringify(await store.resources(accessKeyKind)).includes(SecretAccessKey));
    }
  });
});

describe('keys revoke', () => {
  test('[AU6] takes the key away, and says so', async () => {
    const { AccessKeyId } = JSON.parse(await run('create --json'));
    assert.equal(await run(`revoke ${AccessKeyId}`), `Access key ${AccessKeyId} works no more, within a second.\n`);
    assert.equal(await found(AccessKeyId), undefined);
  });

  test('[AU9] refuses a key that is not there', async () => {
    await refuses('revoke AKIANOBODY', /^there is no access key AKIANOBODY; tertulia keys list shows them$/);
    await refuses('revoke', /^there is no access key \(none given\)/);
  });
});

test('[AU9] keys refuses any other command and says how it is used', async () => {
  for (const args of ['', 'show', 'create now', 'list all', 'revoke one two', 'list --all', 'create --policy']) {
    await refuses(args, /; usage: tertulia keys create .* \| list \[--json\] \| revoke ID \| rotate$/);
  }
});
