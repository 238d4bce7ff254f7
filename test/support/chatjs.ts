import { createRequire } from 'node:module';
import { StopContactCommand } from '@aws-sdk/client-connect';
import { loadChatjs } from '../../examples/chatjs-in-node.mjs';
import { typing } from '../../src/domain/content-type.ts';
import { type Journal, openJournal } from './journal.ts';
import { type Api, InstanceId, type Ticket } from './server.ts';

/** An item as chatjs hands it to its callbacks. */
export interface ChatjsItem {
  readonly Id: string;
  readonly Type: string;
  readonly AbsoluteTime: string;
  readonly ContentType?: string;
  readonly Content?: string;
  readonly ParticipantId?: string;
  readonly ParticipantRole?: string;
  readonly DisplayName?: string;
  readonly ContactId?: string;
  readonly InitialContactId?: string;
  readonly Attachments?: readonly {
    readonly AttachmentId: string;
    readonly AttachmentName: string;
    readonly ContentType: string;
    readonly Status: string;
  }[];
  readonly MessageMetadata?: {
    readonly MessageId: string;
    readonly Receipts: readonly {
      readonly RecipientParticipantId: string;
      readonly DeliveredTimestamp?: string;
      readonly ReadTimestamp?: string;
    }[];
  };
}

/** What a chatjs session reported. */
export interface ChatjsEvent {
  readonly kind: 'message' | 'typing' | 'read' | 'delivered' | 'established' | 'lost' | 'broken' | 'alive' | 'ended';
  readonly item: ChatjsItem;
}

export interface ChatjsSession extends AsyncDisposable {
  /** The session of the library itself. */
  // biome-ignore lint/suspicious/noExplicitAny: the library is untyped
  readonly session: any;
  readonly events: Journal<ChatjsEvent>;
  /** The items that onMessage got. */
  messages(): ChatjsItem[];
  /** Connects; resolves when items come. `from` is where in `events` to look for that, when it connects again by itself. */
  ready(from?: number): Promise<void>;
  /** Sends typing, which chatjs does at most once in ten seconds. */
  typing(): Promise<void>;
  message(what: string, isIt: (item: ChatjsItem) => boolean, from?: number): Promise<ChatjsItem>;
}

/** A page with chatjs in it: sessions of one page and chat share a WebSocket, those of two pages share nothing. */
export interface Page {
  customer(ticket: Ticket): ChatjsSession;
  /** The session type that agents' consoles use; here for a custom participant. */
  agent(ticket: Ticket): ChatjsSession;
}

const require = createRequire(import.meta.url);

/**
 * Loads chatjs anew, unmodified, as another tab would. Its throttle of receipts, five seconds, is shortened by its own
 * configuration.
 */
export function openPage(api: Api, region = 'us-east-1'): Page {
  // chatjs finds what it keeps per page on the window; without these it starts from nothing.
  Reflect.deleteProperty(globalThis, 'connect');
  delete require.cache[require.resolve('amazon-connect-chatjs')];
  const { ChatSession } = loadChatjs({ endpoint: api.endpoint, region });
  ChatSession.setGlobalConfig({
    endpoint: api.endpoint,
    region,
    loggerConfig: { useDefaultLogger: false },
    features: { messageReceipts: { shouldSendMessageReceipts: true, throttleTime: 1 } },
  });
  const open = (type: string, ticket: Ticket, more: object) =>
    openSession(
      api,
      ticket,
      ChatSession.create({
        chatDetails: {
          contactId: ticket.ContactId,
          participantId: ticket.ParticipantId,
          participantToken: ticket.ParticipantToken,
          ...more,
        },
        type,
        options: { region },
        disableCSM: true,
      }),
    );
  return {
    customer: (ticket) => open('CUSTOMER', ticket, {}),
    agent: (ticket) =>
      open('AGENT', ticket, { getConnectionToken: () => Promise.reject(new Error('no console here')) }),
  };
}

/** The WebSockets that anything opens from now on by the platform's own class, oldest first. */
export function recordSockets(): Disposable & { readonly opened: readonly WebSocket[] } {
  const platform = globalThis.WebSocket;
  const opened: WebSocket[] = [];
  // chatjs looks the class up when it opens a socket.
  globalThis.WebSocket = class extends platform {
    constructor(url: string | URL) {
      super(url);
      opened.push(this);
    }
  };
  return {
    opened,
    [Symbol.dispose]() {
      globalThis.WebSocket = platform;
    },
  };
}

/** The operations that are called by `fetch` from now on, as chatjs calls them; from a page of that origin, if one is given. */
export function recordCalls(origin?: string): Disposable & { readonly calls: Journal<string> } {
  const platform = globalThis.fetch;
  const calls = openJournal<string>();
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    // Browsers set it themselves, and let no page do so.
    if (origin !== undefined) request.headers.set('origin', origin);
    calls.add(new URL(request.url).pathname.replace('/participant/', ''));
    return platform(request);
  };
  return {
    calls,
    [Symbol.dispose]() {
      globalThis.fetch = platform;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the library is untyped
function openSession(api: Api, ticket: Ticket, session: any): ChatjsSession {
  const events = openJournal<ChatjsEvent>();
  const on = (kind: ChatjsEvent['kind']) => (event: { data?: ChatjsItem } | null) =>
    events.add({ kind, item: event?.data ?? ({} as ChatjsItem) });
  session.onMessage(on('message'));
  session.onTyping(on('typing'));
  session.onReadReceipt(on('read'));
  session.onDeliveredReceipt(on('delivered'));
  session.onConnectionEstablished(on('established'));
  session.onConnectionLost(on('lost'));
  session.onConnectionBroken(on('broken'));
  // The answer to the first ping of a socket, which comes after that to its subscribe.
  session.onDeepHeartbeatSuccess(on('alive'));
  session.onEnded(on('ended'));
  let isConnecting = false;
  const isOver = () => events.all.some(({ kind }) => kind === 'ended' || kind === 'broken');
  return {
    session,
    events,
    messages: () => events.all.filter(({ kind }) => kind === 'message').map(({ item }) => item),
    async ready(from = 0) {
      if (!isConnecting) {
        isConnecting = true;
        await session.connect();
      }
      await events.until('a chatjs session that gets items', ({ kind }) => kind === 'alive', from);
    },
    async typing() {
      const platform = globalThis.setTimeout;
      // Its throttle holds a timer for those ten seconds, which is not to hold the process.
      globalThis.setTimeout = ((...all: Parameters<typeof platform>) => platform(...all).unref()) as typeof platform;
      try {
        await session.sendEvent({ contentType: typing });
      } finally {
        globalThis.setTimeout = platform;
      }
    },
    message: async (what, isIt, from = 0) =>
      (await events.until(what, ({ kind, item }) => kind === 'message' && isIt(item), from)).item,
    async [Symbol.asyncDispose]() {
      // A session ends with its chat alone, and its timers would keep the process for a day.
      if (!isConnecting || isOver()) return;
      await api.connect.send(new StopContactCommand({ InstanceId, ContactId: ticket.ContactId }));
      await events.until('the end of a chatjs session', isOver);
    },
  };
}
