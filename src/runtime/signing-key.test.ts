import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChild } from '../../test/support/child.ts';
import { systemIds } from './ids.ts';
import { fileKeeper } from './kept.ts';
import { signingKeys } from './signing-key.ts';

function withDirectory(run: (directory: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-keys-'));
    try {
      await run(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

const keysOf = (directory: string) => signingKeys(fileKeeper(directory, systemIds()), systemIds());

test(
  '[TK3] makes one key of 32 random bytes, once, and reads it ever after',
  withDirectory(async (directory) => {
    const keys = await keysOf(directory);
    assert.equal(keys.length, 1);
    assert.equal(keys[0]?.secret.length, 32);
    assert.match(keys[0]?.id ?? '', /^[\w-]{8}$/);
    assert.equal(keys[0]?.from, 0, 'it signs whatever the clock says');
    const file = readFileSync(join(directory, 'signing-keys.json'), 'utf8');
    for (let time = 1; time <= 3; time += 1) assert.deepEqual(await keysOf(directory), keys);
    assert.equal(readFileSync(join(directory, 'signing-keys.json'), 'utf8'), file);
    assert.deepEqual(readdirSync(directory), ['signing-keys.json'], 'nothing else is left behind');
  }),
);

test(
  '[TK3] keeps it in a file that its owner alone can read, whatever the umask, in a directory made for it',
  withDirectory(async (parent) => {
    const directory = join(parent, 'made', 'for it');
    const before = process.umask(0);
    try {
      await keysOf(directory);
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(join(directory, 'signing-keys.json')).mode & 0o777, 0o600);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    chmodSync(join(directory, 'signing-keys.json'), 0o400);
    assert.equal((await keysOf(directory)).length, 1, 'it is not written again');
  }),
);

test('[TK3] makes another key for each store in memory, and each directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tertulia-keys-'));
  const rings = await Promise.all([keysOf(':memory:'), keysOf(':memory:'), keysOf(directory)]);
  const secrets = rings.map(([each]) => each?.secret.toString('hex'));
  rmSync(directory, { recursive: true });
  assert.equal(new Set(secrets).size, 3);
  assert.throws(() => statSync(':memory:'), { code: 'ENOENT' });
});

test(
  '[TK3] gives processes that start at once the same key',
  // One of forty times a process reads the file that another has made and not yet filled.
  withDirectory(async (directory) => {
    const children = [1, 2, 3, 4].map(() => startChild('keys-child.ts', [directory]));
    try {
      for (const child of children) assert.equal(await child.line(), 'ready');
      for (const child of children) child.go();
      const said = await Promise.all(children.map((child) => child.line()));
      const [key] = await keysOf(directory);
      for (const each of said) assert.equal(each, `${key?.id} ${key?.secret.toString('hex')}`);
    } finally {
      for (const child of children) await child.kill();
    }
  }),
);
