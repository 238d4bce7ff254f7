import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chatAt } from '../../test/support/chat.ts';
import { type Chat, end, participantOf, type Step } from './chat.ts';
import * as contentType from './content-type.ts';
import type { NewItem } from './item.ts';
import { absence, admit, connect, connectedIds, disconnect, maxParticipants, type Participant } from './participant.ts';

const start = 1_769_860_800_000;

function somebody(id: string, more: Partial<Participant> = {}): Participant {
  return { id, role: id === 'bot' ? 'CUSTOM_BOT' : 'SYSTEM', displayName: id, createdAt: start, ...more };
}

/** A chat whose customer is yet to connect. */
const fresh = chatAt(start, { participants: [somebody('customer', { role: 'CUSTOMER' })] });

let tails = 0;
function tail(): Uint8Array {
  tails += 1;
  return new Uint8Array(10).fill(tails);
}

function taken<S extends Step | { readonly refused: string }>(step: S): Extract<S, Step> {
  assert('chat' in step, 'the rule refused');
  return step as Extract<S, Step>;
}

const join = (chat: Chat, id: string, now = start) => taken(connect(chat, id, now, tail)).chat;
const enter = (chat: Chat, id: string, now = start) => taken(admit(chat, somebody(id, { createdAt: now }), now)).chat;
const leave = (chat: Chat, id: string, now = start) => taken(disconnect(chat, id, now, tail)).chat;

/** What the items say, and of whom. */
const said = (items: readonly NewItem[]) => items.map((each) => [each.type, each.contentType, each.participantId]);

/** A chat in which the customer and two bots are connected, and a third bot is not. */
const busy = enter(join(enter(join(enter(join(fresh, 'customer'), 'bot'), 'bot'), 'helper'), 'helper'), 'late');

describe('joining', () => {
  test('[CP7] takes a participant in without an item, and not connected', () => {
    const { chat, items } = taken(admit(fresh, somebody('bot'), start));
    assert.deepEqual(items, []);
    assert.deepEqual(connectedIds(chat), []);
    assert.equal(participantOf(chat, 'bot')?.connectedAt, undefined);
    assert.equal(absence(chat, 'bot', start), undefined, 'it may act');
    assert.deepEqual(chat.participants[0], fresh.participants[0]);
  });

  test('[CN6, CP7] writes participant.joined when a participant connects, once', () => {
    const chat = enter(fresh, 'bot');
    const first = taken(connect(chat, 'bot', start + 5, tail));
    assert.deepEqual(said(first.items), [['EVENT', contentType.joined, 'bot']]);
    assert.deepEqual(connectedIds(first.chat), ['bot']);
    assert.equal(participantOf(first.chat, 'bot')?.connectedAt, start + 5);
    assert.equal(first.chat.contact.connectedToSystemAt, undefined, 'that is the time of the customer');
    const again = taken(connect(first.chat, 'bot', start + 9, tail));
    assert.deepEqual(again.items, []);
    assert.equal(again.chat, first.chat, 'nothing to write');
  });

  test('[CN6] notes when the customer connected', () => {
    const chat = join(fresh, 'customer', start + 5);
    assert.deepEqual([chat.contact.connectedToSystemAt, chat.contact.updatedAt], [start + 5, start + 5]);
    const after = join(enter(chat, 'bot'), 'bot', start + 9);
    assert.deepEqual(after.contact, chat.contact);
  });

  test('[SC4] puts the initial message right after the joining of the customer, and of nobody else', () => {
    const initialMessage = { contentType: 'text/plain', content: 'hello' };
    const chat = enter({ ...fresh, settings: { ...fresh.settings, initialMessage } }, 'bot');
    assert.deepEqual(said(taken(connect(chat, 'bot', start, tail)).items), [['EVENT', contentType.joined, 'bot']]);
    const { items } = taken(connect(chat, 'customer', start, tail));
    assert.deepEqual(said(items), [
      ['EVENT', contentType.joined, 'customer'],
      ['MESSAGE', 'text/plain', 'customer'],
    ]);
    assert.equal(items[1]?.content, 'hello');
    assert.notDeepEqual(items[0]?.tail, items[1]?.tail);
  });

  test('[CP4] takes nobody into a chat that ended, and says when that was', () => {
    const { chat } = end(busy, 'API', start + 7, tail);
    assert.deepEqual(admit(chat, somebody('new'), start), { refused: 'contact-ended', at: start + 7 });
  });

  test('[CP5] takes a bounded number of participants into one chat, those who left counted', () => {
    let chat = fresh;
    for (let index = 1; index < maxParticipants; index += 1) chat = enter(chat, `bot-${index}`);
    assert.deepEqual(admit(chat, somebody('one more'), start), { refused: 'too-many-participants' });
    assert.deepEqual(admit(leave(chat, 'bot-1'), somebody('one more'), start), { refused: 'too-many-participants' });
  });
});

describe('absence', () => {
  test('[CN1] says who left and when, that the chat ended and when, and who never was', () => {
    assert.equal(absence(busy, 'bot', start), undefined);
    assert.equal(absence(busy, 'late', start), undefined);
    assert.deepEqual(absence(busy, 'nobody', start), { refused: 'no-participant' });
    const without = leave(busy, 'bot', start + 3);
    assert.deepEqual(absence(without, 'bot', start), { refused: 'participant-left', at: start + 3 });
    assert.equal(absence(without, 'helper', start), undefined);
    const over = end(without, 'API', start + 8, tail).chat;
    assert.deepEqual(absence(over, 'bot', start), { refused: 'participant-left', at: start + 3 }, 'it had left before');
    for (const id of ['customer', 'helper', 'late']) {
      assert.deepEqual(absence(over, id, start), { refused: 'contact-ended', at: start + 8 });
    }
  });

  test('[CN1, DP3] keeps whoever is gone from connecting or leaving again', () => {
    const gone = { refused: 'participant-left', at: start + 3 };
    const chat = leave(busy, 'bot', start + 3);
    assert.deepEqual(connect(chat, 'bot', start + 4, tail), gone);
    assert.deepEqual(disconnect(chat, 'bot', start + 4, tail), gone);
    const over = end(busy, 'API', start + 8, tail).chat;
    assert.deepEqual(connect(over, 'late', start + 9, tail), { refused: 'contact-ended', at: start + 8 });
    assert.deepEqual(disconnect(over, 'bot', start + 9, tail), { refused: 'contact-ended', at: start + 8 });
    assert.deepEqual(disconnect(busy, 'nobody', start, tail), { refused: 'no-participant' });
  });
});

describe('leaving', () => {
  test('[DP1] writes the customer’s participant.left and then chat.ended, last and of nobody', () => {
    const { chat, items } = taken(disconnect(busy, 'customer', start + 4, tail));
    assert.deepEqual(said(items), [
      ['EVENT', contentType.left, 'customer'],
      ['EVENT', contentType.ended, undefined],
    ]);
    assert.notDeepEqual(items[0]?.tail, items[1]?.tail);
    assert.deepEqual(chat.end, { at: start + 4, reason: 'CUSTOMER_DISCONNECT' });
    assert.deepEqual(connectedIds(chat), []);
    assert.equal(chat.contact.updatedAt, start + 4);
  });

  test('[DP1] writes no participant.left of somebody who never joined', () => {
    const { chat, items } = taken(disconnect(fresh, 'customer', start + 4, tail));
    assert.deepEqual(said(items), [['EVENT', contentType.ended, undefined]]);
    assert.equal(chat.end?.reason, 'CUSTOMER_DISCONNECT');
    const late = taken(disconnect(busy, 'late', start + 4, tail));
    assert.deepEqual(late.items, []);
    assert.deepEqual(absence(late.chat, 'late', start + 4), { refused: 'participant-left', at: start + 4 });
  });

  test('[DP2] lets a bot leave without ending the chat', () => {
    const { chat, items } = taken(disconnect(busy, 'bot', start + 4, tail));
    assert.deepEqual(said(items), [['EVENT', contentType.left, 'bot']]);
    assert.equal(chat.end, undefined);
    assert.deepEqual(connectedIds(chat), ['customer', 'helper']);
    assert.equal(chat.contact.connectedToSystemAt, busy.contact.connectedToSystemAt);
  });

  test('[DC1, DP4] ends a chat by API with chat.ended alone, and once', () => {
    const before = leave(busy, 'bot', start + 2);
    const { chat, items } = end(before, 'API', start + 6, tail);
    assert.deepEqual(said(items), [['EVENT', contentType.ended, undefined]]);
    assert.deepEqual(chat.end, { at: start + 6, reason: 'API' });
    assert.deepEqual(connectedIds(chat), []);
    assert.deepEqual(
      chat.participants.map(({ id, leftAt }) => [id, leftAt]),
      [
        ['customer', start + 6],
        ['bot', start + 2],
        ['helper', start + 6],
        ['late', start + 6],
      ],
    );
    const again = end(chat, 'API', start + 9, tail);
    assert.equal(again.chat, chat);
    assert.deepEqual(again.items, []);
  });

  test('[DP1, DP2] leave the chat they were given as it was', () => {
    const before = structuredClone(busy);
    disconnect(busy, 'customer', start, tail);
    disconnect(busy, 'bot', start, tail);
    connect(busy, 'late', start, tail);
    admit(busy, somebody('new'), start);
    end(busy, 'API', start, tail);
    assert.deepEqual(busy, before);
  });
});
