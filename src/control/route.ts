import { commonFault, type Fault, serviceFault } from '../fault.ts';
import { check } from '../shape/check.ts';
import { decode, parseBody, WrongType } from '../shape/decode.ts';
import type { Infer, Shape } from '../shape/shape.ts';

/** One route of the control API, a row as operations are. Paths have `{Label}`s. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Answered to anybody, in every mode: for probes. */
  readonly isOpen?: boolean;
  /** There in development alone. */
  readonly isDevelopmentOnly?: boolean;
  readonly input: Shape;
  readonly handle: (input: never) => Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  /** A text is answered as it is, the rest as JSON. */
  readonly body: object | { readonly contentType: string; readonly text: string };
}

interface Row<I> extends Omit<Route, 'input' | 'handle'> {
  readonly input: Shape<I>;
  readonly handle: (input: I) => Promise<Answer | object>;
}

/** Declares a route. What it returns is the body of a 200, unless it is an `Answer`. */
export function route<I>(row: Row<I>): Route {
  return {
    ...row,
    async handle(input: never) {
      const result = await row.handle(input);
      return 'status' in result && 'body' in result ? (result as Answer) : { status: 200, body: result };
    },
  };
}

/** The labels of a path if it is this route's. */
export function labelsOf({ path }: Route, given: string): Record<string, string> | undefined {
  const wanted = path.split('/');
  const parts = given.split('/');
  if (parts.length !== wanted.length) return undefined;
  const labels: Record<string, string> = {};
  for (const [index, want] of wanted.entries()) {
    const part = parts[index] ?? '';
    const label = /^\{(\w+)\}$/.exec(want)?.[1];
    if (label === undefined && want !== part) return undefined;
    if (label !== undefined) labels[label] = decoded(part);
  }
  return labels;
}

/** A request's input by the route's shape; the faults are those of the API's own. */
export function inputOf<S extends Shape>(
  shape: S,
  labels: Record<string, string>,
  query: string,
  bytes: Buffer,
): Infer<S> {
  try {
    const parts = { body: parseBody(bytes), labels, query: new URLSearchParams(query), header: () => undefined };
    const input = decode(shape, parts);
    const problem = check(shape, input);
    if (problem) throw invalid(problem);
    return input as Infer<S>;
  } catch (failure) {
    if (failure instanceof WrongType) throw commonFault('SerializationException', failure.message);
    throw failure;
  }
}

export function invalid(message: string): Fault {
  return serviceFault('participant', 'ValidationException', message);
}

export function notFound(message: string): Fault {
  return serviceFault('connect', 'ResourceNotFoundException', message);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
