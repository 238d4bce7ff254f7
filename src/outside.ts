import { existsSync } from 'node:fs';
import { developmentInstance } from './config.ts';
import { readTargets } from './destinations.ts';
import type { Chat } from './domain/chat.ts';
import { type Memory, openMemory } from './outbox/memory.ts';
import { type OpenParts, openDestination } from './outbox/open.ts';
import { openPost, type PostSettings } from './outbox/post.ts';
import type { ProcessParts } from './outbox/process.ts';
import type { WebhookEvents, WebhookStream } from './outbox/targets.ts';
import { openWays, type Ways } from './outbox/ways.ts';
import { openSubscriptions, type Subscriptions, signingProblem, type WebhookConfig } from './outbox/webhook.ts';
import { type Outbox, type OutboxParts, openOutbox } from './outbox/worker.ts';
import type { Egress } from './runtime/egress.ts';
import type { Keeper } from './runtime/kept.ts';
import type { Config } from './settings.ts';

/** The way out of a server, built by hand like the rest of it: where topics and events lead, and who brings there what is owed. */
export interface Outside extends Pick<Ways, 'isStreamTopic' | 'eventDestinations'>, AsyncDisposable {
  readonly outbox: Outbox;
  readonly wake: () => void;
  readonly memory: Memory;
  /** What webhooks ask of this server; undefined for a request that is not theirs. */
  readonly answer: Subscriptions['answer'];
}

type Parts = Omit<OutboxParts, 'destinationOf' | 'maxLanes'> &
  ProcessParts & { readonly egress: Egress; readonly keeper: Keeper };

/** `archive` writes what an ended chat leaves behind; `baseUrl` is known once the port is open. */
export function openOutside(
  config: Config,
  parts: Parts,
  {
    archive,
    baseUrl,
  }: { readonly archive: (chat: Chat, signal: AbortSignal) => Promise<void>; readonly baseUrl: () => string },
): Outside {
  const { egress, log } = parts;
  const targets = readTargets(config);
  const subscriptions = openSubscriptions({
    ...{ ...parts, baseUrl },
    asked: targets.streams.flatMap((each) =>
      each.kind === 'webhook' && each.confirmation === 'required' ? [new URL(each.url).href] : [],
    ),
    onConfirmed(topic) {
      outbox.hurry(topic).catch((failure: unknown) => {
        log.warn({ err: failure, topic }, 'what waited for a confirmation goes on with its next try');
      });
    },
  });
  const problem = targets.streams.some(({ kind }) => kind === 'webhook') ? signingProblem(baseUrl()) : undefined;
  if (problem) log.warn({}, problem);
  for (const { module } of [...targets.streams, ...targets.contactEvents].filter((each) => each.kind === 'process')) {
    if (module !== undefined && !existsSync(module))
      log.warn({ module }, 'there is no such file: what is for this module waits until there is one');
  }
  const memory = openMemory();
  const ways = openWays(targets, (target) => openDestination(target, opening), archive, parts.steady);
  const outbox = openOutbox({ ...parts, maxLanes: config.outboxLanes, destinationOf: ways.destinationOf });
  const opening: OpenParts = {
    ...{ egress, steady: parts.steady, write: parts.write },
    get environment() {
      return { ...towards(baseUrl()), ...parts.environment };
    },
    webhook: (target) => ('topics' in target ? subscriptions.webhook(asked(target)) : openPost(posted(target, egress))),
    async nats(target) {
      const { openNats } = await import('./outbox/nats.ts');
      return openNats(target, parts);
    },
    memory: () => memory,
  };
  const { isStreamTopic, eventDestinations } = ways;
  return {
    ...{ outbox, wake: outbox.wake, memory, isStreamTopic, eventDestinations, answer: subscriptions.answer },
    async [Symbol.asyncDispose]() {
      await outbox[Symbol.asyncDispose]();
      await ways[Symbol.asyncDispose]();
    },
  };
}

function asked({ url, signatureVersion, confirmation }: WebhookStream): WebhookConfig {
  return { url: new URL(url), signatureVersion, isConfirmed: confirmation === 'none' };
}

function posted({ url, secret }: WebhookEvents, egress: Egress): PostSettings {
  return { url: new URL(url), secret, egress };
}

/** What lets a program of this machine reach this server by an AWS SDK that is given nothing; its own settings win. */
function towards(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_CONNECT: url,
    AWS_ENDPOINT_URL_CONNECTPARTICIPANT: url,
    AWS_REGION: developmentInstance.region,
    AWS_ACCESS_KEY_ID: 'any',
    AWS_SECRET_ACCESS_KEY: 'any',
  };
}
