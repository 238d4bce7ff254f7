import { openProcess } from '../../src/outbox/process.ts';
import { systemSteady } from '../../src/runtime/steady.ts';
import { environmentOf, parcelOf } from './programs.ts';

/** A server that gives a module one event and waits to be killed. Writes what the module prints. */
const [, , folder = '', module = ''] = process.argv;
const write = (text: string) => void process.stdout.write(text);
const bot = openProcess({ folder, module }, { steady: systemSteady, environment: environmentOf(), write });
process.stdin.resume();
await bot.deliver(parcelOf(), new AbortController().signal);
