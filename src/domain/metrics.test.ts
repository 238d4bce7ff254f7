import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chatAt } from '../../test/support/chat.ts';
import type { Chat } from './chat.ts';
import type { Item } from './item.ts';
import { addItems, metricsOf, openTally } from './metrics.ts';
import type { Participant, ParticipantRole } from './participant.ts';

/** Milliseconds; a chat that begins at 0. */
const second = 1000;

function participant(id: string, role: ParticipantRole, connectedAt: number | undefined, leftAt?: number): Participant {
  return { id, role, displayName: id, createdAt: 0, connectedAt, leftAt };
}

const ana = participant('ana', 'CUSTOMER', 0);
const bot = participant('bot', 'CUSTOM_BOT', 0);
const eva = participant('eva', 'AGENT', 10 * second);

const chatOf = (participants: readonly Participant[], endedAt?: number) =>
  chatAt(0, { participants, end: endedAt === undefined ? undefined : { at: endedAt, reason: 'API' } });

/** Messages as `author: seconds` or `author: seconds text`; events begin with a hyphen. */
function items(...lines: string[]): Item[] {
  return lines.map((line, index) => {
    const [, author = '', at = '', content = ''] = /^-?(\w*): (\d+) ?(.*)$/.exec(line) ?? [];
    const type = line.startsWith('-') ? 'EVENT' : 'MESSAGE';
    return {
      id: `item${index}`,
      number: index + 1,
      time: Number(at) * second,
      type,
      content,
      participantId: author || undefined,
    };
  });
}

function measure(chat: Chat, ...lines: string[]) {
  return metricsOf(chat, addItems(chat, openTally(chat), items(...lines)));
}

describe('metrics of a chat', () => {
  it('[DC7] count messages, those of bots and of nobody as the bots’, in code points', () => {
    const found = measure(chatOf([ana, bot]), '-ana: 0', 'ana: 1 hi', 'bot: 2 a😀b', ': 3 four', '-bot: 4');
    assert.deepEqual([found.messages, found.botMessages, found.botCharacters], [3, 2, 7]);
  });

  it('[DC7] count a turn for each run of messages by the customer’s side or the other', () => {
    const chat = chatOf([ana, bot, eva]);
    assert.equal(measure(chat).turns, 0);
    assert.equal(measure(chat, 'ana: 1', 'ana: 2').turns, 1);
    assert.equal(measure(chat, 'ana: 1', 'bot: 2', 'eva: 12', 'ana: 13', 'ana: 14', 'eva: 15').turns, 4);
  });

  it('[DC7] tell how long after the customer’s last message the chat ended, if it ended and there was one', () => {
    const lines = ['bot: 1', 'ana: 2', 'bot: 5'];
    assert.equal(measure(chatOf([ana, bot], 9 * second), ...lines).closedAfter, 7 * second);
    assert.equal(measure(chatOf([ana, bot]), ...lines).closedAfter, undefined);
    assert.equal(measure(chatOf([ana, bot], 9 * second), 'bot: 1').closedAfter, undefined);
    assert.equal(measure(chatOf([ana, bot], 1 * second), ...lines).closedAfter, 0);
  });

  it('[DC7] measure answers from the other side’s last message before', () => {
    const { customer, agent } = measure(
      chatOf([ana, bot, eva]),
      'bot: 1',
      'bot: 3',
      'ana: 5 four',
      'ana: 6 x',
      'eva: 16 abc',
      'ana: 20 hi',
      'eva: 21 a',
      'eva: 22 b',
      'ana: 23',
      'eva: 30',
    );
    assert.deepEqual(customer, {
      participantId: 'ana',
      hasAbandoned: false,
      messages: 4,
      characters: 7,
      responses: 3,
      responseTime: (2 + 4 + 1) * second,
      longestResponse: 4 * second,
      lastMessageAt: 23 * second,
    });
    assert.deepEqual(agent, {
      participantId: 'eva',
      hasAbandoned: false,
      messages: 4,
      characters: 5,
      responses: 2,
      responseTime: (1 + 7) * second,
      longestResponse: 7 * second,
      lastMessageAt: 30 * second,
      firstResponseAt: 16 * second,
      firstResponseAfter: 6 * second,
    });
  });

  it('[DC7] call abandoned who was written to and never wrote; nobody asks an agent that is not there yet', () => {
    assert.equal(measure(chatOf([ana, bot]), 'bot: 1').customer?.hasAbandoned, true);
    assert.equal(measure(chatOf([ana, bot])).customer?.hasAbandoned, false);
    assert.equal(measure(chatOf([ana, eva]), 'ana: 9').agent?.hasAbandoned, false);
    assert.equal(measure(chatOf([ana, eva]), 'ana: 10').agent?.hasAbandoned, true);
    assert.equal(measure(chatOf([ana, eva]), 'ana: 10').agent?.firstResponseAfter, undefined);
  });

  it('[DC7] are of the agent that connected first, and of none where none did', () => {
    const later = participant('later', 'AGENT', 20 * second);
    const never = participant('never', 'AGENT', undefined);
    const { agent } = measure(chatOf([ana, never, later, eva]), 'later: 21 a', 'eva: 22 bc');
    assert.deepEqual([agent?.participantId, agent?.messages, agent?.characters], ['eva', 1, 2]);
    assert.equal(measure(chatOf([ana, never, bot]), 'ana: 1').agent, undefined);
  });

  it('[DC7] call a chat multi-party where a supervisor took part, or two agents at one time', () => {
    const until = (agent: Participant, leftAt: number) => ({ ...agent, leftAt });
    const later = participant('later', 'AGENT', 20 * second);
    const isMultiParty = (...participants: Participant[]) => measure(chatOf([ana, bot, ...participants])).isMultiParty;
    assert.equal(isMultiParty(), false);
    assert.equal(isMultiParty(eva), false);
    assert.equal(isMultiParty(eva, later), true);
    assert.equal(isMultiParty(later, until(eva, 21 * second)), true);
    assert.equal(isMultiParty(until(eva, 20 * second), later), false);
    assert.equal(isMultiParty(participant('boss', 'SUPERVISOR', 5)), true);
    assert.equal(isMultiParty(participant('boss', 'SUPERVISOR', undefined)), false);
  });

  it('[DC7] are the same however the items are read', () => {
    const chat = chatOf([ana, bot, eva], 60 * second);
    const all = items('ana: 1 a', 'bot: 2 b', 'ana: 11 c', 'eva: 12 d', 'ana: 13 e', 'eva: 20 f');
    const whole = metricsOf(chat, addItems(chat, openTally(chat), all));
    for (const size of [1, 2, 4]) {
      let tally = openTally(chat);
      for (let from = 0; from < all.length; from += size) tally = addItems(chat, tally, all.slice(from, from + size));
      assert.deepEqual(metricsOf(chat, tally), whole);
    }
  });
});
