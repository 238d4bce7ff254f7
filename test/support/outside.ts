import assert from 'node:assert/strict';
import { it } from 'node:test';
import { registry } from '../../src/operations/registry.ts';
import type { TestPipeline } from './pipeline.ts';

/** Members of a request that travel in its path or its query, of an operation of the Connect service. */
interface Subject {
  readonly name: string;
  /** A request that nothing is wrong with. */
  readonly valid: Readonly<Record<string, unknown>>;
  readonly pipeline: () => TestPipeline;
}

/** One test for each broken constraint: what is given instead, and the refusal's path and words. */
export function outside(subject: Subject, rows: readonly (readonly [path: string, instead: unknown, must: string])[]) {
  for (const [path, instead, must] of rows) {
    const member = path.split('/')[1] ?? '';
    it(`[SH1] refuses ${path} outside of the body: it must ${must} (${JSON.stringify(instead)?.slice(0, 20)})`, async () => {
      const answer = await subject.pipeline().call(subject.name, { ...subject.valid, [member]: instead });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      const sentence = `Value at '${path}' failed to satisfy constraint: Member must ${must}`;
      assert(answer.body.message.includes(sentence), answer.body.message);
    });
  }
  it('[SH1] refuses a broken constraint of every member outside of the body', () => {
    const { input } = registry.find(({ name }) => name === subject.name) ?? {};
    const constrained = Object.entries(input?.members ?? {})
      .filter(([, { place, shape }]) => place !== 'body' && (shape.max !== undefined || shape.of !== undefined))
      .map(([name]) => name);
    const covered = rows.map(([path]) => path.split('/')[1]);
    assert.deepEqual(
      constrained.filter((name) => !covered.includes(name)),
      [],
    );
  });
}

export const tooLong = (max: number) => 'x'.repeat(max + 1);
