import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gone } from '../../test/support/child.ts';
import { environmentOf, parcelOf, testProgram } from '../../test/support/programs.ts';
import { settings } from '../settings.ts';
import { openGate } from './child.ts';
import { Rejected } from './destination.ts';
import { openDestination } from './open.ts';
import { snsEvent } from './sns-event.ts';
import type { EventTarget, StreamTarget } from './targets.ts';

const { signal } = new AbortController();

async function fails(delivered: Promise<void>, isRefusal: boolean, message: string): Promise<void> {
  await assert.rejects(delivered, (failure: Error) => {
    assert.deepEqual([failure.message, failure instanceof Rejected], [message, isRefusal]);
    return true;
  });
}

describe('a command', () => {
  test('[DE14] reads the event from standard input, in the folder of the configuration, and takes it with 0', async () => {
    await using program = testProgram({ command: 'cat > seen && pwd -P' });
    const parcel = { ...parcelOf(), topic: 'arn:aws:sns:us-east-1:123456789012:bots' };
    await program.destination.deliver(parcel, signal);
    assert.deepEqual(JSON.parse(readFileSync(join(program.folder, 'seen'), 'utf8')), snsEvent(parcel));
    const [, folder = ''] = await program.until(/^command: (.*)\n/);
    assert.ok(existsSync(join(folder, 'seen')));
  });

  test('[DE8, DE14] is given a contact event as it is', async () => {
    await using program = testProgram({ command: 'cat > seen' });
    await program.deliver({ a: 'ä' });
    assert.equal(readFileSync(join(program.folder, 'seen'), 'utf8'), '{"detail":{"a":"ä"}}');
  });

  test('[DE14] need not read it, however long it is', async () => {
    await using program = testProgram({ command: 'true' });
    await program.deliver('x'.repeat(1_000_000));
  });

  for (const [command, isRefusal, end] of [
    ['exit 1', true, '1'],
    ['false || exit 125', true, '125'],
    ['./none', false, '127'],
    ['/dev/null', false, '126'],
    ['kill -9 $$', false, 'SIGKILL'],
  ] as const) {
    test(`[DE14] ${isRefusal ? 'refuses the event' : 'is not known to have got it'} by: ${command}`, async () => {
      await using program = testProgram({ command });
      await fails(program.deliver(), isRefusal, `the command ended with ${end}`);
    });
  }

  test('[DE14] that cannot be started in its folder is not known to have got it', async () => {
    const parts = { steady: { now: () => 0 }, environment: environmentOf(), write() {} };
    const none = () => assert.fail();
    const others = { webhook: none, nats: none, memory: none };
    const target = { kind: 'process', target: 'a', topics: '*', command: 'true', folder: '/no/such' } as const;
    await using opened = await openDestination(target, { ...parts, ...others });
    await assert.rejects(opened.deliver(parcelOf(), signal), { code: 'ENOENT' });
  });

  test('[DE15] is killed with all that it has started when its time is up', async () => {
    await using program = testProgram({ command: 'sleep 1000 & echo "pids $$ $!"; wait' });
    const limit = new AbortController();
    const aborted = assert.rejects(program.deliver({}, limit.signal), { name: 'AbortError' });
    const [, shell, sleep] = await program.until(/pids (\d+) (\d+)\n/);
    limit.abort();
    await aborted;
    await gone(Number(shell));
    await gone(Number(sleep));
    await assert.rejects(program.deliver({}, limit.signal), { name: 'AbortError' });
  });

  test('[DE14] has taken the event though what it left behind still holds its output', async () => {
    await using program = testProgram({ command: 'sleep 1000 & echo "pid $!"' });
    await program.deliver();
    const [, pid] = await program.until(/pid (\d+)\n/);
    process.kill(Number(pid), 'SIGKILL');
  });
});

describe('any program', () => {
  test('[DE22] has its output passed on in lines, from both its ends, none of them too long', async () => {
    const long = "head -c 20000 /dev/zero | tr '\\0' x";
    await using program = testProgram({ command: `printf 'one\\n\\ntwo\\n'; echo err >&2; ${long}; printf '\\nlast'` });
    await program.deliver();
    await Promise.all([program.until(/command: last\n/), program.until(/command: err\n/)]);
    const lines = program.printed().replace('command: err\n', '').split('\n');
    assert.deepEqual(lines, ['one', '', 'two', 'x'.repeat(8192), 'last'].map((line) => `command: ${line}`).concat(''));
  });

  test('[DE22] has characters kept whole that come in two parts', async () => {
    await using program = testProgram({ command: "printf '\\303'; : > half; cat > /dev/null; printf '\\244\\n'" });
    await program.deliver();
    await program.until(/^command: ä\n/);
  });

  test('[DE23] has the environment of the server, without its secrets', async () => {
    const secrets = settings.filter(({ isSecret }) => isSecret).map(({ name }) => name as string);
    assert.deepEqual(secrets.sort(), [
      'TERTULIA_BUS',
      'TERTULIA_CONTROL_TOKEN',
      'TERTULIA_SECRET_KEY',
      'TERTULIA_STORE',
    ]);
    const hidden = Object.fromEntries(secrets.map((name) => [name, 'hunter2']));
    const environment = environmentOf({ ...hidden, TERTULIA_PORT: '8378', BOT_NAME: 'ana' });
    const module = 'export const handler = async () => console.log(JSON.stringify(process.env))';
    for (const given of [{ command: 'env' }, { module }]) {
      await using program = testProgram(given, { environment });
      await program.deliver();
      await Promise.all([program.until(/BOT_NAME/), program.until(/TERTULIA_PORT/), program.until(/\n$/)]);
      assert.doesNotMatch(program.printed(), /hunter2|CONTROL_TOKEN|SECRET_KEY|TERTULIA_STORE|TERTULIA_BUS/);
    }
  });

  test('[DE14, DE16] waits for its turn when many run, and no longer than its time', async () => {
    const enter = openGate(2);
    const leave = await enter(signal);
    await enter(signal);
    const order: string[] = [];
    const wait = (name: string, limit = signal) =>
      enter(limit).then(
        (out) => {
          order.push(name);
          return out;
        },
        () => order.push(`not ${name}`),
      );
    const limit = new AbortController();
    const [a, b, c] = [wait('a'), wait('b', limit.signal), wait('c')];
    limit.abort();
    await b;
    assert.deepEqual(order, ['not b']);
    leave();
    await a;
    assert.deepEqual(order, ['not b', 'a']);
    leave();
    await c;
    assert.deepEqual(order, ['not b', 'a', 'c']);
    await assert.rejects(enter(AbortSignal.abort()), { name: 'AbortError' });
  });
});

test('[DE1, DE2] opens each kind by what it is', async () => {
  const made: string[] = [];
  const note = ({ kind, target }: StreamTarget | EventTarget) => {
    made.push(`${kind} ${target}`);
    return { deliver: assert.fail, async [Symbol.asyncDispose]() {} };
  };
  const parts = { steady: { now: () => 0 }, environment: {}, write() {}, webhook: note, nats: note, memory: note };
  const targets: (StreamTarget | EventTarget)[] = [
    { kind: 'sns', target: '1', topics: '*' },
    { kind: 'lambda', target: '2', topics: '*', function: 'reply' },
    { kind: 'process', target: '3', topics: '*', module: '/bot.mjs', folder: '/' },
    { kind: 'process', target: '4', command: 'true', folder: '/' },
    { kind: 'webhook', target: '5', url: 'https://example.com' },
    { kind: 'nats', target: '6', servers: ['nats://localhost'], subject: 'a' },
    { kind: 'memory', target: '7', topics: '*' },
  ];
  for (const target of targets) await (await openDestination(target, parts))[Symbol.asyncDispose]();
  assert.deepEqual(made, ['webhook 5', 'nats 6', 'memory 7']);
});
