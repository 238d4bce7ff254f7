/**
 * Wire shapes as data. A shape says what a value looks like in Amazon's model (type, length in Unicode code points,
 * range, pattern, enum); `Infer` gives its TypeScript type; `decode`, `check` and `encode` beside this file read it.
 *
 * They are ours because the wire needs AWS's order (types before constraints), sentences and encodings.
 */

/** `T` is the decoded type; the property exists for the compiler only. */
export interface Shape<T = unknown> {
  readonly kind: Kind;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly pattern?: RegExp | undefined;
  readonly values?: readonly string[] | undefined;
  readonly sensitive?: boolean | undefined;
  readonly of?: Shape | undefined;
  readonly key?: Shape | undefined;
  readonly members?: Members | undefined;
  readonly infers?: T;
}

export type Kind = 'string' | 'integer' | 'long' | 'float' | 'boolean' | 'timestamp' | 'list' | 'map' | 'structure';

/** Where a member travels. Members without a mark are in the JSON body. */
export type Place = 'body' | 'path' | 'query' | 'header';

export interface Member<T = unknown, R extends boolean = boolean> {
  readonly shape: Shape<T>;
  readonly required: R;
  readonly place: Place;
  /** The name on the wire where it differs from the member's own (headers and query parameters). */
  readonly wireName?: string | undefined;
}

export type Members = Readonly<Record<string, Member>>;

type Declared = Readonly<Record<string, Shape | Member>>;
type MemberOf<D> =
  D extends Member<infer T, infer R> ? Member<T, R> : D extends Shape<infer T> ? Member<T, false> : never;
type RequiredKeys<D extends Declared> = { [K in keyof D]: D[K] extends Member<unknown, true> ? K : never }[keyof D];
type Fields<D extends Declared> = { [K in RequiredKeys<D>]: ValueOf<D[K]> } & {
  [K in Exclude<keyof D, RequiredKeys<D>>]?: ValueOf<D[K]> | undefined;
};
type ValueOf<D> = MemberOf<D> extends Member<infer T> ? T : never;

/** The TypeScript type that a shape decodes to. */
export type Infer<S> = S extends Shape<infer T> ? T : never;

interface Limits {
  /** Inclusive; code points for strings, elements for lists, entries for maps, the value itself for numbers. */
  readonly min?: number;
  readonly max?: number;
}

export function string(limits: Limits & { pattern?: RegExp; sensitive?: boolean } = {}): Shape<string> {
  return { kind: 'string', ...limits };
}

export function enumeration<const V extends readonly string[]>(values: V): Shape<V[number]> {
  return { kind: 'string', values };
}

export function integer(limits: Limits = {}): Shape<number> {
  return { kind: 'integer', ...limits };
}

/** A 64-bit integer; on this wire always within JavaScript's safe integers. */
export function long(limits: Limits = {}): Shape<number> {
  return { kind: 'long', ...limits };
}

export function float(limits: Limits = {}): Shape<number> {
  return { kind: 'float', ...limits };
}

export function boolean(): Shape<boolean> {
  return { kind: 'boolean' };
}

/** Decoded to epoch milliseconds; on the wire epoch seconds in bodies, ISO 8601 in queries (restJson1). */
export function timestamp(): Shape<number> {
  return { kind: 'timestamp' };
}

export function list<T>(of: Shape<T>, limits: Limits = {}): Shape<T[]> {
  return { kind: 'list', of, ...limits };
}

export function map<T, K extends string = string>(
  key: Shape<K>,
  of: Shape<T>,
  limits: Limits = {},
): Shape<Record<string, T>> {
  return { kind: 'map', key, of, ...limits };
}

export function structure<const D extends Declared>(declared: D): Shape<Fields<D>> {
  return { kind: 'structure', members: membersOf(declared) };
}

/** A structure that contains itself; `members` is called when the shape is first read. */
export function recursive<T>(members: () => Declared): Shape<T> {
  let read: Members | undefined;
  return {
    kind: 'structure',
    get members() {
      read ??= membersOf(members());
      return read;
    },
  };
}

export function required<T>(shape: Shape<T> | Member<T>): Member<T, true> {
  const member = memberOf(shape);
  return { ...member, required: true } as Member<T, true>;
}

/** A label of the path; always required. */
export function label<T>(shape: Shape<T>): Member<T, true> {
  return { shape, required: true, place: 'path' };
}

export function query<T>(wireName: string, shape: Shape<T>): Member<T, false> {
  return { shape, required: false, place: 'query', wireName };
}

/** `wireName` in lower case. */
export function header<T>(wireName: string, shape: Shape<T>): Member<T, false> {
  return { shape, required: false, place: 'header', wireName };
}

function memberOf<T>(declared: Shape<T> | Member<T>): Member<T> {
  return 'shape' in declared ? declared : { shape: declared, required: false, place: 'body' };
}

function membersOf(declared: Declared): Members {
  return Object.fromEntries(Object.entries(declared).map(([name, each]) => [name, memberOf(each)]));
}
