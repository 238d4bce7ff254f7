import type { Resource } from '../store/store.ts';
import { findFlow, findInstance } from './instance.ts';
import type { Call, Principal } from './operation.ts';

/** The resources that tags can be put on by their ARN, and the tags, which are kept in the resource's document. */

export type Tags = Readonly<Record<string, string>>;

type Finder = Call<Principal, 'InvalidRequestException' | 'ResourceNotFoundException'>;

const connectArn = /^(arn:aws:connect:[^:/]+:\d{12}:instance\/[^/]+)(?:\/([^/]+)\/(.+))?$/;

/** The instance or flow that the ARN names, if it is the caller's. */
export async function findTagged(call: Finder, arn: string): Promise<Resource> {
  const [, instanceArn, kind, id] = connectArn.exec(arn) ?? [];
  if (instanceArn === undefined) {
    throw call.fault(
      'InvalidRequestException',
      'resourceArn is not the ARN of a resource of Amazon Connect, such as arn:aws:connect:us-east-1:123456789012:instance/<id> or, for a flow, the same with /contact-flow/<id> at its end.',
    );
  }
  if (kind === 'contact') {
    throw call.fault(
      'InvalidRequestException',
      'Contacts are tagged with TagContact and UntagContact, not by their ARN.',
    );
  }
  const instance = await findInstance(call, instanceArn);
  // An ARN within the ARN would be a second name, of which no policy knows.
  const isFlow = kind === 'contact-flow' && !id?.includes('/');
  const found =
    kind === undefined
      ? await call.store.resource('instance', '', instance.id)
      : isFlow && (await call.store.resource('flow', instance.id, await findFlow(call, instance, id ?? '')));
  if (found) return found;
  throw call.fault('ResourceNotFoundException', `Resource ${arn} was not found; there are instances and their flows.`);
}

export function tagsOf({ document }: Resource): Tags {
  return (document.tags ?? {}) as Tags;
}

/** Gives the resource the tags that the rule makes of those it has. */
export async function changeTags(call: Finder, arn: string, rule: (tags: Tags) => Tags): Promise<void> {
  await call.writer.attempt({
    now: call.now,
    async decide() {
      const resource = await findTagged(call, arn);
      const document = { ...resource.document, tags: rule(tagsOf(resource)) };
      return { change: { replaced: [{ ...resource, document }] }, answer: {} };
    },
  });
}
