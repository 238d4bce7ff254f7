import { createHash, timingSafeEqual } from 'node:crypto';
import type { Reply, Request } from '../http/request.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Egress } from '../runtime/egress.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Keeper } from '../runtime/kept.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Store } from '../store/store.ts';
import type { Destination } from './destination.ts';
import { expectTaken } from './post.ts';
import { hasSigner, openSigner, type Signer } from './signing.ts';
import {
  type Envelope,
  envelopeHeaders,
  notification,
  type SignatureVersion,
  sealed,
  stringToSign,
  subscriptionConfirmation,
} from './sns-envelope.ts';
import { confirmed, pem, refused } from './sns-replies.ts';

/**
 * Webhooks that get what SNS would post to them. An endpoint is asked once for each topic whether it wants it, and gets
 * nothing of the topic before it has said so by a GET of the SubscribeURL; what is for it waits until then.
 */
export interface Subscriptions {
  /** The first one makes or reads the signing key. Rejects when the data directory cannot hold it. */
  webhook(config: WebhookConfig): Promise<Destination>;
  /** What endpoints ask for below `/sns`; undefined for a request that is not theirs. */
  answer(request: Request): Promise<Reply> | undefined;
}

export interface WebhookConfig {
  /** http or https. */
  readonly url: URL;
  readonly signatureVersion: SignatureVersion;
  /** The endpoint is not asked whether it wants a topic. */
  readonly isConfirmed: boolean;
}

export interface SubscriptionParts {
  readonly store: Pick<Store, 'resource' | 'commit'>;
  readonly clock: Clock;
  readonly steady: Steady;
  readonly ids: Ids;
  readonly egress: Pick<Egress, 'post'>;
  readonly log: Log;
  /** Where the signing key is. */
  readonly keeper: Keeper;
  /** Endpoints that are configured and asked: they may answer before anything is delivered to them again. */
  readonly asked?: readonly string[];
  /** The public URL, without a slash at its end. */
  readonly baseUrl: () => string;
  /** What waits for that topic can go on. */
  readonly onConfirmed: (topic: string) => void;
}

/** An endpoint that took the question is given this long before it is asked again. */
const askAgainMs = 60_000;
/** Topics that were asked for and not confirmed; the oldest is forgotten, and asked for again a little early. */
const mostAsked = 10_000;
const kind = 'subscription';

export function openSubscriptions(parts: SubscriptionParts): Subscriptions {
  const { keeper, ids, baseUrl, asked = [] } = parts;
  let signer: Promise<Signer> | undefined;
  const urls = new Set(asked);
  const open = () => {
    signer ??= openSigner(keeper, new URL(baseUrl()).hostname.replace(/^\[|\]$/g, ''), ids);
    return signer.catch((failure) => {
      signer = undefined;
      throw failure;
    });
  };
  const openIfMade = async () => (signer || (await hasSigner(keeper)) ? open() : undefined);
  return {
    async webhook(config) {
      const opened = await open();
      if (!config.isConfirmed) urls.add(config.url.href);
      return destination(parts, config, opened);
    },
    answer(request) {
      if (request.path !== '/sns' && !request.path.startsWith('/sns/')) return undefined;
      // After a restart, what was posted before it is still to be verified and confirmed.
      return answer(parts, request, openIfMade(), urls);
    },
  };
}

/** Why validators will refuse what is signed, if they will: for a warning at the start, where a webhook is configured. */
export function signingProblem(publicUrl: string): string | undefined {
  if (publicUrl.startsWith('https:')) return undefined;
  return `${publicUrl} is plain http: validators of SNS messages fetch the certificate by https alone, so they refuse what webhooks get; set TERTULIA_PUBLIC_URL to an https URL, or give Tertulia a certificate by TERTULIA_TLS_CERT and TERTULIA_TLS_KEY`;
}

/** One endpoint's interest in one topic. Its ARN follows from both, and so does the token that it must know. */
interface Subscription {
  readonly id: string;
  readonly arn: string;
  readonly token: string;
}

function subscriptionOf(topic: string, href: string, signer: Signer): Subscription {
  const id = createHash('sha256').update(`${topic}\n${href}`).digest('hex');
  const uuid = [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20, 32)].join('-');
  return { id, arn: `${topic}:${uuid}`, token: signer.secretOf(`${kind}\n${topic}\n${href}`) };
}

function destination(parts: SubscriptionParts, { url, signatureVersion, isConfirmed }: WebhookConfig, signer: Signer) {
  const { store, clock, steady, ids, egress, log, baseUrl } = parts;
  /** When each subscription was asked for. */
  const asked = new Map<string, number>();
  const isStored = async (id: string) => (await store.resource(kind, '', id)) !== undefined;

  async function post(envelope: Envelope, arn: string | undefined, signal: AbortSignal): Promise<number> {
    const signed = {
      SignatureVersion: signatureVersion,
      Signature: await signer.sign(stringToSign(envelope), signatureVersion),
      SigningCertURL: baseUrl() + certificatePath(signer),
    };
    const { status } = await egress.post(url, envelopeHeaders(envelope, arn), sealed(envelope, signed), signal);
    return status;
  }

  async function ask(topic: string, token: string, signal: AbortSignal): Promise<void> {
    const subscribeUrl = apiUrl(baseUrl(), { Action: 'ConfirmSubscription', TopicArn: topic, Token: token });
    const question = subscriptionConfirmation(ids.uuid(), topic, token, subscribeUrl, clock.now());
    const status = await post(question, undefined, signal);
    // Not `Rejected`, whatever the status: the parcel was not even shown.
    if (status < 200 || status > 299) throw new Error(`${url.host} answered ${status} to a SubscriptionConfirmation`);
    log.info({ topic, host: url.host }, 'a webhook was asked to confirm its subscription');
  }

  /** Resolves when it is confirmed, else rejects, and asks if that was not done lately. */
  async function expectConfirmed(topic: string, { id, token }: Subscription, signal: AbortSignal): Promise<void> {
    if (await isStored(id)) return void asked.delete(id);
    const before = asked.get(id);
    if (before === undefined || steady.now() - before >= askAgainMs) {
      asked.delete(id);
      for (const oldest of asked.keys()) {
        if (asked.size < mostAsked) break;
        asked.delete(oldest);
      }
      // Noted first: others of the topic must not ask, too.
      asked.set(id, steady.now());
      try {
        await ask(topic, token, signal);
      } catch (failure) {
        asked.delete(id);
        throw failure;
      }
      if (await isStored(id)) return void asked.delete(id);
    }
    throw new Error(
      `${url.host} has not confirmed its subscription to ${topic}: nothing is sent before it has GET the SubscribeURL that was posted to it ("confirmation": "none" does without)`,
    );
  }

  const webhook: Destination = {
    async deliver(parcel, signal) {
      const subscription = subscriptionOf(parcel.topic, url.href, signer);
      if (!isConfirmed) await expectConfirmed(parcel.topic, subscription, signal);
      const unsubscribeUrl = apiUrl(baseUrl(), { Action: 'Unsubscribe', SubscriptionArn: subscription.arn });
      expectTaken(await post(notification(parcel, unsubscribeUrl), subscription.arn, signal), url);
    },
    async [Symbol.asyncDispose]() {},
  };
  return webhook;
}

function apiUrl(base: string, members: Record<string, string>): string {
  return `${base}/sns/?${new URLSearchParams(members)}`;
}

function certificatePath({ id }: Signer): string {
  return `/sns/SimpleNotificationService-${id}.pem`;
}

async function answer(
  parts: SubscriptionParts,
  request: Request,
  opening: Promise<Signer | undefined>,
  urls: ReadonlySet<string>,
): Promise<Reply> {
  const signer = await opening;
  if (!signer) return refused(request, 404, 'NotFound', 'No webhook is configured.');
  const isGet = request.method === 'GET';
  if (isGet && request.path === certificatePath(signer)) return pem(request, signer.certificate);
  if (request.path.replace(/\/$/, '') !== '/sns')
    return refused(request, 404, 'NotFound', 'There is no such certificate.');
  // SDKs confirm by a POST of the same members.
  if (!isGet && request.method !== 'POST') return refused(request, 405, 'InvalidAction', 'Use GET.');
  const members = new URLSearchParams(isGet ? request.query : request.body.toString());
  const action = members.get('Action');
  if (action === 'ConfirmSubscription') return confirm(parts, request, members, signer, urls);
  if (action === 'Unsubscribe') {
    const message = 'Subscriptions are configured: to end this one, take it out of the streams of the configuration.';
    return refused(request, 403, 'AuthorizationError', message);
  }
  return refused(request, 400, 'InvalidAction', 'The action must be ConfirmSubscription or Unsubscribe.');
}

async function confirm(
  { store, clock, log, onConfirmed }: SubscriptionParts,
  request: Request,
  members: URLSearchParams,
  signer: Signer,
  urls: ReadonlySet<string>,
): Promise<Reply> {
  const topic = members.get('TopicArn') ?? '';
  const token = members.get('Token') ?? '';
  const [subscription] = [...urls]
    .map((href) => subscriptionOf(topic, href, signer))
    .filter((each) => isSame(each.token, token));
  if (!subscription) return refused(request, 400, 'InvalidParameter', 'Invalid parameter: Token');
  const { id, arn } = subscription;
  const now = clock.now();
  const document = { subscriptionArn: arn, confirmedAt: now };
  // Put if absent: a repeat changes nothing and is answered alike.
  await store.commit({ now, resources: [{ kind, instance: '', id, name: topic, document }] });
  log.info({ topic, subscriptionArn: arn }, 'a webhook has confirmed its subscription');
  onConfirmed(topic);
  return confirmed(request, arn);
}

/** In a time that says nothing about where they differ. */
function isSame(expected: string, given: string): boolean {
  const [one, other] = [Buffer.from(expected), Buffer.from(given)];
  return one.length === other.length && timingSafeEqual(one, other);
}
