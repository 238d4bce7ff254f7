import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import forge from 'node-forge';

/** A certificate authority that nobody knows, and what it issued for 127.0.0.1. All PEM. */
export interface TestCertificates {
  readonly ca: string;
  /** A file with the authority's certificate, for NODE_EXTRA_CA_CERTS; it is there until the process ends. */
  readonly caFile: string;
  readonly cert: string;
  readonly key: string;
}

let made: TestCertificates | undefined;

/** The same ones for all tests of a process. */
export function testCertificates(): TestCertificates {
  made ??= make();
  return made;
}

function make(): TestCertificates {
  const authority = keys();
  const server = keys();
  const ca = issue('Test authority', authority, 'Test authority', authority, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ]);
  const cert = issue('127.0.0.1', server, 'Test authority', authority, [
    { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    { name: 'extKeyUsage', serverAuth: true },
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-ca-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, ca);
  return { ca, caFile, cert, key: forge.pki.privateKeyToPem(server.privateKey) };
}

function keys(): forge.pki.rsa.KeyPair {
  // Node makes a key in a fraction of the time that the library needs.
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { privateKey: forge.pki.privateKeyFromPem(privateKey), publicKey: forge.pki.publicKeyFromPem(publicKey) };
}

let serial = 0;

function issue(
  name: string,
  { publicKey }: forge.pki.rsa.KeyPair,
  by: string,
  { privateKey }: forge.pki.rsa.KeyPair,
  extensions: object[],
): string {
  const certificate = forge.pki.createCertificate();
  serial += 1;
  const day = 86_400_000;
  certificate.publicKey = publicKey;
  certificate.serialNumber = serial.toString(16).padStart(2, '0');
  certificate.validity.notBefore = new Date(Date.now() - day);
  certificate.validity.notAfter = new Date(Date.now() + day);
  certificate.setSubject([{ name: 'commonName', value: name }]);
  certificate.setIssuer([{ name: 'commonName', value: by }]);
  certificate.setExtensions(extensions);
  certificate.sign(privateKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}
