import assert from 'node:assert/strict';
import { it } from 'node:test';
import { registry } from '../../src/operations/registry.ts';
import type { Shape } from '../../src/shape/shape.ts';
import type { TestPipeline } from './pipeline.ts';

/**
 * A value at a member's path, such as `/Attributes/key`, and what it must be instead, in the refusal's words. At
 * `/Attributes (key)` it is a map whose key is at fault.
 */
export type Refused = readonly [path: string, value: unknown, must: string];

const keysOf = / \(key\)$/;

/** A value at a member's path that is just within the limits. */
export type Taken = readonly [path: string, value: unknown];

interface Subject {
  readonly name: string;
  /** A request that nothing is wrong with. */
  readonly valid: Readonly<Record<string, unknown>>;
  /** The token to call with, in chapters of the Participant Service. */
  readonly bearer?: () => string;
  readonly pipeline: () => TestPipeline;
}

/** One test for each value of the wrong type. Every member of the body must be among them. */
export function serialization(subject: Subject, rows: readonly Refused[]): void {
  for (const [path, value, must] of rows) {
    it(`[SH2] refuses ${shown(value)} as ${path}: it must be ${must}`, async () => {
      const answer = await callWith(subject, path, value);
      assert.equal(answer.status, 400);
      assert.equal(answer.type, 'SerializationException');
      assert.equal(answer.body.message, `Value at '${path}' has the wrong type: it must be ${must}.`);
    });
  }
  it('[SH2] refuses a wrong type of every member of the body', () => {
    assert.deepEqual(
      missing(subject.name, rows, () => true),
      [],
    );
  });
}

/** One test for each broken constraint. Every constrained member of the body must be among them. */
export function validation(subject: Subject, rows: readonly Refused[], taken: readonly Taken[]): void {
  const { errors } = operationOf(subject.name);
  // Where Amazon models two names for it, the first is the one that is sent.
  const type = ['ValidationException', 'InvalidRequestException', 'InvalidParameterException'].find((each) =>
    errors.includes(each),
  );
  for (const [path, value, must] of rows) {
    it(`[SH1] refuses ${shown(value)} as ${path}: it must ${must}`, async () => {
      const answer = await callWith(subject, path, value);
      assert.equal(answer.status, 400);
      assert.equal(answer.type, type);
      const problem = `1 validation error detected: Value at '${path}' failed to satisfy constraint: Member must ${must}`;
      assert.equal(answer.body.message, problem);
    });
  }
  for (const [path, value] of taken) {
    it(`[SH1] takes ${shown(value)} as ${path}`, async () => {
      const answer = await callWith(subject, path, value);
      assert.doesNotMatch(answer.body.message ?? '', /failed to satisfy constraint/);
      assert.notEqual(answer.type, 'SerializationException');
    });
  }
  it('[SH1] refuses a broken constraint of every constrained member of the body', () => {
    assert.deepEqual(missing(subject.name, rows, isConstrained), []);
  });
}

async function callWith({ name, valid, bearer, pipeline }: Subject, path: string, value: unknown) {
  return pipeline().call(name, changed(valid, path, value), bearer?.());
}

/** The input with that value at that path, which may go through maps and lists. */
function changed(valid: Readonly<Record<string, unknown>>, path: string, value: unknown): Record<string, unknown> {
  const input = structuredClone(valid) as Record<string, unknown>;
  const names = path.replace(keysOf, '').split('/').slice(1);
  let at = input;
  names.slice(0, -1).forEach((name, index) => {
    at[name] ??= names[index + 1] === '0' ? [] : {};
    at = at[name] as Record<string, unknown>;
  });
  at[names.at(-1) ?? ''] = value;
  return input;
}

/** Paths of the operation's body that no row covers: elements are `/0`, entries `/key`, keys ` (key)`. */
function missing(
  name: string,
  rows: readonly Refused[],
  counts: (shape: Shape, isRequired: boolean) => boolean,
): string[] {
  const covered = new Set(rows.map(([path]) => path));
  const found: string[] = [];
  const walk = (shape: Shape, path: string, isRequired: boolean, depth: number): void => {
    if (path !== '' && counts(shape, isRequired) && !covered.has(path)) found.push(path);
    // Segment attributes contain themselves: three levels show one of each kind.
    if (depth > 3) return;
    if (shape.key && counts(shape.key, false) && counts === isConstrained && !covered.has(`${path} (key)`)) {
      found.push(`${path} (key)`);
    }
    if (shape.of) walk(shape.of, `${path}/${shape.kind === 'map' ? 'key' : '0'}`, false, depth + 1);
    for (const [member, { shape: each, required, place }] of Object.entries(shape.members ?? {})) {
      if (place === 'body') walk(each, `${path}/${member}`, required, depth + 1);
    }
  };
  walk(operationOf(name).input, '', false, 0);
  return found;
}

function isConstrained(shape: Shape, isRequired: boolean): boolean {
  const { max, values, pattern } = shape;
  return isRequired || max !== undefined || values !== undefined || pattern !== undefined;
}

function operationOf(name: string) {
  const operation = registry.find((each) => each.name === name);
  assert.ok(operation, `no operation ${name}`);
  return operation;
}

function shown(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 30)}… (${text.length} characters)` : text;
}
