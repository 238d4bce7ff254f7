import { openHttp } from './load.ts';

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
  const http = await openHttp(port);
  return {
    async ask(method, path, lines, body) {
      const head = [`Host: ${hostOf(port)}`, `Content-Length: ${Buffer.byteLength(body)}`, ...lines];
      const request = `${method} ${path} HTTP/1.1\r\n${head.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
      const status = await http.exchange(Buffer.from(request));
      return { status, body: http.body.toString() };
    },
    [Symbol.dispose]: http.end,
  };
}

export function hostOf(port: number): string {
  return `127.0.0.1:${port}`;
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
