import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as contentType from '../domain/content-type.ts';
import {
  type Effect,
  type ItemHead,
  nextNumber,
  openSession,
  type Session,
  type SessionEvent,
  step,
} from './session.ts';

const bounds = { framesPerWindow: 5, frameWindowMs: 1000 };
const subscribe = JSON.stringify({ topic: 'aws/subscribe', content: { topics: ['aws/chat'] } });
const success = '{"topic":"aws/subscribe","content":{"status":"success","topics":["aws/chat"]}}';
const heartbeat = '{"topic":"aws/heartbeat"}';

/** A session at item 10 that remembers what it did. */
function play(start: Session = openSession('ann', { number: 10, time: 1000 }, 0)) {
  let session = start;
  const run = (event: SessionEvent, now = 0): readonly Effect[] => {
    const { session: after, effects } = step(session, event, now, bounds);
    session = after;
    return effects;
  };
  return {
    run,
    says: (text: string, now = 0) => run({ kind: 'frame', text }, now),
    offer: (item: ItemHead) => run({ kind: 'item', item, frame: `item ${item.number}` }),
    state: () => session.state,
    session: () => session,
  };
}

function subscribed() {
  const played = play();
  played.says(subscribe);
  return played;
}

function message(number: number, more: Partial<ItemHead> = {}): ItemHead {
  return { number, time: number * 100, type: 'MESSAGE', contentType: 'text/plain', participantId: 'bob', ...more };
}
const left = (number: number, participantId: string) =>
  message(number, { type: 'EVENT', contentType: contentType.left, participantId });
const ended = (number: number): ItemHead => ({
  number,
  time: number * 100,
  type: 'EVENT',
  contentType: contentType.ended,
});
const send = (frame: string): Effect => ({ do: 'send', frame });
const expire: Effect = { do: 'expire' };

describe('session: frames', () => {
  test('[WS1] answers a subscribe with success and the topic, and begins to deliver', () => {
    const { says, state } = play();
    assert.deepEqual(says(subscribe), [send(success), { do: 'begin' }]);
    assert.equal(state(), 'subscribed');
  });

  test('[WS1] answers another topic with failure, apart from the good one', () => {
    const { says, state } = play();
    const ask = (...topics: string[]) => says(JSON.stringify({ topic: 'aws/subscribe', content: { topics } }));
    const failure = send('{"topic":"aws/subscribe","content":{"status":"failure","topics":["aws/voice"]}}');
    assert.deepEqual(ask('aws/voice'), [failure]);
    assert.equal(state(), 'opened');
    assert.deepEqual(ask('aws/voice', 'aws/chat'), [send(success), failure, { do: 'begin' }]);
  });

  test('[WS1] answers a repeated subscribe again and changes nothing', () => {
    const { says, offer, session } = subscribed();
    offer(message(11));
    const before = { ...session(), frames: undefined };
    assert.deepEqual(says(subscribe), [send(success)]);
    assert.deepEqual({ ...session(), frames: undefined }, before);
  });

  test('[WS1] answers a subscribe on a socket whose chat is over, and delivers nothing for it', () => {
    const { says, offer, state } = subscribed();
    offer(ended(11));
    assert.deepEqual(says(subscribe), [send(success)]);
    assert.equal(state(), 'closing');
  });

  test('[WS13] answers a subscribe for which there is no room with failure, has the others probed, and takes a later one', () => {
    const { run, says, offer, state } = play();
    const failure = send('{"topic":"aws/subscribe","content":{"status":"failure","topics":["aws/chat"]}}');
    const crowded: SessionEvent = { kind: 'frame', text: subscribe, isCrowded: true };
    for (let times = 0; times < 3; times += 1) {
      assert.deepEqual(run(crowded), [failure, { do: 'probe' }]);
      assert.equal(state(), 'opened');
      assert.deepEqual(offer(message(11)), []);
    }
    assert.deepEqual(says(heartbeat), [send(heartbeat)]);
    assert.deepEqual(says(subscribe), [send(success), { do: 'begin' }]);
    assert.deepEqual(offer(message(11)), [send('item 11')], 'what was missed meanwhile comes now');
  });

  test('[WS13] takes the repeated subscribe of a socket that has its place, however crowded it is', () => {
    const { run, state } = subscribed();
    assert.deepEqual(run({ kind: 'frame', text: subscribe, isCrowded: true }), [send(success)]);
    assert.equal(state(), 'subscribed');
  });

  test('[WS13] probes nothing for a topic that is not there', () => {
    const { run } = play();
    const text = JSON.stringify({ topic: 'aws/subscribe', content: { topics: ['aws/voice'] } });
    const failure = send('{"topic":"aws/subscribe","content":{"status":"failure","topics":["aws/voice"]}}');
    assert.deepEqual(run({ kind: 'frame', text, isCrowded: true }), [failure]);
  });

  test('[WS2] answers heartbeat and ping in every state but closed', () => {
    const pong = send('{"topic":"aws/ping","statusCode":200,"statusContent":"OK"}');
    const over = subscribed();
    over.offer(ended(11));
    for (const { says } of [play(), subscribed(), over]) {
      assert.deepEqual(says(heartbeat), [send(heartbeat)]);
      assert.deepEqual(says('{"topic":"aws/ping"}'), [pong]);
    }
  });

  for (const text of [
    '',
    '{',
    'null',
    '7',
    '"aws/ping"',
    '[]',
    '{}',
    '{"topic":null}',
    '{"topic":["aws/ping"]}',
    '{"topic":"aws/unsubscribe","content":{"topics":["aws/chat"]}}',
    '{"topic":"aws/chat","content":"{}"}',
    '{"topic":"aws/subscribe"}',
    '{"topic":"aws/subscribe","content":null}',
    '{"topic":"aws/subscribe","content":"aws/chat"}',
    '{"topic":"aws/subscribe","content":{"topics":"aws/chat"}}',
    '{"topic":"aws/subscribe","content":{"topics":["aws/chat",1]}}',
    '{"topic":"aws/subscribe","content":{"topics":[]}}',
    '{"topic":"__proto__"}',
  ]) {
    test(`[WS8] ignores ${text || 'an empty frame'}`, () => {
      const { says, state } = play();
      assert.deepEqual(says(text), []);
      assert.equal(state(), 'opened');
      assert.deepEqual(says(heartbeat), [send(heartbeat)]);
    });
  }

  test('[WS7] closes a socket that sends too many frames, saying how many are allowed', () => {
    const { says, run, state } = play();
    for (let count = 0; count < 4; count += 1) says(heartbeat, 100);
    assert.deepEqual(run({ kind: 'frame' }, 999), [], 'a frame that means nothing is only counted');
    assert.deepEqual(says(heartbeat, 999), [
      { do: 'close', code: 1008, reason: 'too many frames: more than 5 in 1 s' },
    ]);
    assert.equal(state(), 'closed');
  });

  test('[WS7] counts frames anew in each window', () => {
    const { says } = play();
    for (let now = 0; now < 5000; now += 1000) {
      for (let count = 0; count < 5; count += 1) assert.deepEqual(says(heartbeat, now), [send(heartbeat)]);
    }
  });

  test('[WS7] does nothing any more once it was closed', () => {
    const { says, offer, run, state } = subscribed();
    run({ kind: 'expired' });
    assert.deepEqual(says(subscribe), []);
    assert.deepEqual(offer(message(11)), []);
    assert.deepEqual(run({ kind: 'passing', after: 0, frame: 'typing' }), []);
    assert.deepEqual(run({ kind: 'gone', last: 0 }), []);
    assert.deepEqual(run({ kind: 'stopping' }), []);
    assert.equal(state(), 'closed');
  });

  test('[LI2] closes with 1001 when the server stops', () => {
    assert.deepEqual(play().run({ kind: 'stopping' }), [{ do: 'close', code: 1001, reason: 'going away' }]);
  });
});

describe('session: items', () => {
  test('[WS5] delivers nothing before subscribe, and then what follows the upgrade', () => {
    const { says, offer } = play();
    assert.deepEqual(offer(message(11)), []);
    says(subscribe);
    assert.deepEqual(offer(message(10)), []);
    assert.deepEqual(offer(message(11)), [send('item 11')]);
  });

  test('[WS4] delivers the next number and nothing else: no repeat, no gap', () => {
    const { offer, session } = subscribed();
    assert.deepEqual(
      [11, 11, 13, 12, 10, 12, 13].flatMap((number) => offer(message(number))),
      [send('item 11'), send('item 12'), send('item 13')],
    );
    assert.deepEqual(session().cursor, { number: 13, time: 1300 });
    assert.equal(nextNumber(session()), 14);
  });

  test('[VI2] goes past what the participant may not see without a word', () => {
    const { run, offer, session } = subscribed();
    assert.deepEqual(run({ kind: 'item', item: message(11), frame: undefined }), []);
    assert.deepEqual(session().cursor, { number: 11, time: 1100 });
    assert.deepEqual(offer(message(12)), [send('item 12')]);
  });

  test('[WS12] shows typing only once the item before it was delivered', () => {
    const { run, offer, says } = play();
    const typing: SessionEvent = { kind: 'passing', after: 11, frame: 'typing' };
    assert.deepEqual(run(typing), []);
    says(subscribe);
    assert.deepEqual(run(typing), []);
    offer(message(11));
    assert.deepEqual(run(typing), [send('typing')]);
  });
});

describe('session: the end', () => {
  test('[WS9] delivers chat.ended and nothing after it, and leaves the socket open until the time is up', () => {
    const { offer, run, state } = subscribed();
    assert.deepEqual(offer(ended(11)), [send('item 11'), expire]);
    assert.equal(state(), 'closing');
    assert.deepEqual(offer(message(12)), []);
    assert.deepEqual(run({ kind: 'passing', after: 1, frame: 'typing' }), []);
    assert.deepEqual(run({ kind: 'expired' }), [
      { do: 'close', code: 1000, reason: 'the chat is over for this participant' },
    ]);
  });

  test('[WS9] delivers the own participant.left, and a chat.ended that follows directly', () => {
    const { offer } = subscribed();
    assert.deepEqual(offer(left(11, 'ann')), [send('item 11'), expire]);
    assert.deepEqual(offer(ended(12)), [send('item 12')], 'the time runs once');
    assert.deepEqual(offer(ended(13)), []);
  });

  test('[WS9] delivers nothing that is said after the own participant.left, nor an end that comes later', () => {
    const { offer, session, state } = subscribed();
    offer(left(11, 'ann'));
    assert.equal(nextNumber(session()), 12);
    assert.deepEqual(offer(message(12)), []);
    assert.equal(nextNumber(session()), undefined);
    assert.deepEqual(offer(ended(13)), []);
    assert.equal(state(), 'closing');
  });

  test('[WS9] goes on when another participant leaves', () => {
    const { offer, state } = subscribed();
    assert.deepEqual(offer(left(11, 'bob')), [send('item 11')]);
    assert.equal(state(), 'subscribed');
  });

  test('[WS9] takes no message for an end, whatever its content type', () => {
    const { offer, state } = subscribed();
    offer(message(11, { contentType: contentType.ended }));
    offer(message(12, { contentType: contentType.left, participantId: 'ann' }));
    assert.equal(state(), 'subscribed');
  });

  test('[WS9] ends a subscribed socket whose participant is gone only when all was delivered', () => {
    const { run, offer, state } = subscribed();
    assert.deepEqual(run({ kind: 'gone', last: 11 }), []);
    assert.equal(state(), 'subscribed');
    offer(message(11));
    assert.deepEqual(run({ kind: 'gone', last: 11 }), [expire]);
    assert.deepEqual(run({ kind: 'gone', last: 11 }), []);
    assert.equal(state(), 'closing');
  });

  test('[WS9] gives a socket that has not subscribed its time, and the end if it does', () => {
    const { run, says, offer } = play();
    assert.deepEqual(run({ kind: 'gone', last: 11 }), [expire]);
    assert.deepEqual(run({ kind: 'gone', last: 11 }), []);
    says(subscribe);
    assert.deepEqual(offer(ended(11)), [send('item 11')]);
    assert.equal(run({ kind: 'expired' })[0]?.do, 'close');
  });
});
