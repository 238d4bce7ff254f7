import type { Steady } from '../runtime/steady.ts';
import type { Store } from '../store/store.ts';
import { fingerprint, type Vault } from '../tokens/vault.ts';
import { type Policy, type PolicySettings, parsePolicy } from './policy.ts';

/** An access key as a signature is verified with it. */
export interface AccessKey {
  readonly id: string;
  readonly account: string;
  /** For the sentence of a denial: `arn:aws:iam::<account>:user/<name>`. */
  readonly name: string;
  readonly secret: string;
  /** Changes with the secret. */
  readonly version: string;
  /** Undefined: none was given, and a development server lets it do everything in its account. */
  readonly policy: Policy | undefined;
}

/** The kind of resource under which keys are stored. */
export const accessKeyKind = 'access-key';

/** An access key as it is stored: its secret sealed, its policy as written. */
export interface StoredKey {
  readonly account: string;
  readonly sealed: string;
  readonly policy?: unknown;
  readonly createdAt: number;
  readonly revokedAt?: number | undefined;
}

export const policySettings = {
  // As long as a managed policy of IAM may be.
  maxDocumentChars: 6144,
  conditionKeys: [
    'connect:InstanceId',
    'connect:StorageResourceType',
    'aws:PrincipalAccount',
    'aws:RequestedRegion',
    'aws:CurrentTime',
    'aws:RequestTag/',
    'aws:ResourceTag/',
    'aws:TagKeys',
  ],
} satisfies PolicySettings;

/** How long a key that was looked up is used before it is looked up again: a revoked one works no longer than that. */
const rememberedMs = 900;
/** Keys remembered at once, unknown ones included: a stranger who tries many must not fill the memory. */
const most = 1000;

/** Finds keys: those of the configuration, then those of the store. */
export function openAccessKeys(configured: readonly AccessKey[], store: Store, vault: Vault, steady: Steady) {
  const known = new Map<string, { readonly key: AccessKey | undefined; readonly at: number }>();
  return async (id: string): Promise<AccessKey | undefined> => {
    const fixed = configured.find((each) => each.id === id);
    if (fixed) return fixed;
    const remembered = known.get(id);
    if (remembered && steady.now() - remembered.at < rememberedMs) return remembered.key;
    const key = await stored(id, store, vault);
    if (known.size >= most) known.clear();
    known.set(id, { key, at: steady.now() });
    return key;
  };
}

async function stored(id: string, store: Store, vault: Vault): Promise<AccessKey | undefined> {
  const resource = await store.resource(accessKeyKind, '', id);
  const document = resource?.document as unknown as StoredKey | undefined;
  if (!resource || !document || document.revokedAt !== undefined) return undefined;
  const secret = vault.open(id, document.sealed);
  if (secret === undefined) return undefined;
  const { account } = document;
  return { id, account, name: resource.name, secret, version: fingerprint(secret), policy: policyOf(document.policy) };
}

/** A policy that was checked when it was stored. */
export function policyOf(written: unknown): Policy | undefined {
  if (written === undefined) return undefined;
  const parsed = parsePolicy(written, policySettings);
  if (!parsed.ok) throw new Error('a stored policy cannot be read');
  return parsed.policy;
}
