import type { NodeBus } from './bus/open.ts';
import type { Readiness } from './control/control.ts';
import { type Membership, openMembership } from './jobs/membership.ts';
import type { Ids } from './runtime/ids.ts';
import { fileKeeper, type Keeper } from './runtime/kept.ts';
import type { Lifetime } from './runtime/lifetime.ts';
import type { Log } from './runtime/log.ts';
import { sealingKey, signingKeys, signingKeysReadMs } from './runtime/signing-key.ts';
import type { Steady } from './runtime/steady.ts';
import { storeKeeper } from './secrets.ts';
import type { Config } from './settings.ts';
import type { Lease, Store } from './store/store.ts';
import { openTokens, type Tokens } from './tokens/tokens.ts';
import { openVault, type Vault } from './tokens/vault.ts';

/** A server among those that share its store. */

/** What a server shares with the others, if there are any. */
export interface Joined {
  readonly membership: Membership;
  /** Where the keys are that all of them use. */
  readonly keeper: Keeper;
  /** With which due work is taken; undefined where nobody else could take it. */
  readonly lease: Lease | undefined;
  readonly tokens: Tokens;
}

/** How long a node's work is left to it after it was last heard of. */
const leaseMs = 30_000;

/** This server among those that share its store, and the keys that they share; by itself with an embedded one. */
export async function joinNodes(
  config: Config,
  store: Store,
  { steady, ids, log }: { readonly steady: Steady; readonly ids: Ids; readonly log: Log },
  life: Lifetime,
): Promise<Joined> {
  const node = ids.uuid();
  const membership = life.own(await openMembership({ store, steady, log, node }));
  const isShared = config.store !== undefined;
  const keeper = keeperOf(config, store, ids);
  const tokens = openTokens(await signingKeys(keeper, ids));
  if (config.dataDir !== ':memory:' || isShared) {
    // A new key is announced long before it signs: see `rotateSigningKeys`.
    const stop = steady.every(signingKeysReadMs, () => {
      signingKeys(keeper, ids).then(tokens.replaceKeys, (failure: unknown) =>
        log.warn({ err: failure }, 'the signing keys could not be read again'),
      );
    });
    life.onEnd(stop);
  }
  return { membership, keeper, lease: isShared ? { holder: node, forMs: leaseMs } : undefined, tokens };
}

/** Where the keys are that all servers of a service use. */
export function keeperOf(config: Config, store: Pick<Store, 'resource' | 'commit'>, ids: Ids): Keeper {
  return config.store === undefined ? fileKeeper(config.dataDir, ids) : storeKeeper(store, vaultOf(config, ids));
}

export function readinessOf(readiness: Readiness, membership: Membership, bus: NodeBus): Readiness {
  if (!readiness.isReady) return readiness;
  const reason = membership.problem();
  if (reason !== undefined) return { isReady: false, reason };
  // The sweep delivers what the bus does not.
  return bus.isConnected?.() === false ? { isReady: true, degraded: ['bus'] } : readiness;
}

export function sharedRefusal({ store }: Config): string | undefined {
  if (store === undefined) return undefined;
  return 'This server shares its store with others (TERTULIA_STORE): the clock cannot be moved there, nor the store emptied. Use the embedded store for tests of time.';
}

export function vaultOf({ secretKey, dataDir }: Config, ids: Ids): Vault {
  return openVault(secretKey ?? sealingKey(dataDir, ids), ids.secret);
}
