#!/usr/bin/env node
// What `npm start`, `npm test` and `npx tertulia` begin with: plain JavaScript that runs on Node 20.19 before anything
// is installed. It installs what the lock file names when that is missing or out of date, finds a Node that runs
// TypeScript, and hands over to the script it was given. Rules: SPEC.md, chapter BO.
//
//   node scripts/bootstrap.mjs <script.ts | --node-flag> [arguments]
//
// A script's path is relative to the project folder; all other arguments are passed on as they are.

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import Module from 'node:module';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

/** The project folder, or the folder of the installed package. */
export const root = dirname(import.meta.dirname);

/** The first long-term release of Node that runs TypeScript sources without a flag. */
const OLDEST_NODE = 24;

/** A failure whose message says all there is to say: printed without a stack. */
class Refusal extends Error {}

/** A signal that came while npm ran: everything is let go of, then this process dies of it. */
class Interruption extends Error {}

const say = (text) => process.stderr.write(`tertulia: ${text}\n`);

/** Whether this is a clone: npm never packs the lock file, so an installed package has none. */
export const isClone = (folder) => existsSync(join(folder, 'package-lock.json'));

// ---- Is everything installed?

const read = (...path) => {
  try {
    return readFileSync(join(...path));
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
};

const stampPath = (folder) => join(folder, 'node_modules', '.tertulia-stamp');

/** What is asked for (package.json and lock file) and what npm last did here, in one hash. */
function fingerprint(folder) {
  const hash = createHash('sha256');
  for (const file of ['package.json', 'package-lock.json', 'node_modules/.package-lock.json'])
    hash.update(`${file}\n`).update(read(folder, file) ?? '');
  return hash.digest('hex');
}

function writeStamp(folder) {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  writeFileSync(stampPath(folder), fingerprint(folder));
}

/**
 * Whether npm's own record of its last install names exactly the packages of the lock file. Optional packages, those of
 * other platforms, may be absent. About 3 ms, against 10 s for installing again what `npm install` did by hand.
 */
function matchesRecord(folder) {
  const record = read(folder, 'node_modules', '.package-lock.json');
  if (!record) return false;
  const { '': self, ...wanted } = JSON.parse(read(folder, 'package-lock.json')).packages;
  const { '': _, ...present } = JSON.parse(record).packages;
  const manifest = JSON.parse(read(folder, 'package.json'));
  return (
    ['dependencies', 'devDependencies', 'optionalDependencies'].every((kind) =>
      isDeepStrictEqual(self[kind], manifest[kind]),
    ) &&
    Object.keys(present).every((path) => path in wanted) &&
    Object.entries(wanted).every(([path, { version, integrity, optional }]) =>
      path in present ? present[path].version === version && present[path].integrity === integrity : optional === true,
    )
  );
}

function isInstalled(folder) {
  if (read(stampPath(folder))?.toString() === fingerprint(folder)) return true;
  if (!matchesRecord(folder)) return false;
  try {
    writeStamp(folder);
  } catch {
    // A folder that cannot be written to, such as an image's: the next run compares again.
  }
  return true;
}

async function install(folder) {
  if (isInstalled(folder)) return;
  await withLock(join(folder, '.tertulia-install.lock'), async () => {
    if (isInstalled(folder)) return;
    await runNpmCi(folder);
    writeStamp(folder);
  });
}

async function runNpmCi(folder) {
  const { spawn } = await import('node:child_process');
  const began = performance.now();
  // npm must not run on the Node inside the node_modules that it is about to delete, which `npm start` puts on the path.
  const bins = join(folder, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== bins);
  const windows = process.platform === 'win32';
  // Both kinds are needed whatever NODE_ENV or npm's settings say: Node itself is one, the linter's binary the other.
  const flags = ['--include=dev', '--include=optional', '--no-progress', '--loglevel=error'];
  const child = spawn(windows ? 'npm.cmd' : 'npm', ['ci', ...flags], {
    cwd: folder,
    env: { ...process.env, PATH: path.join(delimiter) },
    shell: windows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = ended(child);
  process.stderr.write('tertulia: installing dependencies with npm ci ... ');
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const { code, signal, passed } = await end.catch((error) => {
    throw new Refusal(`npm could not be started: ${error.message}`);
  });
  if (passed) throw new Interruption(passed);
  if (code === 0) {
    process.stderr.write(`done in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stderr.write(`failed\n${Buffer.concat(output)}`);
  throw new Refusal(`npm ci ended with ${signal ?? `exit code ${code}`}; what it said is above.`);
}

// ---- One installer at a time

/**
 * Holds the lock directory while `work` runs. The directory contains one file named by its owner's process id and comes
 * into being by a rename, so it is never seen without its owner: an empty one is left-over and may be replaced.
 */
async function withLock(lock, work) {
  let owner = takeLock(lock);
  if (owner !== undefined)
    say(`waiting for process ${owner || '(unknown)'}, which is installing here (if it is not, delete ${lock})`);
  while (owner !== undefined) {
    await pause(100);
    owner = takeLock(lock);
  }
  try {
    await work();
  } finally {
    dropLock(lock, process.pid);
  }
}

/** Takes the lock, or answers the id of the process that has it: 0 if it has just gone, so that trying again is right. */
function takeLock(lock) {
  const owner = ownerOf(lock);
  if (owner && owner !== process.pid && isAlive(owner)) return owner;
  if (owner) dropLock(lock, owner);
  const mine = `${lock}.${process.pid}`;
  try {
    mkdirSync(mine, { recursive: true });
    writeFileSync(join(mine, String(process.pid)), '');
  } catch (error) {
    throw new Refusal(`dependencies have to be installed and this folder cannot be written to: ${error.message}`);
  }
  try {
    renameSync(mine, lock);
    return undefined;
  } catch (error) {
    rmSync(mine, { recursive: true });
    // Windows says EPERM where others say that the directory is not empty.
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(error.code)) throw error;
    return ownerOf(lock);
  }
}

function ownerOf(lock) {
  try {
    return Number(readdirSync(lock).find((name) => /^\d+$/.test(name)) ?? 0);
  } catch {
    return 0;
  }
}

/** Removes only what that owner left: should another have taken the lock meanwhile, its directory is not empty and stays. */
function dropLock(lock, owner) {
  rmSync(join(lock, String(owner)), { force: true });
  try {
    rmdirSync(lock);
  } catch {
    // Gone already, or another's by now.
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

// ---- The right Node, and handing over

/**
 * The Node to run TypeScript with: the running one if it is new enough, else the one that the npm package `node`
 * brought, if it runs here. Undefined if there is none.
 */
export async function nodeFor(folder, running = process.versions.node) {
  if (Number.parseInt(running, 10) >= OLDEST_NODE) return process.execPath;
  const { spawnSync } = await import('node:child_process');
  const brought = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  // Asking for the version takes 5 ms and finds a binary made for another system, which would only fail later.
  const { status, stdout } = spawnSync(brought, ['--version'], { encoding: 'utf8' });
  return status === 0 && Number.parseInt(stdout.slice(1), 10) >= OLDEST_NODE ? brought : undefined;
}

/** What to do when `nodeFor` found nothing. */
export function noNode(folder, running = process.versions.node) {
  const need = `Node ${OLDEST_NODE} or newer is needed and this is ${running}`;
  return isClone(folder)
    ? `${need}; node_modules/node, which npm should have brought, is missing or does not run here, as when npm blocks its install script. Install Node ${OLDEST_NODE}, or run: npm rebuild node --ignore-scripts=false`
    : `${need}. Install Node ${OLDEST_NODE}.`;
}

/** Runs a program to its end with this process's input and output; signals sent to this process go to it. */
export async function runChild(command, args) {
  const { spawn } = await import('node:child_process');
  return ended(spawn(command, args, { stdio: 'inherit' }));
}

/** Waits for a child, passing on signals meanwhile: `passed` is the last of them. Rejects if it could not be started. */
function ended(child) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  let passed;
  const pass = (signal) => {
    passed = signal;
    child.kill(signal);
  };
  for (const signal of signals) process.on(signal, pass);
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => done({ code, signal, passed }));
  }).finally(() => {
    for (const signal of signals) process.off(signal, pass);
  });
}

/** Ends this process as a child of it ended. */
export async function endLike({ code, signal }) {
  if (signal) await dieBy(signal);
  process.exit(code);
}

async function dieBy(signal) {
  process.kill(process.pid, signal);
  // Node ignores some signals, SIGPIPE for one: then the exit code that shells use for them.
  await pause(200);
  process.exit(128 + constants.signals[signal]);
}

/** Installs if need be, then runs a script, or Node with flags, and ends as that ends. */
export async function run([first, ...rest]) {
  try {
    if (isClone(root)) await install(root);
    const node = await nodeFor(root);
    if (!node) throw new Refusal(noNode(root));
    const isScript = !first.startsWith('-');
    const target = isScript ? resolve(root, first) : first;
    const cache =
      process.env.NODE_COMPILE_CACHE ?? (isClone(root) ? join(root, 'node_modules', '.cache', 'compile') : '');
    if (isScript && node === process.execPath) {
      // Already the right Node: become the script, without a second process to start, to keep in memory and to send
      // signals through. runMain rather than import(), so that the script is the main module here as in a process of its own.
      process.argv.splice(1, process.argv.length, target, ...rest);
      if (cache) Module.enableCompileCache(cache);
      Module.runMain();
      return;
    }
    // Set for Node alone: what is compiled, TypeScript included, is kept from one start to the next. A start with it takes
    // half the time (190 ms against 370) and 28 MB less, because the compiler of TypeScript is not loaded.
    if (cache) process.env.NODE_COMPILE_CACHE = cache;
    await endLike(await runChild(node, [target, ...rest]));
  } catch (error) {
    if (error instanceof Interruption) await dieBy(error.message);
    say(error instanceof Refusal ? error.message : error.stack);
    process.exit(1);
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  if (args.length > 0) await run(args);
  else {
    say('usage: node scripts/bootstrap.mjs <script.ts | --node-flag> [arguments]');
    process.exit(1);
  }
}
