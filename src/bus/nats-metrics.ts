import { by, type Metric, plain } from '../runtime/metrics.ts';
import type { NatsBusCounts } from './nats.ts';

export function natsMetrics(counts: NatsBusCounts, isConnected: boolean): readonly Metric[] {
  const { published, dropped, received, malformed, unknown, reconnects } = counts;
  return [
    {
      name: 'tertulia_bus_connected',
      help: 'Whether news of other nodes come in, and own ones go out: 1 or 0.',
      kind: 'gauge',
      values: plain(isConnected ? 1 : 0),
    },
    {
      name: 'tertulia_bus_published_total',
      help: 'News for other nodes: sent, and dropped as there was no connection, they were too large, or the server was too far behind.',
      kind: 'counter',
      values: by('outcome', { sent: published, dropped }),
    },
    {
      name: 'tertulia_bus_received_total',
      help: 'News of other nodes: heard, in the words of another version, or malformed.',
      kind: 'counter',
      values: by('outcome', { heard: received - unknown - malformed, unknown, malformed }),
    },
    {
      name: 'tertulia_bus_reconnects_total',
      help: 'Connections to NATS that were made after the start.',
      kind: 'counter',
      values: plain(reconnects),
    },
  ];
}
