import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Destination, Parcel } from '../../src/outbox/destination.ts';
import { openProcess, type ProcessParts } from '../../src/outbox/process.ts';
import { systemSteady } from '../../src/runtime/steady.ts';

/** A contact event, which a program is given as it is; its `detail` is what a test wants to tell the program. */
export function parcelOf(detail: unknown = {}): Parcel {
  const id = '30000000-0000-5000-8000-000000000001';
  return { id, topic: '', body: JSON.stringify({ detail }), time: 1_700_000_000_123, attributes: {} };
}

/** The program under test, and what it prints. */
export interface TestProgram extends AsyncDisposable {
  readonly folder: string;
  readonly destination: Destination;
  /** Delivers an event with this detail; without a signal there is no limit. */
  deliver(detail?: unknown, signal?: AbortSignal): Promise<void>;
  /** Writes the module, in place, as an editor does. */
  write(text: string): void;
  /** All that was printed. */
  printed(): string;
  /** Resolves when what was printed holds it. */
  until(what: RegExp): Promise<RegExpExecArray>;
}

/** The environment of a program that a test runs: without what would make it part of the run. */
export function environmentOf(more: Record<string, string> = {}): Record<string, string | undefined> {
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  return { ...own, ...more };
}

/** A module of that text, or a command, in a folder of its own. */
export function testProgram(
  given: { readonly module: string; readonly name?: string } | { readonly command: string },
  parts: Partial<ProcessParts> = {},
): TestProgram {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-program-'));
  const module = join(folder, ('module' in given && given.name) || 'bot.mjs');
  const write = (text: string) => writeFileSync(module, text);
  if ('module' in given) write(given.module);
  let printed = '';
  const waiting = new Set<() => void>();
  const program = 'module' in given ? { folder, module } : { folder, command: given.command };
  const destination = openProcess(program, {
    ...{ steady: systemSteady, environment: environmentOf() },
    write(text) {
      printed += text;
      for (const look of waiting) look();
    },
    ...parts,
  });
  return {
    ...{ folder, destination, write },
    deliver: (detail, signal = new AbortController().signal) => destination.deliver(parcelOf(detail), signal),
    printed: () => printed,
    until: (what) =>
      new Promise((resolve) => {
        const look = () => {
          const found = what.exec(printed);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      await destination[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
