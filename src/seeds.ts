import { ConfigError, developmentInstance } from './config.ts';
import { developmentStorage, storageKind, storedTypes } from './domain/storage.ts';
import type { InstanceConfig } from './settings.ts';
import type { NewResource, Store } from './store/store.ts';

/**
 * Creates the configured instances and flows that are absent. One that is there already must be as configured: an
 * instance's account or Region cannot change under the contacts it has. What else the store keeps of it, such as its tags,
 * is not the configuration's business.
 */
export async function seed(store: Store, instances: readonly InstanceConfig[], now: number): Promise<void> {
  const resources = instances.flatMap(resourcesOf);
  // All are compared before any is written: what is refused leaves nothing behind that contradicts its correction.
  const named = new Map<string, NewResource>();
  for (const wanted of resources) {
    const name = JSON.stringify([wanted.kind, wanted.instance, wanted.id]);
    const earlier = named.get(name);
    if (earlier) demandSame(wanted, earlier, 'further up in it');
    named.set(name, wanted);
    const stored = await store.resource(wanted.kind, wanted.instance, wanted.id);
    if (stored) demandSame(wanted, stored, 'in the store');
  }
  await store.commit({ now, resources: [...resources, ...instances.flatMap(defaultsOf)] });
}

function demandSame(wanted: NewResource, there: NewResource, where: string): void {
  if (described(there, wanted) === described(wanted, wanted)) return;
  throw new ConfigError(
    `instances: ${wanted.kind} ${wanted.id} is ${described(wanted, wanted)} in the configuration and ${described(there, wanted)} ${where}; allowed: what is there, or another id`,
  );
}

function resourcesOf({ id, account, region, alias, flows }: InstanceConfig): NewResource[] {
  return [
    { kind: 'instance', instance: '', id, name: alias, document: { account, region, alias } },
    ...flows.map((flow) => ({ kind: 'flow', instance: id, id: flow.id, name: flow.name, document: {} })),
  ];
}

/** What the development instance starts with and its users may change: put if absent, and never compared. */
function defaultsOf(instance: InstanceConfig): NewResource[] {
  if (instance !== developmentInstance) return [];
  return storedTypes.map((type) => {
    const document = { config: developmentStorage[type] };
    return { kind: storageKind, instance: instance.id, id: type, name: type, document };
  });
}

/** Its name, and of its document what is configured. */
function described(resource: NewResource, wanted: NewResource): string {
  const configured = Object.keys(wanted.document).map((key) => [key, resource.document[key]]);
  return JSON.stringify({ name: resource.name, ...Object.fromEntries(configured) });
}
