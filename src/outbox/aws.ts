import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { Rejected } from './destination.ts';

/** Gives the connections of a client, so that they cannot lead where they must not. */
export interface Agents {
  agents(): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
}

const connectTimeout = 5_000;
/** Without a byte in either direction. More than the worker gives any delivery, which is up to 60 s. */
const idleTimeout = 65_000;
/** Connections of one client at once; what there is more waits. */
const mostConnections = 64;

/** What the clients of all services are made with. Credentials are found by the SDK's own chain. */
export function clientSettings(endpoint: string | undefined, egress: Agents | undefined) {
  const agent = { keepAlive: true, maxSockets: mostConnections };
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    // Who tries again, and when, is the worker's to say.
    maxAttempts: 1,
    // What fails is thrown to the caller; the SDK would also write it to the console.
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    requestHandler: {
      connectionTimeout: connectTimeout,
      socketTimeout: idleTimeout,
      ...(egress?.agents() ?? { httpAgent: agent, httpsAgent: agent }),
    },
  };
}

/** The region in an ARN; undefined if it has none. */
export function regionOf(arn: string): string | undefined {
  return (arn.startsWith('arn:') && arn.split(':')[3]) || undefined;
}

/** 4xx answers that say "not now", not "not this": 409 is what Lambda says while a function changes. */
const passing = new Set([408, 409, 425, 429]);
/** Refusals that are about the caller's key or clock, not about what was sent: once they are put right it will be taken. */
const callers =
  /Throttl|RequestLimit|TooManyRequests|ExpiredToken|RequestExpired|InvalidClientTokenId|UnrecognizedClient|InvalidSecurity|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|InvalidAccessKeyId|OptInRequired/;

/**
 * What a client of a service threw, as a destination throws it. An answer is told by its name and its status alone:
 * Amazon repeats in its sentences what was sent.
 */
export function asDelivered(service: string, failure: unknown): Error {
  const { name, message, code, $metadata } = failure as Error & {
    readonly code?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  if (status === undefined) {
    // Addresses that all failed are one error without a message.
    const why = (message || code || name).split('\n')[0]?.slice(0, 200);
    return new Error(`${service}: ${why}`);
  }
  // An answer without a name of an error is not the service's own, but that of something before it.
  const isNamed = /^\w+$/.test(name) && !/^(Error|Unknown\w*)$/.test(name);
  const text = `${service} answered ${status}${isNamed ? ` ${name}` : ''}`;
  const isRefusal = status >= 400 && status < 500 && isNamed && !passing.has(status) && !callers.test(name);
  return isRefusal ? new Rejected(text) : new Error(text);
}
