import { by, type Metric } from '../runtime/metrics.ts';
import type { Connection, Connections } from './postgres-connection.ts';

/** The connections of this node, by the kind of work that they are for. */
export function connectionMetrics(pools: Readonly<Record<'append' | 'change' | 'read', Connections>>): Metric[] {
  const sums = (value: (each: Connection) => number) =>
    by(
      'work',
      Object.fromEntries(
        Object.entries(pools).map(([work, { all }]) => [work, all.reduce((sum, each) => sum + value(each), 0)]),
      ),
    );
  return [
    {
      name: 'tertulia_postgres_connections',
      help: 'Connections to PostgreSQL that are open.',
      kind: 'gauge',
      values: sums(({ isOpen }) => (isOpen ? 1 : 0)),
    },
    {
      name: 'tertulia_postgres_load',
      help: 'Pieces of work that wait for a connection or are being done on one.',
      kind: 'gauge',
      values: sums(({ load }) => load),
    },
    {
      name: 'tertulia_postgres_connection_losses_total',
      help: 'Connections that were lost, or could not be made.',
      kind: 'counter',
      values: sums(({ losses }) => losses),
    },
  ];
}
