import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chatAt, newChatAt } from '../../test/support/chat.ts';
import { property } from '../../test/support/property.ts';
import { type Chat, end } from './chat.ts';
import { type ContactEvent, contactEvents, contactEventTypes } from './contact-events.ts';
import { admit, connect, disconnect, exchange, type Participant, type ParticipantRole } from './participant.ts';

const start = 1_769_860_800_000;
const tail = () => new Uint8Array(10);

function somebody(id: string, role: ParticipantRole): Participant {
  return { id, role, displayName: id, createdAt: start };
}

/** The chat that a rule makes of one, or the same if it refuses. */
const after = (chat: Chat, step: { readonly chat: Chat } | { readonly refused: string }) =>
  'chat' in step ? step.chat : chat;
const join = (chat: Chat, id: string, now: number) => after(chat, connect(chat, id, now, tail));
const enter = (chat: Chat, id: string, role: ParticipantRole) => after(chat, admit(chat, somebody(id, role), start));
const types = (events: readonly ContactEvent[]) => events.map(({ type }) => type);

const fresh = chatAt(start, { participants: [somebody('customer', 'CUSTOMER')] });
const open = join(fresh, 'customer', start + 5);

describe('contact events', () => {
  test('[CE1] are none where nothing of theirs changed', () => {
    assert.deepEqual(contactEvents(open, open, start), []);
    const withBot = enter(open, 'bot', 'CUSTOM_BOT');
    assert.deepEqual(contactEvents(open, withBot, start), []);
    assert.deepEqual(contactEvents(withBot, join(withBot, 'bot', start + 9), start + 9), []);
    const touched = { ...open, timers: [], contact: { ...open.contact, updatedAt: start + 9 } };
    assert.deepEqual(contactEvents(open, touched, start + 9), []);
  });

  test('[CE1] come in their order where one change has several', () => {
    const agent = enter(fresh, 'agent', 'AGENT');
    const joined = join(join(agent, 'customer', start + 5), 'agent', start + 6);
    const over = { ...end(joined, 'API', start + 7, tail).chat, attributes: { plan: 'gold' } };
    assert.deepEqual(contactEvents(agent, over, start + 7), [
      { type: 'CONNECTED_TO_SYSTEM', time: start + 5 },
      { type: 'CONTACT_DATA_UPDATED', time: start + 7, updatedProperties: ['UserDefinedAttributes'] },
      { type: 'CONNECTED_TO_AGENT', time: start + 6, participantId: 'agent' },
      { type: 'DISCONNECTED', time: start + 7 },
      { type: 'COMPLETED', time: start + 7 },
    ]);
    const atOnce = types(contactEvents(undefined, over, start + 7));
    assert.deepEqual(atOnce, ['INITIATED', 'CONNECTED_TO_SYSTEM', 'CONNECTED_TO_AGENT', 'DISCONNECTED', 'COMPLETED']);
  });

  test('[CE2] begin with the creation, which is no update', () => {
    const { contact } = fresh;
    const created = newChatAt(start, { attributes: { plan: 'gold' }, contact: { ...contact, tags: { team: 'a' } } });
    assert.deepEqual(contactEvents(undefined, created, start + 1), [{ type: 'INITIATED', time: start }]);
  });

  test('[CE3] tell once that the customer connected', () => {
    assert.deepEqual(contactEvents(fresh, open, start + 8), [{ type: 'CONNECTED_TO_SYSTEM', time: start + 5 }]);
    assert.deepEqual(contactEvents(open, join(open, 'customer', start + 9), start + 9), []);
  });

  test('[CE4] name everything that one change updated in one event', () => {
    const changed = {
      ...open,
      attributes: { plan: 'gold' },
      contact: { ...open.contact, tags: { team: 'a' }, segmentAttributes: { area: { ValueString: 'north' } } },
    };
    const updatedProperties = ['UserDefinedAttributes', 'Tags', 'Segment Attributes'];
    const updated = { type: 'CONTACT_DATA_UPDATED', time: start + 9, updatedProperties };
    assert.deepEqual(contactEvents(open, changed, start + 9), [updated]);
    assert.deepEqual(contactEvents(changed, open, start + 9), [updated], 'taken away again');
    const retagged = { ...changed, contact: { ...changed.contact, tags: { team: 'b' } } };
    assert.deepEqual(contactEvents(changed, retagged, start + 9)[0]?.updatedProperties, ['Tags']);
    const deep = { ...changed.contact, segmentAttributes: { area: { ValueString: 'south' } } };
    assert.deepEqual(contactEvents(changed, { ...changed, contact: deep }, start)[0]?.updatedProperties, [
      'Segment Attributes',
    ]);
  });

  test('[CE4] do not call an update what was so already', () => {
    const map = { ValueMap: { one: { ValueInteger: 1 }, two: { ValueList: [{ ValueString: 'x' }] } } };
    const segmentAttributes = { constructor: { ValueString: 'a' }, map };
    const full = { ...open, attributes: { a: '1', b: '2' }, contact: { ...open.contact, segmentAttributes } };
    const { constructor: first, map: second } = structuredClone(segmentAttributes);
    const again = {
      ...full,
      attributes: { b: '2', a: '1' },
      contact: { ...full.contact, tags: {}, segmentAttributes: { map: second, constructor: first } },
    };
    assert.deepEqual(contactEvents(full, again, start), []);
    const renamed = { ...full, attributes: { a: '1', constructor: '2' } };
    assert.deepEqual(types(contactEvents(full, renamed, start)), ['CONTACT_DATA_UPDATED']);
  });

  test('[CE5] do not tell of names, descriptions, references and related contacts', () => {
    const references = { link: { Type: 'URL', Value: 'https://example.com' } };
    const contact = { ...open.contact, name: 'N', description: 'D', references, relatedContactId: 'other' };
    assert.deepEqual(contactEvents(open, { ...open, contact }, start), []);
  });

  test('[CE7] tell of each agent that connects, and of nobody else', () => {
    const staffed = enter(enter(enter(open, 'anna', 'AGENT'), 'boss', 'SUPERVISOR'), 'ben', 'AGENT');
    assert.deepEqual(contactEvents(open, staffed, start), [], 'nobody has connected');
    const anna = join(staffed, 'anna', start + 7);
    const told = { type: 'CONNECTED_TO_AGENT', time: start + 7, participantId: 'anna' };
    assert.deepEqual(contactEvents(staffed, anna, start + 7), [told]);
    const boss = join(anna, 'boss', start + 8);
    assert.deepEqual(contactEvents(anna, boss, start + 8), []);
    const ben = join(boss, 'ben', start + 9);
    assert.deepEqual(contactEvents(boss, ben, start + 9)[0]?.participantId, 'ben');
    assert.deepEqual(contactEvents(ben, after(ben, disconnect(ben, 'anna', start + 9, tail)), start + 9), []);
  });

  test('[CE8] tell of the end, of completion right after it, and then only of data', () => {
    const over = end(open, 'API', start + 7, tail).chat;
    const told = [
      { type: 'DISCONNECTED', time: start + 7 },
      { type: 'COMPLETED', time: start + 7 },
    ];
    assert.deepEqual(contactEvents(open, over, start + 7), told);
    const later = { ...over, attributes: { rating: '5' } };
    assert.deepEqual(types(contactEvents(over, later, start + 9)), ['CONTACT_DATA_UPDATED']);
    assert.deepEqual(contactEvents(later, { ...later, isForgotten: true }, start + 9), []);
  });
});

/** A change of a chat by somebody, as the operations make it. */
type Move = (chat: Chat, now: number) => Chat;

const names = fc.constantFrom('anna', 'ben', 'boss', 'bot', 'customer');
const roleOf: Record<string, ParticipantRole> = { anna: 'AGENT', ben: 'AGENT', boss: 'SUPERVISOR', bot: 'CUSTOM_BOT' };
const entry = fc.record({ key: fc.constantFrom('a', 'b'), value: fc.constantFrom('1', '2') });
const moves: fc.Arbitrary<Move> = fc.oneof(
  names.map(
    (name): Move =>
      (chat) =>
        roleOf[name] ? enter(chat, name, roleOf[name]) : chat,
  ),
  names.map(
    (name): Move =>
      (chat, now) =>
        after(chat, exchange(chat, name, now)),
  ),
  names.map(
    (name): Move =>
      (chat, now) =>
        join(chat, name, now),
  ),
  names.map(
    (name): Move =>
      (chat, now) =>
        after(chat, disconnect(chat, name, now, tail)),
  ),
  fc.constant<Move>((chat, now) => end(chat, 'API', now, tail).chat),
  entry.map(
    ({ key, value }): Move =>
      (chat) => ({ ...chat, attributes: { ...chat.attributes, [key]: value } }),
  ),
  entry.map(
    ({ key, value }): Move =>
      (chat) => ({ ...chat, contact: { ...chat.contact, tags: { ...chat.contact.tags, [key]: value } } }),
  ),
  entry.map(
    ({ key, value }): Move =>
      ({ contact, ...chat }) => ({
        ...chat,
        contact: { ...contact, segmentAttributes: { ...contact.segmentAttributes, [key]: { ValueString: value } } },
      }),
  ),
  fc.constant<Move>((chat) => ({ ...chat, contact: { ...chat.contact, tags: undefined } })),
  fc.string().map(
    (name): Move =>
      (chat) => ({ ...chat, contact: { ...chat.contact, name } }),
  ),
);
/** Several moves at a time are one commit. */
const commits = fc.array(fc.array(moves, { maxLength: 4 }), { maxLength: 25 });

/** What an event can be about, as text. */
const data = ({ attributes, contact: { tags, segmentAttributes } }: Chat) =>
  JSON.stringify([attributes, tags ?? {}, segmentAttributes].map((each) => Object.entries(each).toSorted()));

describe('the events of a contact', () => {
  test('[CE1, CE2, CE3, CE4, CE6, CE7, CE8] fit together whatever is done to it', () => {
    fc.assert(
      fc.property(commits, (all) => {
        let now = start;
        let chat = fresh;
        const told = contactEvents(undefined, fresh, now);
        for (const commit of all) {
          const before = chat;
          now += 1000;
          for (const move of commit) chat = move(chat, now);
          const events = contactEvents(before, chat, now);
          const places = events.map(({ type }) => contactEventTypes.indexOf(type));
          assert.deepEqual(places, places.toSorted(), 'the events of one commit are in order');
          assert.equal(types(events).includes('CONTACT_DATA_UPDATED'), data(before) !== data(chat));
          told.push(...events);
        }
        const kinds = types(told);
        const count = (type: string) => kinds.filter((each) => each === type).length;
        assert.deepEqual([kinds[0], count('INITIATED'), count('QUEUED')], ['INITIATED', 1, 0]);
        assert.equal(count('CONNECTED_TO_SYSTEM'), chat.contact.connectedToSystemAt === undefined ? 0 : 1);
        const agents = chat.participants.filter(({ role, connectedAt }) => role === 'AGENT' && connectedAt);
        const toldOf = told.flatMap(({ participantId }) => participantId ?? []);
        assert.deepEqual(toldOf.toSorted(), agents.map(({ id }) => id).toSorted());
        assert.deepEqual(
          kinds.filter((type) => type !== 'CONTACT_DATA_UPDATED').slice(chat.end ? -2 : kinds.length),
          chat.end ? ['DISCONNECTED', 'COMPLETED'] : [],
        );
        assert.deepEqual([count('DISCONNECTED'), count('COMPLETED')], chat.end ? [1, 1] : [0, 0]);
        if (chat.end) assert.equal(kinds[kinds.indexOf('DISCONNECTED') + 1], 'COMPLETED');
      }),
      property(300),
    );
  });
});
