import type { Resource, Store } from '../store/store.ts';
import { findInstance } from './instance.ts';
import type { Call, Principal } from './operation.ts';

/** The origins whose pages may connect participants of an instance: one resource an instance, absent before the first. */

const kind = 'approved-origins';

/** Amazon's limit for an instance. */
export const maxOrigins = 100;

/** A scheme, a host and perhaps a port: what a browser sends, and nothing that it would not. */
const form = /^https?:\/\/(\w[\w-]*(\.[\w-]+)*|\[[0-9a-f:.]+\])(:\d{1,5})?$/i;

/** The origins as they were given, in no order that means anything. Empty: any page may connect. */
export async function approvedOrigins(store: Pick<Store, 'resource'>, instanceId: string): Promise<readonly string[]> {
  const stored = await store.resource(kind, instanceId, kind);
  return stored ? originsIn(stored) : [];
}

/** The origin as browsers write it, in lower case and without a default port; undefined for what is none. */
export function canonicalOrigin(given: string): string | undefined {
  return form.test(given) && URL.canParse(given) ? new URL(given).origin : undefined;
}

export function isApproved(approved: readonly string[], origin: string): boolean {
  const wanted = canonicalOrigin(origin);
  return wanted !== undefined && approved.some((each) => canonicalOrigin(each) === wanted);
}

type Changer = Call<Principal, 'InvalidRequestException' | 'ResourceNotFoundException'>;

interface Named {
  readonly InstanceId: string;
  readonly Origin: string;
  readonly ClientToken?: string | undefined;
}

/** Makes of the instance's origins what the rule says, once for a ClientToken. The rule throws what is to be refused. */
export async function changeOrigins(
  call: Changer,
  operation: string,
  { InstanceId, Origin, ClientToken }: Named,
  rule: (before: readonly string[]) => readonly string[],
): Promise<void> {
  const instance = await findInstance(call, InstanceId);
  const none = { kind, instance: instance.id, id: kind, name: kind, document: { origins: [] } };
  await call.writer.attempt({
    now: call.now,
    token: {
      scope: `${operation} ${instance.account} ${instance.id}`,
      value: ClientToken,
      request: { Origin },
      conflict: () =>
        call.fault(
          'InvalidRequestException',
          `This ClientToken was used with another Origin; use a new one for each call of ${operation}.`,
        ),
    },
    async decide() {
      const stored = (await call.store.resource(kind, instance.id, kind)) ?? { ...none, revision: 1 };
      const document = { origins: rule(originsIn(stored)) };
      // The empty list is put where there is none, so that of two first origins neither is lost.
      return { change: { resources: [none], replaced: [{ ...stored, document }] }, answer: {} };
    },
  });
}

function originsIn({ document }: Pick<Resource, 'document'>): readonly string[] {
  return document.origins as readonly string[];
}
