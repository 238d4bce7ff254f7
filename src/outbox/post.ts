import { createHmac } from 'node:crypto';
import type { Egress } from '../runtime/egress.ts';
import { type Destination, Rejected } from './destination.ts';

export interface PostSettings {
  /** http or https. */
  readonly url: URL;
  /** Shared with the receiver, who can then tell that a body comes from here. */
  readonly secret?: string | undefined;
  readonly egress: Pick<Egress, 'post'>;
}

/** A plain webhook: the body as it is, as JSON, with the parcel's id and, given a secret, a signature. */
export function openPost({ url, secret, egress }: PostSettings): Destination {
  return {
    async deliver({ id, body }, signal) {
      const headers: Record<string, string> = { 'content-type': 'application/json', 'x-tertulia-id': id };
      if (secret !== undefined) {
        headers['x-tertulia-signature'] = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
      }
      const { status } = await egress.post(url, headers, body, signal);
      expectTaken(status, url);
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Refusals that say "not now". */
const passing = [408, 425, 429];

/** Throws unless the status says that it was taken. The path of a URL may be a secret, so its host alone is named. */
export function expectTaken(status: number, { host }: URL): void {
  if (status >= 200 && status < 300) return;
  if (status >= 400 && status < 500 && !passing.includes(status)) throw new Rejected(`${host} answered ${status}`);
  const hint = status >= 300 && status < 400 ? '; redirects are not followed, so configure where it leads' : '';
  throw new Error(`${host} answered ${status}${hint}`);
}
