import type { Bus, News } from '../../src/bus/bus.ts';
import { decodeNews, encodeNews } from '../../src/bus/codec.ts';
import { openLocalBus } from '../../src/bus/local.ts';
import { silentLog } from '../../src/runtime/log.ts';
import type { Random } from './random.ts';
import { delay, type Scheduler } from './scheduler.ts';
import type { Weather } from './weather.ts';

/** Buses of nodes as with NATS: own subscribers hear at once, those of others over a network that does as it likes. */
export interface Network {
  /** Another node's bus. */
  open(node: BusNode): Bus;
}

export interface BusNode {
  readonly isAlive: () => boolean;
  /** The node is cut off from the others. */
  readonly isCut: () => boolean;
}

const mostBytes = 128 * 1024;
/** No news of a few items fit into that: they go by reference. */
const fewBytes = 150;
const lateMs = 8_000;

export function openNetwork(
  scheduler: Scheduler,
  random: Random,
  weather: () => Weather,
  note: (what: string) => void,
): Network {
  const ends = new Map<Bus, BusNode>();

  function carry(bytes: Buffer, chat: number, local: Bus): void {
    const news = decodeNews(bytes, chat);
    if (typeof news === 'string') throw new Error(`news are ${news}`);
    local.publish(news);
  }

  function send(news: News, from: Bus): void {
    const { newsLost, newsTwice, newsLate, newsBare } = weather();
    const bytes = encodeNews(news, random.chance(newsBare) ? fewBytes : mostBytes);
    if (!bytes) return;
    for (const [local, node] of ends) {
      if (local === from) continue;
      if (random.chance(newsLost)) {
        note(`news of ${news.kind} are lost`);
        continue;
      }
      const times = random.chance(newsTwice) ? 2 : 1;
      for (let count = 0; count < times; count += 1) {
        const ms = random.chance(newsLate) ? random.share() * lateMs : 0.1 + delay(random, 2, 40);
        scheduler.after(ms, () => {
          if (node.isAlive() && !node.isCut()) carry(bytes, news.chat, local);
        });
      }
    }
  }

  return {
    open(node) {
      const local = openLocalBus(silentLog);
      ends.set(local, node);
      return {
        publish(news) {
          if (!node.isAlive()) return;
          if (!node.isCut()) send(news, local);
          local.publish(news);
        },
        async subscribe(chat, heard) {
          if (!node.isCut()) await scheduler.sleep(0.2 + delay(random, 2, 40));
          return local.subscribe(chat, heard);
        },
        async [Symbol.asyncDispose]() {
          ends.delete(local);
          await local[Symbol.asyncDispose]();
        },
      };
    },
  };
}
