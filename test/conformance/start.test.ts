import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runMain, runProgram, startProcess } from '../support/process.ts';
import { ContactFlowId, InstanceId } from '../support/server.ts';

const memory = { TERTULIA_PORT: '0', TERTULIA_DATA_DIR: ':memory:' };

/** Runs a start that must be refused; answers its one line. */
async function refusal(environment: Record<string, string>, command = 'start'): Promise<string> {
  const { code, stdout, stderr } = await runMain(command, environment);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(stderr, /^tertulia: [^\n]+\n$/);
  return stderr;
}

test('[LI1] prints URLs, seeded ids and a snippet that runs as it is pasted, once requests are accepted', async () => {
  await using server = await startProcess();
  const health = await fetch(`${server.endpoint}/_tertulia/health`);
  assert.equal(health.status, 200);
  const banner = server.banner();
  for (const part of [
    `endpoint   ${server.endpoint}`,
    `websocket  ws://127.0.0.1:${server.port}`,
    'region     us-east-1    account 123456789012',
    `instance   ${InstanceId}`,
    `flow       ${ContactFlowId}`,
    server.directory,
  ]) {
    assert.ok(banner.includes(part), part);
  }
  const snippet = /^ {4}import .*?\}\)\);$/ms.exec(banner)?.[0] ?? '';
  const { code, stderr } = await runProgram(snippet);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

test('[CF10] ends in one line and code 1 when the port is in use', async () => {
  const other = createServer();
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = other.address() as AddressInfo;
  const line = await refusal({ ...memory, TERTULIA_PORT: String(port) });
  assert.match(line, new RegExp(`port ${port} of 127\\.0\\.0\\.1 is in use; .*TERTULIA_PORT`));
  other.close();
});

test('[CF10] ends in one line and code 1 when another server holds the data directory', async () => {
  await using server = await startProcess();
  const line = await refusal({ TERTULIA_PORT: '0', TERTULIA_DATA_DIR: server.directory });
  assert.ok(line.includes(server.directory));
  assert.match(line, /TERTULIA_DATA_DIR|another server/);
  // The one that holds it goes on, and can be followed by another.
  assert.equal((await fetch(`${server.endpoint}/_tertulia/health`)).status, 200);
  await server.kill();
  await server.restart();
});

test('[CF3] ends in one line and code 1 at a wrong value, an unknown setting or an unknown command', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tertulia-test-'));
  const file = join(folder, 'wrong.json');
  writeFileSync(file, '{"TERTULIA_POTR": 1}');
  const cases: [environment: Record<string, string>, command: string, line: RegExp][] = [
    [{ TERTULIA_PORT: 'many' }, 'start', /TERTULIA_PORT is "many"; allowed: a whole number from 0 to 65535/],
    [{ TERTULIA_POTR: '1' }, 'start', /TERTULIA_POTR is not a setting; allowed are TERTULIA_MODE/],
    [{ TERTULIA_CONFIG: file }, 'start', /TERTULIA_POTR in .* is not a setting/],
    [{}, 'restart', /there is no command "restart"; commands are start, demo, keys, migrate, version, help/],
    [{}, 'constructor', /there is no command "constructor"/],
    [
      { TERTULIA_HOST: '127.0.0.1', TERTULIA_TLS_CERT: file, TERTULIA_TLS_KEY: file },
      'start',
      /TERTULIA_TLS_CERT is .* do not go together/,
    ],
    [
      { TERTULIA_HOST: 'nowhere.invalid', TERTULIA_ALLOW_UNSIGNED_REMOTE: 'true' },
      'start',
      /TERTULIA_HOST is "nowhere.invalid", a name without an address/,
    ],
  ];
  for (const [environment, command, line] of cases) {
    assert.match(await refusal({ ...memory, ...environment }, command), line);
  }
  rmSync(folder, { recursive: true });
});
