import { createHmac, createPrivateKey, generateKeyPair, sign as signWith, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { machineTime } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Keeper } from '../runtime/kept.ts';
import type { SignatureVersion } from './sns-envelope.ts';

/** The one key of a service that signs what is posted as SNS would post it. */
export interface Signer {
  /** Names the certificate in its URL: 32 hexadecimal digits. */
  readonly id: string;
  /** PEM. */
  readonly certificate: string;
  /** Base64. Made on another thread, because it takes a millisecond or so. */
  sign(text: string, version: SignatureVersion): Promise<string>;
  /** A secret that nobody else can make and that stays the same: 64 hexadecimal digits for each text. */
  secretOf(text: string): string;
}

interface OnDisk {
  readonly key: string;
  readonly certificate: string;
  /** Base64. */
  readonly secret: string;
}

const file = 'sns-signing.json';
const algorithms = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' } as const;

/**
 * Reads key and certificate, or makes both, for that host, where the service keeps its keys. Takes about 0.2 s the first
 * time.
 */
export async function openSigner(keeper: Keeper, host: string, ids: Ids): Promise<Signer> {
  const text = await keeper.keep(file, async () => JSON.stringify(await make(host, ids)));
  const { key: pem, certificate, secret } = JSON.parse(text) as OnDisk;
  const key = createPrivateKey(pem);
  const secretBytes = Buffer.from(secret, 'base64');
  const sign = promisify(signWith);
  return {
    id: new X509Certificate(certificate).fingerprint256.replaceAll(':', '').slice(0, 32).toLowerCase(),
    certificate,
    async sign(signed, version) {
      return (await sign(algorithms[version], Buffer.from(signed), key)).toString('base64');
    },
    secretOf: (of) => createHmac('sha256', secretBytes).update(of).digest('hex'),
  };
}

/** Whether a key was made in that directory. */
export async function hasSigner(keeper: Keeper): Promise<boolean> {
  return (await keeper.read(file)) !== undefined;
}

async function make(host: string, ids: Ids): Promise<OnDisk> {
  const { privateKey: key, publicKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { key, certificate: await certify(key, publicKey, host, ids), secret: ids.secret(32).toString('base64') };
}

/** No validator asks who issued it: it is trusted because it comes by https from a host that is. */
async function certify(key: string, publicKey: string, host: string, ids: Ids): Promise<string> {
  const { default: forge } = await import('node-forge');
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // A first byte that keeps it positive and in its shortest form, without which nobody reads the certificate.
  certificate.serialNumber = `01${ids.secret(15).toString('hex')}`;
  const now = machineTime();
  // A day for clocks that are behind.
  certificate.validity.notBefore = new Date(now - 86_400_000);
  certificate.validity.notAfter = new Date(now);
  certificate.validity.notAfter.setUTCFullYear(certificate.validity.notAfter.getUTCFullYear() + 10);
  // X.509 has room for 64 characters.
  const name = [{ name: 'commonName', value: `sns.${host}`.slice(0, 64) }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.sign(forge.pki.privateKeyFromPem(key), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}
