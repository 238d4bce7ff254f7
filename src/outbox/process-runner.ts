/**
 * The other side of process-module.ts, which starts it in a process of its own: loads the module that it is given,
 * and calls its handler as Lambda would.
 */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { systemSteady } from '../runtime/steady.ts';

/** An event for the handler. */
export interface Ask {
  readonly number: number;
  /** The parcel's. */
  readonly id: string;
  /** JSON. */
  readonly event: string;
}

/** What became of loading the module, and then of each event. */
export type Answer =
  | { readonly loaded: true }
  /** Followed by its end. */
  | { readonly unloadable: string }
  | {
      readonly number: number;
      readonly refused?: string | undefined;
      /** What was thrown and where, in lines, for whoever writes the module. */
      readonly stack?: string | undefined;
    };

/** The worker's for a handler, in milliseconds. */
const timeLimit = 60_000;
const maxReason = 200;
const maxStack = 4096;

type Handler = (event: unknown, context: object, callback?: (failure?: unknown) => void) => unknown;

const [, , path = ''] = process.argv;
let handler: Handler | undefined;

// Whoever started this is gone, killed perhaps; so that nothing stays behind, all that this has started goes too.
process.once('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
process.on('message', (ask: Ask) => void run(ask));
await load();

async function load(): Promise<void> {
  try {
    const loaded = await import(pathToFileURL(path).href);
    handler = [loaded.handler, loaded.default?.handler].find((each) => typeof each === 'function');
    if (!handler) throw new Error('it exports no function named handler');
    answer({ loaded: true });
  } catch (failure) {
    // Node shows the place of an error in the module's text only when it dies of it.
    process.removeAllListeners('uncaughtException');
    answer({ unloadable: reasonOf(failure) }, () => {
      throw failure;
    });
  }
}

async function run({ number, id, event }: Ask): Promise<void> {
  try {
    await call(JSON.parse(event), id);
    answer({ number });
  } catch (failure) {
    answer({ number, refused: reasonOf(failure), stack: stackOf(failure) });
  }
}

/** A handler of three parameters that returns no promise answers by calling the third. */
async function call(event: unknown, id: string): Promise<void> {
  const began = systemSteady.now();
  const context = {
    awsRequestId: id,
    functionName: basename(path).replace(/\.\w+$/, ''),
    functionVersion: '$LATEST',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(timeLimit - (systemSteady.now() - began))),
  };
  const { promise: called, resolve, reject } = Promise.withResolvers<void>();
  // Called though the handler's promise decides: what it says is nobody's.
  called.catch(() => {});
  const returned = handler?.(event, context, (failure) => (failure ? reject(failure) : resolve()));
  const isPromise = typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function';
  await (isPromise || (handler?.length ?? 0) < 3 ? returned : called);
}

/** One line of what was thrown, which may be anything. */
function reasonOf(failure: unknown): string {
  const text = failure instanceof Error ? failure.message || failure.name : String(failure);
  return (
    text
      .trim()
      .split(/[\r\n]/)[0]
      ?.slice(0, maxReason) || 'an error without a message'
  );
}

/** Without what is ours and Node's, which says nothing to whoever wrote the module. */
function stackOf(failure: unknown): string {
  const lines = inspect(failure, { depth: 1 }).split('\n');
  const own = lines.filter(
    (line) => !/^ +at /.test(line) || !(line.includes(import.meta.url) || line.includes('node:')),
  );
  return own.join('\n').slice(0, maxStack);
}

function answer(said: Answer, sent = () => {}): void {
  if (process.connected) process.send?.(said, sent);
}
