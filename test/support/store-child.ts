import { writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { systemSteady } from '../../src/runtime/steady.ts';
import { CannotOpen } from '../../src/store/cannot-open.ts';
import { migrate, openSqlite } from '../../src/store/sqlite.ts';
import { chatNow, done, message, newChat, noon } from '../contract/store-fixtures.ts';

/**
 * A process of its own around the embedded store, for tests that kill it, trace it or race it.
 * `store-child.ts <what> <directory> [more]`; it says on standard output what it did, and ends when its input does.
 */
const [what = '', directory = '', more = ''] = process.argv.slice(2);

/** Written at once by one system call, so that a trace shows when. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const acts: Readonly<Record<string, () => Promise<void> | void>> = { hold, append, flood, migrate: raceToMigrate };

/** Opens the store when told to, and keeps it open. */
async function hold(): Promise<void> {
  await toldToGo();
  try {
    openSqlite(directory, systemSteady);
    say('open');
  } catch (failure) {
    if (!(failure instanceof CannotOpen)) throw failure;
    say(failure.message);
    process.exit();
  }
}

/** `more` messages one after another, each acknowledged; with `off` after a comma, syncing as little as SQLite can. */
async function append(): Promise<void> {
  const [count = '', sync = ''] = more.split(',');
  const store = openSqlite(directory, systemSteady);
  if (sync === 'off') store.database.exec('PRAGMA synchronous = OFF');
  const { chat } = done(await store.commit({ now: noon, chat: { created: newChat(['ann']) } }));
  say('ready');
  for (let index = 1; index <= Number(count); index += 1) {
    const { number } = done(await store.append(message(chat?.key ?? 0, 'ann')));
    say(`acknowledged ${number}`);
  }
  process.exit();
}

/** Messages in three chats, thirty at a time, until somebody ends it. `more` makes their names differ from other runs'. */
async function flood(): Promise<void> {
  const store = openSqlite(directory, systemSteady);
  const keys: number[] = [];
  for (const id of ['one', 'two', 'three']) {
    const created = { ...newChat(['ann']), id };
    if (!(await store.chat({ contactId: id }))) done(await store.commit({ now: noon, chat: { created } }));
    keys.push((await chatNow(store, { id })).key);
  }
  const one = async (worker: number) => {
    for (let index = 0; ; index += 1) {
      const key = keys[(worker + index) % keys.length] ?? 0;
      const name = `${more}-${worker}-${index}`;
      const append = message(key, 'ann', { content: name, token: { value: name, request: name } });
      const { number, time } = done(await store.append(append));
      say(`${key} ${number} ${time} ${name}`);
    }
  };
  await Promise.all(Array.from({ length: 30 }, (_, worker) => one(worker)));
}

async function raceToMigrate(): Promise<void> {
  const database = new DatabaseSync(directory);
  database.exec('PRAGMA busy_timeout = 10000');
  await toldToGo();
  try {
    migrate(database);
    say('migrated');
  } catch (failure) {
    say(String(failure));
  }
  process.exit();
}

async function toldToGo(): Promise<void> {
  say('ready');
  await new Promise((resolve) => process.stdin.once('data', resolve));
}

process.stdin.on('end', () => process.exit());
process.stdin.resume();
await acts[what]?.();
