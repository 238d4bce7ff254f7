import { isoTime } from '../wire/time.ts';
import type { Destination, Parcel } from './destination.ts';

/** Development's own topic: what it got can be looked at, and is forgotten with the process. */
export interface Memory extends Destination {
  /** After `past`, oldest first. */
  read(past: number, limit: number): Kept[];
  clear(): void;
}

export interface Kept {
  /** 1, 2, 3 … in the order of arrival. */
  readonly number: number;
  /** In the form of an SNS notification. */
  readonly notification: object;
}

/** Of more, the oldest are forgotten. At the longest content they are about 20 MB. */
const most = 1000;

export function openMemory(): Memory {
  let kept: Kept[] = [];
  let last = 0;
  return {
    async deliver(parcel) {
      last += 1;
      kept.push({ number: last, notification: notification(parcel) });
      if (kept.length > most) kept.shift();
    },
    read: (past, limit) => kept.filter(({ number }) => number > past).slice(0, limit),
    clear() {
      kept = [];
    },
    async [Symbol.asyncDispose]() {},
  };
}

function notification({ id, topic, body, time, attributes }: Parcel): object {
  return {
    Type: 'Notification',
    MessageId: id,
    TopicArn: topic,
    Message: body,
    Timestamp: isoTime(time),
    MessageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, Value]) => [name, { Type: 'String', Value }]),
    ),
  };
}
