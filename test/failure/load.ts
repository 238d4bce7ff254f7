import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { systemIds } from '../../src/runtime/ids.ts';
import { openChat, type SimChat } from '../simulation/chat.ts';
import { openRandom } from '../simulation/random.ts';
import { newChatAt } from '../support/chat.ts';
import { checkHistories, type Verdict } from '../support/checker.ts';
import type { ChatHistory, Shown } from '../support/history.ts';
import { property } from '../support/property.ts';
import { InstanceId } from '../support/server.ts';
import { type Network, openNetwork } from './client.ts';
import { type Fleet, until } from './fleet.ts';

/** People who chat on all servers of a fleet while a test breaks it, and what they saw of that. */
export interface Load extends AsyncDisposable {
  readonly network: Network;
  /** Resolves when so many more messages have been acknowledged. */
  more(messages: number): Promise<void>;
  /**
   * No more chats begin, and those that go on come to their end. Then all that everybody saw is held against what the
   * service promises; resolves to the counts, which it prints, once nothing is late any more.
   */
  held(context: TestContext): Promise<Verdict['counts']>;
}

const { seed } = property(1);
/** Chats that go on at the same time. */
const atOnce = 6;
/** People of the simulation pause for seconds; here they are ten times as quick. */
const pace = 0.1;
/** Chats whose customers never come, and within how long after the beginning they are due to end. */
const absent = 40;
const absentMs = 6_000;
/** It is one machine with one clock; what is due is done when a broken service is whole again. */
const slack = { clocks: 250, jobs: 90_000 };
const customerWindow = 5 * 60_000;

const scheduler = {
  after(ms: number, run: () => void) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms * pace)),
};

/** By default clients take a server for gone before one that has lost its store says so. */
export async function openLoad(fleet: Fleet, name: string, patienceMs = 4_000): Promise<Load> {
  const random = openRandom(seed, name);
  const chats: SimChat[] = [];
  const waiting = new Set<() => void>();
  let [acknowledged, isOver] = [0, false];
  const network = openNetwork({
    ...{ places: fleet.nodes, patienceMs },
    answered(what, { status }) {
      if (what !== 'SendMessage' || status !== 200) return;
      acknowledged += 1;
      for (const look of waiting) look();
    },
  });
  const share = random.fork('absent').share;
  const due = await startAbsent(fleet, absent, () => absentMs * share());

  async function chatOn(): Promise<void> {
    while (!isOver) {
      const own = { name: `${name} ${chats.length + 1}`, random: random.fork(`chat ${chats.length + 1}`) };
      const isSdk = own.random.chance(0.2);
      const chat = openChat({
        ...{ ...own, scheduler, now: Date.now, note() {}, isUntimed: true, parcels: fleet.parcels, dial: network.dial },
        client: (who) => network.client(own.random.fork(`client ${who}`), isSdk),
      });
      chats.push(chat);
      await chat.played;
    }
  }

  const chatting = Promise.all(Array.from({ length: atOnce }, chatOn));
  // Whoever waits for it is told; nobody else is to be.
  chatting.catch(() => {});
  const operator = network.client(random.fork('operator'), false);

  async function histories(): Promise<ChatHistory[]> {
    const all = await Promise.all(chats.map((each) => each.history()));
    const log = async (chat: string): Promise<Shown[]> => {
      const { answer } = await operator.control('GET', '/transcript', { ContactId: chat, MaxResults: 1000 });
      return answer?.body.Transcript;
    };
    const none = { sent: [], typed: [], receipts: [], bots: [], readings: [], sockets: [], streams: [], ends: [] };
    const absences = due.map(async ({ chat, startedAt }) => ({
      ...{ ...none, chat, startedAt, log: await log(chat), endedAt: Date.now() },
    }));
    return [...all.flatMap((each) => each ?? []), ...(await Promise.all(absences))];
  }

  /** What is only late may come yet; what is wrong stays wrong, as histories only grow. */
  async function verdict(): Promise<Verdict> {
    const chats = due.map(({ chat }) => chat);
    const isDone = async () => {
      const [row] = await fleet.ask(
        `SELECT (SELECT count(*) FROM tertulia.lane WHERE due IS NOT NULL)::int AS owed,
                (SELECT count(*) FROM tertulia.chat WHERE id = ANY ($1) AND ended = 0)::int AS due`,
        chats,
      );
      return row?.owed === 0 && row.due === 0;
    };
    await until('all that is owed and due to be done', isDone).catch(() => {});
    let found: Verdict = { problems: [], counts: {} };
    const isRight = async () => {
      found = checkHistories(await histories(), slack);
      return found.problems.length === 0;
    };
    await until('all to be as it should', isRight, 500).catch(() => {});
    return found;
  }

  return {
    network,
    async more(messages) {
      const enough = acknowledged + messages;
      await Promise.race([
        chatting,
        new Promise<void>((resolve) => {
          const look = () => {
            if (acknowledged < enough) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
        }),
      ]);
    },
    async held(context) {
      isOver = true;
      await chatting;
      const { problems, counts } = await verdict();
      assert.deepEqual(problems, []);
      assert.equal(counts['chats ended by time'], due.length, 'what was due was done');
      assert.equal(counts['messages never answered'], undefined);
      const failures = network.attempts.filter(({ status = 599 }) => status >= 500).length;
      const lost = network.lost.length;
      context.diagnostic(JSON.stringify({ ...counts, 'requests repeated': failures, 'sockets lost': lost }));
      return counts;
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      for (const chat of chats) for (const person of chat.people) person.rest();
      network[Symbol.dispose]();
      await chatting.catch(() => {});
    },
  };
}

export interface Absent {
  readonly chat: string;
  readonly startedAt: number;
}

/** Chats whose customers do not come in their five minutes, which are over in so many milliseconds. */
export async function startAbsent({ store }: Fleet, count: number, inMs: () => number): Promise<Absent[]> {
  const ids = systemIds();
  const absent = Array.from({ length: count }, () => ({
    chat: ids.uuid(),
    startedAt: Math.round(Date.now() - customerWindow + inMs()),
  }));
  const commits = absent.map(({ chat: id, startedAt }) =>
    store.commit({ now: startedAt, chat: { created: newChatAt(startedAt, { id, instanceId: InstanceId }) } }),
  );
  await Promise.all(commits);
  return absent;
}
