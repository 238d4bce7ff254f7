import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chatAt } from '../../test/support/chat.ts';
import { type Chat, participantOf, type Step } from './chat.ts';
import { endSilence, idleIds, paired, returned, silenceDue, type TimedRole } from './idle.ts';
import { absence, connect, disconnect, type Participant, type ParticipantRole } from './participant.ts';
import { elapse, nextDue } from './timers.ts';

const start = Date.parse('2026-01-31T12:00:00.000Z');
const minute = 60_000;
const tail = () => new Uint8Array(10);

function person(id: string, role: ParticipantRole): Participant {
  return { id, role, displayName: id, createdAt: start };
}

type Timer = NonNullable<Chat['timers']>[number];
const timer = (role: TimedRole, type: Timer['type'], minutes: number): Timer => ({ role, type, minutes });
const both = [timer('CUSTOMER', 'IDLE', 2), timer('CUSTOMER', 'DISCONNECT_NONCUSTOMER', 3)];

function chatOf(timers: readonly Timer[], ...others: Participant[]): Chat {
  const fresh = chatAt(start, { participants: [person('ana', 'CUSTOMER'), ...others], timers });
  return ['ana', ...others.map(({ id }) => id)].reduce((chat, id) => taken(connect(chat, id, start, tail)).chat, fresh);
}

function taken<S extends Step | { readonly refused: string }>(step: S): Extract<S, Step> {
  assert('chat' in step, 'the rule refused');
  return step as Extract<S, Step>;
}

/** What is pushed and what is written, in order. */
const said = ({ events = [], items }: Step) =>
  [...events, ...items].map((each) =>
    `${each.contentType?.replace(/^.*event\./, '')} ${each.participantId ?? ''}`.trim(),
  );

/** Lets the chat's due times come, one after the other, until `until`. Nobody says anything. */
function pass(
  chat: Chat,
  until: number,
  heard: Partial<Record<TimedRole, number>> = {},
): { chat: Chat; log: string[] } {
  const log: string[] = [];
  for (let due = nextDue(chat); due !== undefined && due <= until && !chat.end; due = nextDue(chat)) {
    const step = elapse(chat, due, heard, tail);
    log.push(...said(step).map((line) => `${((due ?? 0) - start) / minute} ${line}`));
    chat = step.chat;
  }
  return { chat, log };
}

describe('silence', () => {
  test('[IT1] counts only while customer and agent or bot are both connected', () => {
    assert.equal(silenceDue(chatOf(both)), Number.POSITIVE_INFINITY);
    const withBot = chatOf(both, person('bot', 'CUSTOM_BOT'));
    assert.equal(silenceDue(withBot), start + 2 * minute);
    const left = taken(disconnect(withBot, 'bot', start + 1, tail)).chat;
    assert.equal(left.pairing, undefined);
    assert.equal(chatOf(both, person('sue', 'SUPERVISOR')).pairing, undefined);
  });

  test('[IT2] keeps the timers as they were when it began, until the next agent or bot', () => {
    const chat = { ...chatOf(both, person('bot', 'CUSTOM_BOT')), timers: [timer('CUSTOMER', 'IDLE', 9)] };
    assert.equal(silenceDue(paired(chat, start + 5)), start + 2 * minute);
    const withAgent = { ...chat, participants: [...chat.participants, person('bob', 'AGENT')] };
    const next = taken(connect(withAgent, 'bob', start + minute, tail)).chat;
    assert.deepEqual([next.pairing?.with, silenceDue(next)], ['AGENT', start + 10 * minute]);
  });

  test('[IT3] makes idle first, then disconnects a bot; the chat goes on', () => {
    const { chat, log } = pass(chatOf(both, person('bot', 'CUSTOM_BOT')), start + 60 * minute);
    assert.deepEqual(log, ['2 participant.idle ana', '5 participant.autodisconnection ana', '5 participant.left bot']);
    assert.equal(chat.end, undefined);
    assert.deepEqual(absence(chat, 'bot', start + 60 * minute), {
      refused: 'participant-left',
      at: start + 5 * minute,
    });
  });

  test('[IT4] ends the chat with the agent that it disconnects, chat.ended last', () => {
    const { chat, log } = pass(chatOf(both, person('bob', 'AGENT'), person('sue', 'SUPERVISOR')), start + 60 * minute);
    assert.deepEqual(log.slice(1), [
      '5 participant.autodisconnection ana',
      '5 participant.left bob',
      '5 participant.left sue',
      '5 chat.ended',
    ]);
    assert.equal(chat.end?.reason, 'IDLE_DISCONNECT');
    assert.equal(participantOf(chat, 'ana')?.leftBecause, 'ended');
  });

  test('[IT3] disconnects without idleness where there is only that timer', () => {
    const alone = [timer('AGENT', 'DISCONNECT_NONCUSTOMER', 4)];
    assert.deepEqual(pass(chatOf(alone, person('bob', 'AGENT')), start + 60 * minute).log.slice(0, 2), [
      '4 participant.autodisconnection bob',
      '4 participant.left bob',
    ]);
  });

  test('[IT5] has no timers for a custom participant', () => {
    const agents = [timer('AGENT', 'IDLE', 2), timer('AGENT', 'DISCONNECT_NONCUSTOMER', 2)];
    assert.equal(silenceDue(chatOf(agents, person('bot', 'CUSTOM_BOT'))), Number.POSITIVE_INFINITY);
    assert.equal(silenceDue(chatOf(agents, person('bob', 'AGENT'))), start + 2 * minute);
  });

  test('[IT6] begins anew from what was heard meanwhile, without an event', () => {
    const chat = chatOf(both, person('bot', 'CUSTOM_BOT'));
    const step = endSilence(chat, start + 2 * minute, { CUSTOMER: start + 90_000 }, tail);
    assert.deepEqual(said(step), []);
    assert.equal(silenceDue(step.chat), start + 90_000 + 2 * minute);
  });

  test('[IT7] is over with the next message: returned, and the time begins anew', () => {
    const idle = pass(chatOf(both, person('bot', 'CUSTOM_BOT')), start + 2 * minute).chat;
    assert.deepEqual(idleIds(idle), ['ana']);
    const step = returned(idle, 'ana', start + 3 * minute);
    assert.deepEqual(said(step), ['participant.returned ana']);
    assert.deepEqual([idleIds(step.chat), silenceDue(step.chat)], [[], start + 5 * minute]);
    assert.equal(returned(step.chat, 'ana', start + 4 * minute).chat, step.chat, 'again changes nothing');
    assert.equal(returned(idle, 'bot', start + 3 * minute).chat, idle, 'the bot has no timers');
  });

  test('[IT7, IT9] is over with the message of any agent, and names who spoke', () => {
    const timers = [timer('AGENT', 'IDLE', 2), timer('AGENT', 'DISCONNECT_NONCUSTOMER', 3)];
    const { chat } = pass(chatOf(timers, person('bob', 'AGENT'), person('eva', 'AGENT')), start + 2 * minute);
    assert.deepEqual(idleIds(chat), ['bob', 'eva']);
    const back = returned(chat, 'eva', start + 3 * minute);
    assert.deepEqual(said(back), ['participant.returned eva']);
    assert.deepEqual(idleIds(back.chat), []);
  });

  test('[IT7] that was broken while nobody could take note is returned when it is looked at', () => {
    const idle = pass(chatOf(both, person('bot', 'CUSTOM_BOT')), start + 2 * minute).chat;
    const step = endSilence(idle, start + 5 * minute, { CUSTOMER: start + 4 * minute }, tail);
    assert.deepEqual(said(step), ['participant.returned ana']);
    assert.equal(silenceDue(step.chat), start + 6 * minute);
  });

  test('[IT8] of both sides runs side by side', () => {
    const four = [...both, timer('AGENT', 'IDLE', 3), timer('AGENT', 'DISCONNECT_NONCUSTOMER', 10)];
    const { log } = pass(chatOf(four, person('bob', 'AGENT')), start + 60 * minute);
    assert.deepEqual(log.slice(0, 3), [
      '2 participant.idle ana',
      '3 participant.idle bob',
      '5 participant.autodisconnection ana',
    ]);
  });

  test('[IT1] is nobody’s once the chat is over', () => {
    const chat = chatOf(both, person('bob', 'AGENT'));
    assert.equal(taken(disconnect(chat, 'ana', start + 1, tail)).chat.pairing, undefined);
  });
});
