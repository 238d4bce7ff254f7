import type { ChatKey } from '../domain/chat.ts';
import type { Log } from '../runtime/log.ts';
import type { Bus, News } from './bus.ts';

interface Listener {
  readonly heard: (news: News) => void;
  hasEnded: boolean;
}

/** The bus of a single node: a call in the same process, made before `publish` returns. */
export function openLocalBus(log: Log): Bus {
  // Arrays are replaced, never changed, so that one at hand is "the subscribers of that time".
  const listeners = new Map<ChatKey, readonly Listener[]>();
  // A subscriber may publish while it is told: that news waits its turn, or others would hear it before its cause.
  const waiting: { readonly news: News; readonly to: readonly Listener[] }[] = [];
  let isRinging = false;

  function tell(news: News, listener: Listener): void {
    if (listener.hasEnded) return;
    try {
      listener.heard(news);
    } catch (failure) {
      log.error({ err: failure, chat: news.chat, kind: news.kind }, 'a subscriber of the bus failed on news');
    }
  }

  return {
    publish(news) {
      const to = listeners.get(news.chat);
      if (!to) return;
      waiting.push({ news, to });
      if (isRinging) return;
      isRinging = true;
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        for (const listener of next.to) tell(next.news, listener);
      }
      isRinging = false;
    },
    async subscribe(chat, heard) {
      const listener: Listener = { heard, hasEnded: false };
      listeners.set(chat, [...(listeners.get(chat) ?? []), listener]);
      return {
        end() {
          listener.hasEnded = true;
          const others = listeners.get(chat)?.filter((each) => each !== listener) ?? [];
          if (others.length > 0) listeners.set(chat, others);
          else listeners.delete(chat);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const each of [...listeners.values()].flat()) each.hasEnded = true;
      listeners.clear();
    },
  };
}
