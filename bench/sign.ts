import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import { hostOf } from './connection.ts';

/** Adds to a request's head what AWS Signature Version 4 adds to it. */
export type Sign = (method: string, path: string, body: string) => readonly string[];

const region = 'us-east-1';
const signedHeaders = 'content-type;host;x-amz-content-sha256;x-amz-date';

/**
 * Signs as an SDK does, but in 10 µs: the SDK itself would be what is measured. For paths without a query or anything
 * that is escaped.
 */
export function signer(port: number, id: string, secret: string): Sign {
  let day = '';
  let key: KeyObject | undefined;
  return (method, path, body) => {
    const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    const scope = `${time.slice(0, 8)}/${region}/connect/aws4_request`;
    if (!key || day !== scope) [day, key] = [scope, derived(secret, scope)];
    const payload = hash('sha256', body);
    const lines = ['content-type:application/json', `host:${hostOf(port)}`];
    const amazon = [`x-amz-content-sha256:${payload}`, `x-amz-date:${time}`];
    const canonical = [method, path, '', ...lines, ...amazon, '', signedHeaders, payload].join('\n');
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash('sha256', canonical)}`;
    const signature = createHmac('sha256', key).update(text).digest('hex');
    return [
      'content-type:application/json',
      ...amazon,
      `authorization: AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    ];
  };
}

/** Keys as KeyObjects: with bytes an HMAC takes five times as long. */
function derived(secret: string, scope: string): KeyObject {
  return scope
    .split('/')
    .reduce(
      (key, part) => createSecretKey(createHmac('sha256', key).update(part).digest()),
      createSecretKey(Buffer.from(`AWS4${secret}`)),
    );
}
