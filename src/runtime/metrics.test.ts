import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runProgram } from '../../test/support/process.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { histogram } from './histogram.ts';
import { by, type Metric, plain, renderMetrics } from './metrics.ts';
import { systemSteady } from './steady.ts';

const metric = (name: Metric['name'], value: number): Metric => {
  return { name, help: 'What it is.', kind: 'gauge', values: plain(value) };
};

describe('a histogram', () => {
  test('[ME4] puts each value into the first bucket that holds it', () => {
    const one = histogram([1, 2, 4]);
    for (const value of [0, 1, 1.5, 2, 4, 4.5, 100]) one.observe(value);
    assert.deepEqual([Array.from(one.counts), one.sum], [[2, 2, 1, 2], 113]);
  });

  test('[ME1] is shown with each bucket and those below it, the sum and the count', async () => {
    const own = { fast: histogram([0.5, 1]), slow: histogram([0.5, 1]) };
    for (const value of [0.25, 0.75, 3]) own.slow.observe(value);
    const source = (): Metric[] => [
      { name: 'tertulia_wait_seconds', help: 'Waiting.', kind: 'histogram', values: by('way', own) },
    ];
    const { text, contentType } = await renderMetrics([source], systemSteady);
    assert.match(contentType, /^text\/plain; version=0\.0\.4/);
    const lines = text.split('\n').filter((line) => line.includes('tertulia_wait'));
    assert.deepEqual(lines.slice(0, 2), [
      '# HELP tertulia_wait_seconds Waiting.',
      '# TYPE tertulia_wait_seconds histogram',
    ]);
    assert.deepEqual(
      lines.filter((line) => line.includes('slow')),
      [
        'tertulia_wait_seconds_bucket{way="slow",le="0.5"} 1',
        'tertulia_wait_seconds_bucket{way="slow",le="1"} 2',
        'tertulia_wait_seconds_bucket{way="slow",le="+Inf"} 3',
        'tertulia_wait_seconds_sum{way="slow"} 4',
        'tertulia_wait_seconds_count{way="slow"} 3',
      ],
    );
    assert.equal(lines.filter((line) => line.includes('fast') && line.endsWith(' 0')).length, 5);
  });
});

describe('a look', () => {
  test('[ME12] leaves out what fails or takes over two seconds, and counts it', async () => {
    const steady = manualSteady();
    const asked = Promise.withResolvers<void>();
    const never = () => {
      asked.resolve();
      return new Promise<Metric[]>(() => {});
    };
    const fails = () => Promise.reject(new Error('the store is away'));
    const throws = () => {
      throw new Error('at once');
    };
    const rendered = renderMetrics([() => [metric('tertulia_one', 1)], fails, never, throws], steady);
    await asked.promise;
    steady.advance(2_000);
    const { text } = await rendered;
    const lines = text.split('\n').filter((line) => line.startsWith('tertulia_'));
    assert.deepEqual(lines, ['tertulia_one 1', 'tertulia_metrics_missing 3']);
  });

  test('[ME13] is the first that loads the library, and leaves no timer behind', async () => {
    const program = `
      import { createRequire } from 'node:module';
      import { readConfig } from './src/config.ts';
      import { systemClock } from './src/runtime/clock.ts';
      import { systemIds } from './src/runtime/ids.ts';
      import { silentLog } from './src/runtime/log.ts';
      import { systemSteady } from './src/runtime/steady.ts';
      import { startServer } from './src/server.ts';
      const { cache } = createRequire(import.meta.url);
      const isLoaded = () => Object.keys(cache).some((path) => path.includes('prom-client'));
      let timers = 0;
      const steady = { ...systemSteady, every: (...given) => (timers += 1, systemSteady.every(...given)) };
      const runtime = { clock: systemClock, steady, ids: systemIds(), log: silentLog, environment: {}, write() {} };
      const server = await startServer(readConfig({ TERTULIA_PORT: '0', TERTULIA_DATA_DIR: ':memory:' }), runtime);
      const before = [isLoaded(), timers];
      const look = async () => (await fetch(server.urls.base + '/metrics')).status;
      console.log(JSON.stringify({ before, status: await look(), after: [isLoaded(), timers] }));
      await server[Symbol.asyncDispose]();
      process.exit();
    `;
    const { stdout, stderr } = await runProgram(program);
    assert(stdout !== '', stderr);
    const { before, status, after } = JSON.parse(stdout);
    assert.deepEqual([before[0], status, after], [false, 200, [true, before[1]]]);
  });
});
