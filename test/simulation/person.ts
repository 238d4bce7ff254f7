import type { Reading, Shown, SocketHistory } from '../support/history.ts';
import type { Records } from './chat.ts';
import type { Answer, Client } from './client.ts';
import type { Line, LineParts } from './line.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** Somebody in a chat, with an app like chatjs: a socket that is opened again whenever it breaks, and the transcript beside it. */
export interface Person {
  readonly id: string;
  readonly role: PersonParts['role'];
  /** Of the connection; undefined until there is one. */
  token(): string | undefined;
  /** Everything heard so far, on any socket. */
  readonly heard: readonly Shown[];
  /** The chat is over for it, as the service says. */
  isOver(): boolean;
  /** Resolves when it is connected, or will never be. */
  readonly arrived: Promise<void>;
  say(content: string): Promise<Answer | undefined>;
  type(): Promise<void>;
  mark(kind: 'delivered' | 'read', messageId: string): Promise<void>;
  read(): Promise<void>;
  leave(): Promise<void>;
  breakLine(): void;
  /** It opens no more sockets, and leaves the one it has. */
  rest(): void;
}

export interface PersonParts {
  readonly id: string;
  readonly role: 'CUSTOMER' | 'CUSTOM_BOT' | 'AGENT';
  readonly participantToken: string;
  readonly client: Client;
  /** Opens a socket with a URL that was handed out, on any node; undefined if that refuses, or is not there. */
  readonly dial: (url: string, parts: LineParts) => Promise<Line | undefined>;
  readonly scheduler: Pick<Scheduler, 'after' | 'sleep'>;
  readonly random: Random;
  readonly now: () => number;
  readonly note: (what: string) => void;
  readonly records: Records;
}

interface State extends PersonParts {
  readonly heardAll: Shown[];
  connection: string | undefined;
  line: Line | undefined;
  isGone: boolean;
  isResting: boolean;
}

const subscribe = JSON.stringify({ topic: 'aws/subscribe', content: { topics: ['aws/chat'] } });
const event = 'application/vnd.amazonaws.connect.event.';

export function openPerson(parts: PersonParts): Person {
  const { id, role, client, records, random } = parts;
  const state: State = {
    ...{ ...parts, heardAll: [], connection: undefined, line: undefined, isGone: false, isResting: false },
  };
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  void stay(state, arrive);

  async function act(name: string, input: Record<string, unknown>) {
    const call = await client.call(name, input, state.connection);
    if (call.answer?.status === 403) state.isGone = true;
    const { status, body } = call.answer ?? {};
    return { call, acted: { who: id, sentAt: call.sentAt, answeredAt: call.answeredAt, status, id: body?.Id } };
  }

  return {
    ...{ id, role },
    token: () => state.connection,
    heard: state.heardAll,
    isOver: () => state.isGone,
    arrived,
    async say(content) {
      const input = { ContentType: 'text/plain', Content: content, ClientToken: client.uuid() };
      const { call, acted } = await act('SendMessage', input);
      records.sent.push({ ...acted, content, absoluteTime: call.answer?.body?.AbsoluteTime });
      return call.answer;
    },
    async type() {
      records.typed.push((await act('SendEvent', { ContentType: `${event}typing` })).acted);
    },
    async mark(kind, messageId) {
      const ContentType = `${event}message.${kind}`;
      const { acted } = await act('SendEvent', { ContentType, Content: JSON.stringify({ messageId }) });
      records.receipts.push({ ...acted, kind, messageId });
    },
    read: async () => void (await readAll(state)),
    async leave() {
      if (state.connection === undefined) return;
      const ending = { who: id, sentAt: parts.now() };
      const { call, acted } = await act('DisconnectParticipant', { ClientToken: client.uuid() });
      if (role !== 'CUSTOM_BOT') records.ends.push({ ...acted, ...ending });
      if (call.answer?.status === 200 && random.chance(0.5)) state.isResting = true;
    },
    breakLine: () => state.line?.break(),
    rest() {
      state.isResting = true;
      state.line?.close();
    },
  };
}

/** As chatjs does: a URL, a socket, the transcript, and all of it again when the socket is gone. */
async function stay(state: State, arrive: () => void): Promise<void> {
  const { client, scheduler, random } = state;
  while (!state.isGone && !state.isResting) {
    const input = { Type: ['WEBSOCKET', 'CONNECTION_CREDENTIALS'], ConnectParticipant: true };
    const { answer } = await client.call('CreateParticipantConnection', input, state.participantToken);
    if (answer?.status === 200) {
      state.connection = answer.body.ConnectionCredentials.ConnectionToken;
      arrive();
      await attend(state, answer.body.Websocket.Url);
    } else if (answer) {
      state.isGone = true;
    }
    await scheduler.sleep(200 + 800 * random.share());
  }
  arrive();
}

/** One socket, until it is over. */
async function attend(state: State, url: string): Promise<void> {
  const { id, scheduler, random, records, heardAll, now, dial } = state;
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const heard: Shown[] = [];
  const socket = { isSubscribed: false, isWhole: false, readTo: undefined as string | undefined, isBroken: false };
  const line = await dial(url, {
    random,
    heard(text) {
      const { topic, content } = JSON.parse(text);
      if (topic === 'aws/subscribe') socket.isSubscribed = content.status === 'success';
      if (topic !== 'aws/chat') return;
      const item: Shown = JSON.parse(content);
      heard.push(item);
      heardAll.push(item);
    },
    closed() {
      socket.isBroken = true;
      close();
    },
  });
  if (!line) return;
  const openedAt = now();
  state.line = line;
  records.sockets.push((): SocketHistory => {
    const { isSubscribed, readTo } = socket;
    return { who: id, openedAt, readTo, isSubscribed, isWhole: isSubscribed && !socket.isBroken, heard };
  });
  // Before it subscribes: what is said in between is delivered all the same, from the upgrade on.
  if (random.chance(0.5)) socket.readTo = (await readAll(state))?.at(-1)?.Id;
  if (state.isResting) line.close();
  line.send(subscribe);
  const stopWaiting = scheduler.after(subscribeMs, () => {
    if (!socket.isSubscribed) line.close();
  });
  await closed;
  stopWaiting();
}

const subscribeMs = 5_000;

/** The transcript from its beginning, each page from any node. Undefined if it was not read to its end. */
async function readAll(state: State): Promise<readonly Shown[] | undefined> {
  const { id, client, records, random, now } = state;
  const items: Shown[] = [];
  const reading = { who: id, beganAt: now(), items };
  const MaxResults = random.pick([3, 10, 100]);
  let NextToken: string | undefined;
  let isWhole = false;
  do {
    const input = { MaxResults, SortOrder: 'ASCENDING', ScanDirection: 'FORWARD', NextToken };
    const { answer } = await client.call('GetTranscript', input, state.connection);
    if (answer?.status !== 200) break;
    items.push(...answer.body.Transcript);
    NextToken = answer.body.NextToken;
    isWhole = NextToken === undefined;
  } while (!isWhole);
  records.readings.push({ ...reading, isWhole, endedAt: now() } satisfies Reading);
  return isWhole ? items : undefined;
}
