import assert from 'node:assert/strict';
import { createHmac, hash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  ConnectClient,
  type ConnectClientConfig,
  CreateParticipantCommand,
  DescribeContactCommand,
  StartChatContactCommand,
  TagContactCommand,
  UntagContactCommand,
} from '@aws-sdk/client-connect';
import fc from 'fast-check';
import { createSigV4Verifier, type SecretKey, type SignedRequest, type SigV4Settings } from './sigv4.ts';

const settings: SigV4Settings = {
  services: ['connect'],
  regions: ['eu-west-2', 'us-east-1'],
  maxSkewSeconds: 900,
  allowUnsignedPayload: false,
  maxSigningKeys: 8,
};
const secrets = new Map<string, SecretKey>([
  ['AKIDEXAMPLE', { secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', version: '1' }],
  ['AKIDOTHER', { secret: 'another secret', version: '1' }],
]);
const lookup = (id: string): SecretKey | undefined => secrets.get(id);

function header(request: SignedRequest, name: string): string {
  return request.headers.find(([known]) => known.toLowerCase() === name)?.[1] ?? '';
}

function withHeader(
  request: SignedRequest,
  name: string,
  change: (value: string) => string | undefined,
): SignedRequest {
  const headers = request.headers.flatMap(([known, value]): [string, string][] => {
    const changed = known.toLowerCase() === name ? change(value) : value;
    return changed === undefined ? [] : [[known, changed]];
  });
  return { ...request, headers };
}

/** The instant at which a request says that it was signed, so that no test depends on the clock. */
function signedAt(request: SignedRequest): number {
  return Date.parse(header(request, 'x-amz-date').replace(/^(....)(..)(..)T(..)(..)/, '$1-$2-$3T$4:$5:'));
}

/** Changes one hexadecimal digit of the signature into another. */
function spoil(request: SignedRequest, digit = 0): SignedRequest {
  return withHeader(request, 'authorization', (value) => {
    const at = value.indexOf('Signature=') + 10 + digit;
    return value.slice(0, at) + (value[at] === '0' ? '1' : '0') + value.slice(at + 1);
  });
}

// ── Requests signed by hand: the canonical request is written out as the text that the specification asks for ─────────

const at = '20150830T123600Z';
const now = Date.UTC(2015, 7, 30, 12, 36, 0);

function authorization(canonicalRequest: string, signedHeaders: string, timestamp = at, service = 'connect'): string {
  const scope = [timestamp.slice(0, 8), 'us-east-1', service, 'aws4_request'];
  const toSign = ['AWS4-HMAC-SHA256', timestamp, scope.join('/'), hash('sha256', canonicalRequest)].join('\n');
  const start = Buffer.from(`AWS4${secrets.get('AKIDEXAMPLE')?.secret}`);
  const key = scope.reduce((seed, part) => createHmac('sha256', seed).update(part).digest(), start);
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope.join('/')}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const plainCanonical = `GET\n/\n\nhost:example.test\nx-amz-date:${at}\n\nhost;x-amz-date\n${emptyHash}`;
const plain: SignedRequest = {
  method: 'GET',
  rawPath: '/',
  rawQuery: '',
  headers: [
    ['Host', 'example.test'],
    ['X-Amz-Date', at],
    ['Authorization', authorization(plainCanonical, 'host;x-amz-date')],
  ],
  body: Buffer.alloc(0),
};
const authorized = (change: (value: string) => string | undefined): SignedRequest =>
  withHeader(plain, 'authorization', change);

describe('requests signed by hand', () => {
  const verify = createSigV4Verifier(settings, lookup);

  async function refusal(request: SignedRequest, time = now) {
    const verdict = await verify(request, time);
    assert.ok(!verdict.ok, 'must be refused');
    assert.equal(verdict.status, 403);
    return verdict;
  }

  it('[SG1] refuses a request without an Authorization header, and says that a signed query string is not read', async () => {
    const bare = authorized(() => undefined);
    const missing = await refusal(bare);
    assert.equal(missing.type, 'MissingAuthenticationTokenException');
    assert.equal(missing.message, 'Missing Authentication Token');
    const presigned = await refusal({ ...bare, rawQuery: 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00' });
    assert.equal(presigned.type, 'MissingAuthenticationTokenException');
    assert.match(presigned.message, /^Missing Authentication Token: .* not from the query string/);
  });

  it('[SG2] names what a malformed Authorization header lacks, and never repeats the header', async () => {
    const lacks = (name: string) => `Authorization header requires '${name}' parameter.`;
    const all = `${lacks('Credential')} ${lacks('Signature')} ${lacks('SignedHeaders')}`;
    const [credential, headers, signature] = ['Credential=a/b/c/d/e', 'SignedHeaders=host', 'Signature=0'];
    const malformed: [sent: string, message: string][] = [
      ['AWS4-HMAC-SHA256', all],
      [`AWS4-HMAC-SHA256 ${headers}, ${signature}`, lacks('Credential')],
      [`AWS4-HMAC-SHA256 ${credential},${signature}`, lacks('SignedHeaders')],
      [`AWS4-HMAC-SHA256 ${credential},${headers},Signature=`, lacks('Signature')],
      ['Bearer confidential', `${all} Sign with AWS4-HMAC-SHA256.`],
      [
        'AWS4-ECDSA-P256-SHA256 x',
        "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'. Sign with AWS4-HMAC-SHA256.",
      ],
      ['AWS confidential:x', "Unsupported AWS 'algorithm': 'AWS'. Sign with AWS4-HMAC-SHA256."],
      [
        `AWS4-HMAC-SHA256 Credential= confidential/b/c/d/e x, ${headers}, ${signature}, confidential`,
        'Authorization header holds a part without an equal-sign; send key=value pairs once.',
      ],
      [
        `AWS4-HMAC-SHA256 ${credential}, ${headers}, ${signature}, ${signature}`,
        'Authorization header holds a parameter more than once; send key=value pairs once.',
      ],
      ...['Credential=confidential/b/c/d', 'Credential=confidential/a/b/c/d/e'].map((five): [string, string] => [
        `AWS4-HMAC-SHA256 ${five}, ${headers}, ${signature}`,
        'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.',
      ]),
    ];
    for (const [sent, message] of malformed) {
      const verdict = await refusal(authorized(() => sent));
      assert.equal(verdict.type, 'IncompleteSignatureException');
      assert.equal(verdict.message, message);
    }
    const twice = { ...plain, headers: [...plain.headers, ['authorization', header(plain, 'authorization')] as const] };
    assert.equal((await refusal(twice)).type, 'IncompleteSignatureException');
  });

  it('[SG2] takes the date from X-Amz-Date or, without it, from Date', async () => {
    const bare = withHeader(plain, 'x-amz-date', () => undefined);
    const without = await refusal(bare);
    assert.equal(without.type, 'IncompleteSignatureException');
    assert.match(without.message, /requires existence of either a 'X-Amz-Date' or a 'Date' header\.$/);
    for (const wrong of ['2015-08-30T12:36:00Z', '20150230T123600Z', '20150830T126000Z', 'yesterday']) {
      const verdict = await refusal(withHeader(plain, 'x-amz-date', () => wrong));
      assert.equal(verdict.type, 'IncompleteSignatureException');
      assert.equal(verdict.message, `Date must be in ISO-8601 'basic format' (YYYYMMDDTHHMMSSZ). Got '${wrong}'.`);
    }
    for (const date of ['Sun, 30 Aug 2015 12:36:00 GMT', at]) {
      const canonical = `GET\n/\n\ndate:${date}\nhost:example.test\n\ndate;host\n${emptyHash}`;
      const headers: SignedRequest['headers'] = [
        ['Host', 'example.test'],
        ['Date', date],
        ['Authorization', authorization(canonical, 'date;host')],
      ];
      assert.equal((await verify({ ...plain, headers }, now)).ok, true);
      const preferred = await refusal({ ...plain, headers: [...headers, ['X-Amz-Date', '20150831T123600Z']] });
      assert.match(preferred.message, /'20150830' != '20150831', from '20150831T123600Z'/);
    }
    const monday = ['Date', 'Mon, 30 Aug 2015 12:36:00 GMT'] as const;
    const verdict = await refusal({ ...plain, headers: [...bare.headers, monday] });
    assert.equal(verdict.type, 'IncompleteSignatureException');
  });

  it('[SG3] lists every fault of the scope, with what would be right', async () => {
    const scoped = (scope: string) => authorized((value) => value.replace(/20150830\/[^,]*/, scope));
    const faults: [scope: string, message: string][] = [
      [
        '20150830/eu-west-9/connect/aws4_request',
        "Credential should be scoped to a valid region, not 'eu-west-9'. This server answers for 'eu-west-2', 'us-east-1'.",
      ],
      ['20150830/us-east-1/s3/aws4_request', "Credential should be scoped to correct service: 'connect'."],
      [
        '20150830/us-east-1/connect/aws4',
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws4'.",
      ],
      [
        '20150829/us-east-1/s3/aws4_request',
        "Credential should be scoped to correct service: 'connect'. Date in Credential scope does not match YYYYMMDD " +
          "from ISO-8601 version of date from HTTP: '20150829' != '20150830', from '20150830T123600Z'.",
      ],
    ];
    for (const [scope, message] of faults) {
      const verdict = await refusal(scoped(scope));
      assert.equal(verdict.type, 'InvalidSignatureException');
      assert.equal(verdict.message, message);
    }
    const anywhere = createSigV4Verifier({ ...settings, regions: undefined }, lookup);
    assert.equal((await anywhere(plain, now)).ok, true);
    const odd = await anywhere(scoped('20150830/No Region/connect/aws4_request'), now);
    assert.ok(!odd.ok && odd.message === "Credential should be scoped to a valid region, not 'No Region'.");
    const long = await refusal(scoped(`20150830/${'r'.repeat(65)}/connect/aws4_request`));
    assert.ok(long.message.includes(`'${'r'.repeat(64)}'`), 'what is repeated is cut');
  });

  it('[SG4] requires host among the signed headers', async () => {
    const verdict = await refusal(authorized((value) => value.replace('host;', '')));
    assert.equal(verdict.type, 'InvalidSignatureException');
    assert.equal(verdict.message, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  });

  it('[SG5] accepts a signature up to the allowed skew before and after, and names the times beyond', async () => {
    for (const skew of [-900_000, 0, 900_000]) assert.equal((await verify(plain, now + skew)).ok, true);
    const late = await refusal(plain, now + 900_001);
    assert.equal(late.type, 'InvalidSignatureException');
    assert.equal(
      late.message,
      'Signature expired: 20150830T123600Z is now earlier than 20150830T123600Z (20150830T125100Z - 15 min.)',
    );
    const early = await refusal(plain, now - 3600_000);
    assert.equal(early.type, 'InvalidSignatureException');
    assert.equal(
      early.message,
      'Signature not yet current: 20150830T123600Z is still later than 20150830T115100Z (20150830T113600Z + 15 min.)',
    );
    const strict = await createSigV4Verifier({ ...settings, maxSkewSeconds: 5 }, lookup)(plain, now + 6000);
    assert.ok(!strict.ok && strict.message.endsWith('(20150830T123606Z - 5 s.)'));
  });

  it('[SG6] refuses an access key id that nobody has', async () => {
    const verdict = await refusal(authorized((value) => value.replace('AKIDEXAMPLE', 'AKIDNOBODY')));
    assert.equal(verdict.type, 'UnrecognizedClientException');
    assert.equal(verdict.message, 'The security token included in the request is invalid.');
  });

  /** The lines of the canonical request that the server would have wanted. */
  async function canonicalLines(changes: Partial<SignedRequest>): Promise<string[]> {
    return (await refusal({ ...plain, ...changes, method: 'PUT' })).canonicalRequest?.split('\n') ?? [];
  }

  it('[SG7] normalises the path and encodes what was on the wire once more', async () => {
    const paths: [raw: string, canonical: string][] = [
      ['', '/'],
      ['/', '/'],
      ['//a///b//', '/a/b/'],
      ['/a/./b/../c', '/a/c'],
      ['/../../a', '/a'],
      ['/a/..', '/'],
      ['/a%2Fb/%2E%2E', '/a%252Fb/%252E%252E'],
      ['/-._~!$(*)\u00e9', '/-._~%21%24%28%2A%29%E9'],
      ['/\u1234', '/%u1234'],
    ];
    for (const [rawPath, canonical] of paths) assert.equal((await canonicalLines({ rawPath }))[1], canonical);
  });

  it('[SG8] sorts the query by encoded name, then by encoded value, each encoded afresh', async () => {
    const queries: [raw: string, canonical: string][] = [
      ['', ''],
      ['b=2&a=1&b=10&B', 'B=&a=1&b=10&b=2'],
      ['Param-3=x&Param=y', 'Param=y&Param-3=x'],
      ['a=%7e%2f/~&&=v', '=v&a=~%2F%2F~'],
      ['a=1+1&a=1%2B1&a=1%201', 'a=1%201&a=1%201&a=1%2B1'],
      ['a=b=c&d=%zz', 'a=b%3Dc&d=%25zz'],
    ];
    for (const [rawQuery, canonical] of queries) assert.equal((await canonicalLines({ rawQuery }))[2], canonical);
  });

  it('[SG9] lower-cases and sorts the signed headers, trims them, and joins duplicates by a comma', async () => {
    const headers: SignedRequest['headers'] = [
      ['x-b', ' 1 \t 2 '],
      ...authorized((value) => value.replace('=host;x-amz-date', '=X-B;host;x-a;X-Amz-Date;host')).headers,
      ['X-B', '0'],
      ['X-A', ''],
    ];
    const lines = await canonicalLines({ headers });
    const signed = ['host:example.test', 'x-a:', `x-amz-date:${at}`, 'x-b:1 2,0'];
    assert.deepEqual(lines.slice(3), [...signed, '', 'host;x-a;x-amz-date;x-b', emptyHash]);
  });

  it('[SG10] answers a mismatch with the sentence of AWS, and apart from it with what should have been signed', async () => {
    const verdict = await refusal(spoil(plain));
    assert.equal(verdict.type, 'InvalidSignatureException');
    assert.equal(
      verdict.message,
      'The request signature we calculated does not match the signature you provided. ' +
        'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
    assert.equal(verdict.canonicalRequest, plainCanonical);
    assert.equal(
      verdict.stringToSign,
      `AWS4-HMAC-SHA256\n${at}\n20150830/us-east-1/connect/aws4_request\n${hash('sha256', plainCanonical)}`,
    );
  });

  it('[SG10] refuses a signed header that did not arrive, even where an empty one would verify, and names it', async () => {
    const canonical = `GET\n/\n\nhost:h\nx-amz-date:${at}\nx-note:\n\nhost;x-amz-date;x-note\n${emptyHash}`;
    const headers: SignedRequest['headers'] = [
      ['Host', 'h'],
      ['X-Amz-Date', at],
      ['Authorization', authorization(canonical, 'host;x-amz-date;x-note')],
    ];
    assert.equal((await verify({ ...plain, headers: [...headers, ['X-Note', '']] }, now)).ok, true);
    const verdict = await refusal({ ...plain, headers });
    assert.match(verdict.message, / Signed headers that did not arrive, or were removed on the way: 'x-note'\.$/);
  });

  /** A signed request that declares this hash of its body. */
  function declaring(declared: string, body: string): SignedRequest {
    const names = 'host;x-amz-content-sha256;x-amz-date';
    const canonical = `PUT\n/\n\nhost:h\nx-amz-content-sha256:${declared}\nx-amz-date:${at}\n\n${names}\n${declared}`;
    const headers: SignedRequest['headers'] = [
      ['Host', 'h'],
      ['X-Amz-Date', at],
      ['X-Amz-Content-Sha256', declared],
      ['Authorization', authorization(canonical, names)],
    ];
    return { ...plain, method: 'PUT', headers, body: Buffer.from(body) };
  }

  it('[SG11] compares a declared hash with the body, and says so when only the body is wrong', async () => {
    assert.equal((await verify(declaring(hash('sha256', '{}'), '{}'), now)).ok, true);
    const verdict = await refusal(declaring(hash('sha256', '{}'), '{ }'));
    assert.equal(verdict.type, 'InvalidSignatureException');
    assert.match(verdict.message, /^The provided 'x-amz-content-sha256' header does not match what was computed/);
    for (const wrong of [hash('sha256', '{}').toUpperCase(), 'nonsense', '']) {
      assert.match((await refusal(declaring(wrong, '{}'))).message, /neither a hash nor a known constant/);
    }
  });

  it('[SG12] accepts an unsigned body only where the setting allows it', async () => {
    const lenient = createSigV4Verifier({ ...settings, allowUnsignedPayload: true }, lookup);
    for (const declared of ['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD']) {
      const verdict = await refusal(declaring(declared, '{}'));
      assert.equal(verdict.type, 'InvalidSignatureException');
      assert.match(verdict.message, new RegExp(`'${declared}' leaves the body unsigned, which is not accepted here`));
      assert.equal((await lenient(declaring(declared, '{}'), now)).ok, true);
      assert.equal((await lenient(spoil(declaring(declared, '{}')), now)).ok, false);
    }
    assert.equal((await lenient(declaring('UNSIGNED', '{}'), now)).ok, false);
  });
});

describe("AWS's signature suite", () => {
  const folder = fileURLToPath(new URL('../../../shared/facts/sigv4-suite/', import.meta.url));
  if (!existsSync(folder)) {
    console.warn(`\nNOTICE: AWS's Signature Version 4 suite is not at ${folder}; its cases are skipped.\n`);
    it('[SG15] canonicalises and verifies the published cases', { skip: `no suite at ${folder}` }, () => {});
    return;
  }
  const verify = createSigV4Verifier({ ...settings, services: ['service'] }, lookup);
  const cases = globSync('**/*.sreq', { cwd: folder }).map((file) => file.slice(0, -5));

  it('[SG15] finds all 34 published cases, none left out', () => assert.equal(cases.length, 34));

  for (const name of cases.sort()) {
    const read = (kind: string): string => readFileSync(`${folder}${name}.${kind}`, 'latin1');
    it(`[SG15] verifies the published case ${name.split('/').at(-1)}`, async () => {
      const request = parseSuiteRequest(read('sreq'), read('authz'));
      const verdict = await verify(request, now);
      assert.equal(verdict.ok, true, verdict.ok ? '' : verdict.message);
      // A refusal shows what was calculated: it must be the published text, not only hash to the same.
      const refusal = await verify(spoil(request), now);
      assert.ok(!refusal.ok);
      assert.equal(refusal.canonicalRequest, read('creq'));
      assert.equal(refusal.stringToSign, read('sts'));
    });
  }
});

/** The signed request of a case, with the signature of its .authz: one case's .sreq carries another's signature. */
function parseSuiteRequest(text: string, authz: string): SignedRequest {
  const [head = '', body = ''] = text.split('\n\n');
  const [first = '', ...lines] = head.replace(/\n[ \t]+/g, '\u0000').split('\n');
  const target = first.slice(first.indexOf(' ') + 1, first.lastIndexOf(' '));
  const cut = target.includes('?') ? target.indexOf('?') : target.length;
  const headers = lines.map((line): [string, string] => {
    const [name = '', value = ''] = line.replaceAll('\u0000', '\n  ').split(/:(.*)/s);
    return [name, name === 'Authorization' ? authz : value];
  });
  const [method = ''] = first.split(' ');
  return { method, rawPath: target.slice(0, cut), rawQuery: target.slice(cut + 1), headers, body: Buffer.from(body) };
}

describe('requests of the AWS SDK for JavaScript', () => {
  const received: SignedRequest[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const body = Buffer.concat(await incoming.toArray());
    const [rawPath = '', rawQuery = ''] = (incoming.url ?? '').split(/\?(.*)/s);
    const raw = incoming.rawHeaders;
    const headers = raw.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, raw[i + 1] ?? '']] : []));
    received.push({ method: incoming.method ?? '', rawPath, rawQuery, headers, body });
    outgoing.setHeader('content-type', 'application/json').end('{}');
  });
  const clients: ConnectClient[] = [];
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(() => {
    for (const client of clients) client.destroy();
    server.close();
  });

  function connect(config: ConnectClientConfig = {}): ConnectClient {
    const client = new ConnectClient({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'eu-west-2',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: secrets.get('AKIDEXAMPLE')?.secret ?? '' },
      maxAttempts: 1,
      ...config,
    });
    clients.push(client);
    return client;
  }

  /** What arrives at a real server when the unmodified client sends. */
  async function arrival(send: () => Promise<unknown>): Promise<SignedRequest> {
    await send();
    const request = received.pop();
    assert.ok(request);
    return request;
  }

  const arn = 'arn:aws:connect:eu-west-2:123456789012:instance/10000000-0000-4000-8000-000000000001';
  const untag = (client: ConnectClient) =>
    client.send(new UntagContactCommand({ InstanceId: arn, ContactId: 'c 1', TagKeys: ['b', 'a+ü', 'ä/~*'] }));
  const start = (client: ConnectClient) =>
    client.send(
      new StartChatContactCommand({
        InstanceId: 'i',
        ContactFlowId: 'f',
        ParticipantDetails: { DisplayName: 'Zoë' },
        Attributes: { note: 'naïve “quotes”' },
      }),
    );

  it('[SG15] verifies paths with encoded slashes, repeated query parameters and JSON bodies', async () => {
    const verify = createSigV4Verifier(settings, lookup);
    const client = connect();
    const ids = { InstanceId: 'i', ContactId: 'c' };
    const bot = { ParticipantRole: 'CUSTOM_BOT' as const, DisplayName: 'bot' };
    const requests = [
      await arrival(() => untag(client)),
      await arrival(() => start(client)),
      await arrival(() => client.send(new DescribeContactCommand({ InstanceId: arn, ContactId: 'ü' }))),
      await arrival(() => client.send(new CreateParticipantCommand({ ...ids, ParticipantDetails: bot }))),
    ];
    for (const request of requests) {
      const verdict = await verify(request, signedAt(request));
      assert.ok(verdict.ok, verdict.ok ? '' : `${verdict.message}\n${verdict.canonicalRequest}`);
      assert.deepEqual([verdict.accessKeyId, verdict.region, verdict.service], ['AKIDEXAMPLE', 'eu-west-2', 'connect']);
      assert.ok(verdict.signedHeaders.includes('host') && verdict.signedHeaders.includes('x-amz-date'));
    }
  });

  it('[SG15] verifies whatever the client is asked to send, and refuses any other byte in its place', async () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
    const note = fc.string({ unit: fc.constantFrom(...' \t,;:="aB9é'), maxLength: 12 });
    const verify = createSigV4Verifier(settings, async (id) => lookup(id));
    let extra = '';
    const client = connect();
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { headers: Record<string, string> };
        request.headers['X-Note'] = extra;
        return next(args);
      },
      { step: 'build', name: 'note' },
    );
    const property = fc.asyncProperty(text, text, fc.array(text), note, fc.nat(), async (a, b, many, value, n) => {
      extra = value;
      const labels = { InstanceId: a, ContactId: b };
      const read = await arrival(() => client.send(new UntagContactCommand({ ...labels, TagKeys: many })));
      const write = await arrival(() => client.send(new TagContactCommand({ ...labels, Tags: { [a]: b } })));
      for (const request of [read, write]) {
        const verdict = await verify(request, signedAt(request));
        assert.ok(verdict.ok, verdict.ok ? '' : `${verdict.message}\n${verdict.canonicalRequest}`);
      }
      const body = Buffer.from(write.body);
      body[n % body.length] = (body[n % body.length] ?? 0) ^ (1 + (n % 255));
      for (const forged of [{ ...write, body }, { ...read, rawQuery: `${read.rawQuery}&x` }, spoil(read, n % 64)]) {
        assert.equal((await verify(forged, signedAt(forged))).ok, false);
      }
    });
    await fc.assert(property, { numRuns: 60, seed: 20150830 });
  });

  it('[SG16] refuses a change in any signed part', async () => {
    const verify = createSigV4Verifier(settings, lookup);
    const client = connect();
    const read = await arrival(() => untag(client));
    const write = await arrival(() => start(client));
    const swap = (from: string, to: string) => withHeader(read, 'authorization', (value) => value.replace(from, to));
    const forged: Record<string, SignedRequest> = {
      method: { ...read, method: 'POST' },
      'path, one character': { ...read, rawPath: read.rawPath.replace('c%201', 'c%202') },
      'path, encoding': { ...read, rawPath: read.rawPath.replaceAll('%2F', '/') },
      'path, trailing slash': { ...read, rawPath: `${read.rawPath}/` },
      'query, added': { ...read, rawQuery: `${read.rawQuery}&TagKeys=c` },
      'query, dropped': { ...read, rawQuery: read.rawQuery.split('&').slice(1).join('&') },
      'body, longer': { ...write, body: Buffer.concat([write.body, Buffer.from(' ')]) },
      'body, absent': { ...write, body: Buffer.alloc(0) },
      'body, added': { ...read, body: Buffer.from('{}') },
      'credential, another known key': swap('AKIDEXAMPLE', 'AKIDOTHER'),
      'credential, unknown key': swap('AKIDEXAMPLE', 'AKIDNOBODY'),
      region: swap('/eu-west-2/', '/us-east-1/'),
      service: swap('/connect/', '/lex/'),
      terminator: swap('aws4_request', 'aws5_request'),
      'scope date': withHeader(read, 'authorization', (value) => value.replace(/EXAMPLE\/\d{8}/, 'EXAMPLE/20150830')),
      'signature in capitals': withHeader(read, 'authorization', (value) =>
        value.replace(/Signature=.*/, (text) => `Signature=${text.slice(10).toUpperCase()}`),
      ),
      'signature, shorter': withHeader(read, 'authorization', (value) => value.slice(0, -1)),
    };
    for (const [i, pair] of read.rawQuery.split('&').entries()) {
      const renamed = read.rawQuery.split('&').with(i, pair.replace('TagKeys', 'tagKeys')).join('&');
      forged[`query value ${i}`] = { ...read, rawQuery: read.rawQuery.replace(pair, `${pair}0`) };
      forged[`query name ${i}`] = { ...read, rawQuery: renamed };
    }
    for (const digit of Array(64).keys()) forged[`signature digit ${digit}`] = spoil(read, digit);
    for (const request of [read, write]) {
      const names =
        header(request, 'authorization')
          .match(/SignedHeaders=([^,]*)/)?.[1]
          ?.split(';') ?? [];
      assert.ok(names.length >= 4);
      for (const name of names) {
        forged[`${request.method} header ${name} changed`] = withHeader(request, name, (value) => `${value}1`);
        forged[`${request.method} header ${name} dropped`] = withHeader(request, name, () => undefined);
        forged[`${request.method} header ${name} unsigned`] = withHeader(request, 'authorization', (value) =>
          value.replace(new RegExp(`([=;])${name}(;|,)`), (_, left, right) => (left === ';' ? right : left)),
        );
        const twice = request.headers.filter(([known]) => known.toLowerCase() === name);
        forged[`${request.method} header ${name} twice`] = { ...request, headers: [...request.headers, ...twice] };
      }
    }
    for (const [what, request] of Object.entries(forged)) {
      const verdict = await verify(request, signedAt(read));
      assert.equal(verdict.ok, false, what);
      assert.ok(!verdict.ok && verdict.status === 403, what);
    }
    assert.equal((await verify(read, signedAt(read))).ok, true);
  });

  it('[SG16] accepts a change in what is not signed: order of parameters, case of names, other headers', async () => {
    const verify = createSigV4Verifier(settings, lookup);
    const request = await arrival(() => untag(connect()));
    const { rawQuery, headers } = request;
    const same: SignedRequest[] = [
      { ...request, rawQuery: rawQuery.split('&').reverse().join('&') },
      { ...request, rawQuery: rawQuery.replaceAll('%C3', '%c3') },
      { ...request, headers: headers.toReversed().map(([name, value]) => [name.toUpperCase(), ` ${value}  `]) },
      { ...request, headers: [...headers, ['X-Forwarded-For', '192.0.2.1']] },
    ];
    for (const changed of same) assert.equal((await verify(changed, signedAt(request))).ok, true);
  });

  it('[SG13] carries a signed session token through, and compares it with the one of the key', async () => {
    const temporary = { accessKeyId: 'ASIATEMPORARY', secretAccessKey: 's', sessionToken: 'token/of=session' };
    const request = await arrival(() => start(connect({ credentials: temporary })));
    const time = signedAt(request);
    const judge = (key: Partial<SecretKey>, changed = request) =>
      createSigV4Verifier(settings, () => ({ secret: 's', version: '1', ...key }))(changed, time);

    const plainKey = await judge({});
    assert.ok(plainKey.ok && plainKey.sessionToken === 'token/of=session');
    const bound = await judge({ sessionToken: 'token/of=session', expiresAt: time + 1 });
    assert.ok(bound.ok && bound.sessionToken === 'token/of=session');
    const expired = await judge({ sessionToken: 'token/of=session', expiresAt: time });
    assert.ok(!expired.ok && expired.type === 'ExpiredTokenException');
    assert.equal(expired.message, 'The security token included in the request is expired');
    for (const wrong of ['token/of=anothe1', 'short']) {
      const verdict = await judge({ sessionToken: wrong });
      assert.ok(!verdict.ok && verdict.type === 'UnrecognizedClientException');
    }
    const bare = await arrival(() => start(connect()));
    const added = { ...bare, headers: [...bare.headers, ['X-Amz-Security-Token', 'forged'] as const] };
    const verdict = await createSigV4Verifier(settings, lookup)(added, signedAt(added));
    assert.ok(verdict.ok && verdict.sessionToken === undefined);
  });

  it('[SG14] keeps signing keys by version, at most so many, and only those that verified', async () => {
    const mine = await arrival(() => start(connect()));
    const elsewhere = await arrival(() => start(connect({ region: 'us-east-1' })));
    const other = { accessKeyId: 'AKIDOTHER', secretAccessKey: 'another secret' };
    const theirs = await arrival(() => start(connect({ credentials: other })));
    const stored = new Map(secrets);
    const verify = createSigV4Verifier({ ...settings, maxSigningKeys: 2 }, (id) => stored.get(id));
    const isGood = async (request: SignedRequest) => (await verify(request, signedAt(request))).ok;
    // With the secret gone but its version unchanged, only a kept signing key can still verify.
    const forget = (version: string) => stored.set('AKIDEXAMPLE', { secret: 'gone', version });

    assert.deepEqual([await isGood(mine), await isGood(elsewhere)], [true, true]);
    forget('1');
    assert.equal(await isGood(spoil(theirs)), false);
    assert.deepEqual([await isGood(elsewhere), await isGood(mine)], [true, true], 'a wrong signature takes no place');
    forget('2');
    assert.equal(await isGood(mine), false, 'another version is another key');
    forget('1');
    assert.equal(await isGood(theirs), true);
    assert.deepEqual([await isGood(mine), await isGood(elsewhere)], [true, false], 'the least recently used has left');
  });
});
