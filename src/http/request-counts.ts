import type { Operation } from '../operations/operation.ts';
import { durations, type Histogram, histogram } from '../runtime/histogram.ts';
import type { Metric } from '../runtime/metrics.ts';

/** The requests that were answered since the start. */
export interface RequestCounts {
  /** `operation` is undefined for what is none. */
  answered(operation: Operation | undefined, status: number, ms: number): void;
  metrics(): readonly Metric[];
}

interface Row {
  readonly labels: { readonly service: string; readonly operation: string };
  /** By the first digit of the status. */
  readonly classes: Record<'2xx' | '4xx' | '5xx', number>;
  readonly seconds: Histogram;
}

const classOf = (status: number): keyof Row['classes'] => (status < 400 ? '2xx' : status < 500 ? '4xx' : '5xx');

export function openRequestCounts(): RequestCounts {
  const rows = new Map<Operation | undefined, Row>();

  function open(operation: Operation | undefined): Row {
    const row: Row = {
      labels: { service: operation?.service ?? 'none', operation: operation?.name ?? 'none' },
      classes: { '2xx': 0, '4xx': 0, '5xx': 0 },
      seconds: histogram(durations),
    };
    rows.set(operation, row);
    return row;
  }

  return {
    answered(operation, status, ms) {
      const { classes, seconds } = rows.get(operation) ?? open(operation);
      classes[classOf(status)] += 1;
      seconds.observe(ms / 1000);
    },
    metrics: () => [
      {
        name: 'tertulia_requests_total',
        help: 'Requests to operations that were answered; what is no operation counts as none.',
        kind: 'counter',
        values: [...rows.values()].flatMap(({ labels, classes }) =>
          Object.entries(classes).map(([status, value]) => ({ labels: { ...labels, class: status }, value })),
        ),
      },
      {
        name: 'tertulia_request_duration_seconds',
        help: 'How long it took to answer them, from the end of the body on.',
        kind: 'histogram',
        values: [...rows.values()].map(({ labels, seconds }) => ({ labels, value: seconds })),
      },
    ],
  };
}
