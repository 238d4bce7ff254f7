import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { nodeFor, noNode } from '../scripts/bootstrap.mjs';
import { help } from '../src/cli/help.ts';
import { settings } from '../src/settings.ts';

const scripts = join(import.meta.dirname, '..', 'scripts');
const hasSignals = process.platform !== 'win32';

/** What the throw-away project runs: says that it runs, and with what, then does what its first argument says. */
const program = `
const [what, code]: string[] = process.argv.slice(2);
if (what === 'serve') {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      console.log('got', signal);
      process.exit(7);
    });
  setInterval(() => {}, 60_000);
}
console.log('ready', JSON.stringify({ args: process.argv.slice(2), isMain: import.meta.main }));
if (what === 'exit') process.exit(Number(code));
if (what === 'die') process.kill(process.pid, 'SIGKILL');
`;

const manifest = {
  name: 'tertulia',
  version: '1.0.0',
  type: 'module',
  bin: { tertulia: 'scripts/tertulia.mjs' },
  scripts: { start: 'exec node scripts/bootstrap.mjs src/main.ts serve' },
};

/** A clone in small: the real scripts, no dependencies, so that the real `npm ci` needs no network. */
function project(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia boot '));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['bootstrap.mjs', 'tertulia.mjs']) cpSync(join(scripts, name), join(folder, 'scripts', name));
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'main.ts'), program);
  writeJson(folder, 'package.json', manifest);
  writeJson(folder, 'package-lock.json', lockOf(manifest));
  return folder;
}

function lockOf({ name, version }: { name: string; version: string }) {
  return { name, version, lockfileVersion: 3, requires: true, packages: { '': { name, version } } };
}

function writeJson(folder: string, name: string, value: unknown): void {
  writeFileSync(join(folder, name), JSON.stringify(value, null, 2));
}

/** The variables of a terminal: offline, and without what the npm that runs these tests adds. */
function environment(folder: string): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') && !name.startsWith('NODE_TEST'));
  return {
    ...Object.fromEntries(own),
    npm_config_cache: join(folder, '.npm-cache'),
    npm_config_offline: 'true',
    npm_config_update_notifier: 'false',
  };
}

interface Run {
  readonly child: ChildProcess;
  output(): { stdout: string; stderr: string };
  /** Resolves once the text was printed; rejects if the program ends without. */
  printed(text: string): Promise<void>;
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

function start(
  t: TestContext,
  folder: string,
  [command, ...args]: [string, ...string[]],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Run {
  const env = { ...environment(folder), ...options.env };
  const child = spawn(command, args, { cwd: options.cwd ?? folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  const closed = once(child, 'close');
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk) => {
      output[name] += chunk;
      child.emit('more');
    });
  let isClosed = false;
  child.once('close', () => {
    isClosed = true;
    child.emit('more');
  });
  return {
    child,
    output: () => output,
    async printed(text) {
      while (!`${output.stdout}${output.stderr}`.includes(text)) {
        if (isClosed) assert.fail(`ended without printing "${text}": ${JSON.stringify(output)}`);
        await once(child, 'more');
      }
    },
    ended: closed.then(([code, signal]) => ({ code, signal, ...output })),
  };
}

/** Node with the bootstrap and these arguments. */
function bootstrap(folder: string, ...args: string[]): [string, ...string[]] {
  return [process.execPath, join(folder, 'scripts', 'bootstrap.mjs'), ...args];
}

const stamp = (folder: string) => join(folder, 'node_modules', '.tertulia-stamp');
const lock = (folder: string) => join(folder, '.tertulia-install.lock');
const installed = /^tertulia: installing dependencies with npm ci \.\.\. done in \d+\.\d s\n$/;

async function install(t: TestContext, folder: string): Promise<void> {
  const run = await start(t, folder, bootstrap(folder, 'src/main.ts')).ended;
  assert.match(run.stderr, installed);
}

/** A file that `npm ci` deletes, as it begins with an empty node_modules. */
function mark(folder: string): string {
  const path = join(folder, 'node_modules', 'mark');
  writeFileSync(path, '');
  return path;
}

/** The two ways of running: in the same process, and, here because of the flag, in one of its own. */
const ways = [
  { how: 'in its own process', args: ['src/main.ts'] },
  { how: 'in another process', args: ['--no-warnings', 'src/main.ts'] },
] as const;

describe('installation', { concurrency: 2 }, () => {
  test('[BO1] installs before the first run and says so in one line', async (t) => {
    const folder = project(t);
    const run = await start(t, folder, bootstrap(folder, 'src/main.ts', 'once')).ended;
    assert.equal(run.code, 0);
    assert.match(run.stderr, installed);
    assert.match(run.stdout, /^ready /);
    assert.ok(existsSync(stamp(folder)));
  });

  test('[BO2] neither installs nor prints when everything is installed', async (t) => {
    const folder = project(t);
    await install(t, folder);
    const kept = mark(folder);
    const run = await start(t, folder, bootstrap(folder, 'src/main.ts')).ended;
    assert.equal(run.stderr, '');
    assert.ok(existsSync(kept));
  });

  test('[BO3] installs again after package.json and the lock file changed', async (t) => {
    const folder = project(t);
    await install(t, folder);
    const gone = mark(folder);
    writeJson(folder, 'package.json', { ...manifest, version: '1.0.1' });
    writeJson(folder, 'package-lock.json', lockOf({ ...manifest, version: '1.0.1' }));
    await install(t, folder);
    assert.ok(!existsSync(gone));
  });

  test('[BO4] accepts what npm installed by hand as long as it is what the lock file names', async (t) => {
    const folder = project(t);
    const dependencies = { neighbour: 'file:neighbour' };
    mkdirSync(join(folder, 'neighbour'));
    writeJson(folder, 'neighbour/package.json', { name: 'neighbour', version: '1.0.0' });
    writeJson(folder, 'package.json', { ...manifest, dependencies });
    assert.equal((await start(t, folder, ['npm', 'install']).ended).code, 0);
    const kept = mark(folder);
    const run = await start(t, folder, bootstrap(folder, 'src/main.ts')).ended;
    assert.equal(run.stderr, '');
    assert.ok(existsSync(kept));

    writeJson(folder, 'package.json', manifest);
    writeJson(folder, 'package-lock.json', lockOf(manifest));
    await install(t, folder);
    assert.ok(!existsSync(kept));
  });

  test('[BO5] installs once when two runs begin together', async (t) => {
    const folder = project(t);
    const both = [0, 1].map(() => start(t, folder, bootstrap(folder, 'src/main.ts')).ended);
    const runs = await Promise.all(both);
    for (const run of runs) assert.match(run.stdout, /^ready /);
    assert.equal(runs.filter((run) => run.stderr.includes('installing dependencies')).length, 1);
    assert.ok(!existsSync(lock(folder)));
  });

  test('[BO5] waits for the process that installs and names it', async (t) => {
    const folder = project(t);
    mkdirSync(lock(folder));
    writeFileSync(join(lock(folder), String(process.pid)), '');
    const run = start(t, folder, bootstrap(folder, 'src/main.ts'));
    await run.printed(`tertulia: waiting for process ${process.pid}`);
    assert.ok(!existsSync(stamp(folder)));
    rmSync(lock(folder), { recursive: true });
    assert.equal((await run.ended).code, 0);
    assert.ok(existsSync(stamp(folder)));
  });

  test('[BO5] takes over the lock of a process that is dead', async (t) => {
    const folder = project(t);
    const { pid } = spawnSync(process.execPath, ['--version']);
    mkdirSync(lock(folder));
    writeFileSync(join(lock(folder), String(pid)), '');
    await install(t, folder);
    assert.ok(!existsSync(lock(folder)));
  });

  test('[BO6] never runs npm in an installed package, which has no lock file, and runs the compiled program', async (t) => {
    const folder = project(t);
    rmSync(join(folder, 'package-lock.json'));
    mkdirSync(join(folder, 'dist'));
    writeFileSync(join(folder, 'dist', 'main.js'), "console.log('compiled', ...process.argv.slice(2));");
    const run = await start(t, folder, [process.execPath, join(folder, 'scripts', 'tertulia.mjs'), 'help']).ended;
    assert.equal(run.stdout, 'compiled help\n');
    assert.equal(run.stderr, '');
    assert.ok(!existsSync(join(folder, 'node_modules')));
  });

  test('[BO7] shows what npm said when npm ci fails, exits with 1 and tries again next time', async (t) => {
    const folder = project(t);
    writeJson(folder, 'package.json', { ...manifest, dependencies: { neighbour: 'file:neighbour' } });
    const run = await start(t, folder, bootstrap(folder, 'src/main.ts')).ended;
    assert.equal(run.code, 1);
    assert.equal(run.stdout, '');
    assert.match(run.stderr, /npm error .*neighbour/);
    assert.match(run.stderr, /\ntertulia: npm ci ended with exit code 1; what it said is above\.\n$/);
    assert.ok(!existsSync(lock(folder)));
    writeJson(folder, 'package.json', manifest);
    await install(t, folder);
  });

  test('[BO8] dies of a signal that comes while npm runs, and leaves no lock', { skip: !hasSignals }, async (t) => {
    const folder = project(t);
    const run = start(t, folder, bootstrap(folder, 'src/main.ts', 'serve'));
    await run.printed('installing');
    run.child.kill('SIGTERM');
    assert.equal((await run.ended).signal, 'SIGTERM');
    assert.equal(run.output().stdout, '');
    assert.ok(!existsSync(lock(folder)));
  });
});

describe('choice of Node', () => {
  test('[BO9] takes the running Node if it is 24 or newer', async (t) => {
    assert.equal(await nodeFor(project(t), '24.0.0'), process.execPath);
    assert.equal(await nodeFor(project(t), '100.1.0'), process.execPath);
  });

  test('[BO9] takes the Node that npm brought if the running one is older', async (t) => {
    const folder = project(t);
    const brought = bringNode(folder);
    assert.equal(await nodeFor(folder, '20.19.0'), brought);
  });

  test('[BO9] finds none where npm brought none, or one that does not run or is too old', async (t) => {
    const folder = project(t);
    assert.equal(await nodeFor(folder, '20.19.0'), undefined);
    const brought = bringNode(folder);
    rmSync(brought);
    writeFileSync(brought, 'This file intentionally left blank', { mode: 0o755 });
    assert.equal(await nodeFor(folder, '23.11.0'), undefined);
    writeFileSync(brought, '#!/bin/sh\necho v22.1.0\n', { mode: 0o755 });
    assert.equal(await nodeFor(folder, '23.11.0'), undefined);
  });

  test('[BO10] says in one line what to do when there is no Node to run with', (t) => {
    const folder = project(t);
    assert.match(
      noNode(folder, '20.19.0'),
      /^Node 24 or newer is needed and this is 20\.19\.0; .* npm rebuild node [^\n]*$/,
    );
    rmSync(join(folder, 'package-lock.json'));
    assert.equal(noNode(folder, '20.19.0'), 'Node 24 or newer is needed and this is 20.19.0. Install Node 24.');
  });

  const old = oldNode();
  const skip = old ? false : 'no Node older than 24 on this machine';
  test('[BO10] exits with 1 and that line on an old Node alone', { skip }, async (t) => {
    const folder = project(t);
    await install(t, folder);
    const run = await start(t, folder, [old ?? '', 'scripts/bootstrap.mjs', 'src/main.ts']).ended;
    assert.equal(run.code, 1);
    assert.equal(run.stdout, '');
    assert.match(run.stderr, /^tertulia: Node 24 or newer is needed [^\n]*\n$/);
  });

  test('[BO9] runs TypeScript from an old Node with the one that npm brought', { skip }, async (t) => {
    const folder = project(t);
    await install(t, folder);
    bringNode(folder);
    const run = await start(t, folder, [old ?? '', 'scripts/bootstrap.mjs', 'src/main.ts', 'exit', '3']).ended;
    assert.equal(run.stderr, '');
    assert.equal(run.code, 3);
  });
});

/** Puts the Node that runs this test where the npm package `node` puts its own. */
function bringNode(folder: string): string {
  const bin = join(folder, 'node_modules', 'node', 'bin');
  const brought = join(bin, process.platform === 'win32' ? 'node.exe' : 'node');
  mkdirSync(bin, { recursive: true });
  symlinkSync(process.execPath, brought);
  return brought;
}

/** A Node on the path that cannot run TypeScript by itself, if this machine has one that runs the bootstrap. */
function oldNode(): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return places.find((path) => {
    const version = /^v(\d+)\./.exec(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout ?? '');
    return version && Number(version[1]) >= 20 && Number(version[1]) < 24;
  });
}

describe('handing over', { concurrency: 2 }, () => {
  for (const { how, args } of ways) {
    test(`[BO11] runs the script ${how} from any folder, with the arguments as they are`, async (t) => {
      const folder = project(t);
      await install(t, folder);
      const given = ['two  words', '', '--flag', '*'];
      const target = args.map((arg) => (arg.endsWith('.ts') && args.length > 1 ? join(folder, arg) : arg));
      const run = await start(t, folder, bootstrap(folder, ...target, ...given), { cwd: tmpdir() }).ended;
      assert.equal(run.stdout, `ready ${JSON.stringify({ args: given, isMain: true })}\n`);
    });

    test(`[BO12] ends as the script ${how} ends`, async (t) => {
      const folder = project(t);
      await install(t, folder);
      assert.equal((await start(t, folder, bootstrap(folder, ...args, 'exit', '3')).ended).code, 3);
      if (hasSignals) assert.equal((await start(t, folder, bootstrap(folder, ...args, 'die')).ended).signal, 'SIGKILL');
    });

    test(`[BO13] passes signals to the script ${how}`, { skip: !hasSignals }, async (t) => {
      const folder = project(t);
      await install(t, folder);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        const run = start(t, folder, bootstrap(folder, ...args, 'serve'));
        await run.printed('ready');
        run.child.kill(signal);
        assert.equal((await run.ended).code, 7);
        assert.ok(run.output().stdout.endsWith(`got ${signal}\n`));
      }
    });
  }

  test('[BO13] passes a signal through npm start, and the exit code back', { skip: !hasSignals }, async (t) => {
    const folder = project(t);
    await install(t, folder);
    bringNode(folder);
    const run = start(t, folder, ['npm', 'start']);
    await run.printed('ready');
    run.child.kill('SIGTERM');
    assert.equal((await run.ended).code, 7);
    assert.ok(run.output().stdout.endsWith('got SIGTERM\n'));
  });

  test('[BO13] has the start script replace the shell, which would keep the signal to itself', () => {
    const own = JSON.parse(readFileSync(join(scripts, '..', 'package.json'), 'utf8'));
    assert.equal(own.scripts.start, 'exec node scripts/bootstrap.mjs src/main.ts start');
  });
});

describe('the tertulia command', { concurrency: 2 }, () => {
  test('[BO14] is found by npx in the project folder without installing it', async (t) => {
    const folder = project(t);
    await install(t, folder);
    bringNode(folder);
    const run = await start(t, folder, ['npx', 'tertulia', 'help']).ended;
    assert.equal(run.stdout, `ready ${JSON.stringify({ args: ['help'], isMain: true })}\n`);
    assert.equal(run.code, 0);
  });

  test('[BO15] stops when the shell that npx put before it is gone', { skip: !hasSignals }, async (t) => {
    const folder = project(t);
    await install(t, folder);
    const command = '"$NODE" scripts/tertulia.mjs serve; true';
    const env = { NODE: process.execPath, npm_lifecycle_event: 'npx' };
    const run = start(t, folder, ['sh', '-c', command], { env });
    await run.printed('ready');
    run.child.kill('SIGKILL');
    await run.ended;
    assert.ok(run.output().stdout.endsWith('got SIGTERM\n'));
  });

  test('[BO16] names in its help the commands and settings that exist, in 80 columns', () => {
    const text = help('1.2.3');
    assert.match(text, /^Tertulia 1\.2\.3: /);
    for (const command of ['start', 'demo', 'keys', 'version', 'help'])
      assert.match(text, new RegExp(`^  ${command} `, 'm'));
    const known = new Set([...settings.map(({ name }) => name as string), 'TERTULIA_CONFIG']);
    for (const name of text.match(/TERTULIA_\w+/g) ?? []) assert.ok(known.has(name), name);
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
  });
});

test('[BO17] names at the end of all tests what was skipped, and why', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-skips-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'some.test.mjs'),
    `import { describe, test } from 'node:test';
     describe('a suite', { skip: 'no server here' }, () => test('of it', () => {}));
     test('one', { skip: 'no server here' }, () => {});
     test('two', (context) => context.skip('not today'));
     test('that runs', () => {});`,
  );
  // As `npm test` has them.
  const flags = readFileSync(join(scripts, 'test.mjs'), 'utf8').match(/--test-reporter[^']*/g) ?? [];
  const { stdout, status } = spawnSync(process.execPath, ['--test', ...flags, join(folder, 'some.test.mjs')], {
    ...{ cwd: join(scripts, '..'), encoding: 'utf8', env: environment(folder) },
  });
  assert.equal(status, 0);
  const [, end = ''] = stdout.split('\nSKIPPED, and so not tested here:\n');
  const lines = end.split('\n').map((line) => line.replace(/^ .*?(?=some\.)/, ''));
  assert.deepEqual(lines, ['some.test.mjs: no server here (2 times)', 'some.test.mjs: not today', '']);
});

test('[BO17] uses the servers for tests that it is told of', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-told-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [nats, postgres] = ['nats://127.0.0.1:1', 'postgres://nobody@127.0.0.1:1/none'];
  const program = `
    const { anyNatsServer } = await import('./test/support/nats.ts');
    const { postgresUrl } = await import('./test/support/postgres.ts');
    console.log((await anyNatsServer()).url, postgresUrl);`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    ...{ cwd: join(scripts, '..'), encoding: 'utf8' },
    env: { ...environment(folder), TERTULIA_TEST_NATS_URL: nats, TERTULIA_TEST_POSTGRES_URL: postgres },
  });
  assert.ok(stdout.startsWith(`${nats} ${postgres}\n`), stdout);
});
