import type { Readable } from 'node:stream';

/** A request as the pipeline sees it: no socket, so that tests can make one by hand. */
export interface Request extends Head {
  readonly body: Buffer;
}

/** All of a request but its body. */
export interface Head {
  readonly method: string;
  /** As on the wire, without query, still percent-encoded; the public URL's prefix is taken off. */
  readonly path: string;
  /** What was taken off; absent or '' if nothing was. */
  readonly prefix?: string;
  /** Without the question mark. */
  readonly query: string;
  /** As on the wire: order, case and repeats kept, because signatures cover them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Answered as `x-amzn-requestid` and in the log. */
  readonly id: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A reply whose body may be too long to be held: then `content-length` is among its headers. */
export interface StreamReply extends Omit<Reply, 'body'> {
  readonly body: string | Readable;
}

/** The first header of that name; `name` in lower case. */
export function headerOf(request: Pick<Head, 'headers'>, name: string): string | undefined {
  return request.headers.find(([each]) => each.toLowerCase() === name)?.[1];
}
