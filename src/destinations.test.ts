import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ConfigError, readConfig } from './config.ts';
import { developmentTopic, readTargets } from './destinations.ts';
import { eventTargets, streamTarget } from './outbox/targets.ts';

const folder = mkdtempSync(join(tmpdir(), 'tertulia-destinations-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'tertulia.json');

/** The destinations of a configuration file with these members. */
function targets(content: object) {
  writeFileSync(path, JSON.stringify(content));
  return readTargets(readConfig({ TERTULIA_CONFIG: path }));
}

function inProduction(content: { streams?: unknown[]; contactEvents?: unknown[] }) {
  return readTargets({ mode: 'production', streams: [], contactEvents: [], configFolder: '/', ...content });
}

/** The one line with which a start ends. */
function refusal(read: () => unknown): string {
  try {
    read();
  } catch (failure) {
    assert.ok(failure instanceof ConfigError, String(failure));
    assert.doesNotMatch(failure.message, /[\r\n]/);
    return failure.message;
  }
  assert.fail('the configuration was taken');
}

const topics = 'arn:aws:sns:us-east-1:123456789012:*';
const topic = 'arn:aws:sns:us-east-1:123456789012:bots';
const instance = 'arn:aws:connect:us-east-1:123456789012:instance/10000000-0000-4000-8000-000000000001';

describe('streams', () => {
  it('[DE1] are of four kinds, each with its members', () => {
    const { streams } = targets({
      streams: [
        { topics, kind: 'webhook', url: 'https://ana:hunter2@Example.com/hook?key=1' },
        { topics, kind: 'webhook', url: 'http://example.com', signatureVersion: '2', confirmation: 'none' },
        { topics, kind: 'sns' },
        { topics, kind: 'sns', endpoint: 'http://127.0.0.1:4566/', region: 'eu-west-1' },
        { topics, kind: 'lambda', function: 'reply:live' },
        { topics, kind: 'lambda', function: 'function', endpoint: 'http://127.0.0.1:9000' },
        { topics, kind: 'process', command: './bot.sh' },
        { topics, kind: 'process', module: './bot.mjs' },
      ],
    });
    const at = { topics, folder };
    assert.deepEqual(streams, [
      {
        ...{ topics, kind: 'webhook', url: 'https://ana:hunter2@Example.com/hook?key=1' },
        ...{ signatureVersion: '1', confirmation: 'required', target: 'webhook https://example.com/…6fc2d051' },
      },
      {
        ...{ topics, kind: 'webhook', url: 'http://example.com' },
        ...{ signatureVersion: '2', confirmation: 'none', target: 'webhook http://example.com' },
      },
      { topics, kind: 'sns', target: 'sns' },
      {
        ...{ topics, kind: 'sns', endpoint: 'http://127.0.0.1:4566/', region: 'eu-west-1' },
        target: 'sns eu-west-1 at http://127.0.0.1:4566',
      },
      { topics, kind: 'lambda', function: 'reply:live', target: 'lambda reply:live' },
      {
        ...{ topics, kind: 'lambda', function: 'function', endpoint: 'http://127.0.0.1:9000' },
        target: 'lambda function at http://127.0.0.1:9000',
      },
      { ...at, kind: 'process', command: './bot.sh', target: 'process bot.sh' },
      { ...at, kind: 'process', module: join(folder, 'bot.mjs'), target: 'process ./bot.mjs' },
    ]);
  });

  it('[DE1] are chosen by the first pattern that matches the whole ARN, letter by letter', () => {
    const read = targets({
      streams: [
        { topics: 'arn:aws:sns:us-east-1:123456789012:bot-?', kind: 'sns', region: 'eu-west-1' },
        { topics: 'arn:aws:sns:*:123456789012:bot*', kind: 'sns', region: 'eu-west-2' },
        { topics: 'arn:aws:sns:us-east-1:123456789012:bot-1', kind: 'sns', region: 'eu-west-3' },
      ],
    });
    const chosen = (name: string) => streamTarget(read, `arn:aws:sns:us-east-1:123456789012:${name}`)?.target;
    assert.equal(chosen('bot-1'), 'sns eu-west-1');
    assert.equal(chosen('bot-12'), 'sns eu-west-2');
    for (const name of ['Bot-1', 'a-bot-1', '']) assert.equal(chosen(name), undefined, name);
    assert.equal(streamTarget(read, 'x:arn:aws:sns:us-east-1:123456789012:bot-1'), undefined);
  });

  it('[DE5] have the topic of development at their end, which a row takes over', () => {
    assert.equal(developmentTopic, 'arn:aws:sns:us-east-1:123456789012:tertulia-dev');
    const memory = { kind: 'memory', target: 'memory', topics: developmentTopic };
    assert.deepEqual(targets({}), { streams: [memory], contactEvents: [] });
    const other = { topics: 'arn:aws:sns:eu-west-1:*', kind: 'sns' };
    assert.deepEqual(targets({ streams: [other] }).streams[1], memory);
    assert.deepEqual(
      targets({ streams: [{ topics, kind: 'sns' }] }).streams.map(({ kind }) => kind),
      ['sns'],
    );
    assert.deepEqual(inProduction({}).streams, []);
  });

  it('[DE4] may share a destination, but not its name alone', () => {
    const sns = { kind: 'sns', region: 'eu-west-1' };
    assert.equal(
      targets({
        streams: [
          { ...sns, topics },
          { ...sns, topics: '*' },
        ],
      }).streams.length,
      2,
    );
    const url = 'https://example.com/hook';
    const streams = [
      { topics, kind: 'webhook', url: `${url}?key=1` },
      { topics: '*', kind: 'webhook', url: `${url}?key=2` },
    ];
    assert.equal(
      refusal(() => targets({ streams })),
      `streams[1] is "webhook https://example.com/…6fc2d051" as streams[0] is, with other members; allowed: the same but for topics`,
    );
  });

  it('[DE4] are named without what a command may hold', () => {
    const named = (command: string) => targets({ streams: [{ topics, kind: 'process', command }] }).streams[0]?.target;
    assert.equal(named('/opt/bots/reply'), 'process reply');
    for (const command of ['curl -H "Authorization: hunter2" x', 'KEY=hunter2 ./bot', "'hunter2'", '~hunter2/x']) {
      assert.match(named(command) ?? '', /^process (curl )?[0-9a-f]{8}$/, command);
    }
    assert.notEqual(named('curl one'), named('curl two'));
  });
});

describe('contact events', () => {
  it('[DE2] go to three kinds of destinations', () => {
    const { contactEvents } = targets({
      contactEvents: [
        { kind: 'webhook', url: 'https://example.com/a', secret: '0123456789abcdef', instances: '*' },
        { kind: 'process', module: '/opt/events.ts' },
        { kind: 'nats', servers: 'nats://ana:hunter2@localhost:4222', subject: 'tertulia.contacts' },
        { kind: 'nats', servers: ['tls://a:1', 'tls://b:2'], subject: 'c' },
      ],
    });
    assert.deepEqual(contactEvents, [
      {
        ...{ kind: 'webhook', url: 'https://example.com/a', secret: '0123456789abcdef', instances: '*' },
        ...{ target: 'webhook https://example.com/…6a50dc85' },
      },
      { kind: 'process', module: '/opt/events.ts', folder, target: 'process /opt/events.ts' },
      {
        ...{ kind: 'nats', servers: ['nats://ana:hunter2@localhost:4222'], subject: 'tertulia.contacts' },
        target: 'nats tertulia.contacts at localhost:4222',
      },
      { kind: 'nats', servers: ['tls://a:1', 'tls://b:2'], subject: 'c', target: 'nats c at a:1,b:2' },
    ]);
  });

  it('[DE2] go to every row that matches the instance', () => {
    const row = (subject: string, instances?: string) => {
      return { kind: 'nats', servers: 'nats://localhost', subject, ...(instances ? { instances } : {}) };
    };
    const read = targets({
      contactEvents: [row('all'), row('us', 'arn:aws:connect:us-east-1:*'), row('eu', 'arn:aws:connect:eu-*')],
    });
    assert.deepEqual(
      eventTargets(read, instance).map(({ target }) => target),
      ['nats all at localhost', 'nats us at localhost'],
    );
  });

  it('[DE4] are not sent to one destination twice', () => {
    const contactEvents = ['a', 'b'].map((key) => ({ kind: 'webhook', url: `https://example.com/?key=${key}` }));
    assert.equal(
      refusal(() => targets({ contactEvents })),
      'contactEvents[1] is "webhook https://example.com" as contactEvents[0] is; allowed: each once',
    );
  });
});

describe('what is wrong in the file', () => {
  const url = 'an http or https URL of at most 2048 characters';
  const arns = 'an ARN in which * is any text and ? any one character, such as';
  const some = `${arns} arn:aws:sns:us-east-1:123456789012:*`;
  const module = 'the path of a file that ends in .js, .mjs, .cjs, .ts, .mts or .cts';
  const webhook = { topics, kind: 'webhook', url: 'https://example.com' };
  const nats = { kind: 'nats', servers: 'nats://localhost', subject: 'a' };
  const rows: readonly [content: object, line: string][] = [
    [{ streams: {} }, 'streams is not a list; allowed: [{topics, kind, …}]'],
    [{ contactEvents: null }, 'contactEvents is not a list; allowed: [{kind, …}]'],
    [{ streams: [null] }, 'streams[0] is null; allowed: an object with a kind'],
    [{ streams: [['a']] }, 'streams[0] is ["a"]; allowed: an object with a kind'],
    [{ streams: [{ topics }] }, 'streams[0].kind is missing; allowed: webhook, sns, lambda, process'],
    [{ streams: [{ kind: 'nats' }] }, 'streams[0].kind is "nats"; allowed: webhook, sns, lambda, process'],
    [{ streams: [{ kind: 'toString' }] }, 'streams[0].kind is "toString"; allowed: webhook, sns, lambda, process'],
    [{ contactEvents: [{ kind: 'sns' }] }, 'contactEvents[0].kind is "sns"; allowed: webhook, process, nats'],
    [
      { streams: [webhook, { ...webhook, secret: 'hunter2' }] },
      'streams[1].secret is not known; allowed for webhook are kind, topics, url, signatureVersion, confirmation',
    ],
    [
      { streams: [{ topics, kind: 'sns', instances: '*' }] },
      'streams[0].instances is not known; allowed for sns are kind, topics, endpoint, region',
    ],
    [{ streams: [{ ...webhook, topics: undefined }] }, `streams[0].topics is missing; allowed: ${some}`],
    [{ streams: [{ ...webhook, topics: 'bots' }] }, `streams[0].topics is "bots"; allowed: ${some}`],
    [{ streams: [{ ...webhook, topics: ['*'] }] }, `streams[0].topics is ["*"]; allowed: ${some}`],
    [
      { streams: [{ ...webhook, url: 'ftp://a:b@c/d?e' }] },
      `streams[0].url is "ftp://(not shown)@c/d?(not shown)"; allowed: ${url}`,
    ],
    [
      { streams: [{ ...webhook, url: 'https://ana:hunt/er2@host' }] },
      `streams[0].url is "https://(not shown)@host"; allowed: ${url}`,
    ],
    [{ streams: [{ ...webhook, url: 'ana:hunter2@host' }] }, `streams[0].url is "(not shown)@host"; allowed: ${url}`],
    [{ streams: [{ ...webhook, url: 'example.com' }] }, `streams[0].url is "example.com"; allowed: ${url}`],
    [{ streams: [{ ...webhook, signatureVersion: 2 }] }, 'streams[0].signatureVersion is 2; allowed: "1" or "2"'],
    [
      { streams: [{ ...webhook, confirmation: 'no' }] },
      'streams[0].confirmation is "no"; allowed: "required" or "none"',
    ],
    [
      { streams: [{ topics, kind: 'sns', region: 'Frankfurt' }] },
      'streams[0].region is "Frankfurt"; allowed: a Region such as eu-central-1',
    ],
    [
      { streams: [{ topics, kind: 'lambda' }] },
      'streams[0].function is missing; allowed: the name or the ARN of a function',
    ],
    [{ streams: [{ topics, kind: 'process' }] }, 'streams[0] has neither command nor module; allowed: one of them'],
    [
      { streams: [{ topics, kind: 'process', command: 'a', module: 'a.js' }] },
      'streams[0] has both command and module; allowed: one of them',
    ],
    [{ streams: [{ topics, kind: 'process', module: 'bot.py' }] }, `streams[0].module is "bot.py"; allowed: ${module}`],
    [
      { streams: [{ topics, kind: 'process', command: '' }] },
      'streams[0].command is ""; allowed: a line for the shell',
    ],
    [
      { contactEvents: [{ kind: 'webhook', url: 'https://a', secret: 'hunter2' }] },
      'contactEvents[0].secret is (not shown); allowed: at least 16 characters',
    ],
    [
      { contactEvents: [{ ...nats, instances: 'mine' }] },
      `contactEvents[0].instances is "mine"; allowed: ${arns} arn:aws:connect:*:123456789012:instance/*`,
    ],
    [
      { contactEvents: [{ ...nats, servers: ['nats://a', 'http://ana:hunter2@b'] }] },
      'contactEvents[0].servers is ["nats://a","http://(not shown)@b"]; allowed: a nats:// or tls:// URL of at most 2048 characters, or a list of 1 to 16',
    ],
    [
      { contactEvents: [{ ...nats, servers: [] }] },
      'contactEvents[0].servers is []; allowed: a nats:// or tls:// URL of at most 2048 characters, or a list of 1 to 16',
    ],
    [
      { contactEvents: [{ ...nats, subject: 'a.>' }] },
      'contactEvents[0].subject is "a.>"; allowed: a NATS subject without wildcards, such as tertulia.contacts',
    ],
    [{ streams: Array(201).fill(webhook) }, 'streams has 201 members; allowed: at most 200'],
    [{ contactEvents: Array(21).fill(nats) }, 'contactEvents has 21 members; allowed: at most 20'],
  ];
  for (const [content, line] of rows) {
    it(`[DE3] is said in one line: ${line}`, () =>
      assert.equal(
        refusal(() => targets(content)),
        line,
      ));
  }

  it('[DE3] is not told at any length', () => {
    const line = refusal(() => targets({ streams: [{ ...webhook, topics: 'x'.repeat(5000) }] }));
    assert.equal(line, `streams[0].topics is "${'x'.repeat(199)}…; allowed: ${some}`);
  });

  it('[DE6] is a process in production', () => {
    const line = (kinds: string) => `[0].kind is "process", which is for development; allowed in production: ${kinds}`;
    const program = { kind: 'process', command: 'cat' };
    assert.equal(
      refusal(() => inProduction({ streams: [{ ...program, topics }] })),
      `streams${line('webhook, sns, lambda')}`,
    );
    assert.equal(
      refusal(() => inProduction({ contactEvents: [program] })),
      `contactEvents${line('webhook, nats')}`,
    );
    assert.equal(inProduction({ streams: [webhook] }).streams.length, 1);
  });

  it('[DE6] is not the path of a module, which begins at the folder of the file or else here', () => {
    const streams = [{ topics, kind: 'process', module: '../bot.ts' }];
    const [fromFile] = targets({ streams }).streams;
    assert.equal(fromFile?.kind === 'process' && fromFile.module, join(folder, '../bot.ts'));
    const [fromHere] = readTargets({ ...readConfig({}), streams }).streams;
    assert.equal(fromHere?.kind === 'process' && fromHere.module, join(process.cwd(), '../bot.ts'));
  });
});

it('[DE1] leaves a topic without a row to nobody', () => {
  assert.equal(streamTarget(targets({}), topic), undefined);
});
