import type { Shape } from './shape.ts';

/** Most problems that one refusal lists; the count says how many there were. */
const listed = 10;

/** What is wrong with an input: all of it counted, the first of it told. A body may hold a third of a million errors. */
interface Problems {
  count: number;
  readonly told: string[];
}

/**
 * Holds a decoded input against the constraints of its shape.
 * Returns AWS's sentence, naming the members at fault, or undefined when all is well.
 */
export function check(shape: Shape, input: unknown): string | undefined {
  const problems: Problems = { count: 0, told: [] };
  walk(shape, input, '', problems);
  const { count, told } = problems;
  if (count === 0) return undefined;
  return `${count} validation error${count === 1 ? '' : 's'} detected: ${told.join('; ')}`;
}

function note(problems: Problems, path: string, must: string): void {
  problems.count += 1;
  if (problems.told.length < listed) {
    problems.told.push(`Value at '${path}' failed to satisfy constraint: Member must ${must}`);
  }
}

function walk(shape: Shape, value: unknown, path: string, problems: Problems): void {
  switch (shape.kind) {
    case 'string':
      text(shape, value as string, path, problems);
      return;
    case 'integer':
    case 'long':
    case 'float':
      range(shape, value as number, path, problems);
      return;
    case 'list': {
      const elements = value as unknown[];
      size(shape, elements.length, path, problems);
      const { of } = shape;
      if (of) elements.forEach((each, index) => void walk(of, each, `${path}/${index}`, problems));
      return;
    }
    case 'map': {
      const entries = Object.entries(value as Record<string, unknown>);
      size(shape, entries.length, path, problems);
      for (const [key, each] of entries) {
        if (shape.key) walk(shape.key, key, `${path} (key)`, problems);
        if (shape.of) walk(shape.of, each, `${path}/${printable(key)}`, problems);
      }
      return;
    }
    case 'structure':
      structure(shape, value as Record<string, unknown>, path, problems);
      return;
  }
}

function structure(shape: Shape, value: Record<string, unknown>, path: string, problems: Problems): void {
  for (const name in shape.members) {
    const member = shape.members[name];
    const each = value[name];
    if (member === undefined) continue;
    if (each !== undefined) walk(member.shape, each, `${path}/${name}`, problems);
    else if (member.required) note(problems, `${path}/${name}`, 'not be null');
  }
}

function text(shape: Shape, value: string, path: string, problems: Problems): void {
  if (!value.isWellFormed() || value.includes('\0')) {
    note(problems, path, 'be text without U+0000 and without unpaired surrogates');
    return;
  }
  if (shape.values && !shape.values.includes(value)) {
    note(problems, path, `satisfy enum value set: [${shape.values.join(', ')}]`);
  }
  if (shape.min !== undefined || shape.max !== undefined) size(shape, codePoints(value), path, problems);
  if (shape.pattern && !shape.pattern.test(value)) {
    note(problems, path, `satisfy regular expression pattern: ${shape.pattern.source}`);
  }
}

function size(shape: Shape, length: number, path: string, problems: Problems): void {
  const { min, max } = shape;
  if (min !== undefined && max !== undefined) {
    if (length < min || length > max) note(problems, path, `have length between ${min} and ${max}, inclusive`);
  } else if (min !== undefined && length < min) {
    note(problems, path, `have length greater than or equal to ${min}`);
  } else if (max !== undefined && length > max) {
    note(problems, path, `have length less than or equal to ${max}`);
  }
}

function range(shape: Shape, value: number, path: string, problems: Problems): void {
  const { min, max } = shape;
  if (min !== undefined && max !== undefined) {
    if (value < min || value > max) note(problems, path, `be between ${min} and ${max}, inclusive`);
  } else if (min !== undefined && value < min) {
    note(problems, path, `be greater than or equal to ${min}`);
  } else if (max !== undefined && value > max) {
    note(problems, path, `be less than or equal to ${max}`);
  }
}

/** Length as Amazon's model counts it. */
export function codePoints(value: string): number {
  let count = 0;
  for (let index = 0; index < value.length; index += 1) {
    const unit = value.charCodeAt(index);
    // A high surrogate belongs to the next unit; the text is known to be well formed.
    if (unit < 0xd800 || unit > 0xdbff) count += 1;
  }
  return count;
}

/** A map's key in a path: cut so that a refusal stays short, and text whatever it is. */
export function printable(key: string): string {
  return (key.length > 64 ? `${key.slice(0, 64)}…` : key).toWellFormed();
}
