import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { openTestListener } from '../../test/support/listener.ts';
import { ContactFlowId, InstanceId, startChat, type TestPipeline, testPipeline } from '../../test/support/pipeline.ts';
import { property } from '../../test/support/property.ts';
import type { Operation } from '../operations/operation.ts';
import { registry } from '../operations/registry.ts';
import type { Log } from '../runtime/log.ts';
import type { Shape } from '../shape/shape.ts';
import type { Listener } from './listener.ts';

/** Whatever a client sends, the answer is the client's mistake or its success: never a failure of the server. */

const failures: unknown[] = [];
const fail = (fields: object, message: string) => void failures.push({ ...fields, message });
const log: Log = { debug() {}, info() {}, warn: fail, error: fail };

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline({ log });
});

type Tokens = Awaited<ReturnType<typeof startChat>>;
const bearerOf = ({ bearer }: Operation, chat: Tokens) =>
  bearer === 'participant' ? chat.ParticipantToken : chat.token;

function wellAnswered(
  answer: { status: number; type: string | undefined; body: { message?: string } },
  what: unknown,
): void {
  assert.ok(answer.status < 500 && failures.length === 0, `${JSON.stringify(what)} got ${answer.status}: ${failures}`);
  if (answer.status !== 200) {
    assert.ok(answer.type, 'a refusal has a type');
    assert.ok(answer.body.message, 'a refusal has a message');
  }
}

const texts = fc.oneof(
  fc.constantFrom(
    '',
    'text/plain',
    'text/markdown',
    'application/json',
    'WEBSOCKET',
    'FORWARD',
    'ASCENDING',
    'CUSTOM_BOT',
    'SEND',
  ),
  fc.constantFrom(
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    '\0',
    '\ud800',
    '{"messageId":"x"}',
    InstanceId,
  ),
  fc
    .constantFrom('typing', 'message.read', 'message.delivered', 'connection.acknowledged')
    .map((name) => `application/vnd.amazonaws.connect.event.${name}`),
  fc.string({ unit: 'binary', maxLength: 300 }),
);
const anything = fc.oneof(fc.jsonValue({ maxDepth: 3 }), texts, fc.integer(), fc.double(), fc.constant(null));

/** Mostly of the shape's type, within its limits or not. */
function likely(shape: Shape, depth = 0): fc.Arbitrary<unknown> {
  const { kind, of, members, values } = shape;
  if (depth > 3) return anything;
  switch (kind) {
    case 'string':
      return values ? fc.oneof(fc.constantFrom(...values), texts) : texts;
    case 'integer':
    case 'long':
      return fc.oneof(fc.integer({ min: -2, max: 120 }), fc.maxSafeInteger(), fc.double());
    case 'boolean':
      return fc.boolean();
    case 'list':
      return fc.array(of ? likely(of, depth + 1) : anything, { maxLength: 4 });
    case 'map':
      return fc.dictionary(texts, of ? likely(of, depth + 1) : anything, { maxKeys: 4 });
    case 'structure': {
      const inner = Object.entries(members ?? {}).map(([name, member]) => [
        name,
        fc.oneof({ weight: 9, arbitrary: likely(member.shape, depth + 1) }, { weight: 1, arbitrary: anything }),
      ]);
      return fc.record(Object.fromEntries(inner), { requiredKeys: [] });
    }
    default:
      return anything;
  }
}

/** What makes a request reach the operation's own code, where random values alone would not. */
const anchors: Readonly<Record<string, object>> = {
  StartChatContact: { InstanceId, ContactFlowId, ParticipantDetails: { DisplayName: 'Ana' } },
  SendMessage: { ContentType: 'text/plain', Content: 'Hello' },
};

describe('random requests', () => {
  for (const operation of registry) {
    it(`[HT4] to ${operation.name}, of its members with random values, are never a failure`, async () => {
      const chat = await startChat(pipeline);
      const common = { InstanceId, ContactId: chat.ContactId, ...anchors[operation.name] };
      const labels = Object.entries(operation.input.members ?? {}).filter(([, { place }]) => place === 'path');
      await fc.assert(
        fc.asyncProperty(likely(operation.input), fc.boolean(), async (random, isAnchored) => {
          const input = isAnchored ? { ...(random as object), ...common } : { ...(random as Record<string, unknown>) };
          for (const [name] of labels) {
            const label = String(input[name as keyof typeof input] ?? 'x');
            Object.assign(input, { [name]: label.isWellFormed() && label !== '' ? label : 'x' });
          }
          // Who may leave the chat has one of its own.
          const whose = operation.name === 'DisconnectParticipant' ? await startChat(pipeline) : chat;
          wellAnswered(await pipeline.call(operation.name, input, bearerOf(operation, whose)), input);
        }),
        property(200),
      );
    });

    it(`[SH2] to ${operation.name}, of random bytes or any JSON, are refused or ignored`, async () => {
      const chat = await startChat(pipeline);
      const path = operation.path.replaceAll(/\{\w+\}/g, 'x');
      const bodies = fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        fc.json({ maxDepth: 4 }).map((json) => Buffer.from(json)),
        fc.string({ maxLength: 50 }).map((rest) => Buffer.from(`{"${rest}`)),
      );
      await fc.assert(
        fc.asyncProperty(bodies, async (body) => {
          const whose = operation.name === 'DisconnectParticipant' ? await startChat(pipeline) : chat;
          const headers = { 'x-amz-bearer': bearerOf(operation, whose) };
          wellAnswered(await pipeline.raw(operation.method, path, body, headers), body.toString('latin1'));
        }),
        property(100),
      );
    });
  }

  it('[HT3] of random paths, methods and headers are never a failure', async () => {
    const chat = await startChat(pipeline);
    const segment = fc.oneof(
      fc.constantFrom(
        'contact',
        'chat',
        'contacts',
        'participant',
        'message',
        '',
        '.',
        '..',
        '%',
        '%2F',
        '%00',
        '%ff',
        '*',
        ':x',
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.string({ maxLength: 20 }).map(encodeURIComponent),
    );
    const paths = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`);
    const methods = fc.oneof(
      fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'DELETE'),
      fc.string({ minLength: 1, maxLength: 8 }),
    );
    const headers = fc.dictionary(
      fc.constantFrom('x-amz-bearer', 'authorization', 'content-type', 'host'),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(
        methods,
        paths,
        headers,
        fc.constantFrom('', chat.token),
        async (method, path, given, bearer) => {
          fc.pre(method !== 'OPTIONS');
          const all = bearer ? { ...given, 'x-amz-bearer': bearer } : given;
          wellAnswered(await pipeline.raw(method, path, '{}', all), [method, path]);
        },
      ),
      property(500),
    );
  });
});

describe('random requests over one connection', () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let listener: Listener;
  before(async () => {
    listener = await openTestListener({ answer: (request) => pipeline.handle(request) }, {}, log);
  });
  after(async () => {
    agent.destroy();
    await listener[Symbol.asyncDispose]();
  });

  it('[HT4] are all answered: the connection is never dropped', async () => {
    const sockets = new Set<unknown>();
    const send = (method: string, path: string, headers: Record<string, string>, body: Uint8Array) =>
      new Promise<number | undefined>((resolve, reject) => {
        const all = { ...headers, 'content-length': String(body.length) };
        const request = httpRequest({ port: listener.port, host: '127.0.0.1', agent, method, path, headers: all });
        request.on('socket', (socket) => sockets.add(socket));
        request.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)));
        request.on('error', reject);
        request.end(body);
      });
    const characters = (last: number) =>
      fc
        .integer({ min: 0x21, max: last })
        .filter((code) => code !== 0x7f)
        .map((code) => String.fromCharCode(code));
    const visible = fc.string({ unit: characters(0xff), maxLength: 30 });
    const target = fc.string({ unit: characters(0x7e), maxLength: 40 });
    const path = fc.oneof(
      fc.constantFrom(...registry.map((each) => each.path)),
      target.map((text) => `/${text}`),
    );
    const name = fc.constantFrom(
      'x-amz-bearer',
      'authorization',
      'access-control-request-headers',
      'origin',
      'x-forwarded-host',
    );
    const methods = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH');
    const bodies = fc.uint8Array({ maxLength: 2000 });
    await fc.assert(
      fc.asyncProperty(methods, path, fc.dictionary(name, visible), bodies, async (method, at, headers, body) => {
        const status = await send(method, at, headers, body);
        assert.ok(status !== undefined && status < 500, `${method} ${at} got ${status}`);
      }),
      property(300),
    );
    assert.equal(sockets.size, 1);
    assert.deepEqual(failures, []);
  });
});
