import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Who a token speaks for. Verifying gives identity only; what it may do is checked where it is done. */
export interface Identity {
  readonly account: string;
  readonly region: string;
  readonly instanceId: string;
  /** InitialContactId. */
  readonly chatId: string;
  readonly chatKey: number;
  readonly participantId: string;
}

export type TokenKind = 'participant' | 'connection' | 'socket';

export type Verdict =
  | { readonly identity: Identity; readonly issuedAt: number; readonly expiresAt: number }
  | { readonly refused: 'malformed' | 'forged' }
  | { readonly refused: 'wrong-kind'; readonly kind: TokenKind }
  | { readonly refused: 'expired'; readonly at: number };

export interface Tokens {
  /** Other keys from now on. Tokens of those that are gone are forged. */
  replaceKeys(keys: readonly SigningKey[]): void;
  /** The same arguments give the same token, so that a repeated request can be answered without storing one. */
  sign(kind: TokenKind, identity: Identity, issuedAt: number, expiresAt: number): string;
  verify(kind: TokenKind, token: string, now: number): Verdict;
  /** An opaque text that only this server can have made, for paging. `purpose` is what it is good for. */
  seal(purpose: string, value: unknown): string;
  /** What was sealed for that purpose; undefined for anything else. */
  unseal(purpose: string, text: string): unknown;
}

export interface SigningKey {
  readonly id: string;
  /** 32 random bytes. */
  readonly secret: Buffer;
  /** Tokens issued from then on are signed with it. */
  readonly from: number;
}

/** Verified tokens that are remembered: verifying one anew costs about 3 µs, looking it up 0.01. */
const remembered = 20_000;

type Payload = readonly [TokenKind, string, number, number, string, string, string, string, number, string];

/** `keys` in the order of their `from`; at least one. */
export function openTokens(keys: readonly SigningKey[]): Tokens {
  // A KeyObject, not a Buffer: node:crypto is five times slower with raw bytes on Node 24.
  let ring = ringOf(keys);
  const known = new Map<string, Payload>();

  const keyAt = (time: number) => ring.findLast((each) => each.from <= time) ?? (ring[0] as Ring[number]);
  const keyNamed = (id: string) => ring.find((each) => each.id === id);

  function read(token: string): Payload | 'malformed' | 'forged' {
    const remembering = known.get(token);
    if (remembering) return remembering;
    const payload = parse(token) as Payload | undefined;
    if (!Array.isArray(payload)) return 'malformed';
    const key = keyNamed(payload[1]);
    if (!key || !isSignedBy(key.key, 'token', token)) return 'forged';
    // A socket is dialled once: what it was dialled with would only be held as long as the socket is.
    if (payload[0] === 'socket') return payload;
    if (known.size >= remembered) known.delete(known.keys().next().value as string);
    known.set(token, payload);
    return payload;
  }

  return {
    replaceKeys(given) {
      ring = ringOf(given);
      known.clear();
    },
    sign(kind, who, issuedAt, expiresAt) {
      const { id, key } = keyAt(issuedAt);
      const identity = [who.account, who.region, who.instanceId, who.chatId, who.chatKey, who.participantId] as const;
      const payload: Payload = [kind, id, issuedAt, expiresAt, ...identity];
      return signed(key, 'token', payload);
    },
    verify(kind, token, now) {
      const payload = read(token);
      if (typeof payload === 'string') return { refused: payload };
      const [tokenKind, , issuedAt, expiresAt, account, region, instanceId, chatId, chatKey, participantId] = payload;
      if (tokenKind !== kind) return { refused: 'wrong-kind', kind: tokenKind };
      if (now >= expiresAt) return { refused: 'expired', at: expiresAt };
      return { identity: { account, region, instanceId, chatId, chatKey, participantId }, issuedAt, expiresAt };
    },
    seal: (purpose, value) => signed(keyAt(0).key, `seal ${purpose}`, value),
    unseal(purpose, text) {
      return ring.some(({ key }) => isSignedBy(key, `seal ${purpose}`, text)) ? parse(text) : undefined;
    },
  };
}

type Ring = readonly { readonly id: string; readonly from: number; readonly key: KeyObject }[];

function ringOf(keys: readonly SigningKey[]): Ring {
  if (keys.length === 0) throw new Error('a token ring needs a key');
  return keys.map(({ id, from, secret }) => ({ id, from, key: createSecretKey(secret) }));
}

/** `<payload>.<mac>`, both base64url. The purpose is signed and not sent. */
function signed(key: KeyObject, purpose: string, value: unknown): string {
  const payload = Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${payload}.${mac(key, purpose, payload).toString('base64url')}`;
}

function isSignedBy(key: KeyObject, purpose: string, text: string): boolean {
  const [payload = '', given = ''] = text.split('.');
  const expected = mac(key, purpose, payload);
  const signature = Buffer.from(given, 'base64url');
  // The text must be the one spelling of its bytes: base64url ignores what follows the last whole byte.
  return (
    signature.length === expected.length &&
    timingSafeEqual(signature, expected) &&
    text === `${payload}.${signature.toString('base64url')}`
  );
}

function mac(key: KeyObject, purpose: string, payload: string): Buffer {
  return createHmac('sha256', key).update(`${purpose}\0${payload}`).digest().subarray(0, 24);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString());
  } catch {
    return undefined;
  }
}
