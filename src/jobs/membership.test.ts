import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualSteady } from '../../test/support/steady.ts';
import { silentLog } from '../runtime/log.ts';
import type { Beat } from '../store/store.ts';
import { openMembership } from './membership.ts';

const noon = 1_769_860_800_000;

/** A node whose store answers what the test says, after a time. */
async function withNode(
  run: (at: {
    readonly answer: { beat: () => Beat | Promise<Beat> };
    readonly machine: { now: number };
    readonly node: Awaited<ReturnType<typeof openMembership>>;
    /** So much time goes by, and what was asked is answered. */
    readonly pass: (ms: number) => Promise<void>;
    readonly asked: string[];
  }) => Promise<void>,
): Promise<void> {
  const steady = manualSteady();
  const machine = { now: noon };
  const answer: { beat: () => Beat | Promise<Beat> } = { beat: () => ({ nodes: 1, time: machine.now }) };
  const asked: string[] = [];
  const store = {
    async beat(node: string, forMs: number) {
      asked.push(`${node} ${forMs}`);
      return answer.beat();
    },
  };
  await using node = await openMembership({
    ...{ store, steady, log: silentLog, node: 'me' },
    time: () => machine.now,
  });
  const pass = async (ms: number) => {
    machine.now += ms;
    steady.advance(ms);
    for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => steady.soon(resolve));
  };
  await run({ answer, machine, node, pass, asked });
}

test('[CL6] says every two seconds that it is there, for six, and knows how many are', () =>
  withNode(async ({ answer, node, pass, asked }) => {
    assert.deepEqual([node.nodes(), asked], [1, ['me 6000']]);
    answer.beat = () => ({ nodes: 3 });
    await pass(1999);
    assert.equal(node.nodes(), 1);
    await pass(1);
    assert.deepEqual([node.nodes(), asked.length], [3, 2]);
  }));

test('[CL7] is no node that can serve once the store was not reached for six seconds, until it is', () =>
  withNode(async ({ answer, machine, node, pass }) => {
    answer.beat = () => {
      throw new Error('connection refused');
    };
    await pass(6000);
    assert.equal(node.problem(), undefined);
    await pass(2000);
    assert.equal(node.problem(), 'the store cannot be reached');
    answer.beat = () => ({ nodes: 2, time: machine.now });
    await pass(2000);
    assert.deepEqual([node.problem(), node.nodes()], [undefined, 2]);
  }));

test('[CL7] asks once at a time, however long the answer takes', () =>
  withNode(async ({ answer, pass, node, asked }) => {
    const late = Promise.withResolvers<Beat>();
    answer.beat = () => late.promise;
    for (let count = 0; count < 4; count += 1) await pass(2000);
    assert.deepEqual([asked.length, node.problem()], [2, 'the store cannot be reached']);
    late.resolve({ nodes: 1 });
    await pass(0);
    assert.equal(node.problem(), undefined);
  }));

for (const [ahead, problem] of [
  [1000, undefined],
  [-1000, undefined],
  [1001, 'the clock of this machine is 1001 ms ahead of the store’s'],
  [-5000, 'the clock of this machine is 5000 ms behind the store’s'],
] as const) {
  test(`[CL7] with a clock ${ahead} ms off ${problem ? 'is no node that can serve' : 'can serve'}`, () =>
    withNode(async ({ answer, machine, node, pass }) => {
      answer.beat = () => ({ nodes: 1, time: machine.now - ahead });
      await pass(2000);
      assert.equal(node.problem(), problem?.replace('’', "'"));
    }));
}
