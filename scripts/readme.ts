/** Brings the parts of README.md that are made from code up to date. `test/readme.test.ts` fails while they are not. */
import { readFileSync, writeFileSync } from 'node:fs';
import { settings } from '../src/settings.ts';

const file = new URL('../README.md', import.meta.url);

/** In columns, as the formatter leaves Markdown. */
export function settingsTable(): string {
  const rows = [
    ['Setting', 'Default', 'Allowed', 'Meaning'],
    ...settings.map((each) => [
      `\`${each.name}\``,
      each.default === '' ? '' : `\`${each.default}\``,
      each.allowed,
      each.meaning,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

/** The README with its settings table as the code has it. */
export function updated(readme: string): string {
  return readme.replace(/<!-- settings -->\n(\n\|[\s\S]*?\n(?=\n))?/, `<!-- settings -->\n\n${settingsTable()}\n`);
}

if (import.meta.main) writeFileSync(file, updated(readFileSync(file, 'utf8')));
