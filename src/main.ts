import { banner } from './cli/banner.ts';
import { help } from './cli/help.ts';
import { keys } from './cli/keys.ts';
import { ConfigError, readConfig } from './config.ts';
import { systemClock } from './runtime/clock.ts';
import { systemIds } from './runtime/ids.ts';
import { openLog, silentLog } from './runtime/log.ts';
import { systemSteady } from './runtime/steady.ts';
import { type Server, startServer, version } from './server.ts';
import { CannotOpen } from './store/cannot-open.ts';
import { migrated, openStore } from './store/open.ts';

const commands: Readonly<Record<string, () => Promise<void>>> = {
  start,
  async demo() {
    const { demo } = await import('./cli/demo.ts');
    const [, , , way = 'socket'] = process.argv;
    if (way !== 'socket' && way !== 'streaming') throw new ConfigError(`there is no demo "${way}"; there is streaming`);
    process.exitCode = await demo(process.env, (line) => process.stdout.write(`${line}\n`), way);
  },
  async keys() {
    const config = readConfig(process.env);
    const ids = systemIds();
    await using store = await openStore(config, { steady: systemSteady, log: silentLog }, 'tool');
    process.stdout.write(await keys(process.argv.slice(3), { config, store, clock: systemClock, ids }));
  },
  async migrate() {
    const config = readConfig(process.env);
    process.stdout.write(await migrated(config, { steady: systemSteady, log: silentLog }));
  },
  async version() {
    process.stdout.write(`${version}\n`);
  },
  async help() {
    process.stdout.write(help(version));
  },
};

async function start(): Promise<void> {
  const config = readConfig(process.env);
  const log = openLog(config.log);
  const write = (text: string) => void process.stderr.write(text);
  const runtime = { clock: systemClock, steady: systemSteady, ids: systemIds(), log, environment: process.env, write };
  const server = await startServer(config, runtime);
  process.stdout.write(banner(version, config, server.urls));

  process.on('SIGHUP', () => {
    try {
      server.reloadTls();
      log.info({}, 'certificate read again');
    } catch (failure) {
      log.error({ err: failure }, 'the new certificate cannot be used; the old one stays');
    }
  });
  let stoppingSince: number | undefined;
  const stop = () => {
    const now = systemSteady.now();
    // Ctrl-C under npm comes twice, from the terminal and from npm: what follows at once is the same signal.
    if (stoppingSince !== undefined && now - stoppingSince > 1000) process.exit(1);
    if (stoppingSince !== undefined) return;
    stoppingSince = now;
    shutDown(server, config.shutdownSeconds + (config.store === undefined ? 0 : config.drainSeconds)).catch(fail);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Ends by itself once everything is closed; at the bound, at once. */
async function shutDown(server: Server, seconds: number): Promise<void> {
  systemSteady.after(seconds * 1000, () => fail(new Error(`the shutdown took longer than ${seconds} s`)));
  await server[Symbol.asyncDispose]();
  process.exitCode = 0;
}

/** One line for what a person can put right; a stack for what is our own fault. */
function fail(failure: unknown): void {
  const line = explained(failure);
  process.stderr.write(
    line ? `tertulia: ${line}\n` : `${failure instanceof Error ? failure.stack : String(failure)}\n`,
  );
  process.exit(1);
}

function explained(failure: unknown): string | undefined {
  if (failure instanceof ConfigError || failure instanceof CannotOpen) return failure.message;
  const { code, port, address } = failure as { code?: string; port?: number; address?: string };
  if (code === 'EADDRINUSE') {
    return `port ${port} of ${address} is in use; stop what listens there, or set TERTULIA_PORT to another port (0 takes any free one)`;
  }
  if (code === 'EACCES')
    return `port ${port} of ${address} needs rights that this user lacks; set TERTULIA_PORT above 1023`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const { hostname } = failure as { hostname?: string };
    return `TERTULIA_HOST is "${hostname}", a name without an address; allowed: an address of this machine`;
  }
  if (code === 'EADDRNOTAVAIL') return `TERTULIA_HOST is "${address}", which is not an address of this machine`;
  return undefined;
}

const name = process.argv[2] ?? 'start';
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command) await command().catch(fail);
else fail(new ConfigError(`there is no command "${name}"; commands are ${Object.keys(commands).join(', ')}`));
