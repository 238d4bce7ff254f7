import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Steady } from '../runtime/steady.ts';
import { killGroup, openGate, passOn } from './child.ts';
import { type Destination, Rejected } from './destination.ts';
import { openModule } from './process-module.ts';
import { eventJson } from './sns-event.ts';
import type { Program } from './targets.ts';

export interface ProcessParts {
  readonly steady: Pick<Steady, 'now'>;
  /** This process's own, which programs get without what is secret. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gets what programs print, in whole lines, each with the name of the program before it. */
  readonly write: (text: string) => void;
}

/** Gives each parcel to a program of this machine. For development: whoever writes the configuration runs code here. */
export function openProcess(program: Program, parts: ProcessParts): Destination {
  const env = withoutSecrets(parts.environment);
  if (program.module === undefined) return openCommand(program, env, parts.write);
  return openModule({ folder: program.folder, path: program.module, env, steady: parts.steady, write: parts.write });
}

/** The settings that no program needs; `settings.ts` marks them as secret. */
const secrets = new Set(['TERTULIA_SECRET_KEY', 'TERTULIA_CONTROL_TOKEN', 'TERTULIA_STORE', 'TERTULIA_BUS']);

function withoutSecrets(environment: ProcessParts['environment']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secrets.has(name)));
}

/** Each runs for as long as a parcel takes; what there is more waits. */
const mostCommands = 16;

/** A line for the shell, run anew for each parcel, which it reads from standard input: 0 is taken, all else refused. */
function openCommand(
  { command = '', folder }: Program,
  env: Record<string, string | undefined>,
  write: (text: string) => void,
): Destination {
  const enter = openGate(mostCommands);
  return {
    async deliver(parcel, signal) {
      const leave = await enter(signal);
      try {
        const child = spawn('/bin/sh', ['-c', command], { cwd: folder, env, detached: true, stdio: 'pipe' });
        passOn(child.stdout, 'command', write);
        passOn(child.stderr, 'command', write);
        // A command need not read what it is given.
        child.stdin.on('error', () => {});
        child.stdin.end(eventJson(parcel));
        const code = await exitCode(child, signal);
        if (code === 0) return;
        // What the shell ends with when there is no such program, or none that can be run; a signal is nobody's answer.
        const isAnswer = typeof code === 'number' && code !== 126 && code !== 127;
        throw isAnswer ? new Rejected(`the command ended with ${code}`) : new Error(`the command ended with ${code}`);
      } finally {
        leave();
      }
    },
    // A command runs only while a parcel is delivered, and ends with its signal.
    async [Symbol.asyncDispose]() {},
  };
}

/** The exit code, or the signal that ended it. A command in a group of its own ends with all that it started. */
async function exitCode(child: ChildProcess, signal: AbortSignal): Promise<number | string> {
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const kill = () => killGroup(child);
  signal.addEventListener('abort', kill, { once: true });
  try {
    if (signal.aborted) kill();
    const [code, by] = await ended;
    signal.throwIfAborted();
    return code ?? by ?? 'nothing';
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
