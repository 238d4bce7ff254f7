import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as s from './shape.ts';

/** True only if the two types are the same, `undefined` and optional members included. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** An intersection of object types as one object type, all the way down. */
type Flat<T> = T extends readonly (infer E)[] ? Flat<E>[] : T extends object ? { [K in keyof T]: Flat<T[K]> } : T;

/** Compiles only if it is true. */
function holds<T extends true>(): T {
  return true as T;
}

const details = s.structure({ Role: s.enumeration(['AGENT', 'CUSTOMER']), Name: s.required(s.string({ max: 9 })) });
const whole = s.structure({
  Id: s.label(s.string()),
  Count: s.query('count', s.integer()),
  Token: s.required(s.header('x-token', s.string())),
  Maybe: s.header('x-maybe', s.string()),
  Details: s.required(details),
  Names: s.list(s.string()),
  Sizes: s.map(s.string(), s.long()),
  At: s.timestamp(),
  Ratio: s.float(),
  Flag: s.required(s.boolean()),
});

interface Tree {
  Only?: Tree | undefined;
}
const tree: s.Shape<Tree> = s.recursive<Tree>(() => ({ Only: tree }));

test('[SH1] infers the type that a shape decodes to', () => {
  assert(holds<Equal<s.Infer<typeof details>['Role'], 'AGENT' | 'CUSTOMER' | undefined>>());
  assert(
    holds<
      Equal<
        Flat<s.Infer<typeof whole>>,
        {
          Id: string;
          Token: string;
          Details: { Name: string; Role?: 'AGENT' | 'CUSTOMER' | undefined };
          Flag: boolean;
          Count?: number | undefined;
          Maybe?: string | undefined;
          Names?: string[] | undefined;
          Sizes?: Record<string, number> | undefined;
          At?: number | undefined;
          Ratio?: number | undefined;
        }
      >
    >(),
  );
  assert(holds<Equal<s.Infer<typeof tree>, Tree>>());
  assert(holds<Equal<Flat<s.Infer<ReturnType<typeof s.structure<Record<never, never>>>>>, Record<never, never>>>());
  // The assertion itself can fail.
  assert(holds<Equal<Equal<string, string | undefined>, false>>());
  assert(holds<Equal<Equal<{ a: 1 }, { a?: 1 }>, false>>());
});

test('[SH1] keeps limits as they were declared, and where each member travels', () => {
  const members = whole.members ?? {};
  const place = (name: string) => [members[name]?.place, members[name]?.wireName, members[name]?.required];
  assert.deepEqual(place('Id'), ['path', undefined, true]);
  assert.deepEqual(place('Count'), ['query', 'count', false]);
  assert.deepEqual(place('Token'), ['header', 'x-token', true]);
  assert.deepEqual(place('Names'), ['body', undefined, false]);
  assert.deepEqual(place('Flag'), ['body', undefined, true]);
  assert.equal(details.members?.Name?.shape.max, 9);
  assert.deepEqual(details.members?.Role?.shape.values, ['AGENT', 'CUSTOMER']);
  assert.equal(s.string({ sensitive: true }).sensitive, true);
  assert.equal(tree.members?.Only?.shape, tree, 'a shape that contains itself');
});
