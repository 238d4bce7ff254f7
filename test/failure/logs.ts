import assert from 'node:assert/strict';
import type { Fleet } from './fleet.ts';

/** A line of a server's log. */
interface Line {
  readonly level: number;
  readonly msg: string;
  readonly err?: { readonly type?: string; readonly message?: string };
}

const error = 50;
const none = /^$/;

/** Stops all servers, and looks at what each has ever logged as an error: only what `explained` matches may be. */
export async function checkLogs({ nodes, ends }: Fleet, explained = none): Promise<void> {
  for (const node of nodes) assert.ok([0, null].includes((await node.stop()).code), 'by itself, or killed before');
  const lines = ends.flatMap(({ stderr }) => stderr.split('\n').filter((each) => each !== ''));
  const errors = lines.filter((each) => {
    // What is no line of the log is the death of a program.
    const { level, err }: Line = each.startsWith('{') ? JSON.parse(each) : { level: error };
    return level >= error && !explained.test(`${err?.type} ${err?.message}`);
  });
  assert.deepEqual(errors, []);
}
