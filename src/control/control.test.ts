import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { developmentInstance } from '../config.ts';
import { registry } from '../operations/registry.ts';
import { silentLog } from '../runtime/log.ts';
import { structure } from '../shape/shape.ts';
import { type ControlParts, isControl, openControl, type Readiness } from './control.ts';
import { route } from './route.ts';

type Headers = readonly (readonly [string, string])[];

/** Something that may be done in development alone. */
const developmentRoute = route({
  method: 'POST',
  path: '/_tertulia/reset',
  isDevelopmentOnly: true,
  input: structure({}),
  handle: async () => ({ reset: true }),
});

/** The control API of a server at a public URL, asked without a socket. */
function control(
  readiness: Readiness = { isReady: true },
  publicUrl = 'http://127.0.0.1:8378',
  more: Partial<ControlParts> = {},
) {
  const parts: ControlParts = {
    version: '1.2.3',
    mode: 'development',
    publicUrl,
    socketUrl: 'ws://127.0.0.1:8378/participant/websocket',
    operations: registry,
    instances: [developmentInstance],
    readiness: () => readiness,
    uptimeSeconds: () => 12.9,
    throttled: () => ({}),
    controlToken: undefined,
    log: silentLog,
    ...more,
  };
  const answer = openControl(parts, [developmentRoute]);
  return async (target: string, headers: Headers = [['host', '127.0.0.1:8378']]) => {
    const [method = '', path = ''] = target.split(' ');
    const reply = await answer({ method, path, query: '', headers, body: Buffer.alloc(0), id: 'request-1' });
    return { ...reply, body: JSON.parse(reply.body) };
  };
}

describe('health', () => {
  it('[CA1] is 200 with version and whole seconds of uptime when the server is ready', async () => {
    const { status, body } = await control()('GET /_tertulia/health');
    assert.equal(status, 200);
    assert.deepEqual(body, { ready: true, version: '1.2.3', uptimeSeconds: 12 });
  });

  for (const reason of ['starting', 'draining']) {
    it(`[CA1] is 503 with the reason while ${reason}`, async () => {
      const { status, body } = await control({ isReady: false, reason })('GET /_tertulia/health');
      assert.equal(status, 503);
      assert.deepEqual(body, { ready: false, reason });
    });
  }

  it('[CA1] tells that the process lives, also when it is not ready', async () => {
    for (const readiness of [{ isReady: true }, { isReady: false, reason: 'draining' }]) {
      assert.equal((await control(readiness)('GET /_tertulia/live')).status, 200);
    }
  });
});

describe('info', () => {
  it('[CA2] tells ids, endpoints, mode and the operations that are built', async () => {
    const { status, body } = await control()('GET /_tertulia/info');
    assert.equal(status, 200);
    const [instance] = body.instances;
    assert.deepEqual(instance, {
      ...developmentInstance,
      arn: `arn:aws:connect:us-east-1:123456789012:instance/${developmentInstance.id}`,
    });
    assert.deepEqual([body.version, body.mode], ['1.2.3', 'development']);
    assert.deepEqual(body.endpoints, {
      connect: 'http://127.0.0.1:8378',
      connectparticipant: 'http://127.0.0.1:8378',
      websocket: 'ws://127.0.0.1:8378/participant/websocket',
    });
    assert.deepEqual(
      body.operations,
      registry.map(({ service, name }) => ({ service, name })),
    );
  });
});

describe('the control API', () => {
  it('[CA3] sends no CORS headers and lets nobody keep its answers', async () => {
    const ask = control();
    for (const target of [
      'GET /_tertulia/health',
      'GET /_tertulia/info',
      'GET /_tertulia/no',
      'OPTIONS /_tertulia/info',
    ]) {
      const { headers } = await ask(target);
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.startsWith('access-control')),
        [],
        target,
      );
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-amzn-requestid'], 'request-1');
    }
  });

  for (const target of [
    'GET /_tertulia',
    'GET /_tertulia/',
    'POST /_tertulia/health',
    'OPTIONS /_tertulia/health',
    'GET /_tertulia/toString',
  ]) {
    it(`[HT3] answers 404 to ${target} and lists what there is`, async () => {
      const { status, body } = await control()(target);
      assert.deepEqual([status, body.__type], [404, 'UnknownOperationException']);
      assert.ok(body.message.includes(`no ${target}; it has GET /_tertulia/live, `), body.message);
    });
  }

  /** A Host, and whether it is answered by a server whose public URL is `https://chat.example.com`. */
  for (const [host, isOurs] of [
    ['127.0.0.1:8378', true],
    ['localhost:8378', true],
    ['LOCALHOST', true],
    ['[::1]:8378', true],
    ['192.168.0.7:8378', true],
    ['chat.example.com', true],
    ['chat.example.com:443', true],
    ['attacker.example', false],
    ['localhost.attacker.example', false],
    ['chat.example.com.attacker.example', false],
    ['127.0.0.1.attacker.example', false],
    ['', false],
    ['a b', false],
    ['[::1', false],
  ] as const) {
    it(`[CA3] ${isOurs ? 'answers' : 'refuses'} the host ${JSON.stringify(host)}`, async () => {
      const { status, body, headers } = await control(undefined, 'https://chat.example.com')('GET /_tertulia/info', [
        ['Host', host],
      ]);
      assert.equal(status, isOurs ? 200 : 403);
      if (isOurs) return;
      assert.equal(body.__type, 'ForbiddenException');
      assert.match(body.message, /does not answer for the host/);
      assert.equal(headers['access-control-allow-origin'], undefined);
    });
  }

  it('[CA3] answers a request without a host, as HTTP/1.0 has it', async () => {
    assert.equal((await control()('GET /_tertulia/health', [])).status, 200);
  });

  for (const [origin, isOurs] of [
    ['http://127.0.0.1:8378', true],
    ['http://localhost:8378', true],
    ['http://127.0.0.1:3000', false],
    ['https://127.0.0.1:8378', false],
    ['https://attacker.example', false],
    ['null', false],
    ['', false],
  ] as const) {
    it(`[CA3] ${isOurs ? 'answers' : 'refuses'} a page of the origin ${JSON.stringify(origin)}`, async () => {
      const host = origin.includes('localhost') ? 'localhost:8378' : '127.0.0.1:8378';
      const { status, body } = await control()('GET /_tertulia/info', [
        ['host', host],
        ['Origin', origin],
      ]);
      assert.equal(status, isOurs ? 200 : 403);
      if (!isOurs) assert.match(body.message, /web pages of another origin/);
    });
  }
});

describe('the paths of the control API', () => {
  it('[CA3] begin with /_tertulia as a whole segment', () => {
    const paths = ['/_tertulia', '/_tertulia/health', '/_tertuliax', '/x/_tertulia', '/'];
    assert.deepEqual(paths.map(isControl), [true, true, false, false, false]);
  });
});

describe('who may ask', () => {
  const token = 'the token of the control API';
  const ask = (more: Partial<ControlParts>, target: string, authorization?: string) =>
    control(undefined, undefined, more)(target, authorization === undefined ? [] : [['authorization', authorization]]);
  const probes = ['GET /_tertulia/health', 'GET /_tertulia/live'];
  const production = { mode: 'production', controlToken: token };

  it('[AU11] is anybody for the probes, in every mode', async () => {
    for (const more of [{}, { controlToken: token }, { mode: 'production' }, production]) {
      for (const target of probes) assert.equal((await ask(more, target)).status, 200, target);
    }
  });

  it('[AU11] is nobody in production without a control token: nothing is there, whatever is shown', async () => {
    for (const target of ['GET /_tertulia/info', 'GET /_tertulia/no', 'POST /_tertulia/reset']) {
      for (const authorization of [undefined, `Bearer ${token}`, 'Bearer undefined']) {
        const { status, body } = await ask({ mode: 'production' }, target, authorization);
        assert.deepEqual([status, body.__type], [404, 'UnknownOperationException']);
        assert.equal(body.message, `The control API has no ${target}.`);
      }
    }
  });

  it('[AU11] is who shows the control token in production', async () => {
    const { status, body } = await ask(production, 'GET /_tertulia/info', `Bearer ${token}`);
    assert.deepEqual([status, body.mode], [200, 'production']);
  });

  for (const authorization of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    `Bearer ${token}.`,
    `Bearer ${token.slice(1)}`,
    `Basic ${token}`,
    token,
  ]) {
    it(`[AU11] is refused with ${JSON.stringify(authorization)}, also what is not there`, async () => {
      for (const target of ['GET /_tertulia/info', 'GET /_tertulia/no', 'POST /_tertulia/reset']) {
        const { status, body } = await ask(production, target, authorization);
        assert.deepEqual([status, body.__type], [403, 'AccessDeniedException'], target);
        assert.equal(body.message, 'The control API needs Authorization: Bearer with TERTULIA_CONTROL_TOKEN.');
      }
    });
  }

  it('[AU11, CK1] finds nothing in production that is for development', async () => {
    const { status, body } = await ask(production, 'POST /_tertulia/reset', `Bearer ${token}`);
    assert.equal(status, 404);
    assert.doesNotMatch(body.message, /it has .*reset/);
  });

  it('[AU11] is anybody in development, unless a control token is set', async () => {
    assert.equal((await ask({}, 'POST /_tertulia/reset')).status, 200);
    assert.equal((await ask({ controlToken: token }, 'POST /_tertulia/reset')).status, 403);
    assert.equal((await ask({ controlToken: token }, 'POST /_tertulia/reset', `Bearer ${token}`)).status, 200);
  });

  it('[CA3] is behind a proxy of any name in production, where the token is what counts', async () => {
    const answer = await control(
      undefined,
      undefined,
      production,
    )('GET /_tertulia/info', [
      ['host', 'inside.example'],
      ['origin', 'https://elsewhere.example'],
      ['authorization', `Bearer ${token}`],
    ]);
    assert.equal(answer.status, 200);
  });

  it('[QU6] tells how many calls were refused for their rate, by operation', async () => {
    const throttled = () => ({ CreateParticipant: 3, SendMessage: 1 });
    assert.deepEqual((await ask({ throttled }, 'GET /_tertulia/info')).body.throttled, throttled());
  });
});
