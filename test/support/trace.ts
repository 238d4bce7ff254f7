import { spawnSync } from 'node:child_process';

/** Reading system calls as `strace -f -y` writes them, to see what was on disk when a process said so. */

const calls = ['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'fdatasync', 'fsync'];

/** The command that runs another one and writes its file system calls to `file`. */
export function tracing(file: string): string[] {
  return ['strace', '-f', '-y', '-s', '64', '-e', 'signal=none', '-e', `trace=${calls.join(',')}`, '-o', file];
}

/** Why this machine cannot trace, or undefined when it can. */
export function cannotTrace(): string | undefined {
  const tried = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']);
  if (tried.error) return `strace cannot be run: ${tried.error.message}`;
  return tried.status === 0 ? undefined : `strace failed: ${tried.stderr}`;
}

interface Call {
  readonly name: string;
  /** The path of its first argument, where that is a file that is open. */
  readonly file: string;
  readonly text: string;
}

export interface Acknowledgements {
  /** Those found in the trace, by the number they carry. */
  readonly all: number[];
  /** Those before which nothing was written to the log since the one before. */
  readonly unwritten: number[];
  /** Those that left while something in the log was not synced. */
  readonly unsynced: number[];
}

/** Finds each `acknowledged <number>` on standard output, and what had happened to the write-ahead log by then. */
export function acknowledgements(trace: string): Acknowledgements {
  const found: Acknowledgements = { all: [], unwritten: [], unsynced: [] };
  /** The call that each thread is in. */
  const pending = new Map<string, Call>();
  let isWritten = false;
  let isSynced = true;

  const begin = (call: Call) => {
    const acknowledged = /^write\(1<.*"acknowledged (\d+)\\n"/.exec(call.text)?.[1];
    if (acknowledged !== undefined) {
      found.all.push(Number(acknowledged));
      if (!isWritten) found.unwritten.push(Number(acknowledged));
      if (!isSynced) found.unsynced.push(Number(acknowledged));
      isWritten = false;
    }
    if (!call.file.endsWith('-wal') || call.name.endsWith('sync')) return;
    isWritten = true;
    isSynced = false;
  };
  const end = (call: Call | undefined, text: string) => {
    if (call?.file.endsWith('-wal') && call.name.endsWith('sync') && /= 0$/.test(text)) isSynced = true;
  };

  for (const line of trace.split('\n')) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (text.startsWith('<... ')) {
      end(pending.get(thread), text);
      continue;
    }
    const [, name = '', file = ''] = /^(\w+)\(\d+<([^>]*)>/.exec(text) ?? [];
    const call = { name, file, text };
    begin(call);
    if (text.endsWith('<unfinished ...>')) pending.set(thread, call);
    else end(call, text);
  }
  return found;
}
