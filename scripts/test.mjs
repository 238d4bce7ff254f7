// `npm test`: style, types and tests, one after another, stopping at the first that fails. With names of steps as
// arguments only those: `npm run check` is style and types.

import { availableParallelism } from 'node:os';
import { endLike, root, runChild } from './bootstrap.mjs';

// With CI=true Biome colours every single character, terminal or not.
const plain = process.stdout.isTTY ? [] : ['--colors=off'];

const steps = {
  style: { what: 'format and lint', args: ['node_modules/@biomejs/biome/bin/biome', 'ci', ...plain] },
  types: { what: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  tests: {
    what: 'tests',
    args: [
      '--test',
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...['--test-reporter=./scripts/skipped.mjs', '--test-reporter-destination=stdout'],
      // One file per core: Node's own choice is one fewer, which on two cores is one at a time, though most files wait for a process or a socket.
      `--test-concurrency=${Math.max(2, availableParallelism())}`,
      // Only so that a test that hangs ends the run and is named. None should come near it.
      '--test-timeout=120000',
      'src/**/*.test.ts',
      'test/**/*.test.ts',
    ],
  },
};

process.chdir(root);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`No such step: ${unknown.join(', ')}. There are: ${Object.keys(steps).join(', ')}.`);
  process.exit(1);
}

for (const [name, { what, args }] of Object.entries(steps)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n== ${what}`);
  const began = performance.now();
  const end = await runChild(process.execPath, args);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (end.code !== 0) {
    console.error(`== ${what}: failed after ${seconds} s`);
    await endLike(end);
  }
  console.log(`== ${what}: passed in ${seconds} s`);
}
