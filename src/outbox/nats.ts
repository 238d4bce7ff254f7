import type * as Nats from '@nats-io/transport-node';
import { connectNats, type NatsAddress, natsAddress } from '../runtime/nats.ts';
import type { Steady } from '../runtime/steady.ts';
import { type Destination, type Parcel, Rejected } from './destination.ts';

export interface NatsSettings {
  /** `nats://user:password@host:port`, `nats://token@host`, or `tls://` for an encrypted one; any of them will do. */
  readonly servers: readonly string[];
  /** May have `{eventType}` and `{instanceId}` in it, which every contact event fills. */
  readonly subject: string;
}

/** An idle connection whose server is gone is found out after two of these. Milliseconds. */
const pingInterval = 20_000;
/** What is on its way when the server stops is given this long to arrive. Milliseconds. */
const drainTimeout = 2_000;
const longestSubject = 255;

/** What is published and not yet taken. */
interface Published {
  readonly subject: string;
  refusal?: Rejected;
  /** Told when the connection ends first. */
  readonly lose: (failure: Error) => void;
}

interface Link {
  readonly connection: Nats.NatsConnection;
  readonly published: Set<Published>;
}

/**
 * Publishes on core NATS. The connection is made for the first parcel, and again for the next one after it was lost: who
 * tries again, and when, is the outbox's to say, so nothing waits here for a server to come back. Throws for settings
 * that cannot be right.
 */
export async function openNats(settings: NatsSettings, { steady }: { steady: Steady }): Promise<Destination> {
  const address = natsAddress(settings.servers);
  const subjectOf = subjects(settings.subject);
  // Loaded here, so that a server that does not publish never loads it.
  const nats = await import('@nats-io/transport-node');
  let link: Promise<Link> | undefined;
  let isClosing = false;

  function linked(): Promise<Link> {
    if (link) return link;
    const made = connect(nats, address, steady);
    made.then(
      ({ connection }) => connection.closed().then(() => forget(made)),
      () => forget(made),
    );
    link = made;
    return made;
  }

  function forget(which: Promise<Link>): void {
    if (link === which) link = undefined;
  }

  async function publish({ connection, published }: Link, parcel: Parcel): Promise<void> {
    const ended = Promise.withResolvers<never>();
    const entry: Published = { subject: subjectOf(parcel), lose: ended.reject };
    const headers = nats.headers();
    headers.set('Nats-Msg-Id', parcel.id);
    published.add(entry);
    try {
      connection.publish(entry.subject, parcel.body, { headers });
      // The server answers in order: with this answer it has the message, or has complained about it before.
      await Promise.race([connection.flush(), ended.promise]);
      // `listen` comes to the complaint a few promises later than this.
      await new Promise<void>((resolve) => steady.soon(resolve));
      if (entry.refusal) throw entry.refusal;
    } catch (failure) {
      if (!(failure instanceof nats.InvalidArgumentError)) throw failure;
      const bytes = Buffer.byteLength(parcel.body);
      const most = connection.info?.max_payload;
      throw new Rejected(`the NATS server takes up to ${most} bytes, headers included, not ${bytes}`);
    } finally {
      published.delete(entry);
    }
  }

  async function drain(): Promise<void> {
    const { connection } = (await link) ?? {};
    if (connection && !connection.isClosed()) await connection.drain();
  }

  return {
    async deliver(parcel, signal) {
      signal.throwIfAborted();
      if (isClosing) throw new Error('the connection to NATS was closed');
      const aborted = Promise.withResolvers<never>();
      const abort = () => aborted.reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      try {
        const present = linked();
        const made = await Promise.race([present, aborted.promise]);
        try {
          await Promise.race([publish(made, parcel), aborted.promise]);
        } catch (failure) {
          if (signal.aborted) {
            // A server that left this without an answer has hung: what follows would pile up in front of it.
            forget(present);
            void made.connection.close();
          }
          throw failure;
        }
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
    async [Symbol.asyncDispose]() {
      isClosing = true;
      const late = Promise.withResolvers<void>();
      const stop = steady.after(drainTimeout, late.resolve);
      await Promise.race([drain().catch(() => {}), late.promise]);
      stop();
      // One that hangs, or is made only now.
      link?.then(
        ({ connection }) => connection.close(),
        () => {},
      );
    },
  };
}

async function connect(nats: typeof Nats, address: NatsAddress, steady: Steady): Promise<Link> {
  const connection = await connectNats(nats, address, { pingInterval }, { steady });
  const published = new Set<Published>();
  void connection.closed().then((cause) => {
    const failure = new Error('the connection to the NATS server was lost before it answered', { cause });
    for (const each of published) each.lose(failure);
  });
  void listen(nats, { connection, published });
  return { connection, published };
}

/** The server's complaints. They name a subject and not a message: all that is on its way there is refused alike. */
async function listen(nats: typeof Nats, { connection, published }: Link): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type !== 'error' || !(status.error instanceof nats.PermissionViolationError)) continue;
    for (const each of published) {
      if (each.subject !== status.error.subject) continue;
      each.refusal = new Rejected(`the NATS server does not allow publishing to ${each.subject}`);
    }
  }
}

/** The subject of each parcel. */
function subjects(template: string): (parcel: Parcel) => string {
  const example = template.replaceAll('{eventType}', 'INITIATED').replaceAll('{instanceId}', 'id');
  // A `$` begins the subjects of NATS itself.
  const isSubject = /^[!-~]+$/.test(example) && !/[*>{}]|^\$|^\.|\.\.|\.$/.test(example);
  if (!isSubject || template.length > longestSubject) {
    throw new Error(
      `"${template}" is no NATS subject to publish to: give up to ${longestSubject} characters as in contacts.{instanceId}.{eventType}, without *, > and blanks`,
    );
  }
  if (example === template) return () => template;
  return ({ body }) => {
    const { detail } = JSON.parse(body) as { detail: { eventType: string; instanceArn: string } };
    const instanceId = detail.instanceArn.slice(detail.instanceArn.lastIndexOf('/') + 1);
    return template.replaceAll('{eventType}', detail.eventType).replaceAll('{instanceId}', instanceId);
  };
}
