import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { publicUrls } from './public-url.ts';

describe('public URLs', () => {
  it('[CF4] are derived from the actual port on this machine when none is set', () => {
    const { base, socketBase, pathPrefix, warning } = publicUrls(undefined, 8378, false);
    assert.equal(base, 'http://127.0.0.1:8378');
    assert.equal(socketBase, 'ws://127.0.0.1:8378');
    assert.equal(pathPrefix, '');
    assert.equal(warning, undefined);
  });

  it('[CF4] are https and wss with a certificate', () => {
    const { base, socketBase, warning } = publicUrls(undefined, 50_000, true);
    assert.equal(base, 'https://127.0.0.1:50000');
    assert.equal(socketBase, 'wss://127.0.0.1:50000');
    assert.equal(warning, undefined);
  });

  it('[CF4] take what is set for the whole truth, whatever port and protocol the server has itself', () => {
    assert.equal(publicUrls('https://chat.example.com', 8378, false).socketBase, 'wss://chat.example.com');
    assert.equal(publicUrls('http://127.0.0.1:80', 8378, true).socketBase, 'ws://127.0.0.1');
  });

  /** What is set, where WebSockets are, and the prefix. */
  const rows: readonly [set: string, socketBase: string, pathPrefix: string][] = [
    ['https://chat.example.com', 'wss://chat.example.com', ''],
    ['https://chat.example.com/connect', 'wss://chat.example.com/connect', '/connect'],
    ['https://chat.example.com:8443/a/b', 'wss://chat.example.com:8443/a/b', '/a/b'],
    ['https://localhost:8443', 'wss://localhost:8443', ''],
    ['https://[2001:db8::1]', 'wss://[2001:db8::1]', ''],
    ['http://localhost:8378', 'ws://127.0.0.1:8378', ''],
    ['http://localhost:8378/connect', 'ws://127.0.0.1:8378/connect', '/connect'],
    ['http://localhost', 'ws://127.0.0.1', ''],
    ['http://127.0.0.1:3000/a', 'ws://127.0.0.1:3000/a', '/a'],
    ['http://chat.example.com/a%20b', 'ws://chat.example.com/a%20b', '/a%20b'],
  ];
  for (const [set, socketBase, pathPrefix] of rows) {
    it(`[CF5] of ${set} begin with it, and its WebSockets are at ${socketBase}`, () => {
      const urls = publicUrls(set, 1, false);
      assert.deepEqual([urls.base, urls.socketBase, urls.pathPrefix], [set, socketBase, pathPrefix]);
    });
  }

  for (const [set, isWarned] of [
    ['http://chat.example.com', true],
    ['http://192.168.0.7:8378', true],
    ['http://127.0.0.2:8378', true],
    ['http://[::1]:8378', true],
    ['http://localhost:8378', false],
    ['http://127.0.0.1:8378', false],
    ['https://chat.example.com', false],
  ] as const) {
    it(`[CF6] of ${set} come ${isWarned ? 'with' : 'without'} a warning`, () => {
      const { warning } = publicUrls(set, 1, false);
      if (!isWarned) return assert.equal(warning, undefined);
      assert.ok(warning?.startsWith(`${set} is plain http`), warning);
      assert.match(warning ?? '', /wss:\/\//);
    });
  }
});
