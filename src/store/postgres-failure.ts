/** The database could not be reached for as long as it was tried. What was asked has not happened. */
export class Unreachable extends Error {}

/**
 * What the database refused. Only what may stand in a log: PostgreSQL's details quote rows, and rows are what people
 * said to each other.
 */
export class DatabaseRefusal extends Error {
  /** SQLSTATE. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(`PostgreSQL: ${message} (${code})`);
    this.code = code;
  }
}

/** What `pg` throws for an answer of the server, as far as it is needed. */
interface Answered {
  readonly code: string;
  readonly severity?: string | undefined;
  readonly message: string;
}

export function isAnswered(failure: unknown): failure is Answered {
  const { code, severity } = failure as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && code.length === 5 && typeof severity === 'string';
}

/**
 * The server is going, coming or full, or has become one that takes no writes; or the connection is lost. Another
 * connection may do.
 */
export function endsConnection(code: string): boolean {
  return /^(08...|57P0[1-5]|53300|25006)$/.test(code);
}

/** Rolled back because of others: the same again may go through. */
export function isClash(code: string): boolean {
  return code === '40001' || code === '40P01';
}

/** It took too long, which says nothing about a single change of a batch. */
export function isOverdue(code: string): boolean {
  return code === '57014' || code === '55P03';
}

/** The rows that a statement changed are not as many as it expects: SQLSTATE of the schema's own. */
export const unexpectedRows = 'TE001';
