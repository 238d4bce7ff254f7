/** The messages of the `peers` measurement: each bears its number, so that every single delivery is counted. */
import { setTimeout as pause } from 'node:timers/promises';

export const rooms = 300;
export const receivers = 3;

/** The work as one peer's clients do it. */
export interface Driver {
  /** Resolves when the sender knows that it is durable. Message `index` goes to room `index % rooms`. */
  send(index: number): Promise<void>;
  /** Deliveries so far, three of each message in the end. */
  received(): number;
}

/** More than the fastest sends in a whole measurement. */
const most = 4_000_000;

/** The text of a message: 200 characters, as long as what people write to a help desk. */
export function content(index: number): string {
  return `~${index}~`.padEnd(200, ' My order has not come yet, what can you do about it?');
}

/** What the clients of a peer are to the measurement. */
export interface Clients extends Driver, Deliveries, Disposable {}

export interface Deliveries {
  /** For one receiver: takes text as it comes, in pieces that may end anywhere, and counts the messages in it. */
  reader(arrived?: (index: number) => void): (text: string) => void;
  received(): number;
  /** Resolves when all of `from` to `to` came three times; throws if one comes more often, or is missing after 30 s. */
  complete(from: number, to: number): Promise<void>;
  /** What a connection reports that broke or was refused something: the first rejects `failure`. */
  fail(reason: unknown): void;
  readonly failure: Promise<never>;
}

export function countDeliveries(): Deliveries {
  const times = new Uint8Array(most);
  let all = 0;
  const { promise: failure, reject: fail } = Promise.withResolvers<never>();
  failure.catch(() => {});
  const count = (index: number) => {
    if (!(index >= 0 && index < most)) fail(new Error('a number that no message has'));
    times[index] = (times[index] ?? 0) + 1;
    all += 1;
  };
  return {
    fail,
    failure,
    reader(arrived) {
      let rest = '';
      return (text) => {
        const pieces = (rest + text).split('~');
        rest = '';
        for (let each = 1; each < pieces.length; each += 2) {
          if (each === pieces.length - 1) rest = `~${pieces[each]}`;
          else {
            const index = Number(pieces[each]);
            count(index);
            arrived?.(index);
          }
        }
      };
    },
    received: () => all,
    async complete(from, to) {
      const until = performance.now() + 30_000;
      const wrong = () => times.subarray(from, to).findIndex((each) => each !== receivers);
      while (wrong() >= 0 && performance.now() < until) await pause(10);
      const first = from + wrong();
      if (first >= from) throw new Error(`message ${first} came ${times[first]} times and not ${receivers}`);
    },
  };
}
