import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One kept HTTP connection, one request at a time: cheap enough for a load program that shares the machine. */
export interface Connection extends Disposable {
  /** `lines` are those of the head after the first, without Host and Content-Length. */
  ask(method: string, path: string, lines: readonly string[], body: string): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const read = reader(socket);
  return {
    ask(method, path, lines, body) {
      const length = Buffer.byteLength(body);
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: ${hostOf(port)}\r\nContent-Length: ${length}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`,
      );
      return read();
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

export function hostOf(port: number): string {
  return `127.0.0.1:${port}`;
}

/** Answers with a Content-Length alone are understood: those that are measured send no others. */
function reader(socket: Socket): () => Promise<Answer> {
  let got: Buffer = Buffer.alloc(0);
  let waiting: PromiseWithResolvers<Answer> | undefined;
  let failure: Error | undefined;
  socket.on('data', (chunk: Buffer) => {
    got = got.length > 0 ? Buffer.concat([got, chunk]) : chunk;
    const head = got.indexOf('\r\n\r\n');
    if (head < 0) return;
    const text = got.toString('latin1', 0, head);
    const end = head + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0);
    if (got.length < end) return;
    const answer = { status: Number(text.slice(9, 12)), body: got.toString('utf8', head + 4, end) };
    got = got.subarray(end);
    waiting?.resolve(answer);
  });
  socket.once('error', (why) => {
    failure = why;
  });
  socket.once('close', () => {
    failure ??= new Error('the server closed the connection');
    waiting?.reject(failure);
  });
  return () => {
    if (failure) return Promise.reject(failure);
    waiting = Promise.withResolvers();
    return waiting.promise;
  };
}

/** The members of a JSON answer; throws for any that is no success. */
export function membersOf<T>({ status, body }: Answer): T {
  if (status !== 200) throw new Error(`answered ${status}: ${body}`);
  return JSON.parse(body);
}

/** Runs `task` for every number below `count`, so many at once. */
export async function atOnce(outstanding: number, count: number, task: (index: number) => Promise<void>) {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await task(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(outstanding, count) }, worker));
}
