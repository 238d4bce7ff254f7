/** Brings the parts of README.md that are made from code up to date. `test/readme.test.ts` fails while they are not. */
import { readFileSync, writeFileSync } from 'node:fs';
import { registry } from '../src/operations/registry.ts';
import { settings } from '../src/settings.ts';

const file = new URL('../README.md', import.meta.url);

export function settingsTable(): string {
  return table([
    ['Setting', 'Default', 'Allowed', 'Meaning'],
    ...settings.map((each) => [
      `\`${each.name}\``,
      each.default === '' ? '' : `\`${each.default}\``,
      each.allowed,
      each.meaning,
    ]),
  ]);
}

/** The operations that are built, in the order of the registry. */
export function operationsTable(): string {
  const of = (service: string) =>
    registry
      .filter((each) => each.service === service)
      .map(({ name }) => `\`${name}\``)
      .join(', ');
  return table([
    ['Service', 'Operations'],
    ['Connect', of('connect')],
    ['Participant Service', of('participant')],
  ]);
}

/** In columns, as the formatter leaves Markdown. */
function table([head = [], ...body]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((row) => row[column]?.length ?? 0)));
  const lines = [head, ...body].map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

/** The README with its tables as the code has them. */
export function updated(readme: string): string {
  const tables = { operations: operationsTable(), settings: settingsTable() };
  return Object.entries(tables).reduce(
    (text, [marker, made]) =>
      text.replace(
        new RegExp(`<!-- ${marker} -->\\n(\\n\\|[\\s\\S]*?\\n(?=\\n))?`),
        () => `<!-- ${marker} -->\n\n${made}\n`,
      ),
    readme,
  );
}

if (import.meta.main) writeFileSync(file, updated(readFileSync(file, 'utf8')));
