import { printable } from './check.ts';
import type { Member, Shape } from './shape.ts';

/** The value is not of the type that the model gives it. The message names the member and never shows the value. */
export class WrongType extends Error {}

/** Shapes may contain themselves; a request may not use that to exhaust the stack. */
const deepest = 64;

/** The parts of a request from which an input is made. */
export interface Parts {
  /** Parsed JSON, or undefined for an empty body. */
  readonly body: unknown;
  readonly labels: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly header: (name: string) => string | undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parses a JSON body. An empty one is an absent one, as AWS endpoints have it. */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new WrongType('The request body is not valid UTF-8.');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new WrongType('The request body is not valid JSON.');
  }
}

/** Reads an operation's input: right members, right types. Constraints are `check`'s work. */
export function decode(shape: Shape, parts: Parts): Record<string, unknown> {
  if (parts.body !== undefined && !isObject(parts.body)) {
    throw new WrongType('The request body must be a JSON object.');
  }
  const body = (parts.body ?? {}) as Record<string, unknown>;
  const input: Record<string, unknown> = {};
  for (const name in shape.members) {
    const value = read(name, shape.members[name] as Member, body, parts);
    if (value !== undefined) input[name] = value;
  }
  return input;
}

function read(name: string, member: Member, body: Record<string, unknown>, parts: Parts): unknown {
  const wireName = member.wireName ?? name;
  switch (member.place) {
    case 'body':
      return value(member.shape, own(body, name), `/${name}`);
    case 'path':
      return fromText(member.shape, parts.labels[wireName], `/${name}`);
    case 'header':
      return fromText(member.shape, parts.header(wireName), `/${name}`);
    case 'query': {
      const all = parts.query.getAll(wireName);
      if (all.length === 0) return undefined;
      if (member.shape.kind !== 'list') return fromText(member.shape, all[0], `/${name}`);
      const of = member.shape.of;
      return all.map((text, index) => of && fromText(of, text, `/${name}/${index}`));
    }
  }
}

function value(shape: Shape, given: unknown, path: string, depth = 0): unknown {
  if (given === undefined || given === null) return undefined;
  if (depth > deepest)
    throw new WrongType(`Value at '${path.slice(0, 64)}…' is nested more than ${deepest} levels deep.`);
  switch (shape.kind) {
    case 'string':
      if (typeof given !== 'string') throw wrong(path, 'a string');
      return given;
    case 'boolean':
      if (typeof given !== 'boolean') throw wrong(path, 'true or false');
      return given;
    case 'integer':
    case 'long':
      if (typeof given !== 'number' || !Number.isSafeInteger(given)) throw wrong(path, 'a whole number');
      return given;
    case 'float':
      // JSON.parse makes Infinity of 1e400, which no JSON can carry back.
      if (typeof given !== 'number' || !Number.isFinite(given)) throw wrong(path, 'a number');
      return given;
    case 'timestamp':
      if (typeof given !== 'number' || !isTime(given * 1000)) throw wrong(path, 'a number of seconds since 1970');
      return Math.round(given * 1000);
    case 'list':
      return listOf(shape, given, path, depth + 1);
    case 'map':
      return mapOf(shape, given, path, depth + 1);
    case 'structure':
      return structureOf(shape, given, path, depth + 1);
  }
}

function listOf(shape: Shape, given: unknown, path: string, depth: number): unknown[] {
  if (!Array.isArray(given)) throw wrong(path, 'a list');
  return given.map((each, index) => {
    const at = `${path}/${index}`;
    const element = shape.of && value(shape.of, each, at, depth);
    if (element === undefined) throw wrong(at, 'a value; lists have no null');
    return element;
  });
}

function mapOf(shape: Shape, given: unknown, path: string, depth: number): Record<string, unknown> {
  if (!isObject(given)) throw wrong(path, 'an object');
  const entries: [string, unknown][] = [];
  for (const [key, each] of Object.entries(given)) {
    const entry = shape.of && value(shape.of, each, `${path}/${printable(key)}`, depth);
    if (entry !== undefined) entries.push([key, entry]);
  }
  return Object.fromEntries(entries);
}

function structureOf(shape: Shape, given: unknown, path: string, depth: number): Record<string, unknown> {
  if (!isObject(given)) throw wrong(path, 'an object');
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(shape.members ?? {})) {
    const each = value(member.shape, own(given, name), `${path}/${name}`, depth);
    if (each !== undefined) result[name] = each;
  }
  return result;
}

function fromText(shape: Shape, text: string | undefined, path: string): unknown {
  if (text === undefined) return undefined;
  switch (shape.kind) {
    case 'boolean':
      if (text !== 'true' && text !== 'false') throw wrong(path, 'true or false');
      return text === 'true';
    case 'integer':
    case 'long':
      if (!/^-?\d{1,15}$/.test(text)) throw wrong(path, 'a whole number');
      return Number(text);
    case 'float':
      if (!/^-?\d{1,300}(\.\d{1,300})?$/.test(text)) throw wrong(path, 'a number');
      return Number(text);
    case 'timestamp': {
      const time = dateTime.test(text) ? Date.parse(text) : Number.NaN;
      if (Number.isNaN(time)) throw wrong(path, 'a time such as 2026-01-31T12:00:00Z');
      return time;
    }
    default:
      return text;
  }
}

/** Date.parse alone would read much else, such as `1` as the year 2001. */
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Whether a `Date` can hold it: 100,000,000 days around 1970. */
function isTime(milliseconds: number): boolean {
  return Math.abs(milliseconds) <= 8.64e15;
}

function own(from: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(from, name) ? from[name] : undefined;
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

function wrong(path: string, expected: string): WrongType {
  return new WrongType(`Value at '${path}' has the wrong type: it must be ${expected}.`);
}
