import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../src/config.ts';
import { policySettings } from '../src/http/access-keys.ts';
import { parsePolicy } from '../src/http/policy.ts';
import { projectFile, root } from './support/source.ts';

/** The example of containers, as far as it can be tried without any: its settings, its files, its commands. */

const folder = 'examples/compose';
const compose = projectFile(`${folder}/compose.yaml`);
const secrets: Readonly<Record<string, string>> = {
  POSTGRES_PASSWORD: '0123456789abcdef',
  TERTULIA_SECRET_KEY: Buffer.alloc(32, 5).toString('base64'),
  TERTULIA_CONTROL_TOKEN: '0123456789abcdef',
};

/** `environment` of the nodes as Compose would make it. */
function nodeEnvironment(): Record<string, string> {
  const lines = [...compose.matchAll(/^ {4}(TERTULIA_\w+): (.*)$/gm)];
  const filled = (value: string) => value.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, name) => secrets[name] ?? 'unknown');
  return Object.fromEntries(lines.map(([, name = '', value = '']) => [name, filled(value)]));
}

/** Where a file of the example is in a container. */
function mounts(): Map<string, string> {
  const lines = compose.matchAll(/^ +- (\.\/\S+):(\/\S+):ro$/gm);
  return new Map([...lines].map(([, here = '', there = '']) => [there, join(root, folder, here)]));
}

test('[CL24] gives the nodes of compose.yaml settings that they start with', () => {
  const environment = nodeEnvironment();
  const file = mounts().get(environment.TERTULIA_CONFIG ?? '');
  const config = readConfig({ ...environment, TERTULIA_CONFIG: file });
  assert.equal(config.mode, 'production');
  assert.match(config.store ?? '', /^postgres:\/\/tertulia:0123456789abcdef@postgres:5432\/tertulia$/);
  assert.deepEqual(config.bus, ['nats://nats:4222']);
  const [, seconds] = /stop_grace_period: (\d+)s/.exec(compose) ?? [];
  assert.ok(Number(seconds) > config.drainSeconds + config.shutdownSeconds);
  assert.throws(() => readConfig({ ...environment, TERTULIA_CONFIG: file, TERTULIA_SECRET_KEY: '' }), /SECRET_KEY/);
  const policy = parsePolicy(JSON.parse(projectFile(`${folder}/policy.json`)), policySettings);
  assert.equal(policy.ok, true);
});

test('[CL24] gives nginx of compose.yaml the configuration that is tested, with the names of the nodes', () => {
  const [, sed = ''] = /(sed '.*?') \/nginx\.conf/.exec(compose) ?? [];
  const before = projectFile('examples/nginx/nginx.conf');
  const after = execFileSync('sh', ['-c', `${sed} ${join(root, 'examples/nginx/nginx.conf')}`], { encoding: 'utf8' });
  const changed = after.split('\n').filter((line, index) => line !== before.split('\n')[index]);
  assert.deepEqual(
    changed.map((line) => line.trim()),
    ['server node-1:8378;', 'server node-2:8378;'],
  );
  for (const name of ['node-1', 'node-2']) assert.match(compose, new RegExp(`^  ${name}: \\*node$`, 'm'));
});

test('[CL24] builds the image of what is there', () => {
  const copied = [...projectFile(`${folder}/Dockerfile`).matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, all = '']) =>
    all.split(' '),
  );
  const kept = [...projectFile(`${folder}/Dockerfile.dockerignore`).matchAll(/^!(.*)$/gm)].map(([, name]) => name);
  assert.deepEqual(copied, kept);
  for (const name of copied) assert.ok(existsSync(join(root, name)), name);
  assert.match(projectFile(`${folder}/Dockerfile`), /^CMD \["node", "src\/main\.ts", "start"\]$/m);
});
