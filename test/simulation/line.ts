import type { Seat } from '../../src/push/hub.ts';
import type { SimNode } from './node.ts';
import type { Random } from './random.ts';
import { delay, type Scheduler } from './scheduler.ts';

/** A WebSocket without the bytes: frames come in order, until it breaks, which both ends learn in their own time. */
export interface Line {
  readonly isOpen: () => boolean;
  send(text: string): void;
  close(): void;
  /** Breaks in the middle: what is on its way is lost. */
  break(): void;
}

export interface LineParts {
  /** The client's. */
  readonly random: Random;
  readonly heard: (text: string) => void;
  /** The client knows that it is over. */
  readonly closed: () => void;
}

/** How long an end may take to notice that the other is gone. Milliseconds. */
const unnoticedMs = 6_000;
const upgradeMs = 3_000;

/** Undefined if the node refuses, or is not there. */
export async function dial(
  node: SimNode,
  token: string,
  scheduler: Scheduler,
  { random, heard, closed }: LineParts,
): Promise<Line | undefined> {
  let isOpen = true;
  let isBroken = false;
  let seat: Seat | undefined;
  const there = openPipe(scheduler, random);
  const back = openPipe(scheduler, random);
  const leave = () => {
    seat?.leave();
    seat = undefined;
  };
  const end = () => {
    if (!isOpen) return;
    isOpen = false;
    closed();
  };
  const breakOff = () => {
    if (isBroken) return;
    isBroken = true;
    scheduler.after(random.share() * unnoticedMs, leave);
    scheduler.after(random.chance(0.7) ? random.share() * 50 : random.share() * unnoticedMs, end);
  };
  const close = () =>
    back.add(() => {
      if (!isBroken) end();
    });
  const peer = {
    send(frame: string | Buffer) {
      const text = String(frame);
      back.add(() => {
        if (!isBroken && isOpen) heard(text);
      });
    },
    probe() {},
    close() {
      close();
      // As the socket server does: it is not told of what it has closed itself, and its place is given up.
      scheduler.after(0, leave);
    },
  };
  await scheduler.sleep(0.3 + delay(random, 4, 100));
  const joined = await upgraded(node, token, peer, scheduler);
  if (!joined) return undefined;
  seat = joined;
  node.onKilled(() => {
    seat = undefined;
    breakOff();
  });
  await scheduler.sleep(0.3 + delay(random, 4, 100));
  return {
    isOpen: () => isOpen,
    send(text) {
      there.add(() => {
        if (!isBroken) seat?.received(text);
      });
    },
    close() {
      if (isBroken) return;
      there.add(leave);
      isBroken = true;
      end();
    },
    break: breakOff,
  };
}

async function upgraded(node: SimNode, token: string, peer: Parameters<SimNode['upgrade']>[1], scheduler: Scheduler) {
  if (!node.isUp()) return undefined;
  return new Promise<Seat | undefined>((resolve) => {
    let isLate = false;
    const stop = scheduler.after(upgradeMs, () => {
      isLate = true;
      resolve(undefined);
    });
    const answer = (seat: Seat | undefined) => {
      stop();
      if (isLate) seat?.leave();
      resolve(seat);
    };
    // A node that is killed meanwhile never answers.
    node.upgrade(token, peer).then(answer, () => answer(undefined));
  });
}

/** One direction: takes its time, and keeps the order. */
function openPipe(scheduler: Scheduler, random: Random) {
  let last = 0;
  const underway: (() => void)[] = [];
  return {
    add(run: () => void) {
      last = Math.max(last, scheduler.now() + 0.3 + delay(random, 4, 300));
      underway.push(run);
      // Whoever arrives first is who left first, also where two moments differ by a rounding.
      scheduler.after(last - scheduler.now(), () => underway.shift()?.());
    },
  };
}
