import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { within } from './journal.ts';
import { freePorts } from './ports.ts';
import { cleanEnvironment } from './process.ts';
import { root } from './source.ts';

/** Runs a guide: what a reader would type, in its order, in a folder that stands for a clone. */

/** A fenced block, and the comment before it that says what is done with it. */
export interface Block {
  readonly language: string;
  readonly text: string;
  readonly mark: string;
}

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

export function sectionsOf(guide: string): Section[] {
  return guide
    .split(/^## /m)
    .slice(1)
    .map((section) => ({
      title: section.slice(0, section.indexOf('\n')),
      blocks: [...section.matchAll(/(?:^<!-- (.*?) -->\n\n?)?^```(\w*)\n(.*?)^```$/gms)].map(
        ([, mark = '', language = '', text = '']) => ({ language, text, mark }),
      ),
    }));
}

export interface Reader extends AsyncDisposable {
  /** Does what a block says, and holds what it prints against the block after it. Answers how many blocks that were. */
  follow(block: Block, next?: Block): Promise<1 | 2>;
  /** What stands for a port of the guide. */
  port(shown: string): number;
}

/** Does what the blocks say, in their order. */
export async function followAll(reader: Reader, blocks: readonly Block[]): Promise<void> {
  for (let index = 0; index < blocks.length; ) {
    const [block, next] = blocks.slice(index, index + 2);
    if (block) index += await reader.follow(block, next);
  }
}

/** Ports as guides have them, each of which becomes a free one. */
const ports = ['8378', '8379', '8380', '8400', '8080', '4566'];

/** What a reader finds that is not in the clone. */
export interface Surroundings {
  /** What is done with blocks that have a mark of their own; ports are those of the reader. */
  readonly marks?: Readonly<Record<string, (text: string, port: (shown: string) => number) => unknown>>;
  /** Texts of the guide, and what stands for them here. */
  readonly places?: readonly (readonly [shown: string, real: string])[];
  readonly environment?: Readonly<Record<string, string>>;
}

export async function openReader({ marks = {}, places = [], environment: more = {} }: Surroundings): Promise<Reader> {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-guide-'));
  for (const name of ['examples', 'node_modules', 'package.json', 'scripts', 'src']) {
    symlinkSync(join(root, name), join(folder, name));
  }
  const free = await freePorts(ports.length);
  const real = ports.map((port, index) => [port, String(free[index])] as const);
  const portOf = (port: string) => Number(real.find(([shown]) => shown === port)?.[1]);
  const toReal = (text: string) => {
    // What stands for a place may hold a port that is one: it comes in last.
    const held = places.reduce((all, [shown], index) => all.replaceAll(shown, `<<place ${index}>>`), text);
    const inPorts = real.reduce((all, [shown, port]) => all.replaceAll(shown, port), held);
    return inPorts.replaceAll(/<<place (\d+)>>/g, (_, index) => places[Number(index)]?.[1] ?? '');
  };
  const toShown = (text: string) => {
    const inPorts = real.reduce((all, [shown, port]) => all.replaceAll(`:${port}`, `:${shown}`), text);
    return places.reduce((all, [shown, place]) => all.replaceAll(place, shown), inPorts);
  };
  const own = Object.entries(cleanEnvironment({})).filter(([name]) => !name.startsWith('npm_'));
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const environment = { ...Object.fromEntries(own), PATH, TERTULIA_PORT: toReal('8378'), ...more };
  const shell = openShell(folder, environment);
  let server: ChildProcess | undefined;

  async function run({ text, mark }: Block, wanted: Block | undefined): Promise<void> {
    const isIt = (stdout: string) => !wanted || isAlike(toShown(stdout), wanted);
    let stdout = '';
    const patient = async () => {
      do stdout = await shell.run(toReal(text), mark === 'until' ? undefined : isIt);
      while (mark === 'until' && !isIt(stdout));
    };
    await within(`what the guide shows after:\n${text}`, patient(), () => `${stdout}\n${shell.printed()}`);
  }

  async function serve(text: string): Promise<void> {
    await stop(server);
    server = await started(toReal(text), folder, environment);
  }

  return {
    port: portOf,
    async follow(block, next) {
      const { language, mark, text } = block;
      if (mark === 'server') await serve(text);
      else if (mark.startsWith('file: ')) writeFileSync(join(folder, mark.slice(6)), toReal(text));
      else if (Object.hasOwn(marks, mark)) await marks[mark]?.(text, portOf);
      else {
        assert.ok(language === 'sh' && ['', 'until'].includes(mark), `nobody knows what to do with ${mark}:\n${text}`);
        const isOutput = next?.language === 'text' || next?.mark === 'output';
        await run(block, isOutput ? next : undefined);
        return isOutput ? 2 : 1;
      }
      return 1;
    },
    async [Symbol.asyncDispose]() {
      await shell.end();
      await stop(server);
      rmSync(folder, { recursive: true });
    },
  };
}

/** The same but for ids, times and keys. */
function isAlike(printed: string, { language, text }: Block): boolean {
  if (language !== 'json') return masked(printed).trim() === masked(text).trim();
  try {
    return isDeepStrictEqual(JSON.parse(masked(printed)), JSON.parse(masked(text)));
  } catch {
    return false;
  }
}

function masked(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replaceAll(/(?<="uptimeSeconds":)\d+/g, '<seconds>')
    .replaceAll(/\bAKIA\w+/g, '<key>')
    .replaceAll(/(?<=SECRET_ACCESS_KEY=)\S+/g, '<secret>');
}

interface Shell {
  /** Resolves to what was printed when the commands are done and, if that is asked for, `isIt`: others may print in the background. */
  run(commands: string, isIt?: (stdout: string) => boolean): Promise<string>;
  printed(): string;
  end(): Promise<void>;
}

/** One shell for all blocks, as a terminal is. It ends when a command fails, which fails the block. */
function openShell(cwd: string, env: NodeJS.ProcessEnv): Shell {
  const child = spawn('sh', ['-e'], { cwd, env, stdio: 'pipe', detached: true });
  const closed = once(child, 'close').then(([code]) => code as number | null);
  let stdout = '';
  let stderr = '';
  let count = 0;
  const looks = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of looks) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  return {
    printed: () => `${stdout}\n${stderr}`,
    run(commands, isIt = () => true) {
      count += 1;
      const file = join(cwd, `.block-${count}`);
      const mark = `\n<<block ${count} is done>>\n`;
      stdout = '';
      stderr = '';
      writeFileSync(file, commands);
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const look = () => {
        if (!stdout.includes(mark) || !isIt(stdout.replace(mark, ''))) return;
        looks.delete(look);
        resolve(stdout.replace(mark, ''));
      };
      looks.add(look);
      closed.then(
        (code) => reject(new Error(`the shell ended with ${code} in:\n${commands}\n${stdout}\n${stderr}`)),
        reject,
      );
      child.stdin.write(`. ${file} </dev/null\nprintf '\\n<<block %s is done>>\\n' ${count}\n`);
      return promise;
    },
    async end() {
      killGroup(child, 'SIGKILL');
      await closed;
    },
  };
}

/** Resolves once the server accepts requests. */
async function started(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let printed = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (text: string) => {
    printed += text;
    if (/See a chat happen/.test(printed)) resolve();
  };
  child.stdout?.setEncoding('utf8').on('data', look);
  child.stderr?.setEncoding('utf8').on('data', look);
  child.on('close', (code) => reject(new Error(`the server ended with ${code}: ${printed}`)));
  await within(command, promise, () => printed);
  return child;
}

/** Ctrl-C. */
async function stop(child: ChildProcess | undefined): Promise<void> {
  if (!child) return;
  const closed = child.exitCode === null ? once(child, 'close') : undefined;
  killGroup(child, 'SIGINT');
  await within('the server to end', Promise.resolve(closed)).finally(() => killGroup(child, 'SIGKILL'));
}

function killGroup({ pid }: ChildProcess, signal: 'SIGINT' | 'SIGKILL'): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It is gone.
  }
}
