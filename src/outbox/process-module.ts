import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Steady } from '../runtime/steady.ts';
import { killGroup, openGate, passOn } from './child.ts';
import { type Destination, type Parcel, Rejected } from './destination.ts';
import type { Answer, Ask } from './process-runner.ts';
import { eventJson } from './sns-event.ts';

export interface ModuleParts {
  /** Where it runs. */
  readonly folder: string;
  readonly path: string;
  readonly env: Record<string, string | undefined>;
  /** Gets whole lines: what the process prints, and what is thrown in it. */
  readonly write: (text: string) => void;
  readonly steady: Pick<Steady, 'now'>;
}

/** Events that a module has at once; what there is more waits. */
const mostAtOnce = 64;
/** Between starts of a module that failed again and again: none for the first time, then doubled from the least. */
const leastPause = 250;
const mostPause = 10_000;

/** Failures of a version since an event was last answered, and the steady time before which it is not started again. */
interface Failures {
  readonly version: string;
  readonly times: number;
  readonly reason: string;
  readonly until: number;
}

const none: Failures = { version: '', times: 0, reason: '', until: 0 };

function after(failed: Failures, version: string, reason: string, now: number): Failures {
  const times = failed.version === version ? failed.times + 1 : 1;
  const pause = times === 1 ? 0 : Math.min(mostPause, leastPause * 2 ** Math.min(times - 2, 10));
  return { version, times, reason, until: now + pause };
}

/** In the sources and in the compiled program: whatever this file is. */
const runner = fileURLToPath(new URL(`./process-runner${extname(import.meta.url)}`, import.meta.url));

/** A process that has loaded the module, or is about to. */
interface Run {
  /** What the file was when it was started. */
  readonly version: string;
  readonly child: ChildProcess;
  /** Why the module cannot be loaded; undefined: it was. Never rejects. */
  readonly loaded: Promise<string | undefined>;
  /** What is waited for, by number: told that it was taken, or why not. */
  readonly events: Map<number, (failure?: Error) => void>;
  /** The process is gone. */
  readonly ended: Promise<unknown>;
}

/** Starts a process. `tell` gets why it has ended or cannot be started, or undefined for each answer of the handler. */
function launch(
  { folder, path, env, write }: Omit<ModuleParts, 'steady'>,
  version: string,
  tell: (reason?: string) => void,
): Run {
  const name = basename(path);
  const child = spawn(process.execPath, [runner, path], {
    ...{ cwd: folder, env, detached: true },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const from of [child.stdout, child.stderr]) if (from) passOn(from, name, write);
  const events: Run['events'] = new Map();
  const loaded = Promise.withResolvers<string | undefined>();
  const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
  // Only when the channel has ended was all read that the process had said before its own end.
  const heard = new Promise((resolve) => child.once('disconnect', resolve));
  const fail = (reason: string) => {
    tell(reason);
    loaded.resolve(reason);
  };
  let unloadable: string | undefined;
  child.on('message', (said: Answer) => {
    if ('loaded' in said) loaded.resolve(undefined);
    else if ('unloadable' in said) unloadable = `it cannot be loaded: ${said.unloadable}`;
    else {
      for (const line of said.stack?.split('\n') ?? []) write(`${name}: ${line}\n`);
      tell();
      events.get(said.number)?.(said.refused === undefined ? undefined : new Rejected(said.refused));
    }
  });
  child.once('error', ({ message }) => fail(`it cannot be started: ${message}`));
  child.once('exit', (code, signal) => {
    void heard.then(() => fail(unloadable ?? `its process ended with ${code ?? signal}`));
  });
  return { version, child, loaded: loaded.promise, events, ended };
}

/**
 * A module whose handler gets the events, several at once, in one process for all of them. States: no process; a
 * process that loads or has loaded (`current`); beside it at most one older one (`older`) that ends what it has begun,
 * because the file has changed since it was started. The file is looked at before each event, which finds whatever an
 * editor does to it, and a file that is half written is looked at again by the next attempt. A process that ends by
 * itself is started again by the next event, after a pause that grows.
 */
export function openModule({ folder, path, env, write, steady }: ModuleParts): Destination {
  const name = basename(path);
  const enter = openGate(mostAtOnce);
  let current: Run | undefined;
  let older: Run | undefined;
  let isClosed = false;
  let number = 0;
  let failed = none;

  function start(version: string): Run {
    const run: Run = launch({ folder, path, env, write }, version, (reason) => {
      if (run === current && reason === undefined) failed = none;
      if (reason === undefined) return;
      if (run === current) {
        failed = after(failed, version, reason, steady.now());
        write(`${name}: ${reason}\n`);
      }
      end(run, reason);
    });
    return run;
  }

  /** Ends a process with all that it started; what it had begun is not known to have been done. */
  function end(run: Run, reason: string): void {
    if (current === run) current = undefined;
    if (older === run) older = undefined;
    killGroup(run.child);
    for (const settle of run.events.values()) settle(new Error(`${name}: ${reason}`));
  }

  /** Lets a process end what it has begun. One that was let do so before is ended. */
  function retire(run: Run): void {
    if (older) end(older, 'its file has changed twice since');
    current = undefined;
    older = run;
    if (run.events.size === 0) end(run, 'its file has changed');
  }

  /** The process for an event of now. Throws why there is none. */
  function running(): Run {
    const version = versionOf(path);
    if (current && current.version !== version) retire(current);
    if (current) return current;
    if (version === missing) throw new Error(`${name}: there is no such file`);
    if (failed.version === version && steady.now() < failed.until) throw new Error(`${name}: ${failed.reason}`);
    current = start(version);
    return current;
  }

  /** Resolves when the handler has; a handler that has not when the signal comes is ended, with its process. */
  async function ask(run: Run, parcel: Parcel, signal: AbortSignal): Promise<void> {
    number += 1;
    const message: Ask = { number, id: parcel.id, event: eventJson(parcel) };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      reject(signal.reason);
      end(run, 'its process was ended because another event took too long');
    };
    run.events.set(message.number, (failure) => (failure ? reject(failure) : resolve()));
    signal.addEventListener('abort', abort, { once: true });
    try {
      const reason = await Promise.race([run.loaded, promise]);
      if (typeof reason === 'string') throw new Error(`${name}: ${reason}`);
      if (!signal.aborted) run.child.send(message, (failure) => failure && reject(failure));
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      run.events.delete(message.number);
      if (older === run && run.events.size === 0) end(run, 'its file has changed');
    }
  }

  return {
    async deliver(parcel, signal) {
      const leave = await enter(signal);
      try {
        if (isClosed) throw new Error(`${name}: the server stops`);
        await ask(running(), parcel, signal);
      } finally {
        leave();
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      const runs = [current, older].filter((run) => run !== undefined);
      for (const run of runs) end(run, 'the server stops');
      await Promise.all(runs.map(({ ended }) => ended));
    },
  };
}

const missing = 'missing';

/** Changes with the file, by whichever way it is written. */
function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? [found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ') : missing;
}
