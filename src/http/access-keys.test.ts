import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { manualSteady } from '../../test/support/steady.ts';
import { keys } from '../cli/keys.ts';
import { readConfig } from '../config.ts';
import { systemIds } from '../runtime/ids.ts';
import { sealingKey } from '../runtime/signing-key.ts';
import { systemSteady } from '../runtime/steady.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { openVault } from '../tokens/vault.ts';
import { type AccessKey, accessKeyKind, openAccessKeys } from './access-keys.ts';

const directory = mkdtempSync(join(tmpdir(), 'tertulia-keys-'));
const config = readConfig({ TERTULIA_DATA_DIR: directory });
const ids = systemIds();
const clock = { now: () => 1_769_860_800_000 };

/** The store as a server holds it, and as the command line tool opens it beside. */
let store: Store;
let tool: Store;
before(() => {
  store = openSqlite(directory, systemSteady);
  tool = openSqlite(directory, systemSteady, 'tool');
});
after(async () => {
  await tool[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

async function create(...more: string[]): Promise<{ AccessKeyId: string; SecretAccessKey: string }> {
  return JSON.parse(await keys(['create', '--json', ...more], { config, store: tool, clock, ids }));
}

const revoke = (id: string) => keys(['revoke', id], { config, store: tool, clock, ids });
const vault = () => openVault(sealingKey(directory, ids), ids.secret);

/** The lookup of a server that has just started, and its time. */
function lookup(configured: readonly AccessKey[] = [], from: Store = store) {
  const steady = manualSteady();
  return { steady, keyOf: openAccessKeys(configured, from, vault(), steady) };
}

describe('access keys', () => {
  test('[AU6] that are new work within a second, also when they were asked for before they were made', async () => {
    const { steady, keyOf } = lookup();
    const made = await create('--name', 'ci');
    assert.equal((await keyOf(made.AccessKeyId))?.secret, made.SecretAccessKey);

    const sealed = vault().seal('AKIALATER', 'the secret of later');
    assert.equal(await keyOf('AKIALATER'), undefined);
    await tool.commit({
      now: clock.now(),
      resources: [
        {
          kind: accessKeyKind,
          instance: '',
          id: 'AKIALATER',
          name: 'later',
          document: { account: '123456789012', sealed, createdAt: clock.now() },
        },
      ],
    });
    steady.advance(1000);
    assert.equal((await keyOf('AKIALATER'))?.secret, 'the secret of later');
  });

  test('[AU6] that are revoked work no more within a second', async () => {
    const { steady, keyOf } = lookup();
    const { AccessKeyId } = await create();
    assert((await keyOf(AccessKeyId)) !== undefined);
    await revoke(AccessKeyId);
    steady.advance(1000);
    assert.equal(await keyOf(AccessKeyId), undefined);
    steady.advance(1000);
    assert.equal(await keyOf(AccessKeyId), undefined);
  });

  test('[AU6] are read from the store once in that time, those that there are and those that there are not', async () => {
    const reads: string[] = [];
    const counting: Store = {
      ...store,
      resource(kind, instance, id) {
        reads.push(id);
        return store.resource(kind, instance, id);
      },
    };
    const { steady, keyOf } = lookup([], counting);
    const { AccessKeyId } = await create();
    for (const id of [AccessKeyId, 'AKIANOBODY', AccessKeyId, 'AKIANOBODY']) await keyOf(id);
    assert.deepEqual(reads, [AccessKeyId, 'AKIANOBODY']);
    steady.advance(1000);
    await keyOf(AccessKeyId);
    assert.deepEqual(reads, [AccessKeyId, 'AKIANOBODY', AccessKeyId]);
  });

  test('[AU6] are found among thousands that strangers ask for', async () => {
    const { keyOf } = lookup();
    const { AccessKeyId, SecretAccessKey } = await create();
    for (let stranger = 0; stranger < 3000; stranger += 1) assert.equal(await keyOf(`AKIA${stranger}`), undefined);
    assert.equal((await keyOf(AccessKeyId))?.secret, SecretAccessKey);
  });

  test('[AU9] of the configuration come before those of the store', async () => {
    const { AccessKeyId } = await create();
    const own: AccessKey = {
      id: AccessKeyId,
      account: '210987654321',
      name: 'own',
      secret: 'configured',
      version: '1',
      policy: undefined,
    };
    assert.equal(await lookup([own]).keyOf(AccessKeyId), own);
  });

  test('[AU7] carry the policy that they were made with, or none', async () => {
    const { keyOf } = lookup();
    assert.equal((await keyOf((await create()).AccessKeyId))?.policy, undefined);
    const Statement = [{ Effect: 'Allow', Action: 'connect:StopContact', Resource: '*' }];
    const id = 'AKIAWITHPOLICY';
    await tool.commit({
      now: clock.now(),
      resources: [
        {
          kind: accessKeyKind,
          instance: '',
          id,
          name: 'bot',
          document: {
            account: '123456789012',
            sealed: vault().seal(id, 'x'),
            createdAt: clock.now(),
            policy: { Version: '2012-10-17', Statement },
          },
        },
      ],
    });
    const key = await keyOf(id);
    assert.deepEqual(key?.policy?.Statement[0]?.Action, ['connect:StopContact']);
    assert.deepEqual([key?.account, key?.name], ['123456789012', 'bot']);
  });
});

describe('secrets of access keys', () => {
  test('[AU8] are in no file of the data directory, and neither is what they are made of', async () => {
    const made = [await create(), await create('--name', 'second')];
    const names = readdirSync(directory);
    assert(names.includes('tertulia.db') && names.includes('sealing-key'), names.join());
    for (const { AccessKeyId, SecretAccessKey } of made) {
      assert.match(AccessKeyId, /^AKIA[A-Z2-7]{16}$/);
      assert.match(SecretAccessKey, /^[A-Za-z0-9+/]{40}$/);
      const secret = Buffer.from(SecretAccessKey);
      const forms = [secret, Buffer.from(SecretAccessKey, 'base64'), secret.toString('base64'), secret.toString('hex')];
      for (const name of names) {
        // The lock file is held by SQLite; reading it through the file system would let go of it.
        if (name.startsWith('lock.db')) continue;
        const bytes = readFileSync(join(directory, name));
        for (const form of forms) assert(!bytes.includes(form), `${name} holds a secret`);
      }
      const inStore = names.some(
        (name) => name.startsWith('tertulia.db') && readFileSync(join(directory, name)).includes(AccessKeyId),
      );
      assert(inStore, 'the key itself was looked for in the right files');
    }
  });

  test('[AU8] are sealed under a key in a file of its own, which its owner alone can read', () => {
    const file = join(directory, 'sealing-key');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(Buffer.from(readFileSync(file, 'utf8'), 'base64').length, 32);
    assert.deepEqual(sealingKey(directory, ids), sealingKey(directory, ids));
  });

  test('[AU8] are sealed under TERTULIA_SECRET_KEY where that is set, and a server with another opens none', async () => {
    const secretKey = ids.secret(32);
    const sealing = { ...config, secretKey };
    const made = JSON.parse(await keys(['create', '--json'], { config: sealing, store: tool, clock, ids }));
    assert.equal(await lookup().keyOf(made.AccessKeyId), undefined);
    const found = await openAccessKeys([], store, openVault(secretKey, ids.secret), manualSteady())(made.AccessKeyId);
    assert.equal(found?.secret, made.SecretAccessKey);
  });
});
