/**
 * Measures Tertulia beside its ceilings, and prints tables.
 *
 *   npm run bench                      the short set, some minutes
 *   npm run bench -- --full            with a million contacts, storms and peers
 *   npm run bench -- --only send       some measurements by name, with commas between them
 *   npm run bench -- --rounds 9        5 unless it says otherwise, and never fewer
 *   npm run bench -- --record          puts the tables into bench/RESULTS.md, too
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isPinned, type Measurement, project, type Run, type Table } from './measure.ts';

/** In the order in which they run; each is loaded only if it is to run. */
const measurements: Readonly<Record<string, () => Promise<{ readonly measurement: Measurement }>>> = {
  send: () => import('./send.ts'),
  create: () => import('./create.ts'),
  start: () => import('./start.ts'),
  transcript: () => import('./transcript.ts'),
  sockets: () => import('./sockets.ts'),
  outbox: () => import('./outbox.ts'),
  contacts: () => import('./contacts.ts'),
  nodes: () => import('./nodes.ts'),
  peers: () => import('./peers.ts'),
};

const fewest = 5;

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: String(fewest) },
  },
});
const names = values.only?.split(',') ?? Object.keys(measurements);
const unknown = names.filter((name) => !Object.hasOwn(measurements, name));
if (unknown.length > 0) {
  console.error(`No such measurement: ${unknown.join(', ')}. There are: ${Object.keys(measurements).join(', ')}.`);
  process.exit(1);
}

const git = (...args: readonly string[]) => execFileSync('git', args, { cwd: project, encoding: 'utf8' }).trim();
const changes = git('status', '--porcelain', '--', '.', ':!bench/RESULTS.md');
const commit = `${git('rev-parse', '--short', 'HEAD')}${changes === '' ? '' : ' with changes'}`;
const gibibytes = Math.round(totalmem() / 2 ** 30);
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${gibibytes} GiB, Node ${process.versions.node}`;
const began = performance.now();
const seconds = () => ((performance.now() - began) / 1000).toFixed(0).padStart(4);
const how: Run = {
  isFull: values.full,
  rounds: Math.max(fewest, Number(values.rounds)),
  progress: (text) => void process.stderr.write(`${seconds()} s  ${text}\n`),
};

let text = `## ${commit}, ${new Date().toISOString().slice(0, 10)}\n\n${machine}${isPinned ? '' : ', processes not pinned'}.\n`;
console.log(text);
for (const name of names) {
  const { measurement } = (await measurements[name]?.()) ?? {};
  if (!measurement || (measurement.isLong && !how.isFull && values.only === undefined)) continue;
  how.progress(name);
  for (const table of await measurement.run(how)) {
    const written = markdown(table);
    console.log(written);
    text += `\n${written}`;
  }
}
how.progress('done');
if (values.record) record(text);
// What the tests' support keeps open, such as its connection to PostgreSQL, ends with a test run alone.
process.exit();

function markdown({ title, columns, rows, notes = [] }: Table): string {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => (index ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, index) => (index ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  const below = notes.length > 0 ? `\n${notes.join('\n')}\n` : '';
  return `### ${title}\n\n${[line(columns), rule, ...rows.map(line)].join('\n')}\n${below}`;
}

/** The newest comes first, below the page's own words. */
function record(section: string): void {
  const file = join(project, 'bench/RESULTS.md');
  const page = readFileSync(file, 'utf8');
  const first = page.indexOf('\n## ');
  const [head, rest] = first < 0 ? [page.trimEnd(), ''] : [page.slice(0, first).trimEnd(), page.slice(first)];
  writeFileSync(file, `${head}\n\n${section.trimEnd()}\n${rest}`);
}
