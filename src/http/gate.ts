import { commonFault, Fault, serviceFault } from '../fault.ts';
import { publishedFlow } from '../operations/instance.ts';
import type { Access, Operation, Principal } from '../operations/operation.ts';
import { tagsOf } from '../operations/tagged.ts';
import { machineTime } from '../runtime/clock.ts';
import type { Store } from '../store/store.ts';
import type { AccessKey } from './access-keys.ts';
import { decide, deniedSentence, type Policy } from './policy.ts';
import type { Request } from './request.ts';
import { createSigV4Verifier, type SignatureRefusal, type Verdict } from './sigv4.ts';

/** Who may call the operations of the Connect service. */
export interface Gate {
  /** Who signed the request; throws the fault of a bad signature. */
  authenticate(request: Request): Promise<Signer>;
  /** Throws AccessDeniedException unless the signer may do that, whether or not what it names exists. */
  permit(signer: Signer, operation: Operation, input: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface Signer extends Principal {
  readonly userArn: string;
  /** Undefined: everything in the account is allowed. */
  readonly policies: readonly Policy[] | undefined;
}

export interface GateSettings {
  /** False: any request is taken for one of the account that owns the instance it names. */
  readonly verifies: boolean;
  /** Whether a key without a policy may do everything in its account, and refusals show what should have been signed. */
  readonly isDevelopment: boolean;
  /** The path of the public URL: clients sign it, and a proxy may take it off before it gets here. */
  readonly pathPrefix: string;
}

const anybody: Signer = { account: undefined, region: undefined, userArn: '', policies: undefined };

export function openGate(
  settings: GateSettings,
  keyOf: (id: string) => Promise<AccessKey | undefined>,
  store: Store,
): Gate {
  const verify = createSigV4Verifier(
    { services: ['connect'], maxSkewSeconds: 900, allowUnsignedPayload: false, maxSigningKeys: 2000 },
    keyOf,
  );

  async function verdictOn(request: Request): Promise<Verdict> {
    // Signatures are as old as the machine's clock says, however the test clock was moved.
    const on = (prefix: string) =>
      verify({ ...request, rawPath: prefix + request.path, rawQuery: request.query }, machineTime());
    const verdict = await on(request.prefix ?? '');
    const isMismatch = !verdict.ok && verdict.canonicalRequest !== undefined;
    if (!isMismatch || request.prefix || settings.pathPrefix === '') return verdict;
    const other = await on(settings.pathPrefix);
    return other.ok ? other : verdict;
  }

  return {
    async authenticate(request) {
      if (!settings.verifies) return anybody;
      const verdict = await verdictOn(request);
      if (!verdict.ok) throw refusal(verdict, settings.isDevelopment);
      const key = await keyOf(verdict.accessKeyId);
      if (!key)
        throw commonFault('UnrecognizedClientException', 'The security token included in the request is invalid.');
      const policies = key.policy ? [key.policy] : settings.isDevelopment ? undefined : [];
      return {
        account: key.account,
        region: verdict.region,
        userArn: `arn:aws:iam::${key.account}:user/${key.name}`,
        policies,
      };
    },
    async permit(signer, operation, input) {
      const { policies } = signer;
      if (!policies || !operation.access) return;
      const resource = resourceArn(signer, operation.access, input);
      const context = {
        ...conditions(signer, operation.access, resource, input),
        ...(await resourceTags(store, signer, resource)),
      };
      const action = `connect:${operation.name}`;
      const decision = decide(policies, { action, resources: [resource], context });
      if (decision.allowed) return;
      const { because } = decision;
      throw serviceFault(
        'connect',
        'AccessDeniedException',
        deniedSentence({ userArn: signer.userArn, action, resource, because }),
      );
    },
  };
}

function refusal(verdict: SignatureRefusal, isDevelopment: boolean): Fault {
  const { type, status, message, canonicalRequest, stringToSign } = verdict;
  const shown = isDevelopment && canonicalRequest !== undefined;
  const detail = shown
    ? `\n\nThe canonical string for this request should have been\n'${canonicalRequest}'\n\nThe string to sign should have been\n'${stringToSign}'`
    : '';
  return new Fault(type, status, message + detail);
}

/** The ARN that a row's pattern and an input name, in the signer's own account and the Region that was signed for. */
function resourceArn({ account, region }: Signer, access: Access, input: Readonly<Record<string, unknown>>): string {
  const filled = access.resource.replaceAll(/\{(\w+)\}/g, (_, member: string) => lastPart(input[member]));
  if (access.isWholeArn) return publishedFlow(String(input[access.resource.slice(1, -1)] ?? ''));
  return `arn:aws:connect:${region}:${account}:instance/${lastPart(input.InstanceId)}${filled && `/${filled}`}`;
}

/** Ids may be given as ARNs: what counts is the id at their end. A flow's draft is the flow. */
function lastPart(value: unknown): string {
  const text = publishedFlow(typeof value === 'string' ? value : '');
  return text.startsWith('arn:') ? text.slice(text.lastIndexOf('/') + 1) : text;
}

/** Instance, kind and id of what an ARN names; of an instance itself only the first. */
function partsOf(resource: string) {
  const [, instance, kind, id = ''] = /^arn:[^/]*:instance\/([^/]+)(?:\/([^/]+)\/(.+))?$/.exec(resource) ?? [];
  return { instance, kind, id };
}

function conditions(
  { account, region }: Signer,
  access: Access,
  resource: string,
  input: Readonly<Record<string, unknown>>,
) {
  const tags = access.tags === undefined ? undefined : input[access.tags];
  const keys = Array.isArray(tags) ? (tags as string[]) : Object.keys(tags ?? {});
  const own = Object.entries(access.conditions ?? {});
  const requested = Array.isArray(tags) ? [] : Object.entries((tags ?? {}) as Record<string, string>);
  return {
    'connect:InstanceId': partsOf(resource).instance,
    'aws:PrincipalAccount': account,
    'aws:RequestedRegion': region,
    'aws:CurrentTime': new Date(machineTime()).toISOString(),
    'aws:TagKeys': keys,
    ...Object.fromEntries(own.map(([key, member]) => [key, input[member] as string | undefined])),
    ...Object.fromEntries(requested.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
  };
}

/** The tags of what the ARN names, read only for a policy that asks for them. */
async function resourceTags(store: Store, { account, policies = [] }: Signer, resource: string) {
  const asks = policies.some(({ Statement }) =>
    Statement.some(({ Condition }) => Condition.some(({ key }) => key.startsWith('aws:resourcetag/'))),
  );
  const { instance, kind, id } = partsOf(resource);
  const owner = asks && instance !== undefined ? await store.resource('instance', '', instance) : undefined;
  // What is another account's must look as if it were not there.
  if (!owner || instance === undefined || owner.document.account !== account) return {};
  const tags = (kind === undefined ? tagsOf(owner) : await tagsWithin(store, instance, kind, id)) ?? {};
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}

async function tagsWithin(store: Store, instance: string, kind: string, id: string) {
  if (kind === 'contact') {
    const chat = await store.chat({ contactId: id });
    return chat?.instanceId === instance ? chat.contact.tags : undefined;
  }
  const flow = kind === 'contact-flow' ? await store.resource('flow', instance, id) : undefined;
  return flow && tagsOf(flow);
}
