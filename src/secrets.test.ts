import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from './config.ts';
import { systemIds } from './runtime/ids.ts';
import { rotateSigningKeys, signingKeys } from './runtime/signing-key.ts';
import { systemSteady } from './runtime/steady.ts';
import { storeKeeper } from './secrets.ts';
import { openSqlite } from './store/sqlite.ts';
import { openTokens } from './tokens/tokens.ts';
import { openVault } from './tokens/vault.ts';

const noon = 1_769_860_800_000;
const day = 24 * 60 * 60_000;
const ids = systemIds();
const vault = (byte: number) => openVault(Buffer.alloc(32, byte), ids.secret);
const who = { account: 'a', region: 'r', instanceId: 'i', chatId: 'c', chatKey: 1, participantId: 'p' };

test('[CL2] gives all servers that make a key at once the same, and keeps it sealed', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const made = await Promise.all(
    ['one', 'two', 'three'].map((text) => storeKeeper(store, vault(7)).keep('key', async () => text)),
  );
  assert.equal(new Set(made).size, 1);
  assert.equal(await storeKeeper(store, vault(7)).read('key'), made[0]);
  assert.doesNotMatch(JSON.stringify(await store.resources('secret')), /one|two|three/);
});

test('[CL2] says in one line that it has another secret key', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  await storeKeeper(store, vault(7)).keep('key', () => 'text');
  const other = storeKeeper(store, vault(8));
  for (const call of [() => other.read('key'), () => other.keep('key', () => 'x')]) {
    await assert.rejects(call(), (failure) => {
      assert(failure instanceof ConfigError);
      assert.match(
        failure.message,
        /^TERTULIA_SECRET_KEY is not the one that the keys of this store are sealed under;/,
      );
      return true;
    });
  }
});

test('[CL3] announces a new key a minute before it signs, and forgets one eight days after it was followed', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const keeper = storeKeeper(store, vault(7));
  const [first] = await signingKeys(keeper, ids);
  const from = await rotateSigningKeys(keeper, ids, noon);
  assert.equal(from, noon + 60_000);
  const both = await signingKeys(keeper, ids);
  assert.deepEqual(
    both.map((each) => each.from),
    [0, from],
  );
  const tokens = openTokens([both[0] ?? assert.fail()]);
  const old = tokens.sign('participant', who, noon, noon + 7 * day);
  tokens.replaceKeys(both);
  const soon = tokens.sign('participant', who, from - 1, from + day);
  const later = tokens.sign('participant', who, from, from + day);
  // A server that knows the new key and one that knows the old alone agree until it signs.
  const before = openTokens([first ?? assert.fail()]);
  assert('identity' in before.verify('participant', soon, noon));
  assert.deepEqual(before.verify('participant', later, noon), { refused: 'forged' });
  for (const each of [old, soon, later]) assert('identity' in tokens.verify('participant', each, noon));
  await rotateSigningKeys(keeper, ids, from + 8 * day - 1);
  assert.equal((await signingKeys(keeper, ids)).length, 3);
  await rotateSigningKeys(keeper, ids, from + 8 * day + 1);
  const kept = await signingKeys(keeper, ids);
  assert.deepEqual(
    kept.map(({ id }) => id === first?.id),
    [false, false, false],
  );
});

test('[CL3] loses no key of several that are announced at once', async () => {
  await using store = openSqlite(':memory:', systemSteady);
  const keeper = storeKeeper(store, vault(7));
  await Promise.all([1, 2, 3].map(() => rotateSigningKeys(keeper, ids, noon)));
  assert.equal((await signingKeys(keeper, ids)).length, 4);
});
