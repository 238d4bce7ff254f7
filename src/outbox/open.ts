import type { Agents } from './aws.ts';
import type { Destination } from './destination.ts';
import { openLambda } from './lambda.ts';
import { openProcess, type ProcessParts } from './process.ts';
import { openSns } from './sns.ts';
import type { EventTarget, MemoryStream, NatsEvents, StreamTarget, WebhookEvents, WebhookStream } from './targets.ts';

type Opened = Destination | Promise<Destination>;

export interface OpenParts extends ProcessParts {
  /** Undefined: connections to wherever. */
  readonly egress?: Agents;
  /** The kinds that need more of the server. */
  readonly webhook: (target: WebhookStream | WebhookEvents) => Opened;
  readonly nats: (target: NatsEvents) => Opened;
  readonly memory: (target: MemoryStream) => Opened;
}

/** Opens a destination by its kind, which loads the library that it needs; nothing is connected to before the first parcel. */
export async function openDestination(target: StreamTarget | EventTarget, parts: OpenParts): Promise<Destination> {
  switch (target.kind) {
    case 'sns':
      return openSns(target, parts.egress);
    case 'lambda':
      return openLambda(target, parts.egress);
    case 'process':
      return openProcess(target, parts);
    case 'webhook':
      return parts.webhook(target);
    case 'nats':
      return parts.nats(target);
    case 'memory':
      return parts.memory(target);
  }
}
