import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { inputsFor } from '../../test/support/inputs.ts';
import {
  addBot,
  ContactFlowId,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
} from '../../test/support/pipeline.ts';
import { property } from '../../test/support/property.ts';
import { registry } from '../operations/registry.ts';
import type { Log } from '../runtime/log.ts';
import type { Store } from '../store/store.ts';

const valid = { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } };
const exposed = 'x-amzn-requestid, x-amzn-errortype, retry-after';

/** A log that keeps what it is given. */
function openJournal(): { log: Log; lines: { level: string; fields: object; message: string }[] } {
  const lines: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});

describe('replies', () => {
  it('[HT1] carry a request id, JSON and no error type when they succeed', async () => {
    const one = await pipeline.call('StartChatContact', valid);
    const other = await pipeline.call('StartChatContact', valid);
    assert.match(one.reply.headers['x-amzn-requestid'] ?? '', /^[0-9a-f-]{36}$/);
    assert.notEqual(one.reply.headers['x-amzn-requestid'], other.reply.headers['x-amzn-requestid']);
    assert.equal(one.reply.headers['content-type'], 'application/json');
    assert.equal('x-amzn-errortype' in one.reply.headers, false);
  });

  /** A request that is refused, with the status and the type of its error. */
  const refused: readonly [method: string, target: string, body: string, status: number, type: string][] = [
    ['PUT', '/contact/chat', '{', 400, 'SerializationException'],
    ['PUT', '/contact/chat', '{}', 400, 'InvalidRequestException'],
    ['PUT', '/contact/chat', JSON.stringify({ ...valid, InstanceId: 'x' }), 404, 'ResourceNotFoundException'],
    ['POST', '/participant/message', '{}', 403, 'AccessDeniedException'],
    ['GET', '/nowhere', '', 404, 'UnknownOperationException'],
    ['GET', '/contacts/x/%ff', '', 404, 'UnknownOperationException'],
  ];
  for (const [method, target, body, status, type] of refused) {
    it(`[HT1, HT5] of ${method} ${target} ${body.slice(0, 20)} say ${type} in header and body, with CORS`, async () => {
      const { reply, body: error } = await pipeline.raw(method, target, body);
      assert.equal(reply.status, status);
      assert.equal(reply.headers['x-amzn-errortype'], type);
      assert.match(reply.headers['x-amzn-requestid'] ?? '', /^[0-9a-f-]{36}$/);
      assert.equal(error.__type, type);
      assert.ok(error.message);
      assert.equal(error.Message, error.message);
      assert.equal(reply.headers['access-control-allow-origin'], '*');
      assert.equal(reply.headers['access-control-expose-headers'], exposed);
    });
  }

  it('[HT5] carry CORS when they succeed', async () => {
    const { reply } = await pipeline.call('StartChatContact', valid);
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.equal(reply.headers['access-control-expose-headers'], exposed);
  });
});

describe('preflights', () => {
  const asked = 'authorization,content-type,x-amz-bearer,x-amz-content-sha256,x-amz-date,x-amz-user-agent';

  it('[HT5] are 204 with the headers that chatjs asks for, for a day, without a body', async () => {
    const { reply } = await pipeline.raw('OPTIONS', '/participant/connection', '', {
      origin: 'https://shop.example',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': asked,
    });
    assert.equal(reply.status, 204);
    assert.equal(reply.body, '');
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.equal(reply.headers['access-control-allow-headers'], asked);
    assert.equal(reply.headers['access-control-max-age'], '86400');
    assert.equal(reply.headers.vary, 'access-control-request-headers');
    const methods = reply.headers['access-control-allow-methods']?.split(', ') ?? [];
    for (const method of ['GET', 'POST', 'PUT']) assert.ok(methods.includes(method), method);
  });

  it('[HT5] are 204 for every operation and any other path, without a token', async () => {
    const paths = [...registry.map(({ path }) => path.replaceAll(/[{}]/g, '')), '/', '*', '/nowhere', '/%zz', '/a/%2F'];
    for (const path of paths) assert.equal((await pipeline.raw('OPTIONS', path)).status, 204, path);
  });

  it('[HT5] allow the bearer and the signature when nothing is asked for', async () => {
    const { reply } = await pipeline.raw('OPTIONS', '/participant/message');
    assert.match(reply.headers['access-control-allow-headers'] ?? '', /authorization.*x-amz-bearer/);
  });
});

describe('routes', () => {
  for (const target of [
    'POST /contact/start-contact-media-processing',
    'GET /participant/views/vt/1',
    'POST /contact/chat',
    'GET /contact/chat',
    'DELETE /contact/stop',
    'PATCH /participant/message',
    'GET /',
    'POST /Participant/Message',
    'POST //participant/message',
    'POST /participant/message/more',
    'GET /contacts/only-one',
    'GET /contacts/a/b/c',
    'GET /contacts/a%2Fb',
    'GET /contacts/%zz/b',
    'PROPFIND /contact/chat',
  ]) {
    it(`[HT3] has no ${target}, and says so with this version`, async () => {
      const [method = '', path = ''] = target.split(' ');
      const { status, type, body } = await pipeline.raw(method, path);
      assert.deepEqual([status, type], [404, 'UnknownOperationException']);
      assert.ok(body.message.startsWith(`Tertulia 0.0.0-test has no operation ${target}. GET /_tertulia/info lists`));
    });
  }

  it('[HT3] shows no more than the beginning of a long path', async () => {
    const { body } = await pipeline.raw('GET', `/${'a'.repeat(10_000)}`);
    assert.ok(body.message.length < 400);
  });

  it('[HT8] decodes a label once, whatever it holds', async () => {
    const label = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((text) => !text.includes('\0'));
    const odd = fc.constantFrom(
      'a/b',
      '%2F',
      '%252F',
      '%',
      'a%41',
      '..',
      '.',
      '?',
      '#a',
      'a;b',
      'a+b',
      ':x',
      '*',
      '😀/é',
      '//',
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(label, odd), async (given) => {
        const { body } = await pipeline.raw('GET', `/contacts/${InstanceId}/${encodeURIComponent(given)}`);
        assert.equal(body.message, `Contact ${given} was not found in instance ${InstanceId}.`);
      }),
      property(300),
    );
  });

  it('[HT8] tells a slash that is encoded from one that is not, in either case', async () => {
    const arn = `arn%3Aaws%3aconnect:us-east-1:123456789012:instance%2f${InstanceId}`;
    const { body } = await pipeline.raw('GET', `/contacts/${arn}/x%2Fy`);
    assert.equal(body.message, `Contact x/y was not found in instance ${InstanceId}.`);
  });

  it('[CF7] answers a path that looks as if it had the prefix of the public URL', async () => {
    const request = { method: 'PUT', query: '', headers: [], body: Buffer.from(JSON.stringify(valid)), id: 'x' };
    for (const [path, prefix] of [
      ['/chat', '/contact'],
      ['/contact/chat', '/contact'],
      ['/', '/contact/chat'],
    ] as const) {
      assert.equal((await pipeline.handle({ ...request, path, prefix })).status, 200, path);
    }
    assert.equal((await pipeline.handle({ ...request, path: '/chat', prefix: '/other' })).status, 404);
  });
});

describe('bodies', () => {
  /** A body, and what is said to be wrong with it. */
  const wrong: readonly [what: string, body: string | Buffer, message: string][] = [
    ['not JSON', 'InstanceId=5', 'The request body is not valid JSON.'],
    ['cut JSON', '{"InstanceId": "a', 'The request body is not valid JSON.'],
    ['JSON and more', '{} {}', 'The request body is not valid JSON.'],
    ['JSON with a comment', '{/* */}', 'The request body is not valid JSON.'],
    ['a byte order mark', '\ufeff{}', 'The request body is not valid JSON.'],
    ['a list', '[]', 'The request body must be a JSON object.'],
    ['a text', '"InstanceId"', 'The request body must be a JSON object.'],
    ['a number', '5', 'The request body must be a JSON object.'],
    ['null', 'null', 'The request body must be a JSON object.'],
    [
      'bytes that are not UTF-8',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      'The request body is not valid UTF-8.',
    ],
    [
      'an overlong encoding',
      Buffer.from('{"InstanceId":"\xc0\xaf"}', 'latin1'),
      'The request body is not valid UTF-8.',
    ],
    [
      'an encoded surrogate',
      Buffer.from('{"InstanceId":"\xed\xa0\x80"}', 'latin1'),
      'The request body is not valid UTF-8.',
    ],
  ];
  for (const [what, body, message] of wrong) {
    it(`[SH2] that are ${what} are a SerializationException of either service`, async () => {
      const { token } = await startChat(pipeline);
      for (const [method, path, headers] of [
        ['PUT', '/contact/chat', {}],
        ['POST', '/participant/message', { 'x-amz-bearer': token }],
      ] as const) {
        const answer = await pipeline.raw(method, path, body, headers);
        assert.deepEqual([answer.status, answer.type, answer.body.message], [400, 'SerializationException', message]);
      }
    });
  }

  it('[SH2] that are empty are an absent one', async () => {
    const { token } = await startChat(pipeline);
    const answer = await pipeline.raw('POST', '/participant/transcript', '', { 'x-amz-bearer': token });
    assert.equal(answer.status, 200);
    assert.match((await pipeline.raw('PUT', '/contact/chat', '')).body.message, /^3 validation errors detected: /);
  });

  for (const [service, path, method, type] of [
    ['Connect', '/contact/chat', 'PUT', 'InvalidRequestException'],
    ['the Participant Service', '/participant/message', 'POST', 'ValidationException'],
  ] as const) {
    it(`[SH3, SH4] with broken constraints are an ${type} of ${service}, after any wrong type`, async () => {
      const { token } = await startChat(pipeline);
      const send = (body: object) => pipeline.raw(method, path, JSON.stringify(body), { 'x-amz-bearer': token });
      const broken = await send({ InstanceId: '', ContentType: '' });
      assert.deepEqual([broken.status, broken.type], [400, type]);
      assert.match(
        broken.body.message,
        /^\d validation errors detected: Value at '\/\w+' failed to satisfy constraint: Member must /,
      );
      const both = await send({ InstanceId: '', ContentType: '', ClientToken: 5 });
      assert.equal(both.type, 'SerializationException');
      assert.match(both.body.message, /\/ClientToken/);
    });
  }

  it('[SH5] may hold unknown members of any kind and any depth', async () => {
    for (const unknown of ['{"a":{"b":[null]}}', '"\\u0000\\ud800"', `${'['.repeat(100_000)}${']'.repeat(100_000)}`]) {
      const body = `{"Unknown":${unknown},${JSON.stringify(valid).slice(1)}`;
      assert.equal((await pipeline.raw('PUT', '/contact/chat', body)).status, 200);
    }
  });

  it('[SH2] nested deeper than any segment attribute are refused, not followed', async () => {
    const deep = `${'{"ValueList":['.repeat(20_000)}{"ValueString":""}${']}'.repeat(20_000)}`;
    const body = `{"SegmentAttributes":{"a":${deep}},${JSON.stringify(valid).slice(1)}`;
    const answer = await pipeline.raw('PUT', '/contact/chat', body);
    assert.deepEqual([answer.status, answer.type], [400, 'SerializationException']);
    assert.match(answer.body.message, /nested more than 64 levels deep/);
    assert.ok(answer.body.message.length < 300);
  });

  it('[SH6] with U+0000 or a lone surrogate in their escapes are refused', async () => {
    for (const escaped of ['\\u0000', '\\ud800', '\\udc00\\ud800', 'a\\uDFFFb']) {
      const body = JSON.stringify(valid).replace('Ana', escaped);
      const answer = await pipeline.raw('PUT', '/contact/chat', body);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
    }
    assert.equal(
      (await pipeline.raw('PUT', '/contact/chat', JSON.stringify(valid).replace('Ana', '\\ud83d\\ude00'))).status,
      200,
    );
  });
});

describe('failures', () => {
  /** A pipeline whose store fails at every call from now on, once told to. */
  async function failing(failure: () => Error) {
    let isBroken = false;
    const journal = openJournal();
    const wrap = (store: Store): Store =>
      new Proxy(store, {
        get: (target, name) => {
          const method = Reflect.get(target, name);
          if (typeof method !== 'function') return method;
          return (...args: unknown[]) => (isBroken ? Promise.reject(failure()) : method.apply(target, args));
        },
      });
    const at = await testPipeline({ log: journal.log, wrap });
    const chat = await startChat(at);
    const bot = await addBot(at, chat.ContactId);
    isBroken = true;
    return { at, chat, bot, lines: journal.lines };
  }

  const inputs = inputsFor('x');

  for (const { name, service, bearer } of registry) {
    const type = service === 'connect' ? 'InternalServiceException' : 'InternalServerException';
    it(`[HT4, HT9] of the store make ${name} an ${type}, the cause logged with the request id, no secret with it`, async () => {
      const { at, chat, lines } = await failing(() => new Error('disk I/O error'));
      const token = bearer === 'participant' ? chat.ParticipantToken : chat.token;
      const answer = await at.call(name, { ...inputs[name] }, bearer && token);
      const id = answer.reply.headers['x-amzn-requestid'];
      assert.deepEqual([answer.status, answer.type], [500, type]);
      assert.equal(
        answer.body.message,
        `Tertulia failed to process the request; its log says why under request id ${id}.`,
      );
      assert.equal(answer.reply.headers['access-control-allow-origin'], '*');
      const [line] = lines;
      assert.ok(line && lines.length === 1);
      assert.equal(line.level, 'error');
      const { err, ...fields } = line.fields as { err: Error };
      assert.equal(err.message, 'disk I/O error');
      assert.deepEqual(fields, { requestId: id, operation: name });
      const text = inspect(lines, { depth: null });
      for (const secret of ['never shown', chat.token, chat.ParticipantToken])
        assert.ok(!text.includes(secret), secret);
    });
  }

  it('[HT4] are asked of every operation here', () => {
    assert.deepEqual(Object.keys(inputs).sort(), registry.map(({ name }) => name).sort());
  });

  it('[HT4] that are no Error are answered and logged, too', async () => {
    const { at, chat, lines } = await failing(() => undefined as unknown as Error);
    assert.equal((await at.call('GetTranscript', {}, chat.token)).status, 500);
    assert.equal(lines.length, 1);
  });

  it('[HT9] that are the caller’s are not logged', async () => {
    const journal = openJournal();
    const at = await testPipeline({ log: journal.log });
    const { token } = await startChat(at);
    await at.call('SendMessage', { ContentType: 'text/plain', Content: 'a'.repeat(20_000) }, token);
    await at.call('SendMessage', { ContentType: 'text/plain', Content: 'a' }, 'nonsense');
    await at.raw('POST', '/participant/message', '{', { 'x-amz-bearer': token });
    await at.raw('GET', '/nowhere?token=secret');
    assert.deepEqual(journal.lines, []);
  });
});
