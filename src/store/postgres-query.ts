import type { Value } from './plan.ts';

/** A statement for PostgreSQL, as `pg` wants it. */
export interface Query {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Parsed once a connection. */
  readonly name?: string;
  /** May take as long as it takes. */
  readonly isSlow?: boolean;
}

const names = new Map<string, string>();

/** Texts are few, and each has its name for the life of the process. */
export function named(text: string, values: readonly unknown[]): Query {
  let name = names.get(text);
  if (name === undefined) {
    name = `tertulia_${names.size}`;
    names.set(text, name);
  }
  return { text, values, name };
}

/** The statement with `?` for its arguments as PostgreSQL takes it: numbered, and each with the type that it is given as. */
export function translated(sql: string, args: readonly Value[]): Query {
  const values: Value[] = [];
  let at = 0;
  const text = sql.replaceAll('?', () => {
    const value = args[at] ?? null;
    at += 1;
    if (value === null) return 'NULL';
    values.push(value);
    const type = typeof value === 'number' ? 'bigint' : typeof value === 'string' ? 'text' : 'bytea';
    return `$${values.length}::${type}`;
  });
  if (at !== args.length) throw new Error(`${args.length} arguments for ${at} places: ${sql}`);
  return named(text, values);
}
