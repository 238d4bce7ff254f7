import type { Shape } from './shape.ts';

/** Turns an output into what JSON carries: declared members only, timestamps as epoch seconds. */
export function encode(shape: Shape, value: unknown): unknown {
  if (value === undefined || value === null) return undefined;
  switch (shape.kind) {
    case 'timestamp':
      return (value as number) / 1000;
    case 'list': {
      const { of } = shape;
      return of ? (value as unknown[]).map((each) => encode(of, each)) : value;
    }
    case 'map': {
      const { of } = shape;
      if (!of) return value;
      const entries = Object.entries(value as Record<string, unknown>).map(([key, each]) => [key, encode(of, each)]);
      return Object.fromEntries(entries);
    }
    case 'structure': {
      const result: Record<string, unknown> = {};
      for (const name in shape.members) {
        const member = shape.members[name];
        if (member) result[name] = encode(member.shape, (value as Record<string, unknown>)[name]);
      }
      return result;
    }
    default:
      return value;
  }
}
