/**
 * The condition operators of IAM's policy language. Pure: a condition is compiled once, when its
 * policy is read, and then asked for each request.
 */
import { BlockList, isIP } from 'node:net';
import { matchesWildcard } from '../domain/wildcard.ts';

/** Whether the values that a request has for a key meet a condition; undefined or none: the request lacks the key. */
export type Holds = (given: readonly string[] | undefined) => boolean;

/** `wrong` is the first value that the operator cannot take, `allowed` says what it takes. */
export type Compiled =
  | { readonly ok: true; readonly holds: Holds }
  | { readonly ok: false; readonly wrong: string; readonly allowed: string };

/** Whether one value of the request meets one value of the policy. */
type Test = (given: string) => boolean;

type Kind = {
  /** What a value of the policy must be, for the message. */
  readonly allowed: string;
  /** Undefined when the policy's value is not what is allowed. */
  readonly test: (wanted: string) => Test | undefined;
};

const text = (same: (wanted: string, given: string) => boolean): Kind => ({
  allowed: 'text',
  test: (wanted) => (given) => same(wanted, given),
});

const ordered = (allowed: string, read: (text: string) => number, holds: (a: number, b: number) => boolean): Kind => ({
  allowed,
  test: (wanted) => {
    const bound = read(wanted);
    // What the request gives may be no number or date: NaN compares as false with everything.
    return Number.isNaN(bound) ? undefined : (given) => holds(read(given), bound);
  },
});

const readNumber = (text: string): number => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN);

/** ISO 8601 with a zone, a plain date (UTC), or epoch seconds; epoch milliseconds, or NaN. */
function readDate(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return Number.NaN;
  // Date.parse rolls 30 February over to March; the day alone shows it.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
  return isDay ? Date.parse(text) : Number.NaN;
}

/** Six parts, of which each must match by itself; the last may hold colons. */
function readArn(text: string): readonly string[] | undefined {
  const parts = text.split(':');
  return parts[0] === 'arn' && parts.length >= 6 ? [...parts.slice(0, 5), parts.slice(5).join(':')] : undefined;
}

const arn: Kind = {
  allowed: 'an ARN of six parts between colons, in each of which * and ? may stand',
  test: (wanted) => {
    const patterns = readArn(wanted);
    return (
      patterns && ((given) => readArn(given)?.every((part, i) => matchesWildcard(patterns[i] ?? '', part)) ?? false)
    );
  },
};

const truth: Kind = {
  allowed: '"true" or "false"',
  test: (wanted) =>
    /^(true|false)$/i.test(wanted) ? (given) => given.toLowerCase() === wanted.toLowerCase() : undefined,
};

const address: Kind = {
  allowed: 'an IP address or a range such as 203.0.113.0/24 or 2001:db8::/32',
  test: (wanted) => {
    const [, base = '', bits] = /^([0-9A-Fa-f.:]+)(?:\/(\d{1,3}))?$/.exec(wanted) ?? [];
    const family = isIP(base);
    const all = family === 4 ? 32 : 128;
    if (family === 0 || Number(bits ?? 0) > all) return undefined;
    const range = new BlockList();
    range.addSubnet(base, Number(bits ?? all), family === 4 ? 'ipv4' : 'ipv6');
    return (given) => isIP(given) !== 0 && range.check(given, isIP(given) === 4 ? 'ipv4' : 'ipv6');
  },
};

type Operator = { readonly kind: Kind; readonly negated: boolean };

const is = (kind: Kind): Operator => ({ kind, negated: false });
const not = (kind: Kind): Operator => ({ kind, negated: true });

const exact = text((wanted, given) => wanted === given);
const caseless = text((wanted, given) => wanted.toLowerCase() === given.toLowerCase());
const like = text(matchesWildcard);

const comparisons = (family: string, allowed: string, read: (text: string) => number): [string, Operator][] => [
  [`${family}Equals`, is(ordered(allowed, read, (given, wanted) => given === wanted))],
  [`${family}NotEquals`, not(ordered(allowed, read, (given, wanted) => given === wanted))],
  [`${family}LessThan`, is(ordered(allowed, read, (given, wanted) => given < wanted))],
  [`${family}LessThanEquals`, is(ordered(allowed, read, (given, wanted) => given <= wanted))],
  [`${family}GreaterThan`, is(ordered(allowed, read, (given, wanted) => given > wanted))],
  [`${family}GreaterThanEquals`, is(ordered(allowed, read, (given, wanted) => given >= wanted))],
];

const operators: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', is(exact)],
  ['StringNotEquals', not(exact)],
  ['StringEqualsIgnoreCase', is(caseless)],
  ['StringNotEqualsIgnoreCase', not(caseless)],
  ['StringLike', is(like)],
  ['StringNotLike', not(like)],
  // AWS: the two spellings behave alike, wildcards included.
  ['ArnEquals', is(arn)],
  ['ArnNotEquals', not(arn)],
  ['ArnLike', is(arn)],
  ['ArnNotLike', not(arn)],
  ['Bool', is(truth)],
  ['IpAddress', is(address)],
  ['NotIpAddress', not(address)],
  ...comparisons('Numeric', 'a number', readNumber),
  ...comparisons('Date', 'a date (2026-01-31, 2026-01-31T12:00:00Z or epoch seconds)', readDate),
  ['Null', is(truth)],
]);

/** For messages: what `findOperator` finds. */
export const operatorNames = `${[...operators.keys()].join(', ')}; all but Null also after ForAllValues: or ForAnyValue:, and with IfExists at the end`;

/** Gives what compiles the values of a condition with that operator; undefined when there is no such operator. */
export function findOperator(written: string): ((values: readonly string[]) => Compiled) | undefined {
  const [, set, name = '', suffix] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(written) ?? [];
  const operator = operators.get(name);
  const isNull = name === 'Null';
  if (!operator || (isNull && (set || suffix))) return undefined;
  const { kind, negated } = operator;
  return (values) => {
    const tests: Test[] = [];
    for (const value of values) {
      const test = kind.test(value);
      if (!test) return { ok: false, wrong: value, allowed: kind.allowed };
      tests.push(test);
    }
    const meets = (given: string): boolean => tests.some((test) => test(given)) !== negated;
    if (isNull) return { ok: true, holds: (given = []) => meets(String(given.length === 0)) };
    return { ok: true, holds: overValues(meets, set, negated, suffix !== undefined) };
  };
}

/**
 * A key that the request does not have fails, except where the operator is negated, ForAllValues or IfExists. Several
 * values of the request without a set operator: one that matches is enough, and for a negated operator none may.
 */
function overValues(meets: Test, set: string | undefined, negated: boolean, ifExists: boolean): Holds {
  const every = set === undefined ? negated : set === 'ForAllValues';
  return (given = []) => {
    if (given.length === 0) return ifExists || every;
    return every ? given.every(meets) : given.some(meets);
  };
}
