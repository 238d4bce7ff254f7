/**
 * Whether a change has made `SendMessage` slower: the working tree beside a commit, in one run that takes turns.
 *
 *   npm run bench:check -- main        the commit to compare with; HEAD unless it says otherwise
 *
 * The commit is checked out into a folder of its own, with the packages that are installed here. Ratios above 1 are
 * faster. They are of the same round, and the machine's noise is in both: what lies within their spread is nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { project, ratios, shown, takeTurns } from './measure.ts';
import { closedLoop, levels, loadTertulia, type Sample } from './send.ts';

const rounds = 9;

const [, , commit = 'HEAD'] = process.argv;
const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim();
const parent = mkdtempSync(join(tmpdir(), 'tertulia-check-'));
const folder = join(parent, 'tree');

await using stack = new AsyncDisposableStack();
stack.defer(() => {
  git('worktree', 'remove', '--force', folder);
  rmSync(parent, { recursive: true });
});
git('worktree', 'add', '--detach', folder, commit);
symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
const before = stack.use(await loadTertulia('before', folder));
const after = stack.use(await loadTertulia('after'));
const samples = new Map<string, Sample[]>();
const cells = levels.flatMap((level) => [before, after].map((each) => ({ each, level })));
await takeTurns(cells, { warming: 2, counted: rounds }, async ({ each, level }, isCounted, round) => {
  if (each === before && level === levels[0]) process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  const sample = await closedLoop(each, level);
  const name = `${each.name} ${level}`;
  if (isCounted) samples.set(name, [...(samples.get(name) ?? []), sample]);
});
console.log(`The working tree to ${commit} (${git('rev-parse', '--short', commit)}), medians of ${rounds} rounds:`);
for (const level of levels) {
  const of = (name: string, key: keyof Sample) => (samples.get(`${name} ${level}`) ?? []).map((each) => each[key]);
  const ratio = (key: keyof Sample) => shown(ratios(of('after', key), of('before', key)), 2);
  console.log(
    `${String(level).padStart(3)} at once: × ${ratio('perSecond')} messages/s, × ${ratio('perCpuSecond')} per CPU-second`,
  );
}
