import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as connectSdk from '@aws-sdk/client-connect';
import { developmentInstance } from '../../src/config.ts';
import { registry } from '../../src/operations/registry.ts';
import { inputsFor } from '../support/inputs.ts';
import { runMain, startProcess, type TestProcess } from '../support/process.ts';
import { ContactFlowId, InstanceId } from '../support/server.ts';

/** The real process in production mode, with keys made beside it, called by the unmodified SDK. */

const folder = mkdtempSync(join(tmpdir(), 'tertulia-production-'));
const controlToken = 'the-token-of-the-control-api';
const config = join(folder, 'tertulia.json');
const environment = {
  TERTULIA_MODE: 'production',
  TERTULIA_CONFIG: config,
  TERTULIA_SECRET_KEY: Buffer.alloc(32, 5).toString('base64'),
  TERTULIA_QUOTAS: 'unlimited',
  TERTULIA_LOG: 'debug',
};

let server: TestProcess;
before(async () => {
  writeFileSync(config, JSON.stringify({ instances: [developmentInstance] }));
  server = await startProcess({ ...environment, TERTULIA_CONTROL_TOKEN: controlToken });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Key {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

/** Runs `tertulia keys` on the data directory of the running server. */
async function keys(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runMain(
    'keys',
    { ...environment, TERTULIA_DATA_DIR: server.directory },
    ...args,
  );
  assert.equal(code, 0, stderr);
  return stdout;
}

async function createKey(...Statement: object[]): Promise<Key> {
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ Version: '2012-10-17', Statement }));
  return JSON.parse(await keys('create', '--policy', policy, '--json'));
}

function client({ AccessKeyId, SecretAccessKey }: Key): connectSdk.ConnectClient {
  return new connectSdk.ConnectClient({
    endpoint: server.endpoint,
    region: developmentInstance.region,
    credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey },
    maxAttempts: 1,
  });
}

/** The name of the error that a call of that operation ends in; 'none' if it succeeds. */
async function outcome(connect: connectSdk.ConnectClient, name: string, input: object): Promise<string> {
  const commands = connectSdk as unknown as Record<string, new (input: object) => never>;
  const Command = commands[`${name}Command`];
  assert(Command);
  return connect.send(new Command(input)).then(
    () => 'none',
    (failure: Error) => failure.name,
  );
}

const everything = { Effect: 'Allow', Action: 'connect:*', Resource: '*' };
const contacts = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}/contact/*`;

/** The SDK takes times as dates. */
function sdkInput(name: string, ContactId: string): object {
  const input = inputsFor(ContactId)[name] as { TimeRange?: { StartTime: number; EndTime: number } };
  const range = input.TimeRange;
  if (!range) return input;
  const [StartTime, EndTime] = [new Date(range.StartTime * 1000), new Date(range.EndTime * 1000)];
  return { ...input, TimeRange: { ...range, StartTime, EndTime } };
}

describe('production', () => {
  test('[AU9, PO3] lets a bot that may only create participants do that and nothing else', async () => {
    const owner = client(await createKey(everything));
    const chat = await owner.send(
      new connectSdk.StartChatContactCommand({ InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } }),
    );
    const bot = client(await createKey({ Effect: 'Allow', Action: 'connect:CreateParticipant', Resource: contacts }));
    for (const { service, name } of registry.filter((each) => each.service === 'connect')) {
      const expected = name === 'CreateParticipant' ? 'none' : 'AccessDeniedException';
      assert.equal(await outcome(bot, name, sdkInput(name, chat.ContactId ?? '')), expected, `${service} ${name}`);
    }
    const elsewhere = { ...sdkInput('CreateParticipant', chat.ContactId ?? ''), InstanceId: ContactFlowId };
    assert.equal(await outcome(bot, 'CreateParticipant', elsewhere), 'AccessDeniedException', 'another instance');
  });

  test('[AU9, AU6] makes, lists and revokes keys beside the running server', async () => {
    const key = await createKey(everything);
    const connect = client(key);
    const contact = { InstanceId, ContactId: 'no-such-contact' };
    assert.equal(await outcome(connect, 'DescribeContact', contact), 'ResourceNotFoundException', 'the key works');
    assert.match(await keys('list'), new RegExp(`${key.AccessKeyId} +123456789012 .* active +yes`));
    const listed = JSON.parse(await keys('list', '--json')) as { AccessKeyId: string; State: string }[];
    assert.equal(listed.find((each) => each.AccessKeyId === key.AccessKeyId)?.State, 'active');
    await keys('revoke', key.AccessKeyId);
    // A key that was looked up is remembered for less than a second: asked again and again, it is refused in the end.
    let last = '';
    while (last !== 'UnrecognizedClientException') {
      last = await outcome(connect, 'DescribeContact', contact);
      assert.match(last, /ResourceNotFoundException|UnrecognizedClientException/);
    }
    assert.match(await keys('list'), new RegExp(`${key.AccessKeyId} .* revoked`));
  });

  test('[AU12, SG1] refuses who signs wrongly or not at all, and shows nothing of what should have been signed', async () => {
    const key = await createKey(everything);
    const wrong = client({ ...key, SecretAccessKey: 'guessed' });
    const refusal = await wrong.send(new connectSdk.DescribeContactCommand({ InstanceId, ContactId: 'x' })).then(
      () => undefined,
      (failure: Error) => failure,
    );
    assert.equal(refusal?.name, 'InvalidSignatureException');
    assert.doesNotMatch(refusal?.message ?? '', /AWS4-HMAC-SHA256|x-amz-date/);
    const unsigned = await fetch(`${server.endpoint}/contact/stop`, { method: 'POST', body: '{}' });
    assert.equal(unsigned.headers.get('x-amzn-errortype'), 'MissingAuthenticationTokenException');
  });

  test('[AU11, CK1] keeps the control API to who shows the token, and has no clock to move', async () => {
    const ask = (path: string, token?: string, method = 'GET') =>
      fetch(`${server.endpoint}/_tertulia/${path}`, {
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      }).then(({ status }) => status);
    assert.deepEqual([await ask('health'), await ask('live')], [200, 200]);
    assert.deepEqual(
      [await ask('info'), await ask('info', 'guessed'), await ask('info', controlToken)],
      [403, 403, 200],
    );
    assert.deepEqual([await ask('clock', controlToken), await ask('reset', controlToken, 'POST')], [404, 404]);
  });

  test('[AU11] has no control API but the probes without a token set', async () => {
    await using bare = await startProcess(environment);
    const status = (path: string) => fetch(`${bare.endpoint}/_tertulia/${path}`).then((reply) => reply.status);
    assert.deepEqual([await status('health'), await status('live'), await status('info')], [200, 200, 404]);
  });

  test('[AU10] refuses to start with what is not safe, each in one line', async () => {
    for (const [more, line] of [
      [{ TERTULIA_AUTH: 'none' }, /^tertulia: TERTULIA_AUTH is "none"; allowed in production: sigv4\n$/],
      [{ TERTULIA_SECRET_KEY: '' }, /^tertulia: TERTULIA_SECRET_KEY is not set; [^\n]*\n$/],
      [{ TERTULIA_QUOTAS: '' }, /^tertulia: TERTULIA_QUOTAS is not set; [^\n]*\n$/],
      [{ TERTULIA_CONFIG: '' }, /^tertulia: TERTULIA_CONFIG names no instances; [^\n]*\n$/],
    ] as const) {
      const { code, stderr } = await runMain('start', { ...environment, TERTULIA_DATA_DIR: ':memory:', ...more });
      assert.equal(code, 1);
      assert.match(stderr, line);
    }
  });

  test('[AU8, HT9] writes no secret to its log, and keeps none readable in its data directory', async () => {
    const key = await createKey(everything);
    await outcome(client(key), 'DescribeContact', { InstanceId, ContactId: 'x' });
    server.signal('SIGTERM');
    const { stdout, stderr } = await server.end();
    const files = readdirSync(server.directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'));
    assert.ok(files.length > 0);
    for (const text of [stdout, stderr, ...files]) {
      assert.ok(!text.includes(key.SecretAccessKey));
      assert.ok(!text.includes(controlToken));
    }
    await server.restart();
  });
});
