import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chatAt } from '../../test/support/chat.ts';
import { type Chat, end, type Step } from './chat.ts';
import * as contentType from './content-type.ts';
import { connect } from './participant.ts';
import { configure, customerWindow, elapse, isToForget, nextDue, type TimerSetting, tokensKept } from './timers.ts';

const start = 1_769_860_800_000;
const minute = 60_000;
const duration = 60 * minute;

/** A chat of one hour whose customer is yet to connect. */
const fresh = chatAt(start, {
  expiresAt: start + duration,
  participants: [{ id: 'customer', role: 'CUSTOMER', displayName: 'Ana', createdAt: start }],
});

const tail = () => new Uint8Array(10);
const connected = (connect(fresh, 'customer', start + 1000, tail) as Step).chat;
const ended = (at: number): Chat => end(connected, 'API', at, tail).chat;

/** Why the time alone ended the chat, if it did. */
const outcome = ({ chat, items }: Step) => [chat.end?.reason, chat.end?.at, items.map((each) => each.contentType)];

describe('what a chat is due for', () => {
  test('[TM1] is the customer, five minutes after the start, and the end of its duration once the customer came', () => {
    assert.equal(customerWindow, 5 * minute);
    assert.equal(nextDue(fresh), start + 5 * minute);
    assert.equal(nextDue(connected), start + duration);
  });

  test('[TM2] is the end of its duration if that comes before the five minutes are over', () => {
    assert.equal(nextDue({ ...fresh, expiresAt: start + minute }), start + minute);
  });

  test('[TM4] is its message tokens, a day after its end, and nothing once those are gone', () => {
    const over = ended(start + 2 * minute);
    assert.equal(tokensKept, 24 * 60 * minute);
    assert.equal(nextDue(over), start + 2 * minute + 24 * 60 * minute);
    assert.equal(nextDue({ ...over, isForgotten: true }), undefined);
  });
});

describe('what the time alone does', () => {
  test('[TM1] is nothing to a chat whose customer has a millisecond left', () => {
    const step = elapse(fresh, start + customerWindow - 1, {}, tail);
    assert.equal(step.chat, fresh);
    assert.deepEqual(step.items, []);
  });

  test('[TM1] ends a chat to which no customer came, with everybody in it', () => {
    const step = elapse(fresh, start + customerWindow, {}, tail);
    assert.deepEqual(outcome(step), [
      'CUSTOMER_CONNECTION_NOT_ESTABLISHED',
      start + customerWindow,
      [contentType.ended],
    ]);
    assert.deepEqual(
      step.chat.participants.map(({ leftAt, leftBecause }) => [leftAt, leftBecause]),
      [[start + customerWindow, 'ended']],
    );
  });

  test('[TM2] ends a chat at the end of its duration, and not a millisecond earlier', () => {
    assert.equal(elapse(connected, start + duration - 1, {}, tail).chat, connected);
    assert.deepEqual(outcome(elapse(connected, start + duration, {}, tail)), [
      'EXPIRED',
      start + duration,
      [contentType.ended],
    ]);
  });

  test('[TM1] names the customer who never came when both are long over', () => {
    assert.equal(elapse(fresh, start + 2 * duration, {}, tail).chat.end?.reason, 'CUSTOMER_CONNECTION_NOT_ESTABLISHED');
  });

  test('[TM3] is nothing to a chat that has ended', () => {
    const over = ended(start + minute);
    assert.equal(elapse(over, start + 10 * duration, {}, tail).chat, over);
  });

  test('[TM4] makes the message tokens of an ended chat superfluous, once', () => {
    const over = ended(start + minute);
    const day = start + minute + tokensKept;
    assert.equal(isToForget(connected, day), false);
    assert.equal(isToForget(over, day - 1), false);
    assert.equal(isToForget(over, day), true);
    assert.equal(isToForget({ ...over, isForgotten: true }, day), false);
  });
});

describe('timers of participants', () => {
  const timer = (
    role: TimerSetting['role'],
    type: TimerSetting['type'],
    minutes: number | undefined,
  ): TimerSetting => ({
    role,
    type,
    minutes,
  });

  test('[RC1] are set, replaced and taken away by role and type', () => {
    const first = configure(connected, [timer('CUSTOMER', 'IDLE', 5), timer('AGENT', 'IDLE', 10)]);
    assert.deepEqual(first.timers, [timer('CUSTOMER', 'IDLE', 5), timer('AGENT', 'IDLE', 10)]);
    const second = configure(first, [
      timer('CUSTOMER', 'IDLE', undefined),
      timer('AGENT', 'IDLE', 2),
      timer('AGENT', 'DISCONNECT_NONCUSTOMER', 3),
    ]);
    assert.deepEqual(second.timers, [timer('AGENT', 'IDLE', 2), timer('AGENT', 'DISCONNECT_NONCUSTOMER', 3)]);
    assert.deepEqual(configure(connected, [timer('AGENT', 'IDLE', undefined)]).timers, []);
  });
});
