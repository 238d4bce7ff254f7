import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dialRaw, openTestListener } from '../../test/support/listener.ts';
import { startChat, testPipeline } from '../../test/support/pipeline.ts';
import type { Identity, TokenKind } from '../tokens/tokens.ts';
import { openUpgrade, webSocketPath } from './upgrade.ts';

const minute = 60_000;
const handshake = (target: string, more = '') =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`;

/** A chat, a listener below `/connect`, and who was let in. Whoever is let in reads `welcome` and is closed. */
async function openDoor(pathPrefix = '/connect') {
  const at = await testPipeline();
  const chat = await startChat(at);
  const verdict = at.tokens.verify('connection', chat.token, at.time.now);
  assert.ok('identity' in verdict);
  const { identity } = verdict;
  const seen: Pick<Identity, 'chatKey' | 'participantId'>[] = [];
  const upgrade = openUpgrade({
    tokens: at.tokens,
    clock: { now: () => at.time.now },
    accept(_, socket, __, who) {
      seen.push(who);
      socket.end('welcome');
    },
  });
  const listener = await openTestListener({ upgrade }, { pathPrefix });
  const token = (kind: TokenKind = 'socket', expiresAt = at.time.now + minute) =>
    at.tokens.sign(kind, identity, at.time.now, expiresAt);
  /** What the server says to that handshake, whole: it closes the connection by itself. */
  const knock = async (target: string, more = '') => {
    using client = await dialRaw(listener.port);
    client.write(handshake(target, more));
    return await client.closed();
  };
  return {
    at,
    chat,
    identity,
    seen,
    token,
    knock,
    listener,
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  };
}

describe('upgrades', () => {
  it('[WS10] lets in the holder of a URL that was handed out, and says who it is', async () => {
    await using door = await openDoor();
    const { body } = await door.at.call(
      'CreateParticipantConnection',
      { Type: ['WEBSOCKET'] },
      door.chat.ParticipantToken,
    );
    const url = new URL(body.Websocket.Url);
    assert.equal(url.pathname, webSocketPath);
    assert.equal(await door.knock(url.pathname + url.search), 'welcome');
    const { chatKey, participantId } = door.identity;
    assert.deepEqual(door.seen, [{ chatKey, participantId }]);
  });

  it('[WS10] lets in again and again, until the 100 seconds of the URL are over', async () => {
    await using door = await openDoor();
    const { body } = await door.at.call(
      'CreateParticipantConnection',
      { Type: ['WEBSOCKET'] },
      door.chat.ParticipantToken,
    );
    const target = webSocketPath + new URL(body.Websocket.Url).search;
    for (const after of [0, 50_000, 49_999]) {
      door.at.time.now += after;
      assert.equal(await door.knock(target), 'welcome');
    }
    door.at.time.now += 1;
    assert.match(await door.knock(target), /^HTTP\/1\.1 403 Forbidden\r\n/);
  });

  for (const origin of ['https://shop.example', 'null', 'http://127.0.0.1:3000', 'file://']) {
    it(`[WS10] lets in the origin ${origin}`, async () => {
      await using door = await openDoor();
      assert.equal(await door.knock(`${webSocketPath}?token=${door.token()}`, `Origin: ${origin}\r\n`), 'welcome');
    });
  }

  it('[CF7] answers with and without the prefix of the public URL, also where the two look alike', async () => {
    await using door = await openDoor('/participant');
    for (const prefix of ['', '/participant']) {
      assert.equal(await door.knock(`${prefix}${webSocketPath}?token=${door.token()}`), 'welcome', prefix);
    }
    await using other = await openDoor('/connect');
    for (const prefix of ['', '/connect']) {
      assert.equal(await other.knock(`${prefix}${webSocketPath}?token=${other.token()}`), 'welcome', prefix);
    }
    assert.match(await other.knock(`/other${webSocketPath}?token=${other.token()}`), /^HTTP\/1\.1 404 /);
  });

  for (const [what, query] of [
    ['no token', () => ''],
    ['an empty token', () => 'token='],
    ['a text that is no token', () => 'token=nonsense'],
    ['a token that is cut', ({ token }) => `token=${token().slice(0, -1)}`],
    ['a token by another name', ({ token }) => `Token=${token()}`],
    ['a connection token', ({ token }) => `token=${token('connection')}`],
    ['a participant token', ({ token }) => `token=${token('participant')}`],
    ['a token that expired', ({ token, at }) => `token=${token('socket', at.time.now)}`],
  ] as readonly [string, (door: Awaited<ReturnType<typeof openDoor>>) => string][]) {
    it(`[WS10, CN7] refuses ${what} by 403 and closes`, async () => {
      await using door = await openDoor();
      const received = await door.knock(`${webSocketPath}?${query(door)}`);
      assert.match(received, /^HTTP\/1\.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n$/);
      assert.deepEqual(door.seen, []);
    });
  }

  for (const target of ['/', '/participant', `${webSocketPath}/`, '/participant/message', '/_tertulia/health']) {
    it(`[WS10] answers 404 to an upgrade at ${target}`, async () => {
      await using door = await openDoor();
      assert.match(await door.knock(`${target}?token=${door.token()}`), /^HTTP\/1\.1 404 Not Found\r\n/);
    });
  }

  it('[WS10] closes what it refused, also when the client goes on writing or resets', async () => {
    await using door = await openDoor();
    using writing = await dialRaw(door.listener.port, '127.0.0.1', true);
    const more = (failure?: Error | null) => void (failure || writing.socket.write('more', more));
    writing.socket.on('end', () => more());
    writing.write(handshake('/nowhere'));
    await writing.closed();
    using resetting = await dialRaw(door.listener.port);
    resetting.write(handshake('/nowhere'));
    resetting.socket.resetAndDestroy();
    assert.equal(await door.knock(`${webSocketPath}?token=${door.token()}`), 'welcome');
  });
});
