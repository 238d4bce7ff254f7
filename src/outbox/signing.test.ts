import assert from 'node:assert/strict';
import { verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChild } from '../../test/support/child.ts';
import { systemIds } from '../runtime/ids.ts';
import { fileKeeper } from '../runtime/kept.ts';
import { openSigner } from './signing.ts';

function withDirectory(run: (directory: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tertulia-signing-'));
    try {
      await run(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

const open = (directory: string, host = 'chat.example.com') =>
  openSigner(fileKeeper(directory, systemIds()), host, systemIds());

test(
  '[SN4] makes key and certificate once, in a file that its owner alone can read',
  withDirectory(async (directory) => {
    const signer = await open(directory);
    const file = join(directory, 'sns-signing.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const text = readFileSync(file, 'utf8');
    const again = await open(directory, 'elsewhere.example.com');
    assert.deepEqual(
      [again.id, again.certificate, again.secretOf('a')],
      [signer.id, signer.certificate, signer.secretOf('a')],
    );
    assert.equal(readFileSync(file, 'utf8'), text);
    assert.deepEqual(readdirSync(directory), ['sns-signing.json'], 'nothing else is left behind');
  }),
);

test('[SN4] certifies an RSA key of 2048 bits for ten years, in the name of the public host', async () => {
  const { id, certificate } = await open(':memory:');
  const read = new X509Certificate(certificate);
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(read.subject, 'CN=sns.chat.example.com');
  assert.equal(read.issuer, read.subject);
  assert.ok(read.verify(read.publicKey));
  assert.equal(read.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
  assert.match(read.serialNumber, /^01[0-9A-F]{30}$/);
  const [from, to, now] = [read.validFromDate.getTime(), read.validToDate.getTime(), Date.now()];
  assert.ok(from < now);
  assert.equal(read.validToDate.getUTCFullYear(), new Date(from + 86_400_000).getUTCFullYear() + 10);
  assert.ok(to > now);
});

test('[SN4] shortens a public host that no certificate has room for', async () => {
  const host = `${'a'.repeat(60)}.example.com`;
  const { certificate } = await open(':memory:', host);
  assert.equal(new X509Certificate(certificate).subject, `CN=${`sns.${host}`.slice(0, 64)}`);
});

for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
  test(`[SN4] makes a certificate that can be read whatever the dice say: ${byte}`, async () => {
    const dice = { ...systemIds(), secret: (bytes: number) => Buffer.alloc(bytes, byte) };
    const { certificate } = await openSigner(fileKeeper(':memory:', systemIds()), 'localhost', dice);
    const number = `01${byte.toString(16).padStart(2, '0').repeat(15)}`;
    assert.equal(new X509Certificate(certificate).serialNumber, number.toUpperCase());
  });
}

test('[SN4] makes another one for each store in memory', async () => {
  const [one, other] = [await open(':memory:'), await open(':memory:')];
  assert.notEqual(one.id, other.id);
  assert.notEqual(one.secretOf('a'), other.secretOf('a'));
});

test('[SN2] signs as both versions want it', async () => {
  const { sign, certificate } = await open(':memory:');
  const { publicKey } = new X509Certificate(certificate);
  for (const [version, algorithm] of [
    ['1', 'RSA-SHA1'],
    ['2', 'RSA-SHA256'],
  ] as const) {
    const signature = Buffer.from(await sign('grüße\n', version), 'base64');
    assert.ok(verify(algorithm, Buffer.from('grüße\n'), publicKey, signature));
    assert.ok(!verify(algorithm, Buffer.from('grüsse\n'), publicKey, signature));
  }
});

test(
  '[SN4] gives processes that start at once the same ones',
  withDirectory(async (directory) => {
    const children = [1, 2, 3].map(() => startChild('signing-child.ts', [directory]));
    try {
      for (const child of children) assert.equal(await child.line(), 'ready');
      for (const child of children) child.go();
      const said = await Promise.all(children.map((child) => child.line()));
      const { id, secretOf } = await open(directory);
      for (const each of said) assert.equal(each, `${id} ${secretOf('')}`);
    } finally {
      for (const child of children) await child.kill();
    }
  }),
);
