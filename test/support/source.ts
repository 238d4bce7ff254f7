import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's own files, as text, for tests that read the code. */

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface SourceFile {
  /** From the project's root, such as `src/store/plan.ts`. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files below a folder of the project, in the order of their paths; none if there is no such folder. */
export function sourceFiles(folder: string): SourceFile[] {
  const from = join(root, folder);
  return readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }));
}

export function projectFile(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Comments, string literals, templates and regular expressions: what is not code, or hides what is not. */
const tokens =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=[(,=:[!&|?{};]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//g;

/** The text without its comments, every line still at its number; without `strings` also without the inside of those. */
export function codeOf(text: string, strings: 'with strings' | 'without strings'): string {
  return text.replace(tokens, (token) => {
    const isComment = token.startsWith('//') || token.startsWith('/*');
    if (!isComment && strings === 'with strings') return token;
    return isComment ? token.replace(/[^\n]/g, ' ') : `''${token.replace(/[^\n]/g, '')}`;
  });
}

/** `path:line: text` of every place where the pattern, global, is found in the code. */
export function findings({ path, text }: SourceFile, code: string, pattern: RegExp): string[] {
  const lines = text.split('\n');
  return [...code.matchAll(pattern)].map((match) => {
    const line = code.slice(0, match.index).split('\n').length;
    return `${path}:${line}: ${lines[line - 1]?.trim()}`;
  });
}
