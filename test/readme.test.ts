import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { updated } from '../scripts/readme.ts';
import { runMain, runProgram } from './support/process.ts';
import { testServer } from './support/server.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const endpoint = 'http://127.0.0.1:8378';

/** The code blocks after a marker, in their order. */
function blocksAfter(marker: string): string[] {
  const [, after = ''] = readme.split(`<!-- ${marker} -->`);
  return [...after.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, text = '']) => text);
}

/** What differs from run to run: ids, times of day. */
function shape(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, '<time>');
}

test('[CF1] has the settings of the code in the table of README', () => {
  assert.ok(updated(readme) === readme, 'the table is behind the code: run `node scripts/readme.ts`');
});

test('[SC1] runs the snippet of README as it stands, to the output shown', async () => {
  await using server = await testServer();
  const [snippet = '', output = ''] = blocksAfter('snippet');
  assert.ok(snippet.includes(endpoint));
  const { code, stdout, stderr } = await runProgram(snippet.replace(endpoint, server.api.endpoint));
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(shape(stdout), shape(output));
});

test('[CP7] prints the conversation that README shows as the demo, against the server that runs', async () => {
  await using server = await testServer();
  const [output = ''] = blocksAfter('demo');
  const { code, stdout, stderr } = await runMain('demo', { TERTULIA_PORT: String(server.server.port) });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(shape(stdout).replace(server.api.endpoint, endpoint), shape(output));
});

test('[CP7] starts a server in memory for the demo where none runs', async () => {
  const { code, stdout, stderr } = await runMain('demo', { TERTULIA_PORT: '0' });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const [first, ...rest] = shape(stdout).split('\n');
  assert.match(first ?? '', /^No server runs at .*: started one at http:\/\/127\.0\.0\.1:\d+, in memory\.$/);
  assert.deepEqual(
    rest,
    shape(blocksAfter('demo')[0] ?? '')
      .split('\n')
      .slice(1),
  );
});
