import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chatAt } from '../../test/support/chat.ts';
import { property } from '../../test/support/property.ts';
import * as contentType from '../domain/content-type.ts';
import { type Item, itemId } from '../domain/item.ts';
import { markVersion7, systemIds } from '../runtime/ids.ts';
import { chatFrame } from './frame.ts';
import { pushedItem, surroundings } from './item.ts';
import { streamParcel } from './parcel.ts';

const noon = 1_769_860_800_000;
const topic = 'arn:aws:sns:us-east-1:123456789012:topic';
const ids = systemIds();
const stream = { id: ids.uuid(), topic };
const chat = chatAt(noon, {
  id: 'the-chat',
  contact: { ...chatAt(noon).contact, id: 'the-contact' },
  participants: [
    { id: 'customer', role: 'CUSTOMER', displayName: 'Ana', createdAt: noon },
    { id: 'bot', role: 'CUSTOM_BOT', displayName: 'Bot', createdAt: noon },
  ],
});

function item(more: Partial<Item>): Item {
  const { time = noon } = more;
  return { id: itemId(time, ids.tail()), number: 7, time, type: 'EVENT', ...more };
}

const message = item({ type: 'MESSAGE', contentType: 'text/plain', content: 'é😀', participantId: 'customer' });
const attachment = item({
  number: 8,
  type: 'ATTACHMENT',
  participantId: 'bot',
  attachments: [{ id: 'file', name: 'a.png', contentType: 'image/png', status: 'APPROVED' }],
});
const ended = item({ number: 9, contentType: contentType.ended });
const { number: _, ...typing } = item({ contentType: contentType.typing, participantId: 'customer' });

const everywhere = {
  InitialContactId: 'the-chat',
  ContactId: 'the-contact',
  InstanceId: 'instance',
  AccountId: '123456789012',
  MessageVisibility: 'ALL',
};

describe('attributes of a notification', () => {
  test('[SS8, SS9] of a message are these and no other', () => {
    assert.deepEqual(streamParcel(message, stream, chat).attributes, {
      ...everywhere,
      Type: 'MESSAGE',
      ContentType: 'text/plain',
      ParticipantRole: 'CUSTOMER',
      SequenceNumber: '7',
      DeduplicationId: message.id,
    });
  });

  test('[SS8, SS9] of an attachment have no ContentType', () => {
    assert.deepEqual(streamParcel(attachment, stream, chat).attributes, {
      ...everywhere,
      Type: 'ATTACHMENT',
      ParticipantRole: 'CUSTOM_BOT',
      SequenceNumber: '8',
      DeduplicationId: attachment.id,
    });
  });

  test('[SS8, SS9] of the end, which nobody caused, have no ParticipantRole', () => {
    assert.deepEqual(streamParcel(ended, stream, chat).attributes, {
      ...everywhere,
      Type: 'EVENT',
      ContentType: 'application/vnd.amazonaws.connect.event.chat.ended',
      SequenceNumber: '9',
      DeduplicationId: ended.id,
    });
  });

  test('[SS8, SS9, SS10] of what passes by have no SequenceNumber', () => {
    assert.deepEqual(streamParcel(typing, stream, chat).attributes, {
      ...everywhere,
      Type: 'EVENT',
      ContentType: 'application/vnd.amazonaws.connect.event.typing',
      ParticipantRole: 'CUSTOMER',
      DeduplicationId: typing.id,
    });
  });

  test('[SS8] are never empty, as SNS takes no such one', () => {
    const odd = item({ type: 'MESSAGE', contentType: '', content: '', participantId: 'nobody' });
    for (const each of [message, attachment, ended, typing, odd]) {
      const { attributes } = streamParcel(each, stream, chat);
      for (const [name, value] of Object.entries(attributes)) {
        assert(typeof value === 'string' && value !== '', name);
      }
      // Amazon's SNS takes ten with raw delivery.
      assert(Object.keys(attributes).length <= 10);
    }
  });
});

describe('the Message of a notification', () => {
  test('[SS8] is the item as sockets get it', () => {
    for (const each of [message, attachment, ended]) {
      const { body } = streamParcel(each, stream, chat);
      const frame = JSON.parse(chatFrame(pushedItem(each, surroundings(chat))));
      assert.deepEqual(JSON.parse(body), JSON.parse(frame.content));
    }
  });

  test('[SS8] has these members for a message', () => {
    const { body, topic: to, time } = streamParcel(message, stream, chat);
    assert.deepEqual([to, time], [topic, noon]);
    assert.deepEqual(JSON.parse(body), {
      AbsoluteTime: '2026-01-31T12:00:00.000Z',
      Content: 'é😀',
      ContentType: 'text/plain',
      Id: message.id,
      Type: 'MESSAGE',
      ParticipantId: 'customer',
      DisplayName: 'Ana',
      ParticipantRole: 'CUSTOMER',
      ContactId: 'the-contact',
      InitialContactId: 'the-chat',
    });
  });

  test('[SS8, SS10] has the same for what passes by, and no number', () => {
    assert.deepEqual(JSON.parse(streamParcel(typing, stream, chat).body), {
      AbsoluteTime: '2026-01-31T12:00:00.000Z',
      ContentType: contentType.typing,
      Id: typing.id,
      Type: 'EVENT',
      ParticipantId: 'customer',
      DisplayName: 'Ana',
      ParticipantRole: 'CUSTOMER',
      ContactId: 'the-contact',
      InitialContactId: 'the-chat',
    });
  });
});

describe('the MessageId of a notification', () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  test('[SS9] is a UUID, the same in each attempt, also once the chat went on', () => {
    const { id } = streamParcel(message, stream, chat);
    assert.match(id, uuid);
    const later = { ...chat, last: 90, revision: 5, end: { at: noon + 1, reason: 'API' } as const };
    assert.equal(streamParcel({ ...message }, { ...stream }, later).id, id);
  });

  test('[SS9] differs between two streams and between two items', () => {
    const other = { id: ids.uuid(), topic };
    const parcels = [stream, other].flatMap((of) =>
      [message, ended, typing].map((each) => streamParcel(each, of, chat)),
    );
    assert.equal(new Set(parcels.map(({ id }) => id)).size, 6);
  });

  test('[SS9] is a UUID of its own for every item of every stream', () => {
    const seen = new Map<string, string>();
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const pair = fc.tuple(fc.uuid({ version: 4 }), fc.nat({ max: 2 ** 47 }), bytes(10));
    fc.assert(
      fc.property(pair, ([streamId, time, random]) => {
        const of = item({ time, id: itemId(time, markVersion7(Buffer.from(random))) });
        const { id } = streamParcel(of, { id: streamId, topic }, chat);
        assert.match(id, uuid);
        const from = `${streamId} ${of.id}`;
        assert.equal(seen.get(id) ?? from, from);
        seen.set(id, from);
      }),
      property(2000),
    );
  });

  test('[SS9] differs for items that differ in one bit', () => {
    const tail = markVersion7(Buffer.alloc(10));
    const parcelOf = (time: number, of: Uint8Array) =>
      streamParcel(item({ time, id: itemId(time, of) }), stream, chat).id;
    const seen = [parcelOf(noon, tail), parcelOf(noon + 1, tail)];
    for (let bit = 0; bit < 80; bit += 1) {
      const flipped = Buffer.from(tail);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      // Version and variant are the same in every item.
      if (markVersion7(Buffer.from(flipped)).equals(flipped)) seen.push(parcelOf(noon, flipped));
    }
    assert.equal(seen.length, 2 + 80 - 4 - 2);
    assert.equal(new Set(seen).size, seen.length);
  });
});
