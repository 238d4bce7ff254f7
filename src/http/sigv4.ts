/**
 * Verifies AWS Signature Version 4 in its header form, for every service but S3 (whose paths are not normalised).
 * Pure but for a bounded cache of signing keys: the caller gives the request, the time and a way to look up secrets.
 * Errors are values, with the type and sentences of AWS; only the caller decides how they are sent.
 *
 * What arrived, read step by step: the claim (who says to have signed what, when), its scope, its age, the key, the
 * signature, and last the body, which is hashed only for a signer that proved to hold the key.
 */
import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto';

/** A request as it was on the wire: each character of a string stands for one byte (latin1), as `node:http` gives it. */
export type SignedRequest = {
  readonly method: string;
  /** Still percent-encoded, without the query. */
  readonly rawPath: string;
  /** Still percent-encoded, without `?`. */
  readonly rawQuery: string;
  /** In wire order, duplicates kept. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: Buffer;
};

export type SecretKey = {
  readonly secret: string;
  /** Changes whenever the secret of the same access key id does, so that no signing key of an old secret is used. */
  readonly version: string;
  /** Of temporary credentials: what `x-amz-security-token` must hold. */
  readonly sessionToken?: string;
  /** Of temporary credentials: epoch milliseconds. */
  readonly expiresAt?: number;
};

export type SecretLookup = (accessKeyId: string) => SecretKey | undefined | Promise<SecretKey | undefined>;

export type SigV4Settings = {
  /** Signing names accepted in a credential's scope, such as `connect`. */
  readonly services: readonly string[];
  /** Regions accepted in a credential's scope; absent, any region. */
  readonly regions?: readonly string[] | undefined;
  /** How far the signing time may lie before or after `now`; AWS: 900 s. */
  readonly maxSkewSeconds: number;
  /** Whether a payload hash may be `UNSIGNED-PAYLOAD` or `STREAMING-…`, which leave the body open to change. */
  readonly allowUnsignedPayload: boolean;
  /** Signing keys held in memory, about 0.5 KB each; one per access key, day, region and service in use. */
  readonly maxSigningKeys: number;
};

export type Verified = {
  readonly ok: true;
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
  /** Only a token that the signature covers is carried through. */
  readonly sessionToken?: string;
  readonly signedHeaders: readonly string[];
};

export type SignatureRefusal = {
  readonly ok: false;
  readonly type:
    | 'MissingAuthenticationTokenException'
    | 'IncompleteSignatureException'
    | 'InvalidSignatureException'
    | 'UnrecognizedClientException'
    | 'ExpiredTokenException';
  readonly status: 403;
  readonly message: string;
  /** What should have been signed. It holds the session token, if there is one: for development, never for a log. */
  readonly canonicalRequest?: string;
  readonly stringToSign?: string;
};

export type Verdict = Verified | SignatureRefusal;

const algorithm = 'AWS4-HMAC-SHA256';
const terminator = 'aws4_request';
const tokenHeader = 'x-amz-security-token';
const parameters = ['Credential', 'Signature', 'SignedHeaders'];
const requires = (name: string): string => `Authorization header requires '${name}' parameter.`;
const mismatch =
  'The request signature we calculated does not match the signature you provided. ' +
  'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const bodyMismatch =
  "The provided 'x-amz-content-sha256' header does not match what was computed: the body was changed after it was signed.";

/** Gives the function that judges a request at `now` (epoch milliseconds). It keeps signing keys, so make it once. */
export function createSigV4Verifier(
  settings: SigV4Settings,
  secretOf: SecretLookup,
): (request: SignedRequest, now: number) => Promise<Verdict> {
  const signingKeys = createKeyCache(settings.maxSigningKeys);
  return async (request, now) => {
    const headers = joinHeaders(request.headers);
    const claim = readClaim(request, headers);
    if (!claim.ok) return claim;
    const untimely = checkScope(claim, settings) ?? checkAge(claim, now, settings.maxSkewSeconds);
    if (untimely) return untimely;
    const payload = payloadLine(request, headers, settings.allowUnsignedPayload);
    if (!payload.ok) return payload;

    const key = await secretOf(claim.accessKeyId);
    if (!key) return unknownClient;
    const isTokenSigned = claim.signedHeaders.includes(tokenHeader);
    const sessionToken = isTokenSigned ? headers.get(tokenHeader) : undefined;
    const unfit = checkToken(key, sessionToken, now);
    if (unfit) return unfit;

    const canonicalRequest = canonicalise(request, headers, claim.signedHeaders, payload.line);
    const scope = `${claim.date}/${claim.region}/${claim.service}/${terminator}`;
    const stringToSign = `${algorithm}\n${claim.timestamp}\n${scope}\n${hash('sha256', canonicalRequest)}`;
    const cacheName = `${claim.accessKeyId}/${scope}/${key.version}`;
    const signingKey = signingKeys.get(cacheName) ?? deriveSigningKey(key.secret, scope);
    const signature = createHmac('sha256', signingKey).update(stringToSign).digest('hex');
    const missing = claim.signedHeaders.filter((name) => !headers.has(name));
    if (!sameText(signature, claim.signature) || missing.length > 0) {
      return { ...refuse('InvalidSignatureException', mismatch + lost(missing)), canonicalRequest, stringToSign };
    }
    // Only now: a stranger who knows an access key id must not be able to fill the cache with regions of his choice.
    signingKeys.put(cacheName, signingKey);

    if (payload.checkBody && hash('sha256', request.body) !== payload.line) {
      return refuse('InvalidSignatureException', bodyMismatch);
    }
    const { accessKeyId, region, service, signedHeaders } = claim;
    return { ok: true, accessKeyId, region, service, signedHeaders, ...(sessionToken && { sessionToken }) };
  };
}

function refuse(type: SignatureRefusal['type'], message: string): SignatureRefusal {
  return { ok: false, type, status: 403, message };
}

const unknownClient = refuse('UnrecognizedClientException', 'The security token included in the request is invalid.');

function lost(names: readonly string[]): string {
  const list = names.map(quote).join(', ');
  return list && ` Signed headers that did not arrive, or were removed on the way: ${list}.`;
}

/** What the client chose is cut before it is repeated. The access key id never is repeated, nor the whole header, as AWS
 * does: a client that has swapped id and secret would get its secret back, and proxies would log it. */
function quote(text: string): string {
  return `'${text.slice(0, 64)}'`;
}

// ── The claim ───────────────────────────────────────────────────────────────────────────────────────────────────────

type Claim = {
  readonly ok: true;
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
  /** Lower case, sorted, each once. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** ISO 8601 basic format, to the second. */
  readonly timestamp: string;
  readonly signedAt: number;
};

type Headers = ReadonlyMap<string, string>;

/** Lower-cased names; values trimmed, runs of white space made one space; duplicates joined by a comma in wire order. */
function joinHeaders(raw: SignedRequest['headers']): Headers {
  const headers = new Map<string, string>();
  for (const [rawName, rawValue] of raw) {
    const name = rawName.toLowerCase();
    const value = rawValue.replace(/[ \t\r\n]+/g, ' ').replace(/^ | $/g, '');
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

function readClaim(request: SignedRequest, headers: Headers): Claim | SignatureRefusal {
  const authorization = headers.get('authorization');
  if (!authorization) {
    const inQuery = /(^|&)x-amz-signature=/i.test(request.rawQuery);
    const hint = ': the signature is read from the Authorization header, not from the query string.';
    return refuse('MissingAuthenticationTokenException', `Missing Authentication Token${inQuery ? hint : ''}`);
  }
  const parts = readAuthorization(authorization);
  if (!(parts instanceof Map)) return parts;

  const missing = parameters.filter((name) => !parts.get(name)).map(requires);
  const dateHeader = headers.get('x-amz-date') ?? headers.get('date') ?? '';
  if (!dateHeader) missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  if (missing.length > 0) return refuse('IncompleteSignatureException', missing.join(' '));

  const credential = (parts.get('Credential') ?? '').split('/');
  const [accessKeyId = '', date = '', region = '', service = '', term = ''] = credential;
  if (credential.length !== 5) {
    const message = 'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.';
    return refuse('IncompleteSignatureException', message);
  }
  const timestamp = headers.has('x-amz-date') ? dateHeader : fromHttpDate(dateHeader);
  const signedAt = parseBasicDate(timestamp);
  if (signedAt === undefined) {
    const message = `Date must be in ISO-8601 'basic format' (YYYYMMDDTHHMMSSZ). Got ${quote(dateHeader)}.`;
    return refuse('IncompleteSignatureException', message);
  }
  const signature = parts.get('Signature') ?? '';
  const names = [...new Set(parts.get('SignedHeaders')?.toLowerCase().split(';'))].sort();
  if (!names.includes('host')) {
    const message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    return refuse('InvalidSignatureException', message);
  }
  const claimed = { accessKeyId, date, region, service, terminator: term, signature, signedHeaders: names };
  return { ok: true, ...claimed, timestamp, signedAt };
}

/** `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, commas with or without a space, in any order. */
function readAuthorization(authorization: string): Map<string, string> | SignatureRefusal {
  const [scheme = '', ...rest] = authorization.split(' ');
  if (scheme !== algorithm) {
    const isAws = /^AWS[A-Z0-9-]{0,60}$/.test(scheme);
    const problem = isAws ? `Unsupported AWS 'algorithm': '${scheme}'.` : parameters.map(requires).join(' ');
    return refuse('IncompleteSignatureException', `${problem} Sign with ${algorithm}.`);
  }
  const parts = new Map<string, string>();
  for (const part of rest.join(' ').split(',')) {
    const [name = '', value] = part.trim().split(/=(.*)/s);
    if (name === '' && value === undefined) continue;
    if (value === undefined || parts.has(name)) {
      const what = value === undefined ? 'a part without an equal-sign' : 'a parameter more than once';
      const message = `Authorization header holds ${what}; send key=value pairs once.`;
      return refuse('IncompleteSignatureException', message);
    }
    parts.set(name, value);
  }
  return parts;
}

function checkScope(claim: Claim, settings: SigV4Settings): SignatureRefusal | undefined {
  const { region, service, date, timestamp } = claim;
  const sentences: string[] = [];
  if (!/^[a-z0-9-]{1,64}$/.test(region) || (settings.regions && !settings.regions.includes(region))) {
    const allowed = settings.regions ? ` This server answers for ${settings.regions.map(quote).join(', ')}.` : '';
    sentences.push(`Credential should be scoped to a valid region, not ${quote(region)}.${allowed}`);
  }
  if (!settings.services.includes(service)) {
    sentences.push(`Credential should be scoped to correct service: ${settings.services.map(quote).join(' or ')}.`);
  }
  if (claim.terminator !== terminator) {
    const not = quote(claim.terminator);
    sentences.push(`Credential should be scoped with a valid terminator: '${terminator}', not ${not}.`);
  }
  const day = timestamp.slice(0, 8);
  if (date !== day) {
    sentences.push(
      'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
        `${quote(date)} != '${day}', from '${timestamp}'.`,
    );
  }
  return sentences.length > 0 ? refuse('InvalidSignatureException', sentences.join(' ')) : undefined;
}

function checkAge(claim: Claim, now: number, maxSkewSeconds: number): SignatureRefusal | undefined {
  const skew = maxSkewSeconds * 1000;
  if (Math.abs(now - claim.signedAt) <= skew) return undefined;
  const span = maxSkewSeconds % 60 === 0 ? `${maxSkewSeconds / 60} min.` : `${maxSkewSeconds} s.`;
  const message =
    claim.signedAt < now
      ? `Signature expired: ${claim.timestamp} is now earlier than ${basicDate(now - skew)} (${basicDate(now)} - ${span})`
      : `Signature not yet current: ${claim.timestamp} is still later than ${basicDate(now + skew)} (${basicDate(now)} + ${span})`;
  return refuse('InvalidSignatureException', message);
}

function checkToken(key: SecretKey, sessionToken: string | undefined, now: number): SignatureRefusal | undefined {
  if (key.sessionToken !== undefined && !sameText(key.sessionToken, sessionToken ?? '')) return unknownClient;
  if (key.expiresAt !== undefined && now >= key.expiresAt) {
    return refuse('ExpiredTokenException', 'The security token included in the request is expired');
  }
  return undefined;
}

// ── What was signed ─────────────────────────────────────────────────────────────────────────────────────────────────

type Payload = { readonly ok: true; readonly line: string; readonly checkBody: boolean };

/** The last line of the canonical request. A declared hash is compared with the body after the signature was. */
function payloadLine(request: SignedRequest, headers: Headers, allowUnsigned: boolean): Payload | SignatureRefusal {
  const declared = headers.get('x-amz-content-sha256');
  if (declared === undefined) return { ok: true, line: hash('sha256', request.body), checkBody: false };
  if (/^[0-9a-f]{64}$/.test(declared)) return { ok: true, line: declared, checkBody: true };
  const unsigned = declared === 'UNSIGNED-PAYLOAD' || declared.startsWith('STREAMING-');
  if (unsigned && allowUnsigned) return { ok: true, line: declared, checkBody: false };
  const because = unsigned
    ? `${quote(declared)} leaves the body unsigned, which is not accepted here`
    : 'it is neither a hash nor a known constant';
  return refuse(
    'InvalidSignatureException',
    `x-amz-content-sha256: ${because}; send the SHA-256 of the body as 64 lower-case hexadecimal digits, or leave the header out.`,
  );
}

function canonicalise(request: SignedRequest, headers: Headers, names: readonly string[], payload: string): string {
  const lines = names.map((name) => `${name}:${headers.get(name) ?? ''}\n`).join('');
  const path = canonicalPath(request.rawPath);
  return `${request.method}\n${path}\n${canonicalQuery(request.rawQuery)}\n${lines}\n${names.join(';')}\n${payload}`;
}

/** Dot segments and empty segments go, then what is on the wire is encoded once more: `%2F` is signed as `%252F`. */
function canonicalPath(rawPath: string): string {
  const kept: string[] = [];
  for (const segment of rawPath.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(encode(segment));
  }
  return `/${kept.join('/')}${kept.length > 0 && rawPath.endsWith('/') ? '/' : ''}`;
}

/**
 * Decoded as the server reads a query (`+` is a space) and encoded afresh, so that what is read is what was signed;
 * sorted by encoded name, then by encoded value.
 */
function canonicalQuery(rawQuery: string): string {
  if (rawQuery === '') return '';
  const pairs: [name: string, value: string][] = [];
  for (const part of rawQuery.split('&')) {
    if (part === '') continue;
    const cut = part.indexOf('=');
    const [name, value] = cut < 0 ? [part, ''] : [part.slice(0, cut), part.slice(cut + 1)];
    pairs.push([encode(decode(name)), encode(decode(value))]);
  }
  // Not on the joined text: '-' sorts before '=', so `Param-3` would come before `Param`.
  pairs.sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Every byte outside A-Z a-z 0-9 - . _ ~ becomes %XX. A character above 255 cannot come from a wire: `%u` matches nothing. */
function encode(bytes: string): string {
  return bytes.replace(/[^A-Za-z0-9\-._~]/g, (byte) => {
    const hex = byte.charCodeAt(0).toString(16).toUpperCase();
    return hex.length > 2 ? `%u${hex}` : `%${hex.padStart(2, '0')}`;
  });
}

function decode(text: string): string {
  const byte = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));
  return text.replaceAll('+', ' ').replace(/%([0-9A-Fa-f]{2})/g, byte);
}

// ── Dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const basicDate = (ms: number): string => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');

/** `20150830T123600Z` to epoch milliseconds; undefined when it is no such date. */
function parseBasicDate(text: string): number | undefined {
  const ms = Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  // The round trip refuses other formats, and what Date.parse would roll over, such as 30 February.
  return !Number.isNaN(ms) && basicDate(ms) === text ? ms : undefined;
}

/** `Sun, 30 Aug 2015 12:36:00 GMT` to the basic format; anything else as it is, for some signers put the latter into `Date`. */
function fromHttpDate(text: string): string {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toUTCString() === text ? basicDate(ms) : text;
}

// ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** KeyObjects throughout: an HMAC with a Buffer as its key costs 9.8 µs on Node 24, with a KeyObject 1.8 µs. */
function deriveSigningKey(secret: string, scope: string): KeyObject {
  return scope
    .split('/')
    .reduce(
      (key, part) => createSecretKey(createHmac('sha256', key).update(part).digest()),
      createSecretKey(Buffer.from(`AWS4${secret}`)),
    );
}

/** The least recently used key leaves first; a Map iterates in the order of insertion. */
function createKeyCache(limit: number) {
  const keys = new Map<string, KeyObject>();
  return {
    get(name: string): KeyObject | undefined {
      return keys.get(name);
    },
    put(name: string, key: KeyObject): void {
      keys.delete(name);
      keys.set(name, key);
      if (keys.size <= limit) return;
      const oldest = keys.keys().next();
      if (!oldest.done) keys.delete(oldest.value);
    },
  };
}

/** Constant in time for texts of one length; the length itself is no secret. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
