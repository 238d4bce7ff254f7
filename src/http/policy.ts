/**
 * Identity-based policies in the language of AWS IAM: read once, with every problem named, then asked for each request.
 * Pure. What this server does not evaluate is refused when the policy is read: a rule that is ignored protects nobody.
 */
import { matchesWildcard } from '../domain/wildcard.ts';
import { findOperator, type Holds, operatorNames } from './condition.ts';

/** A policy that was read: single values are lists, and conditions can be asked. */
export type Policy = {
  readonly Version: '2012-10-17' | '2008-10-17';
  readonly Id?: string;
  readonly Statement: readonly Statement[];
};

export type Statement = {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  /** One of Action and NotAction is present, as is one of Resource and NotResource. */
  readonly Action?: readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource?: readonly string[];
  readonly NotResource?: readonly string[];
  readonly Condition: readonly Condition[];
};

export type Condition = {
  /** As written, with prefix and suffix: `ForAnyValue:StringLikeIfExists`. */
  readonly operator: string;
  /** In lower case: keys are the same in any case. */
  readonly key: string;
  readonly values: readonly string[];
  readonly holds: Holds;
};

export type Problem = {
  /** Such as `Statement[0].Condition.StringEquals`; empty for the document itself. */
  readonly path: string;
  /** What is wrong, and what is allowed instead. */
  readonly message: string;
};

export type PolicySettings = {
  /** Length of the document as JSON without white space; IAM's managed policies: 6,144. */
  readonly maxDocumentChars: number;
  /**
   * The condition keys that the server fills, those ending in `/` with anything after it (`aws:RequestTag/`); others
   * are refused. Absent: any key, and one that is never filled counts as missing from the request.
   */
  readonly conditionKeys?: readonly string[];
};

export type AccessRequest = {
  /** Such as `connect:CreateParticipant`. */
  readonly action: string;
  /** ARNs, each of which must be allowed; none stands for an action without resources, which only `*` matches. */
  readonly resources: readonly string[];
  /** Condition keys, in any case; undefined or an empty list is a key that the request does not have. */
  readonly context: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** `because`: no statement allows it, or one denies it. `resource` is the first that fails. */
export type Decision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly because: 'implicit' | 'explicit'; readonly resource: string };

// ── Deciding ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** An explicit deny of any resource wins; then each resource needs a statement that allows it. */
export function decide(policies: readonly Policy[], request: AccessRequest): Decision {
  const context = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(request.context)) {
    if (value !== undefined) context.set(key.toLowerCase(), typeof value === 'string' ? [value] : value);
  }
  const action = request.action.toLowerCase();
  const applying = policies
    .flatMap((policy) => policy.Statement)
    .filter(({ Action, NotAction, Condition }) => {
      const named = (pattern: string): boolean => matchesWildcard(pattern.toLowerCase(), action);
      const covers = Action ? Action.some(named) : NotAction !== undefined && !NotAction.some(named);
      return covers && Condition.every(({ key, holds }) => holds(context.get(key)));
    });
  const isCovered = (effect: Statement['Effect'], resource: string): boolean =>
    applying.some(({ Effect, Resource, NotResource }) => {
      const named = (pattern: string): boolean => matchesWildcard(pattern, resource);
      const covers = Resource ? Resource.some(named) : NotResource !== undefined && !NotResource.some(named);
      return Effect === effect && covers;
    });

  const resources = request.resources.length > 0 ? request.resources : ['*'];
  const denied = resources.find((resource) => isCovered('Deny', resource));
  if (denied !== undefined) return { allowed: false, because: 'explicit', resource: denied };
  const unmentioned = resources.find((resource) => !isCovered('Allow', resource));
  if (unmentioned !== undefined) return { allowed: false, because: 'implicit', resource: unmentioned };
  return { allowed: true };
}

/** The sentence of AWS's AccessDeniedException. */
export function deniedSentence(denial: {
  readonly userArn: string;
  readonly action: string;
  readonly resource: string;
  readonly because: 'implicit' | 'explicit';
}): string {
  const { userArn, action, resource, because } = denial;
  const reason =
    because === 'explicit'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  return `User: ${userArn} is not authorized to perform: ${action} on resource: ${resource} ${reason}`;
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type KnownKeys = PolicySettings['conditionKeys'];
type Report = (path: string, message: string) => void;

/** Reads a parsed JSON document into a policy, or says everything that is wrong with it. */
export function parsePolicy(
  json: unknown,
  settings: PolicySettings = { maxDocumentChars: 6144 },
): { readonly ok: true; readonly policy: Policy } | { readonly ok: false; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  const policy = readDocument(json, settings, report);
  if (!policy || problems.length > 0) return { ok: false, problems };
  // Only now: what has passed is shallow, so that stringify cannot overflow the stack.
  const size = JSON.stringify(json).length;
  if (size <= settings.maxDocumentChars) return { ok: true, policy };
  report('', `${size} characters without white space; at most ${settings.maxDocumentChars} are allowed`);
  return { ok: false, problems };
}

/** The members of an object, or undefined; members outside `allowed` are reported by name. */
function readObject(value: unknown, path: string, allowed: readonly string[] | undefined, report: Report) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(path, 'must be a JSON object');
    return undefined;
  }
  const members = new Map<string, unknown>(Object.entries(value));
  for (const name of allowed ? members.keys() : []) {
    if (allowed?.includes(name)) continue;
    const hint = name.endsWith('Principal') ? ' (the policy applies to the user that it is given to)' : '';
    report(join(path, name), `not supported${hint}; allowed here: ${allowed?.join(', ')}`);
  }
  return members;
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

function readDocument(json: unknown, settings: PolicySettings, report: Report): Policy | undefined {
  const members = readObject(json, '', ['Version', 'Id', 'Statement'], report);
  if (!members) return undefined;
  // IAM takes an absent version for the older one.
  const Version = members.get('Version') ?? '2008-10-17';
  const isVersion = Version === '2012-10-17' || Version === '2008-10-17';
  if (!isVersion) report('Version', 'must be "2012-10-17" or "2008-10-17"');
  const Id = readName(members.get('Id'), 'Id', /^/, 'a string', report);
  const given = members.get('Statement');
  const single = !Array.isArray(given);
  const list: readonly unknown[] = single ? [given] : given;
  if (list.length === 0) report('Statement', 'must hold at least one statement');
  const Statement = list.flatMap((each, i) => {
    return readStatement(each, single ? 'Statement' : `Statement[${i}]`, settings, report) ?? [];
  });
  const sids = Statement.flatMap(({ Sid }) => Sid ?? []);
  const twice = sids.find((sid, i) => sids.indexOf(sid) !== i);
  if (twice) report('Statement', `Sid "${twice}" is used more than once; each must be unique`);
  return isVersion ? { Version, ...(Id !== undefined && { Id }), Statement } : undefined;
}

function readName(value: unknown, path: string, pattern: RegExp, allowed: string, report: Report): string | undefined {
  if (value === undefined || (typeof value === 'string' && pattern.test(value))) return value;
  report(path, `must be ${allowed}`);
  return undefined;
}

const elements = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];

function readStatement(value: unknown, path: string, settings: PolicySettings, report: Report): Statement | undefined {
  const members = readObject(value, path, elements, report);
  if (!members) return undefined;
  const Sid = readName(members.get('Sid'), join(path, 'Sid'), /^[A-Za-z0-9]*$/, 'letters and digits', report);
  const Effect = members.get('Effect');
  if (Effect !== 'Allow' && Effect !== 'Deny') report(join(path, 'Effect'), 'must be "Allow" or "Deny"');
  const action = readEither(members, path, 'Action', actionForm, report);
  const resource = readEither(members, path, 'Resource', resourceForm, report);
  const given = members.get('Condition');
  const Condition =
    given === undefined ? [] : readConditions(given, join(path, 'Condition'), settings.conditionKeys, report);
  if ((Effect !== 'Allow' && Effect !== 'Deny') || !action || !resource) return undefined;
  return {
    ...(Sid !== undefined && { Sid }),
    Effect,
    ...(action.negated ? { NotAction: action.values } : { Action: action.values }),
    ...(resource.negated ? { NotResource: resource.values } : { Resource: resource.values }),
    Condition,
  };
}

type Form = { readonly pattern: RegExp; readonly allowed: string };
const actionForm: Form = {
  pattern: /^(\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$/,
  allowed: '* or service:Operation, in which * and ? may stand',
};
const resourceForm: Form = { pattern: /^(\*$|arn:)/, allowed: '* or an ARN, in which * and ? may stand' };

/** An element or its `Not…` form, of which a statement has exactly one. */
function readEither(
  members: ReadonlyMap<string, unknown>,
  path: string,
  name: string,
  form: Form,
  report: Report,
): { readonly negated: boolean; readonly values: readonly string[] } | undefined {
  const negated = members.has(`Not${name}`);
  if (members.has(name) === negated) {
    report(path, `must have either ${name} or Not${name}${negated ? ', not both' : ''}`);
    return undefined;
  }
  const at = join(path, negated ? `Not${name}` : name);
  const values = readValues(members.get(negated ? `Not${name}` : name), at, ['string'], report);
  for (const value of values) {
    if (!form.pattern.test(value)) report(at, `"${value}" must be ${form.allowed}`);
  }
  return { negated, values };
}

/** One value or a list of them. Policy variables are refused, for as plain text they would match nothing. */
function readValues(value: unknown, path: string, types: readonly string[], report: Report): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) report(path, 'must hold at least one value');
  return list.flatMap((each) => {
    if (!types.includes(typeof each)) report(path, `must be a ${types.join(', ')} or a list of them`);
    else if (typeof each === 'string' && each.includes('${')) {
      const variable = each.slice(each.indexOf('${')).split('}')[0];
      report(path, `the policy variable ${variable}} is not supported; write out the value`);
    } else return [String(each)];
    return [];
  });
}

/** Operator → key → values. */
function readConditions(value: unknown, path: string, known: KnownKeys, report: Report): readonly Condition[] {
  const conditions: Condition[] = [];
  for (const [operator, block] of readObject(value, path, undefined, report) ?? []) {
    const at = join(path, operator);
    const compile = findOperator(operator);
    if (!compile) report(at, `not a supported condition operator; allowed: ${operatorNames}`);
    for (const [key, given] of (compile && readObject(block, at, undefined, report)) ?? []) {
      checkKey(key, join(at, key), known, report);
      const values = readValues(given, join(at, key), ['string', 'number', 'boolean'], report);
      const compiled = compile?.(values);
      if (compiled?.ok) conditions.push({ operator, key: key.toLowerCase(), values, holds: compiled.holds });
      else if (compiled) report(join(at, key), `"${compiled.wrong}" must be ${compiled.allowed}`);
    }
  }
  return conditions;
}

function checkKey(key: string, path: string, known: KnownKeys, report: Report): void {
  const name = key.toLowerCase();
  const isKnown = (each: string): boolean =>
    each.endsWith('/') ? name.startsWith(each.toLowerCase()) && name.length > each.length : name === each.toLowerCase();
  if (!/^[\w-]+:./.test(key)) report(path, 'a condition key has the form service:Name');
  else if (known && !known.some(isKnown)) {
    report(path, `this server fills no such condition key; allowed: ${known.join(', ')}`);
  }
}
