import { performance } from 'node:perf_hooks';
import { by, type Metric, plain } from './metrics.ts';
import type { Steady } from './steady.ts';

/** What the process uses. Node counts all of it by itself; nothing samples between two looks. */
export async function processMetrics(version: string, steady: Pick<Steady, 'now' | 'soon'>): Promise<Metric[]> {
  const asked = steady.now();
  await new Promise<void>((resolve) => steady.soon(resolve));
  const lag = steady.now() - asked;
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const { active, idle } = performance.eventLoopUtilization();
  return [
    {
      name: 'tertulia_info',
      help: 'Always 1: the version that runs, and the Node that runs it.',
      kind: 'gauge',
      values: [{ labels: { version, node: process.versions.node }, value: 1 }],
    },
    {
      name: 'tertulia_process_uptime_seconds',
      help: 'How long the process has been running.',
      kind: 'gauge',
      values: plain(process.uptime()),
    },
    {
      name: 'tertulia_process_memory_bytes',
      help: "Memory: resident, JavaScript's heap as reserved and as used, and what that holds outside of it.",
      kind: 'gauge',
      values: by('of', { resident: rss, heap: heapTotal, heap_used: heapUsed, external }),
    },
    {
      name: 'tertulia_process_cpu_seconds_total',
      help: 'CPU time used, of all threads.',
      kind: 'counter',
      values: by('mode', { user: user / 1e6, system: system / 1e6 }),
    },
    {
      name: 'tertulia_event_loop_seconds_total',
      help: 'Time that the event loop worked and waited: the share of active in both is how busy it is.',
      kind: 'counter',
      values: by('state', { active: active / 1000, idle: idle / 1000 }),
    },
    {
      name: 'tertulia_event_loop_lag_seconds',
      help: 'How long the event loop took to come round when it was asked for this answer.',
      kind: 'gauge',
      values: plain(lag / 1000),
    },
  ];
}
