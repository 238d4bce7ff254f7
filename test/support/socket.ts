import { WebSocket } from 'ws';
import type { ChatjsItem } from './chatjs.ts';
import { type Journal, openJournal, within } from './journal.ts';

/** A WebSocket that speaks the frames by hand. */
export interface TestSocket extends Disposable {
  readonly ws: WebSocket;
  /** Every frame, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: frames are JSON, and tests look into them
  readonly frames: Journal<any>;
  /** The items among them. */
  readonly items: Journal<ChatjsItem>;
  send(frame: object): void;
  item(what: string, isIt: (item: ChatjsItem) => boolean, from?: number): Promise<ChatjsItem>;
  closed(): Promise<{ readonly code: number; readonly reason: string }>;
}

/** Opens a WebSocket and subscribes; resolves when items come. */
export async function listen(url: string): Promise<TestSocket> {
  const socket = await dial(url);
  socket.send({ topic: 'aws/subscribe', content: { topics: ['aws/chat'] } });
  await socket.frames.until('the answer to subscribe', ({ topic }) => topic === 'aws/subscribe');
  return socket;
}

/** Opens a WebSocket, and nothing more. Rejects with the server's words if the upgrade is refused. */
export async function dial(url: string, options: object = {}): Promise<TestSocket> {
  const ws = new WebSocket(url, options);
  const frames = openJournal();
  const items = openJournal<ChatjsItem>();
  ws.on('message', (data) => {
    const frame = JSON.parse(String(data));
    frames.add(frame);
    if (frame.topic === 'aws/chat') items.add(JSON.parse(frame.content));
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  await within(
    'a WebSocket to open',
    new Promise<void>((resolve, reject) => {
      ws.on('open', () => resolve());
      ws.on('error', reject);
    }),
  );
  return {
    ws,
    frames,
    items,
    send: (frame) => ws.send(JSON.stringify(frame)),
    item: (what, isIt, from) => items.until(what, isIt, from),
    closed: () => within('a WebSocket to close', closed, () => frames.all),
    [Symbol.dispose]: () => ws.terminate(),
  };
}
