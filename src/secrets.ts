import { ConfigError } from './config.ts';
import type { Keeper } from './runtime/kept.ts';
import type { Store } from './store/store.ts';
import type { Vault } from './tokens/vault.ts';

/**
 * The keys of a service of several nodes: in the store that they share, sealed under TERTULIA_SECRET_KEY. Throws
 * ConfigError where that is not the key they were sealed under.
 */
export function storeKeeper(store: Pick<Store, 'resource' | 'commit'>, vault: Vault): Keeper {
  const kind = 'secret';
  const stored = (name: string) => store.resource(kind, '', name);

  function opened(name: string, sealed: unknown): string {
    const text = vault.open(name, String(sealed));
    if (text !== undefined) return text;
    throw new ConfigError(
      'TERTULIA_SECRET_KEY is not the one that the keys of this store are sealed under; allowed: the key of its other nodes',
    );
  }

  async function read(name: string): Promise<string | undefined> {
    const resource = await stored(name);
    return resource && opened(name, resource.document.sealed);
  }

  return {
    read,
    async keep(name, make) {
      const known = await read(name);
      if (known !== undefined) return known;
      const text = await make();
      const document = { sealed: vault.seal(name, text) };
      await store.commit({ now: 0, resources: [{ kind, instance: '', id: name, name, document }] });
      // Another node's, if that was faster.
      return (await read(name)) ?? text;
    },
    async replace(name, before, after) {
      const resource = await stored(name);
      if (!resource || opened(name, resource.document.sealed) !== before) return false;
      const document = { sealed: vault.seal(name, after) };
      return 'done' in (await store.commit({ now: 0, replaced: [{ ...resource, document }] }));
    },
  };
}
