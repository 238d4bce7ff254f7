import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gone, startChild } from '../../test/support/child.ts';
import { parcelOf, type TestProgram, testProgram } from '../../test/support/programs.ts';
import { manualSteady } from '../../test/support/steady.ts';
import { Rejected } from './destination.ts';
import { snsEvent } from './sns-event.ts';

async function fails(delivered: Promise<void>, isRefusal: boolean, message: string): Promise<void> {
  await assert.rejects(delivered, (failure: Error) => {
    assert.deepEqual([failure.message, failure instanceof Rejected], [message, isRefusal]);
    return true;
  });
}

/** A handler with this body, which has `event`, its `detail` and `context`. */
const handler = (body: string) =>
  `export const handler = async (event, context) => { const { detail } = event; ${body} };\n`;

/** The id of the process that has printed this word before it. */
async function pidOf(program: TestProgram, word = 'pid'): Promise<number> {
  const [, pid] = await program.until(new RegExp(`${word} (\\d+)\\n`));
  return Number(pid);
}

/** How often the module was loaded, if it says so. */
const starts = (program: TestProgram) => program.printed().split('bot.mjs: started').length - 1;

describe('a module', () => {
  const say = "console.log('got', JSON.stringify(event), context.awsRequestId, context.functionName)";
  for (const [name, module] of [
    ['bot.mjs', `export const handler = async (event, context) => ${say};`],
    ['bot.mjs', `export default { handler: async (event, context) => ${say} };`],
    ['bot.cjs', `exports.handler = async (event, context) => ${say};`],
    ['bot.js', `module.exports = { handler(event, context) { ${say} } };`],
    [
      'bot.ts',
      `export async function handler(event: object, context: Record<string, string>): Promise<void> { ${say} }`,
    ],
    ['bot.mjs', `export const handler = (event, context, done) => setImmediate(() => { ${say}; done(null, 'x'); });`],
    ['bot.mjs', `export const handler = async (event, context, done) => ${say};`],
  ] as const) {
    test(`[DE16] takes the event by its handler: ${name}, ${module.slice(0, 50)}`, async () => {
      await using program = testProgram({ module, name });
      await program.deliver('ä');
      const { id } = parcelOf();
      await program.until(new RegExp(`^${name}: got {"detail":"ä"} ${id} bot\n`, 'm'));
    });
  }

  test('[DE7, DE16] gets notifications as events of SNS, and a context like Lambda’s', async () => {
    const module = `import { writeFileSync } from 'node:fs';
      export const handler = async (event, context) => {
        const { functionVersion, getRemainingTimeInMillis } = context;
        writeFileSync('seen', JSON.stringify({ event, functionVersion, left: getRemainingTimeInMillis() }));
      };`;
    await using program = testProgram({ module });
    const parcel = { ...parcelOf(), topic: 'arn:aws:sns:us-east-1:123456789012:bots', attributes: { A: 'b' } };
    await program.destination.deliver(parcel, new AbortController().signal);
    const seen = JSON.parse(readFileSync(join(program.folder, 'seen'), 'utf8'));
    assert.deepEqual([seen.event, seen.functionVersion], [snsEvent(parcel), '$LATEST']);
    assert(seen.left > 0 && seen.left <= 60_000);
  });

  test('[DE16] has up to 64 events at once, in one process', async () => {
    const module = `let most = 0; const held = [];
      console.log('started');
      export const handler = () => new Promise((resolve) => {
        most = Math.max(most, held.push(resolve));
        if (held.length < 64 && most < 64) return;
        console.log('most ' + most);
        for (const each of held.splice(0)) each();
      });`;
    await using program = testProgram({ module });
    await Promise.all(Array.from({ length: 70 }, () => program.deliver()));
    await program.until(/most 64\n(.*\n)*.*most 64\n/);
    assert.doesNotMatch(program.printed(), /most 6[5-9]|most 7/);
    assert.equal(starts(program), 1);
  });

  for (const [what, body, reason] of [
    ['throws', "throw new Error('no\\nmore')", 'no'],
    ['throws at length', `throw new Error('x'.repeat(500))`, 'x'.repeat(200)],
    ['throws a text', "throw 'no'", 'no'],
    ['throws nothing', 'throw undefined', 'undefined'],
    ['throws an error without a message', 'throw new TypeError()', 'TypeError'],
    ['rejects', "await Promise.reject(new Error('no'))", 'no'],
  ] as const) {
    test(`[DE17] refuses what its handler ${what} for`, async () => {
      await using program = testProgram({ module: handler(body) });
      await fails(program.deliver(), true, reason);
    });
  }

  test('[DE17, DE22] refuses by calling back with an error, and what is thrown is printed with its place', async () => {
    const module = `function handler(event, context, done) {
        if (event.detail === 'throw') throw new TypeError('thrown');
        setImmediate(done, new Error('called'));
      }
      export { handler };`;
    await using program = testProgram({ module });
    await fails(program.deliver(), true, 'called');
    await fails(program.deliver('throw'), true, 'thrown');
    await program.until(/^bot\.mjs: TypeError: thrown\nbot\.mjs: +at handler \(file:.*bot\.mjs:2:\d+\)\n/m);
    assert.doesNotMatch(program.printed(), /process-runner/);
  });
});

describe('a module whose file changes', () => {
  const ways: Record<string, (program: TestProgram, text: string) => void> = {
    'in its place': (program, text) => program.write(text),
    'by a file moved over it': ({ folder }, text) => {
      writeFileSync(join(folder, 'draft'), text);
      renameSync(join(folder, 'draft'), join(folder, 'bot.mjs'));
    },
    'by being removed and made again': (program, text) => {
      unlinkSync(join(program.folder, 'bot.mjs'));
      program.write(text);
    },
    'with its folder': ({ folder }, text) => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      writeFileSync(join(folder, 'bot.mjs'), text);
    },
  };
  for (const [how, write] of Object.entries(ways)) {
    test(`[DE18] is new for the next event: written ${how}`, async () => {
      await using program = testProgram({ module: handler("console.log('pid ' + process.pid)") });
      await program.deliver();
      const pid = await pidOf(program);
      write(program, handler("console.log('second')"));
      await program.deliver();
      await program.until(/second/);
      await gone(pid);
      await program.deliver();
      await program.until(/second\n(.*\n)*.*second/);
    });
  }

  const slow = `const held = [];
    export const handler = ({ detail }) => new Promise((resolve) => {
      console.log(detail, process.pid);
      process.once('SIGUSR2', () => resolve());
    });`;

  test('[DE18] ends what it had begun, and then its process', async () => {
    await using program = testProgram({ module: slow });
    const first = program.deliver('first');
    const pid = await pidOf(program, 'first');
    program.write(handler("console.log('second')"));
    await program.deliver();
    process.kill(pid, 'SIGUSR2');
    await first;
    await gone(pid);
  });

  test('[DE18] has one older process at most: of a third the first is ended', async () => {
    await using program = testProgram({ module: slow });
    const first = program.deliver('first');
    const failed = fails(first, false, 'bot.mjs: its file has changed twice since');
    const pid = await pidOf(program, 'first');
    program.write(`${slow}//`);
    const second = program.deliver('second');
    const other = await pidOf(program, 'second');
    program.write(handler(''));
    await program.deliver();
    await failed;
    await gone(pid);
    process.kill(other, 'SIGUSR2');
    await second;
  });

  test('[DE18] says why it cannot be loaded, and goes on when it can', async () => {
    await using program = testProgram({ module: 'export const handler = async () => {\n  let a = ;\n};' });
    await fails(program.deliver(), false, "bot.mjs: it cannot be loaded: Unexpected token ';'");
    // Where, as Node shows it.
    await program.until(/^bot\.mjs: file:.*\/bot\.mjs:2\nbot\.mjs: +let a = ;\n/m);
    const unfit: [string, string][] = [
      ['export const handle = 1;', 'it exports no function named handler'],
      ["throw new Error('one\\ntwo')", 'one'],
      [
        "import './none.mjs';",
        `Cannot find module '${join(program.folder, 'none.mjs')}' imported from ${join(program.folder, 'bot.mjs')}`,
      ],
    ];
    for (const [text, reason] of unfit) {
      program.write(text);
      await fails(program.deliver(), false, `bot.mjs: it cannot be loaded: ${reason}`);
    }
    // The file itself is the same.
    writeFileSync(join(program.folder, 'none.mjs'), '');
    await assert.rejects(program.deliver(), /exports no function named handler/);
    unlinkSync(join(program.folder, 'bot.mjs'));
    await fails(program.deliver(), false, 'bot.mjs: there is no such file');
    program.write(handler(''));
    await program.deliver();
  });
});

describe('a module whose process ends', () => {
  const module = `console.log('started');\n${handler("if (detail === 'crash') process.exit(3);")}`;

  test('[DE19] does not refuse what it had, and the next event starts it again', async () => {
    await using program = testProgram({ module });
    await fails(program.deliver('crash'), false, 'bot.mjs: its process ended with 3');
    await program.deliver();
    await program.until(/started\n(.*\n)*.*started/);
    assert.equal(starts(program), 2);
  });

  test('[DE19] is started after pauses that grow, until it takes an event', async () => {
    const steady = manualSteady();
    await using program = testProgram({ module }, { steady });
    const crash = () => fails(program.deliver('crash'), false, 'bot.mjs: its process ended with 3');
    await crash();
    for (const pause of [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
      await crash();
      // Both are answered as the last was, without a process.
      await crash();
      steady.advance(pause - 1);
      await fails(program.deliver(), false, 'bot.mjs: its process ended with 3');
      steady.advance(1);
    }
    await program.deliver();
    await crash();
    await program.deliver();
    // The first, one after each of eight pauses but the last, and the two after it.
    await program.until(/(?:started[\s\S]*?){11}/);
    assert.equal(starts(program), 11);
  });

  test('[DE19] is started at once when its file changes', async () => {
    const steady = manualSteady();
    await using program = testProgram({ module: "throw new Error('first')" }, { steady });
    for (let time = 0; time < 3; time += 1) {
      await fails(program.deliver(), false, 'bot.mjs: it cannot be loaded: first');
    }
    program.write(module);
    await program.deliver();
  });

  test('[DE19] has taken what it said it had before', async () => {
    await using program = testProgram({ module: handler('setImmediate(() => process.exit(4))') });
    await program.deliver();
  });
});

describe('a handler that does not end', () => {
  for (const [how, body] of [
    ['waits', 'await new Promise(() => {})'],
    ['loops', 'for (;;);'],
  ] as const) {
    test(`[DE20] is ended with its process when its time is up: it ${how}`, async () => {
      const module = handler(
        `console.log('pid ' + process.pid); await new Promise(setImmediate); if (detail === 'hang') ${body}`,
      );
      await using program = testProgram({ module });
      const limit = new AbortController();
      const aborted = assert.rejects(program.deliver('hang', limit.signal), { name: 'AbortError' });
      const pid = await pidOf(program);
      limit.abort();
      await aborted;
      await gone(pid);
      await program.deliver();
    });
  }

  test('[DE20] takes others with it, which are not known to have been done', async () => {
    await using program = testProgram({ module: handler("console.log(detail + ' pid'); await new Promise(() => {})") });
    const limit = new AbortController();
    const aborted = assert.rejects(program.deliver('one', limit.signal), { name: 'AbortError' });
    const other = program.deliver('other');
    const lost = fails(other, false, 'bot.mjs: its process was ended because another event took too long');
    await Promise.all([program.until(/one pid/), program.until(/other pid/)]);
    limit.abort();
    await aborted;
    await lost;
  });

  test('[DE20] may be the module itself, which is never loaded', async () => {
    await using program = testProgram({
      module: "console.log('pid ' + process.pid); await new Promise(() => setInterval(() => {}, 1e6));",
    });
    const limit = new AbortController();
    const aborted = assert.rejects(program.deliver('hang', limit.signal), { name: 'AbortError' });
    const pid = await pidOf(program);
    limit.abort();
    await aborted;
    await gone(pid);
  });
});

describe('the processes of a module', () => {
  const module = `import { spawn } from 'node:child_process';
    const { pid } = spawn('sleep', ['1000'], { stdio: 'ignore' });
    ${handler("console.log('pids ' + process.pid + ' ' + pid); await new Promise(() => {});")}`;

  test('[DE21] end with the server, and what they had is not known to have been done', async () => {
    const program = testProgram({ module });
    const delivered = fails(program.deliver(), false, 'bot.mjs: the server stops');
    const [, bot, sleep] = await program.until(/pids (\d+) (\d+)\n/);
    await program[Symbol.asyncDispose]();
    await delivered;
    await gone(Number(bot));
    await gone(Number(sleep));
    await fails(program.deliver(), false, 'bot.mjs: the server stops');
  });

  test('[DE21] end with a server that is killed', async () => {
    await using program = testProgram({ module });
    const server = startChild('program-child.ts', [program.folder, join(program.folder, 'bot.mjs')]);
    const [, bot, sleep] = /pids (\d+) (\d+)/.exec((await server.line()) ?? '') ?? [];
    await server.kill();
    await gone(Number(bot));
    await gone(Number(sleep));
  });
});
