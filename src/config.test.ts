import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ConfigError, developmentInstance, readConfig, readSetting } from './config.ts';
import { sendableContentTypes } from './domain/content-type.ts';
import { maxContentBytes } from './domain/limits.ts';
import { type Config, type Setting, settings } from './settings.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'tertulia-config-'));
});
after(() => rmSync(folder, { recursive: true }));

/** A configuration file with that content, which is JSON unless it is a string. */
function file(content: unknown, name = 'tertulia.json'): { TERTULIA_CONFIG: string } {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return { TERTULIA_CONFIG: path };
}

/** The one line with which a start ends. */
function refusal(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (failure) {
    assert.ok(failure instanceof ConfigError, String(failure));
    assert.doesNotMatch(failure.message, /[\r\n]/);
    return failure.message;
  }
  assert.fail('the configuration was taken');
}

describe('settings', () => {
  it('[CF1] are rows of a table, each with a name, a default that is allowed, what is allowed, and a meaning', () => {
    for (const setting of settings) {
      assert.match(setting.name, /^TERTULIA_[A-Z0-9]+(_[A-Z0-9]+)*$/);
      assert.ok(setting.allowed && setting.meaning.endsWith('.'), setting.name);
      assert.doesNotThrow(() => setting.read(setting.default), setting.name);
    }
    assert.equal(new Set(settings.map(({ name }) => name)).size, settings.length);
    assert.equal(new Set(settings.map(({ key }) => key)).size, settings.length);
  });

  it('[CF1] fill every member of the configuration, each by one row', () => {
    const others = ['instances', 'accessKeys', 'streams', 'contactEvents', 'buckets', 'configFolder'];
    const members = Object.keys(readConfig({})).filter((name) => !others.includes(name));
    assert.deepEqual(members.sort(), settings.map(({ key }) => key as string).sort());
  });

  it('[CF1] have defaults with which the server listens on this machine alone', () => {
    const defaults: Config = {
      mode: 'development',
      host: '127.0.0.1',
      port: 8378,
      publicUrl: undefined,
      dataDir: './data',
      blobs: undefined,
      s3Region: 'us-east-1',
      s3Endpoint: undefined,
      attachmentScanner: undefined,
      transferSeconds: 900,
      log: 'warn',
      tlsCert: undefined,
      tlsKey: undefined,
      allowUnsignedRemote: false,
      allowLinkLocal: false,
      maxBodyBytes: 1_048_576,
      maxConnections: 16_384,
      requestTimeoutSeconds: 30,
      keepAliveSeconds: 75,
      shutdownSeconds: 10,
      maxSocketBufferBytes: 1_048_576,
      maxFrameBytes: 65_536,
      maxContentBytes: {
        'text/plain': 16_384,
        'text/markdown': 16_384,
        'application/json': 16_384,
        'application/vnd.amazonaws.connect.message.interactive.response': 16_384,
      },
      socketsPerParticipant: 5,
      socketPingSeconds: 30,
      socketCloseSeconds: 60,
      auth: 'none',
      secretKey: undefined,
      controlToken: undefined,
      quotas: 'unlimited',
      connectionsPerToken: 30,
      outboxLanes: 10_000,
      store: undefined,
      storeSchema: 'tertulia',
      bus: undefined,
      busPrefix: 'tertulia',
      drainSeconds: 5,
      instances: [],
      accessKeys: [],
      streams: [],
      contactEvents: [],
      configFolder: process.cwd(),
      buckets: [],
    };
    assert.deepEqual(readConfig({}), defaults);
    assert.ok(Object.isFrozen(readConfig({})));
  });

  it('[CF2] take the environment before the file, and the file before the default', () => {
    const path = file({ TERTULIA_PORT: 1000, TERTULIA_LOG: 'info', TERTULIA_ALLOW_UNSIGNED_REMOTE: true });
    const config = readConfig({ ...path, TERTULIA_PORT: '2000' });
    assert.equal(config.port, 2000);
    assert.equal(config.log, 'info');
    assert.equal(config.allowUnsignedRemote, true);
    assert.equal(config.host, '127.0.0.1');
  });

  it('[CF2] take an empty variable for none, and texts of the file as they would be written', () => {
    const path = file({ TERTULIA_PORT: '1000' });
    assert.equal(readConfig({ ...path, TERTULIA_PORT: '', TERTULIA_LOG: '' }).port, 1000);
    assert.equal(readConfig({ TERTULIA_CONFIG: '', TERTULIA_DATA_DIR: '' }).dataDir, './data');
  });

  it('[CF2] leave the variables of other programs, and of the tests, alone', () => {
    assert.equal(readConfig({ PORT: '1', TERTULIAN: '1', TERTULIA_TEST_DATABASE: 'x', PATH: undefined }).port, 8378);
  });

  /** A value that is taken, and the member of the configuration that it makes. */
  const taken: readonly [name: Setting['name'], given: string, value: unknown][] = [
    ['TERTULIA_PORT', '0', 0],
    ['TERTULIA_PORT', '65535', 65_535],
    ['TERTULIA_HOST', 'localhost', 'localhost'],
    ['TERTULIA_HOST', '::1', '::1'],
    ['TERTULIA_HOST', '127.255.0.3', '127.255.0.3'],
    ['TERTULIA_DATA_DIR', ':memory:', ':memory:'],
    ['TERTULIA_LOG', 'silent', 'silent'],
    ['TERTULIA_PUBLIC_URL', 'https://chat.example.com', 'https://chat.example.com'],
    ['TERTULIA_PUBLIC_URL', 'https://Chat.Example.com:443/', 'https://chat.example.com'],
    ['TERTULIA_PUBLIC_URL', 'http://localhost:8080/a/b//', 'http://localhost:8080/a/b'],
    ['TERTULIA_PUBLIC_URL', 'https://chat.example.com/a?', 'https://chat.example.com/a'],
    ['TERTULIA_PUBLIC_URL', 'https://chat.example.com/a/#', 'https://chat.example.com/a'],
    ['TERTULIA_PUBLIC_URL', 'http://[::1]:8378', 'http://[::1]:8378'],
    ['TERTULIA_BLOBS', 'directory', undefined],
    ['TERTULIA_BLOBS', 's3://my.bucket-1', { bucket: 'my.bucket-1', prefix: '' }],
    ['TERTULIA_BLOBS', 's3://bucket/', { bucket: 'bucket', prefix: '' }],
    ['TERTULIA_BLOBS', 's3://bucket/a/B_c/', { bucket: 'bucket', prefix: 'a/B_c/' }],
    ['TERTULIA_S3_ENDPOINT', 'http://127.0.0.1:9000/s3', 'http://127.0.0.1:9000/s3'],
    ['TERTULIA_ATTACHMENT_SCANNER', 'http://127.0.0.1:9000/scan?a=b', 'http://127.0.0.1:9000/scan?a=b'],
    ['TERTULIA_ATTACHMENT_SCANNER', 'clamdscan --fdpass', 'clamdscan --fdpass'],
    ['TERTULIA_MAX_BODY_BYTES', '524288', 524_288],
    ['TERTULIA_MAX_CONTENT_BYTES', 'text/plain=1024', { 'text/plain': 1024 }],
    [
      'TERTULIA_MAX_CONTENT_BYTES',
      'text/markdown=1,application/json=16384',
      { 'text/markdown': 1, 'application/json': 16_384 },
    ],
  ];
  for (const [name, given, value] of taken) {
    it(`[CF1] take ${given} as ${name}`, () => {
      const key = settings.find((each) => each.name === name)?.key ?? 'mode';
      assert.deepEqual(readConfig({ [name]: given })[key], value);
    });
  }
});

describe('the sizes of messages', () => {
  it('[SM8] can be set for exactly the content types that can be sent', () => {
    assert.deepEqual(Object.keys(readConfig({}).maxContentBytes), sendableContentTypes);
    assert.equal(readConfig({}).maxContentBytes['text/plain'], maxContentBytes);
  });
});

describe('wrong settings', () => {
  const url = 'an http or https URL without query, such as https://chat.example.com/connect';
  const contentBytes =
    'a whole number from 1 to 16384, or some content types with theirs: text/plain=1024,application/json=12000';
  const blobs = 'directory, or s3://bucket or s3://bucket/prefix';
  /** A wrong value, and what is said to be allowed. */
  const wrong: [name: Setting['name'], given: string, allowed: string][] = [
    ['TERTULIA_MODE', 'test', 'development, production'],
    ['TERTULIA_MODE', 'Development', 'development, production'],
    ['TERTULIA_AUTH', 'SigV4', 'none, sigv4'],
    ['TERTULIA_CONNECTIONS_PER_TOKEN', '0', 'a whole number from 1 to 10000'],
    ['TERTULIA_PORT', '65536', 'a whole number from 0 to 65535'],
    ['TERTULIA_PORT', '-1', 'a whole number from 0 to 65535'],
    ['TERTULIA_PORT', '80.5', 'a whole number from 0 to 65535'],
    ['TERTULIA_PORT', '0x50', 'a whole number from 0 to 65535'],
    ['TERTULIA_PORT', '1e3', 'a whole number from 0 to 65535'],
    ['TERTULIA_PORT', ' 80', 'a whole number from 0 to 65535'],
    ['TERTULIA_PORT', '80\n81', 'a whole number from 0 to 65535'],
    ['TERTULIA_PUBLIC_URL', 'chat.example.com', url],
    ['TERTULIA_PUBLIC_URL', '//chat.example.com', url],
    ['TERTULIA_PUBLIC_URL', 'ws://chat.example.com', url],
    ['TERTULIA_PUBLIC_URL', 'ftp://chat.example.com', url],
    ['TERTULIA_PUBLIC_URL', 'https://', url],
    ['TERTULIA_PUBLIC_URL', 'https://chat.example.com/?a=1', url],
    ['TERTULIA_PUBLIC_URL', 'https://chat.example.com/#a', url],
    ['TERTULIA_BLOBS', 'folder', blobs],
    ['TERTULIA_BLOBS', '/var/files', blobs],
    ['TERTULIA_BLOBS', 's3://', blobs],
    ['TERTULIA_BLOBS', 's3://Bucket', blobs],
    ['TERTULIA_BLOBS', 's3://ab', blobs],
    ['TERTULIA_BLOBS', 's3://bucket/a b', blobs],
    ['TERTULIA_BLOBS', 'https://bucket', blobs],
    ['TERTULIA_S3_ENDPOINT', 'localhost:9000', 'an http or https URL'],
    ['TERTULIA_S3_ENDPOINT', 's3://localhost', 'an http or https URL'],
    ['TERTULIA_ATTACHMENT_SCANNER', 'https://', 'an http or https URL, or a command line'],
    ['TERTULIA_TRANSFER_SECONDS', '2701', 'a whole number from 1 to 2700'],
    ['TERTULIA_LOG', 'verbose', 'debug, info, warn, error, silent'],
    ['TERTULIA_ALLOW_UNSIGNED_REMOTE', 'yes', 'true, false'],
    ['TERTULIA_ALLOW_LINK_LOCAL', 'yes', 'true, false'],
    ['TERTULIA_ALLOW_UNSIGNED_REMOTE', '1', 'true, false'],
    ['TERTULIA_MAX_BODY_BYTES', '524287', 'a whole number from 524288 to 8388608'],
    ['TERTULIA_MAX_BODY_BYTES', '8388609', 'a whole number from 524288 to 8388608'],
    ['TERTULIA_MAX_CONNECTIONS', '0', 'a whole number from 1 to 1000000'],
    ['TERTULIA_REQUEST_TIMEOUT_SECONDS', '601', 'a whole number from 1 to 600'],
    ['TERTULIA_KEEP_ALIVE_SECONDS', '0', 'a whole number from 1 to 3600'],
    ['TERTULIA_SHUTDOWN_SECONDS', 'never', 'a whole number from 1 to 600'],
    ['TERTULIA_MAX_SOCKET_BUFFER_BYTES', '65535', 'a whole number from 65536 to 1073741824'],
    ['TERTULIA_MAX_FRAME_BYTES', '1023', 'a whole number from 1024 to 1048576'],
    ['TERTULIA_SOCKETS_PER_PARTICIPANT', '0', 'a whole number from 1 to 1000'],
    ['TERTULIA_SOCKET_PING_SECONDS', '3601', 'a whole number from 1 to 3600'],
    ['TERTULIA_SOCKET_CLOSE_SECONDS', '0', 'a whole number from 1 to 3600'],
    ['TERTULIA_OUTBOX_LANES', '0', 'a whole number from 1 to 1000000'],
    ['TERTULIA_STORE_SCHEMA', 'Public', '1 to 63 small letters, digits and underscores, beginning with a letter'],
    ['TERTULIA_BUS_PREFIX', 'a.b', '1 to 64 letters, digits, hyphens and underscores'],
    ['TERTULIA_DRAIN_SECONDS', '601', 'a whole number from 0 to 600'],
  ];
  for (const given of [
    '0',
    '16385',
    'text/plain',
    'text/plain=',
    'text/plain=0',
    'text/html=5',
    'text/plain=5,',
    ',',
    '5,6',
  ]) {
    wrong.push(['TERTULIA_MAX_CONTENT_BYTES', given, contentBytes]);
  }
  for (const [name, given, allowed] of wrong) {
    it(`[CF3] refuse ${JSON.stringify(given)} as ${name}, by name, value and what is allowed`, () => {
      const line = `${name} is ${JSON.stringify(given)}; allowed: ${allowed}`;
      assert.equal(refusal({ [name]: given }), line);
      assert.equal(refusal(file({ [name]: given })), line);
    });
  }

  it('[CF3] are tried for every setting that is not free text', () => {
    const free = 'HOST DATA_DIR QUOTAS S3_REGION TLS_CERT TLS_KEY'.split(' ').map((name) => `TERTULIA_${name}`);
    const secrets = settings.filter(({ isSecret }) => isSecret).map(({ name }) => name as string);
    const tried = new Set<string>([...free, ...secrets, ...wrong.map(([name]) => name)]);
    assert.deepEqual([...tried].sort(), settings.map(({ name }) => name as string).sort());
  });

  for (const given of [null, [8378], { port: 8378 }, []]) {
    it(`[CF3] refuse ${JSON.stringify(given)} in the file, whatever it would be as text`, () => {
      assert.equal(
        refusal(file({ TERTULIA_PORT: given })),
        `TERTULIA_PORT is ${JSON.stringify(given)}; allowed: a whole number from 0 to 65535`,
      );
      assert.equal(refusal(file({ TERTULIA_HOST: given })), `TERTULIA_HOST is ${JSON.stringify(given)}; allowed: text`);
    });
  }

  it('[CF3] refuse an unknown variable and an unknown member of the file, and list those there are', () => {
    assert.match(
      refusal({ TERTULIA_POTR: '1' }),
      /^TERTULIA_POTR is not a setting; allowed are TERTULIA_MODE, .*TERTULIA_CONFIG$/,
    );
    const path = file({ port: 1 });
    const line = refusal(path);
    assert.ok(
      line.startsWith(
        `port in ${path.TERTULIA_CONFIG} is not a setting; allowed are instances, accessKeys, streams, contactEvents, buckets, TERTULIA_MODE, `,
      ),
      line,
    );
    assert.match(refusal(file({ TERTULIA_CONFIG: 'other.json' })), /^TERTULIA_CONFIG in .* is not a setting/);
    assert.match(refusal(file('{"__proto__": 1}')), /^__proto__ in .* is not a setting/);
    assert.match(refusal(file({ 'two\nlines': 1 })), /^two lines in .* is not a setting/);
  });

  const secret: Setting = {
    name: 'TERTULIA_SECRET',
    key: 'dataDir',
    default: '',
    allowed: 'at least 32 characters',
    meaning: 'A secret.',
    isSecret: true,
    read(text) {
      if (text.length < 32) throw new Error(text);
      return text;
    },
  };
  for (const given of ['hunter2', ['hunter2'], null]) {
    it(`[CF3] show nothing of a secret setting that is ${JSON.stringify(given)}`, () => {
      const line = { name: 'Error', message: 'TERTULIA_SECRET is (not shown); allowed: at least 32 characters' };
      assert.throws(() => readSetting(secret, undefined, given), line);
      if (typeof given === 'string') assert.throws(() => readSetting(secret, given), line);
    });
  }

  it('[CF3] show nothing of a password that a URL holds', () => {
    const line = refusal({ TERTULIA_PUBLIC_URL: 'https://ana:hunter2@chat.example.com/a@b' });
    assert.equal(line, `TERTULIA_PUBLIC_URL is "https://(not shown)@chat.example.com/a@b"; allowed: ${url}`);
  });

  it('[CF12] refuse a certificate without its key, and a key without its certificate', () => {
    const [cert, key] = ['TERTULIA_TLS_CERT', 'TERTULIA_TLS_KEY'];
    assert.equal(refusal({ [cert]: 'a.pem' }), `${cert} is set and ${key} is not; allowed: both or neither`);
    assert.equal(refusal({ [key]: 'a.pem' }), `${key} is set and ${cert} is not; allowed: both or neither`);
    assert.equal(readConfig({ [cert]: 'a.pem', [key]: 'b.pem' }).tlsKey, 'b.pem');
  });

  for (const host of [
    '0.0.0.0',
    '::',
    '192.168.0.7',
    'chat.example.com',
    '1270.0.0.1',
    '127.0.0.1.example.com',
    'a\nb',
  ]) {
    it(`[CF13] refuse to listen on ${JSON.stringify(host)} while unsigned requests are accepted, unless told to`, () => {
      const line = refusal({ TERTULIA_HOST: host });
      assert.ok(line.startsWith(`TERTULIA_HOST is ${JSON.stringify(host)}, reachable from other machines`), line);
      assert.match(line, /allowed: a loopback address, TERTULIA_AUTH=sigv4, or TERTULIA_ALLOW_UNSIGNED_REMOTE=true$/);
      assert.equal(readConfig({ TERTULIA_HOST: host, TERTULIA_ALLOW_UNSIGNED_REMOTE: 'true' }).host, host);
      assert.equal(readConfig({ TERTULIA_HOST: host, TERTULIA_AUTH: 'sigv4' }).host, host);
    });
  }

  const key = Buffer.alloc(32, 7).toString('base64');
  const instance = { account: '123456789012', region: 'eu-central-1', id: developmentInstance.id, alias: 'a' };
  const flows = [{ id: '20000000-0000-4000-8000-000000000009', name: 'Flow' }];
  const fit = {
    TERTULIA_MODE: 'production',
    TERTULIA_SECRET_KEY: key,
    TERTULIA_QUOTAS: 'aws',
    ...file({ instances: [{ ...instance, flows }] }, 'production.json'),
  };

  it('[AU10] let production start once it has signatures, a key, quotas and instances', () => {
    const config = readConfig(fit);
    assert.deepEqual([config.auth, config.quotas, config.secretKey?.length], ['sigv4', 'aws', 32]);
  });

  for (const [change, line] of [
    [{ TERTULIA_AUTH: 'none' }, /^TERTULIA_AUTH is "none"; allowed in production: sigv4$/],
    [
      { TERTULIA_ALLOW_UNSIGNED_REMOTE: 'true' },
      /^TERTULIA_ALLOW_UNSIGNED_REMOTE is "true"; allowed in production: false$/,
    ],
    [{ TERTULIA_SECRET_KEY: '' }, /^TERTULIA_SECRET_KEY is not set; allowed in production: 32 bytes in base64/],
    [{ TERTULIA_QUOTAS: '' }, /^TERTULIA_QUOTAS is not set; allowed in production: unlimited, aws, or a file$/],
    [{ TERTULIA_CONFIG: '' }, /^TERTULIA_CONFIG names no instances; allowed in production: a file with at least one$/],
  ] as const) {
    it(`[AU10] refuse production with ${JSON.stringify(change)}`, () =>
      assert.match(refusal({ ...fit, ...change }), line));
  }

  it('[AU10, CF3] show nothing of a key or a token that is wrong', () => {
    for (const name of ['TERTULIA_SECRET_KEY', 'TERTULIA_CONTROL_TOKEN']) {
      assert.match(refusal({ [name]: 'hunter2' }), new RegExp(`^${name} is \\(not shown\\); allowed: `));
    }
  });

  for (const [accessKeys, line] of [
    [{}, 'accessKeys is not a list; allowed: [{id, secret, account, policy}]'],
    [[null], 'accessKeys[0].id is (not shown); allowed: 16 to 128 capital letters and digits'],
    [[{ id: 'a/secret' }], 'accessKeys[0].id is (not shown); allowed: 16 to 128 capital letters and digits'],
    [
      [{ id: 'AKIAEXAMPLE000000001', polcy: {} }],
      'accessKeys[0].polcy is not known; allowed are id, secret, account, name, policy',
    ],
    [
      Array(2).fill({ id: 'AKIAEXAMPLE000000001', secret: 'x'.repeat(40), account: '123456789012' }),
      'accessKeys[1].id is that of another one; allowed: each id once',
    ],
    [
      [{ id: 'AKIA000000000000', secret: 'hunter2' }],
      'accessKeys[0].secret is (not shown); allowed: at least 16 characters',
    ],
    [
      [{ id: 'AKIA000000000000', secret: 'x'.repeat(16), account: '1' }],
      'accessKeys[0].account is "1"; allowed: 12 digits',
    ],
  ] as const) {
    it(`[CF3] refuse accessKeys with: ${line}`, () => assert.equal(refusal(file({ accessKeys })), line));
  }
});

describe('the file', () => {
  it('[CF3] is refused by its name when it is missing, a folder, not readable, not JSON or not an object', () => {
    const missing = join(folder, 'missing.json');
    assert.match(
      refusal({ TERTULIA_CONFIG: missing }),
      /^TERTULIA_CONFIG is ".*missing\.json", which cannot be read: ENOENT/,
    );
    mkdirSync(join(folder, 'folder'), { recursive: true });
    assert.match(refusal({ TERTULIA_CONFIG: join(folder, 'folder') }), /folder", which cannot be read: EISDIR/);
    for (const content of ['', '{', "{'a': 1}", 'TERTULIA_PORT=1', '{"TERTULIA_PORT": 1,}']) {
      assert.match(refusal(file(content)), /^TERTULIA_CONFIG is ".*", which cannot be read: it is not valid JSON$/);
    }
    for (const content of ['[]', '"text"', '5', 'null']) {
      assert.match(refusal(file(content)), /^TERTULIA_CONFIG is ".*"; allowed: a file that holds a JSON object$/);
    }
  });

  it('[CF3] says when it may not be read', { skip: process.getuid?.() === 0 && 'root reads every file' }, () => {
    const path = file({});
    chmodSync(path.TERTULIA_CONFIG, 0o000);
    assert.match(refusal(path), /which cannot be read: EACCES/);
  });

  it('[CF3] shows nothing of its contents when it is not JSON', () => {
    assert.doesNotMatch(refusal(file('{"TERTULIA_DATA_DIR": hunter2}')), /hunter2/);
  });
});

describe('instances', () => {
  const flow = { id: '20000000-0000-4000-8000-000000000009', name: 'Inbound' };
  const instance = {
    account: '111122223333',
    region: 'eu-central-1',
    id: '10000000-0000-4000-8000-000000000009',
    alias: 'mine',
    flows: [flow],
  };

  it('[CF8] are read from the file', () => {
    const other = { ...instance, id: '10000000-0000-4000-8000-00000000000a', region: 'us-gov-west-1' };
    assert.deepEqual(readConfig(file({ instances: [instance, other] })).instances, [instance, other]);
    assert.deepEqual(readConfig(file({ instances: [] })).instances, []);
  });

  /** What is wrong, and the line that says so. */
  const wrong: readonly [what: string, given: unknown, line: string][] = [
    ['an object', {}, 'instances is not a list; allowed: [{account, region, id, alias, flows}]'],
    ['null', null, 'instances is not a list; allowed: [{account, region, id, alias, flows}]'],
    ['a list of null', [null], 'instances[0].account is missing; allowed: 12 digits'],
    ['a list of texts', ['mine'], 'instances[0].0 is not known; allowed are account, region, id, alias, flows'],
    ['no account', [{ ...instance, account: undefined }], 'instances[0].account is missing; allowed: 12 digits'],
    [
      'an account that is a number',
      [{ ...instance, account: 111122223333 }],
      'instances[0].account is 111122223333; allowed: 12 digits',
    ],
    ['a short account', [{ ...instance, account: '1111' }], 'instances[0].account is "1111"; allowed: 12 digits'],
    [
      'a wrong Region',
      [instance, { ...instance, region: 'Frankfurt' }],
      'instances[1].region is "Frankfurt"; allowed: a Region such as eu-central-1',
    ],
    [
      'an id in capitals',
      [{ ...instance, id: instance.id.toUpperCase().replace('9', 'A') }],
      `instances[0].id is "${instance.id.replace('9', 'A')}"; allowed: a UUID in lower case`,
    ],
    [
      'an alias with a dot',
      [{ ...instance, alias: 'a.b' }],
      'instances[0].alias is "a.b"; allowed: 1 to 62 letters, digits and hyphens',
    ],
    ['no flows', [{ ...instance, flows: [] }], 'instances[0].flows is empty; allowed: [{id, name}], at least one'],
    [
      'flows that are no list',
      [{ ...instance, flows: flow }],
      'instances[0].flows is empty; allowed: [{id, name}], at least one',
    ],
    [
      'a flow that is null',
      [{ ...instance, flows: [null] }],
      'instances[0].flows[0].id is missing; allowed: a UUID in lower case',
    ],
    [
      'a flow without a name',
      [{ ...instance, flows: [flow, { id: flow.id }] }],
      'instances[0].flows[1].name is missing; allowed: 1 to 127 characters',
    ],
    [
      'a flow with an empty name',
      [{ ...instance, flows: [{ ...flow, name: '' }] }],
      'instances[0].flows[0].name is ""; allowed: 1 to 127 characters',
    ],
    [
      'an unknown member',
      [{ ...instance, name: 'mine' }],
      'instances[0].name is not known; allowed are account, region, id, alias, flows',
    ],
    [
      'an unknown member of a flow',
      [{ ...instance, flows: [{ ...flow, arn: 'x' }] }],
      'instances[0].flows[0].arn is not known; allowed are id, name',
    ],
  ];
  for (const [what, instances, line] of wrong) {
    it(`[CF3] are refused when they hold ${what}`, () => {
      assert.equal(refusal(file({ instances })), line);
    });
  }
});
