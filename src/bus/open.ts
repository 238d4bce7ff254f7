import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { Steady } from '../runtime/steady.ts';
import type { Bus } from './bus.ts';
import { openLocalBus } from './local.ts';
import type { NatsBus } from './nats.ts';

/** A bus; what concerns other nodes is there only where there may be some. */
export type NodeBus = Bus & Partial<Omit<NatsBus, keyof Bus>>;

/** Opens the bus that is configured. The client of NATS is loaded only where it is. */
export async function openBus(
  { bus: servers, busPrefix: prefix }: { readonly bus: readonly string[] | undefined; readonly busPrefix: string },
  parts: { readonly steady: Steady; readonly log: Log; readonly ids: Ids },
): Promise<NodeBus> {
  if (servers === undefined) return openLocalBus(parts.log);
  const { openNatsBus } = await import('./nats.ts');
  return openNatsBus({ servers, prefix }, parts);
}
