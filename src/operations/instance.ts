import type { Call, Principal } from './operation.ts';

export interface Instance {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly alias: string;
}

/** What a bare id or an ARN names. */
interface Named {
  readonly id: string;
  readonly account?: string;
  readonly region?: string;
  readonly instanceId?: string;
}

const instanceArn = /^arn:aws:connect:([^:/]+):(\d{12}):instance\/([^/]+)$/;
const flowArn = /^arn:aws:connect:([^:/]+):(\d{12}):instance\/([^/]+)\/contact-flow\/([^/]+)$/;

type Finder = Call<Principal, 'ResourceNotFoundException'>;

/** The instance that a bare id or an ARN names, if it is the caller's; else 404. */
export async function findInstance(call: Finder, given: string): Promise<Instance> {
  const [, region, account, id] = instanceArn.exec(given) ?? [];
  const named: Named = id === undefined ? { id: given } : { id, region, account };
  const resource = await call.store.resource('instance', '', named.id);
  const instance = resource && ({ id: resource.id, ...resource.document } as unknown as Instance);
  const { account: ownAccount, region: ownRegion } = call.caller;
  const isOwn = isOf(ownAccount, ownRegion, instance);
  if (!instance || !isNamed(named, instance) || !isOwn) {
    throw call.fault(
      'ResourceNotFoundException',
      `Instance ${given} was not found. Use the id or the ARN of an instance of this account and Region; GET /_tertulia/info lists them.`,
    );
  }
  return instance;
}

/** The id of the flow that a bare id or an ARN names; else 404. */
export async function findFlow(call: Finder, instance: Instance, given: string): Promise<string> {
  const published = publishedFlow(given);
  const [, region, account, instanceId, id] = flowArn.exec(published) ?? [];
  const named: Named = id === undefined ? { id: published } : { id, region, account, instanceId };
  const flow = isNamed(named, instance) && (await call.store.resource('flow', instance.id, named.id));
  if (!flow) {
    throw call.fault(
      'ResourceNotFoundException',
      `Contact flow ${given} was not found in instance ${instance.id}. Use the id or the ARN of one of its flows; GET /_tertulia/info lists them.`,
    );
  }
  return flow.id;
}

/** The flow of a saved draft, which is named by the flow's id or ARN with this ending. */
export function publishedFlow(given: string): string {
  return given.replace(/:\$(SAVED|LATEST)$/, '');
}

function isNamed(named: Named, instance: Instance): boolean {
  return (
    (named.account ?? instance.account) === instance.account &&
    (named.region ?? instance.region) === instance.region &&
    (named.instanceId ?? instance.id) === instance.id
  );
}

function isOf(account: string | undefined, region: string | undefined, instance: Instance | undefined): boolean {
  return (account ?? instance?.account) === instance?.account && (region ?? instance?.region) === instance?.region;
}

export function contactArn(chat: { region: string; account: string; instanceId: string }, contactId: string): string {
  return `arn:aws:connect:${chat.region}:${chat.account}:instance/${chat.instanceId}/contact/${contactId}`;
}
