import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { codeOf, findings, projectFile, root, type SourceFile, sourceFiles } from './support/source.ts';

/** The code held against ARCHITECTURE.md. A failure names the file, the line and the rule. */

const sources = sourceFiles('src');
const isTest = ({ path }: SourceFile) => path.endsWith('.test.ts');
const program = sources.filter((file) => !isTest(file));

/** Fails with all that was found, one a line. */
function none(found: readonly string[], why: string): void {
  assert.equal(found.length, 0, `${why}:\n${found.map((each) => `  ${each}`).join('\n')}`);
}

interface Row {
  /** What may be imported, and what only by `import type`. Folders of src, and files in it without `.ts`. */
  readonly values: readonly string[] | 'everything';
  readonly types?: readonly string[];
  /** Names that are not ours; `node:*` stands for all of Node's. */
  readonly libraries?: readonly string[];
}

/** Who may import whom: ARCHITECTURE.md's table, and the libraries that belong to each folder. */
const table: Readonly<Record<string, Row>> = {
  shape: { values: [] },
  fault: { values: [] },
  domain: { values: ['domain'] },
  wire: { values: ['domain'] },
  tokens: { values: [], libraries: ['node:crypto'] },
  runtime: { values: [], libraries: ['node:*', 'pino', 'prom-client', '@nats-io/transport-node'] },
  store: { values: ['domain', 'runtime'], libraries: ['node:*', 'pg'] },
  bus: { values: ['domain', 'runtime'], libraries: ['node:*', '@nats-io/transport-node'] },
  blobs: { values: ['domain', 'runtime'], libraries: ['node:*', '@aws-sdk/client-s3'] },
  operations: { values: ['shape', 'fault', 'domain', 'wire'], types: ['tokens', 'store', 'bus', 'runtime'] },
  push: { values: ['domain', 'wire', 'runtime'], types: ['store', 'bus', 'tokens'], libraries: ['node:*', 'ws'] },
  http: {
    values: ['operations', 'shape', 'fault', 'domain', 'tokens', 'runtime'],
    types: ['store', 'blobs'],
    libraries: ['node:*', 'find-my-way'],
  },
  control: {
    values: ['operations', 'shape', 'fault', 'domain', 'wire', 'runtime', 'http/reply', 'http/request'],
    types: ['store', 'settings'],
    libraries: ['node:*'],
  },
  jobs: { values: ['domain', 'runtime'], types: ['store', 'blobs', 'operations/writer'], libraries: ['node:*'] },
  outbox: {
    values: ['domain', 'wire', 'runtime'],
    types: ['store', 'blobs', 'settings', 'operations/writer', 'http/request'],
    libraries: ['node:*', '@aws-sdk/client-sns', '@aws-sdk/client-lambda', '@nats-io/transport-node', 'node-forge'],
  },
  setting: { values: [], types: ['settings'] },
  settings: { values: ['setting'] },
  config: { values: ['settings'], libraries: ['node:*'] },
  buckets: { values: ['config', 'domain'], types: ['blobs'], libraries: ['node:*'] },
  quotas: { values: ['config', 'domain'], libraries: ['node:*'] },
  destinations: { values: ['config', 'outbox/targets'], types: ['settings'], libraries: ['node:*'] },
  server: { values: 'everything', libraries: ['node:*'] },
  nodes: {
    values: ['jobs', 'runtime', 'secrets', 'tokens'],
    types: ['bus', 'control', 'settings', 'store'],
  },
  secrets: { values: ['config'], types: ['runtime', 'store', 'tokens'] },
  outside: { values: 'everything', libraries: ['node:*'] },
  seeds: { values: ['config', 'domain'], types: ['settings', 'store'] },
  main: { values: ['config', 'server', 'runtime', 'store', 'cli'], libraries: ['node:*'] },
  // The demo runs the examples, with the client that they use.
  cli: {
    values: ['config', 'settings', 'server', 'nodes', 'runtime', 'http/access-keys', 'http/policy'],
    types: ['store'],
    libraries: ['node:*', '@aws-sdk/client-connect', 'examples/'],
  },
};

interface Import {
  /** `src/store/plan.ts:1`. */
  readonly at: string;
  /** `store/plan` for a file of ours, `examples/x.mjs` for one outside of src, else the name of a library. */
  readonly target: string;
  readonly isOurs: boolean;
  readonly isType: boolean;
}

const statement = /^[ \t]*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const call = /\bimport\(\s*['"`]([^'"`]+)['"`]/g;
/** `typeof import('x')` and `import('x').Name` in types would be missed by both; nobody needs them. */

function importsOf(file: SourceFile): Import[] {
  const code = codeOf(file.text, 'with strings');
  const found = [
    ...[...code.matchAll(statement)].map((match) => ({
      match,
      isType: match[1] !== undefined,
      specifier: match[2] ?? '',
    })),
    ...[...code.matchAll(call)].map((match) => ({ match, isType: false, specifier: match[1] ?? '' })),
  ];
  return found.map(({ match, isType, specifier }) => {
    const line = code.slice(0, match.index).split('\n').length + (match[0].match(/^\s*\n/)?.length ?? 0);
    const path = specifier.startsWith('.') ? join(dirname(file.path), specifier) : specifier;
    const isOurs = path.startsWith('src/');
    return { at: `${file.path}:${line}`, target: isOurs ? path.slice(4).replace(/\.ts$/, '') : path, isOurs, isType };
  });
}

/** The row of a file: the first folder below src, or the file itself. */
function unitOf(path: string): string {
  return (
    path
      .replace(/^src\//, '')
      .replace(/\.ts$/, '')
      .split('/')[0] ?? ''
  );
}

function mayImport(from: string, row: Row, { target, isOurs, isType }: Import): boolean {
  if (!isOurs) {
    return (row.libraries ?? []).some((each) =>
      each.endsWith('*') || each.endsWith('/') ? target.startsWith(each.replace('*', '')) : target === each,
    );
  }
  if (unitOf(target) === from || row.values === 'everything') return true;
  const allowed = isType ? [...row.values, ...(row.types ?? [])] : row.values;
  return allowed.some((each) => target === each || target.startsWith(`${each}/`));
}

describe('imports', () => {
  test('[AR1] follow the table of ARCHITECTURE.md', () => {
    const found: string[] = [];
    for (const file of program) {
      const unit = unitOf(file.path);
      const row = table[unit];
      if (!row) {
        found.push(`${file.path}: ${unit} has no row in the table`);
        continue;
      }
      for (const each of importsOf(file)) {
        if (!mayImport(unit, row, each))
          found.push(`${each.at}: ${unit} may not import ${each.isType ? 'types of ' : ''}${each.target}`);
      }
    }
    none(found, 'imports that the table does not allow');
  });

  test('[AR1] are allowed here as they are in ARCHITECTURE.md', () => {
    const [, section = ''] = projectFile('ARCHITECTURE.md').split('## Who may import whom\n');
    const names = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace(/\.ts$/, ''));
    const written = new Map<string, string>();
    for (const [, folders = '', cell = ''] of (section.split('\n## ')[0] ?? '').matchAll(/^\| (`.*?) \| (.*) \|$/gm)) {
      for (const folder of names(folders)) written.set(folder, cell);
    }
    for (const [folder, row] of Object.entries(table)) {
      const cell = written.get(folder);
      assert(cell !== undefined, `ARCHITECTURE.md has no row for ${folder}`);
      if (row.values === 'everything') continue;
      const parts = cell.split(';');
      const types = parts.filter((part) => part.includes('as types')).flatMap(names);
      const values = parts.filter((part) => !part.includes('as types')).flatMap(names);
      const ours = values.filter((name) => !row.libraries?.includes(name) && !sameRow(name, folder));
      assert.deepEqual(ours.sort(), row.values.filter((name) => !sameRow(name, folder)).sort(), `values of ${folder}`);
      assert.deepEqual(types.sort(), [...(row.types ?? [])].sort(), `types of ${folder}`);
    }
    assert.deepEqual([...written.keys()].sort(), Object.keys(table).sort(), 'the folders of both');

    /** What stands in one row may import itself. */
    function sameRow(name: string, folder: string): boolean {
      return name === folder || written.get(name) === written.get(folder);
    }
  });

  test('[AR1] name a file each: there is no index.ts, no star re-export, and no folder for what has no home', () => {
    const homeless = /(^|\/)(utils?|helpers?|common|types|services|managers|misc|lib)(\/|\.ts$)/;
    const odd = (path: string) => {
      const isOperation = /^src\/operations\/(connect|participant)\//.test(path);
      const name = basename(path).replace(/(\.test)?\.ts$/, '');
      return (
        basename(path) === 'index.ts' ||
        homeless.test(path) ||
        !(isOperation ? /^[A-Z]\w+$/ : /^[a-z0-9]+(-[a-z0-9]+)*$/).test(name)
      );
    };
    none(sources.map(({ path }) => path).filter(odd), 'files with such names');
    none(
      program.flatMap((file) => findings(file, codeOf(file.text, 'with strings'), /^export \*/gm)),
      'star re-exports',
    );
  });

  test('[AR1] lead from the program to no test, and from a test to the program', () => {
    const found = program
      .flatMap(importsOf)
      .filter(({ target, isOurs }) => target.startsWith('test/') || (isOurs && target.endsWith('.test')));
    none(
      found.map(({ at, target }) => `${at}: ${target}`),
      'the program imports tests',
    );
  });

  test('[AR1] leave the domain pure: no Date, no promise, nothing that waits', () => {
    const found = program
      .filter(({ path }) => path.startsWith('src/domain/'))
      .flatMap((file) => findings(file, codeOf(file.text, 'without strings'), /\b(async|await|Promise|Date|then)\b/g));
    none(found, 'the domain must be told the time, and decide at once');
  });

  test('[AR1] are seen in every form, and types told from values', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from '../domain/b.ts';",
      'import {',
      '  c,',
      "} from '../push/c.ts';",
      "export type { D } from '../bus/d.ts';",
      "import 'node:fs';",
      "// import { no } from './comment.ts';",
      "const lazy = await import('pg');",
      "import e, { type F } from '../../examples/e.mjs';",
    ].join('\n');
    const seen = importsOf({ path: 'src/store/x.ts', text });
    assert.deepEqual(
      seen.map(({ at, target, isOurs, isType }) => [at.split(':')[1], target, isOurs, isType]),
      [
        ['1', 'store/a', true, false],
        ['2', 'domain/b', true, true],
        ['3', 'push/c', true, false],
        ['6', 'bus/d', true, true],
        ['7', 'node:fs', false, false],
        ['10', 'examples/e.mjs', false, false],
        ['9', 'pg', false, false],
      ],
    );
    const row: Row = { values: ['domain'], types: ['bus', 'http/reply'], libraries: ['node:*', 'ws', 'examples/'] };
    const may = (target: string, isOurs: boolean, isType: boolean) =>
      mayImport('store', row, { at: '', target, isOurs, isType });
    assert.deepEqual(
      [may('store/a', true, false), may('domain/b', true, true), may('bus/d', true, true)],
      [true, true, true],
    );
    assert.deepEqual(
      [may('bus/d', true, false), may('push/c', true, true), may('domains/b', true, true)],
      [false, false, false],
    );
    assert.deepEqual([may('http/reply', true, true), may('http/other', true, true)], [true, false]);
    assert.deepEqual(
      [may('node:fs', false, false), may('ws', false, false), may('wss', false, false)],
      [true, true, false],
    );
  });
});

describe('operations', () => {
  const services = { connect: 'connectOperation', participant: 'participantOperation' } as const;
  const files = Object.entries(services).flatMap(([folder, declare]) =>
    program
      .filter(({ path }) => path.startsWith(`src/operations/${folder}/`))
      .map((file) => ({ ...file, folder, declare, name: basename(file.path, '.ts') })),
  );

  test('[AR2] are declared one in a file, by the name of the file', () => {
    assert(files.length > 0, 'there are no operations');
    for (const { path, text, declare, name } of files) {
      const code = codeOf(text, 'with strings');
      const declared = [...code.matchAll(/\b(connectOperation|participantOperation)\(\{\s*name: '(\w+)'/g)];
      assert.deepEqual(
        declared.map((match) => [match[1], match[2]]),
        [[declare, name]],
        path,
      );
      assert.match(code, new RegExp(`^export const ${name} = ${declare}\\(`, 'm'), path);
    }
  });

  test('[AR2] stand in the registry, one line each, and nothing else does', (context) => {
    if (!existsSync(join(root, 'src/operations/registry.ts'))) return context.skip('there is no registry yet');
    const code = codeOf(projectFile('src/operations/registry.ts'), 'with strings');
    const [, listed = ''] = /^export const registry\b[^=]*= \[\s*([\s\S]*?)\s*\];/m.exec(code) ?? [];
    const lines = listed.split('\n').map((line) => line.trim().replace(/,$/, ''));
    assert.deepEqual(lines.sort(), files.map(({ name }) => name).sort());
    for (const { folder, name } of files) {
      assert.equal(
        code.split(`import { ${name} } from './${folder}/${name}.ts';`).length,
        2,
        `${name} is imported once`,
      );
    }
  });
});

describe('the world outside', () => {
  const inRuntime = (path: string) => path.startsWith('src/runtime/');
  const mayWrite = (path: string) => inRuntime(path) || path === 'src/main.ts' || path.startsWith('src/cli/');
  const bans: [what: string, pattern: RegExp, isAllowed: (path: string) => boolean][] = [
    ['the time of day', /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\s*\()|(?<!\bnew )\bDate\(/g, inRuntime],
    ['monotonic time', /\bperformance\b|\bhrtime\b|process\.uptime/g, inRuntime],
    ['randomness', /\bMath\.random\b|\brandom(Bytes|UUID|UUIDv7|Int|Fill|FillSync)\b|\bgetRandomValues\b/g, inRuntime],
    ['timers', /\bset(Timeout|Interval|Immediate)\b|\bAbortSignal\.timeout\b|node:timers|\bscheduler\b/g, inRuntime],
    ['output', /\bconsole\b|\bprocess\.std(out|err)\b/g, mayWrite],
    ['the environment', /\bprocess\.env\b/g, (path) => path === 'src/main.ts'],
  ];

  for (const [what, pattern, isAllowed] of bans) {
    test(`[AR3] is asked for ${what} by runtime alone`, () => {
      const found = program
        .filter(({ path }) => !isAllowed(path))
        .flatMap((file) =>
          findings(
            file,
            codeOf(file.text, 'with strings').replace(/'(\\.|[^'\\\n])* (\\.|[^'\\\n])*'/g, "''"),
            pattern,
          ),
        );
      none(found, `${what} is for runtime/ to give`);
    });
  }

  test('[AR3] is found wherever it is asked', () => {
    const caught = (code: string) => bans.filter(([, pattern]) => code.search(pattern) >= 0).map(([what]) => what);
    for (const code of [
      'Date.now()',
      'new Date()',
      'new Date( )',
      'new Date;',
      'String(Date())',
      'const now = Date.now;',
    ]) {
      assert.deepEqual(caught(code), ['the time of day'], code);
    }
    for (const code of [
      'new Date(milliseconds)',
      'Date.parse(text)',
      'isDate(x)',
      'const Update = 1',
      'new Date(0).toISOString()',
    ]) {
      assert.deepEqual(caught(code), [], code);
    }
    assert.deepEqual(caught('crypto.randomUUID()'), ['randomness']);
    assert.deepEqual(caught("import { setTimeout } from 'x'"), ['timers']);
    assert.deepEqual(caught("import { x } from 'node:timers/promises'"), ['timers']);
    assert.deepEqual(caught('process.stdout.write(x); console.log(y)'), ['output']);
    assert.equal(
      codeOf("const a = '//x'; // Date.now()\n/* new Date()\n */ b", 'with strings').trimEnd(),
      "const a = '//x';              \n             \n    b",
    );
    assert.equal(codeOf("x = /['\"]/; y = 'any'; `any`", 'without strings'), "x = ''; y = ''; ''");
  });
});

describe('files', () => {
  test('[AR3] are short: 400 lines, tests 600', () => {
    const all = [...sources, ...sourceFiles('test')];
    const long = all.flatMap(({ path, text }) => {
      const lines = text.trimEnd().split('\n').length;
      const most = path.startsWith('test/') || path.endsWith('.test.ts') ? 600 : 400;
      return lines > most ? [`${path}: ${lines} lines, of at most ${most}`] : [];
    });
    none(long, 'files that are too long');
  });

  test('[AR3] have no any', () => {
    const anything = /(?<=[:<,|&(=]\s*|\b(as|extends|keyof|readonly|satisfies)\s+)any\b(?!\s*[:(.'?])/g;
    const found = sources.flatMap((file) => findings(file, codeOf(file.text, 'without strings'), anything));
    none(found, 'any');
    for (const code of ['x: any', 'x as any', 'Array<any>', 'Map<string, any>', 'type A = any;', 'x: any[]'])
      assert(code.search(anything) >= 0, code);
    for (const code of ['company', 'x.any()', '{ any: 1 }', 'f(any.thing)', 'x: anything'])
      assert(code.search(anything) < 0, code);
  });
});
