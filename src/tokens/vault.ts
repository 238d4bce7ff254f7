import { createCipheriv, createDecipheriv, createSecretKey, hash } from 'node:crypto';

/** Keeps the secrets of access keys: AES-256-GCM under the server's key, bound to the access key id. */
export interface Vault {
  seal(accessKeyId: string, secret: string): string;
  /** Undefined if it was sealed under another key or for another id. */
  open(accessKeyId: string, sealed: string): string | undefined;
}

/** `key` is 32 bytes; `random` gives that many random ones. */
export function openVault(key: Buffer, random: (bytes: number) => Buffer): Vault {
  const secretKey = createSecretKey(key);
  return {
    seal(accessKeyId, secret) {
      const nonce = random(12);
      const cipher = createCipheriv('aes-256-gcm', secretKey, nonce).setAAD(Buffer.from(accessKeyId));
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },
    open(accessKeyId, sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      try {
        // Without its length Node would take a tag that was cut, down to four bytes.
        const decipher = createDecipheriv('aes-256-gcm', secretKey, bytes.subarray(0, 12), { authTagLength: 16 })
          .setAAD(Buffer.from(accessKeyId))
          .setAuthTag(bytes.subarray(12, 28));
        return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

/** A short name of a secret, to tell whether it changed. */
export function fingerprint(secret: string): string {
  return hash('sha256', secret, 'base64url').slice(0, 12);
}
