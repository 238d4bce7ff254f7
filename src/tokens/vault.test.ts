import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { property } from '../../test/support/property.ts';
import { fingerprint, openVault } from './vault.ts';

const key = Buffer.alloc(32, 7);
const vault = openVault(key, randomBytes);
const id = 'AKIAEXAMPLE000000001';
const secret = 'a secret that is nobody else is to see!!';

describe('a vault', () => {
  test('[AU8] opens what it sealed, whatever that is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, name) => {
        assert.equal(vault.open(name, vault.seal(name, text)), text);
      }),
      property(200),
    );
  });

  test('[AU8] shows nothing of a secret in what it sealed, and never seals twice the same', () => {
    const [one, other] = [vault.seal(id, secret), vault.seal(id, secret)];
    assert.notEqual(one, other);
    const bytes = Buffer.from(one, 'base64');
    assert.equal(bytes.length, 12 + 16 + Buffer.byteLength(secret));
    for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]) {
      assert(!one.includes(form) && !bytes.includes(form));
    }
  });

  test('[AU8] opens nothing that was sealed under another key or for another id', () => {
    const sealed = vault.seal(id, secret);
    assert.equal(openVault(Buffer.alloc(32, 8), randomBytes).open(id, sealed), undefined);
    assert.equal(vault.open('AKIAEXAMPLE000000002', sealed), undefined);
  });

  test('[AU8] opens nothing that was changed or cut', () => {
    const bytes = Buffer.from(vault.seal(id, secret), 'base64');
    for (let index = 0; index < bytes.length; index += 1) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      assert.equal(vault.open(id, changed.toString('base64')), undefined, `byte ${index}`);
      assert.equal(vault.open(id, bytes.subarray(0, index).toString('base64')), undefined, `${index} bytes`);
    }
    assert.equal(vault.open(id, ''), undefined);
    assert.equal(vault.open(id, 'not base64 at all'), undefined);
  });
});

test('[SG14] a fingerprint changes with the secret, and does not show it', () => {
  assert.equal(fingerprint(secret), fingerprint(secret));
  assert.notEqual(fingerprint(secret), fingerprint(`${secret}.`));
  assert.match(fingerprint(secret), /^[\w-]{12}$/);
});
