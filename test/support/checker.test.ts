import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkHistories } from './checker.ts';
import type { ChatHistory, Notified, Shown } from './history.ts';

/** The checker is shown what must not be, one thing at a time, in a history that is otherwise as it should be. */

const start = Date.parse('2026-01-31T12:00:00.000Z');
const event = 'application/vnd.amazonaws.connect.event.';
const slack = { clocks: 100, jobs: 5_000 };
const iso = (second: number) => new Date(start + second * 1000).toISOString();

function happened(second: number, what: string, who?: string, role?: string): Shown {
  const of = who === undefined ? {} : { ParticipantId: who, ParticipantRole: role };
  const ContentType = event + what;
  return { Id: `item ${second}`, AbsoluteTime: iso(second), Type: 'EVENT', ContentType, ...of };
}

function message(second: number, Content: string, who: string, role: string): Shown {
  const said = { Type: 'MESSAGE', ContentType: 'text/plain', Content };
  return { Id: `item ${second}`, AbsoluteTime: iso(second), ...said, ParticipantId: who, ParticipantRole: role };
}

function notified(item: Shown, number?: number): Notified {
  const numbered: Record<string, string> = number === undefined ? {} : { SequenceNumber: String(number) };
  return {
    id: `parcel of ${item.Id}`,
    body: JSON.stringify(item),
    attributes: { ...numbered, DeduplicationId: item.Id },
  };
}

const read = {
  MessageMetadata: {
    MessageId: 'item 3',
    Receipts: [{ RecipientParticipantId: 'bot', DeliveredTimestamp: iso(4), ReadTimestamp: iso(4) }],
  },
};
const log = [
  happened(1, 'participant.joined', 'ana', 'CUSTOMER'),
  happened(2, 'participant.joined', 'bot', 'CUSTOM_BOT'),
  { ...message(3, 'one', 'ana', 'CUSTOMER'), ...read },
  message(5, 'two', 'bot', 'CUSTOM_BOT'),
  message(6, 'three', 'ana', 'CUSTOMER'),
  happened(8, 'chat.ended'),
] as const;
const typing = happened(7, 'typing', 'ana', 'CUSTOMER');

function sentAs(item: Shown) {
  const at = Date.parse(item.AbsoluteTime);
  const { Id: id, Content: content = '', AbsoluteTime: absoluteTime, ParticipantId: who } = item;
  return { who, content, id, absoluteTime, status: 200, sentAt: at - 10, answeredAt: at + 10 };
}

/** A chat of a customer and a bot, as it should be. */
const good = {
  chat: 'chat',
  startedAt: start,
  endedAt: start + 60_000,
  log,
  sent: [sentAs(log[2]), sentAs(log[3]), sentAs(log[4])],
  typed: [{ who: 'ana', id: typing.Id, status: 200, sentAt: start + 6_990, answeredAt: start + 7_010 }],
  receipts: [
    ...[{ who: 'bot', kind: 'read' as const, messageId: 'item 3', status: 200 }].map((each) => ({
      ...{ ...each, sentAt: start + 3_990, answeredAt: start + 4_010 },
    })),
  ],
  bots: [{ clientToken: 'token', participantId: 'bot', status: 200, sentAt: start + 1_100, answeredAt: start + 1_200 }],
  readings: [
    { who: 'ana', beganAt: start + 5_100, endedAt: start + 5_200, isWhole: true, items: log.slice(0, 4) as Shown[] },
  ],
  sockets: [
    {
      ...{ who: 'ana', openedAt: start + 1_000, readTo: 'item 1', isSubscribed: true, isWhole: true },
      heard: [...log.slice(1, 5), typing, log[5]] as Shown[],
    },
  ],
  streams: [
    {
      ...{ topic: 'topic', clientToken: 'stream', streamingIds: ['id', 'id'], status: 200 },
      ...{ sentAt: start + 500, answeredAt: start + 600 },
      parcels: [
        ...log.slice(0, 2).map((item, index) => notified(item, index + 1)),
        ...log.slice(0, 5).map((item, index) => notified(item, index + 1)),
        notified(typing),
        notified(log[5], 6),
      ],
    },
  ],
  ends: [{ sentAt: start + 7_990, answeredAt: start + 8_010, status: 200 }],
} satisfies ChatHistory;

const [one, , , two, last, end] = log;
const socket = good.sockets[0] as (typeof good.sockets)[number];
const stream = good.streams[0] as (typeof good.streams)[number];
const shows = (heard: readonly Shown[]) => ({ sockets: [{ ...socket, heard }] });
const brings = (parcels: readonly Notified[]) => ({ streams: [{ ...stream, parcels }] });
const without = <T>(from: readonly T[], ...some: readonly T[]) => from.filter((each) => !some.includes(each));
const swapped = <T>(from: readonly T[], at: number) => from.with(at, from[at + 1] as T).with(at + 1, from[at] as T);
const bot = good.bots[0] as (typeof good.bots)[number];

/** What is planted, and what is said of it. */
const planted: Readonly<Record<string, readonly [Partial<ChatHistory>, RegExp]>> = {
  'a message lost from the log': [{ log: without(log, last) }, /"three" was acknowledged as item 6 and is lost/],
  'a message that is there twice': [
    { log: [...log.slice(0, 5), { ...last, Id: 'again', AbsoluteTime: iso(7) }, end] },
    /"three" is there 2 times/,
  ],
  'one item twice in the log': [{ log: [...log.slice(0, 5), last, end] }, /the log has an item twice/],
  'two messages swapped in the log': [
    { log: swapped(log, 3).map((each, index) => ({ ...each, AbsoluteTime: log[index]?.AbsoluteTime ?? '' })) },
    /"three" was sent after item 4 had been answered, and comes before it/,
  ],
  'times that go back': [{ log: swapped(log, 3) }, /"two" is not later than "three" before it/],
  'another time than was answered': [
    { log: log.with(4, { ...last, AbsoluteTime: iso(6.5) }) },
    /"three" of ana at .* is shown as/,
  ],
  'a message that nobody sent': [{ sent: good.sent.slice(0, 2) }, /nobody said "three"/],
  'a refused message that is there': [
    { sent: good.sent.with(2, { ...sentAs(last), status: 403 }) },
    /"three" was refused with 403 and is there/,
  ],
  'an item after the end': [{ log: [...log, message(9, 'late', 'ana', 'CUSTOMER')] }, /"late" comes after the end/],
  'a message acknowledged after the end': [
    { sent: [...good.sent, { ...sentAs(last), sentAt: start + 9_000 }] },
    /"three" was said after the end had been answered/,
  ],
  'an end that was answered and is not there': [
    { log: log.slice(0, 5) },
    /its end was answered, and is not in the log/,
  ],
  'a message by somebody who had left': [
    { log: [...log.slice(0, 4), happened(5.5, 'participant.left', 'ana', 'CUSTOMER'), last, end] },
    /"three" is by ana, who is not there/,
  ],
  'two bots at a time': [
    { log: [...log.slice(0, 5), happened(7, 'participant.joined', 'rival', 'CUSTOM_BOT'), end] },
    /two bots are there/,
  ],
  'two bots for one token': [{ bots: [bot, { ...bot, participantId: 'other' }] }, /token made 2 bots: bot, other/],
  'a bot made while another is there': [
    {
      bots: [
        bot,
        { ...bot, clientToken: 'rival', participantId: 'rival', sentAt: start + 4_000, answeredAt: start + 4_100 },
      ],
    },
    /rival was made while the bot bot was there/,
  ],
  'a transcript that lacks what had been acknowledged': [
    { readings: [{ ...good.readings[0], items: log.slice(0, 3) } as ChatHistory['readings'][number]] },
    /a transcript read by ana lacks "two"/,
  ],
  'a transcript in another order': [
    { readings: [{ ...good.readings[0], items: swapped(log.slice(0, 4), 2) } as ChatHistory['readings'][number]] },
    /a transcript read by ana has "two" where the log has "one"/,
  ],
  'a message lost on a socket': [
    shows(without(socket.heard, two)),
    /a socket of ana shows "three" where the log has "two"/,
  ],
  'a message repeated on a socket': [
    shows(socket.heard.toSpliced(3, 0, two)),
    /a socket of ana shows "two" where the log has "three"/,
  ],
  'messages swapped on a socket': [
    shows(swapped(socket.heard, 2)),
    /a socket of ana shows "three" where the log has "two"/,
  ],
  'a socket that begins too late': [
    shows(socket.heard.slice(1)),
    /begins with "one", though only item 1 had been read/,
  ],
  'a socket that ends too early': [shows(socket.heard.slice(0, 3)), /is not shown what comes after "two"/],
  'a socket that is shown nothing at all': [shows([]), /a socket of ana is not shown "one"/],
  'something on a socket after the end': [
    shows([...socket.heard, typing]),
    /shows typing item 7 after chat.ended item 8/,
  ],
  'typing before what was said before it': [
    shows([...socket.heard.slice(0, 3), typing, last, end]),
    /typing overtakes "three"/,
  ],
  'a receipt before its message': [
    shows([{ ...happened(4, 'message.metadata'), Type: 'MESSAGEMETADATA', ...read }, ...socket.heard]),
    /the receipt of item 3 overtakes it/,
  ],
  'a receipt that is lost': [
    { log: log.with(2, message(3, 'one', 'ana', 'CUSTOMER')) },
    /that bot has read item 3 was answered, and is not shown/,
  ],
  'a receipt that is taken back': [
    {
      readings: [
        { ...good.readings[0], items: log.slice(0, 4).with(3, { ...two, ...read }) } as ChatHistory['readings'][number],
      ],
    },
    /the receipt of item 5 bot was shown as .*, and is undefined in the end/,
  ],
  'a parcel lost': [
    brings(without(stream.parcels, ...stream.parcels.filter(({ id }) => id === 'parcel of item 5'))),
    /brings "three" as 5 where 4 is due/,
  ],
  'parcels swapped': [brings(swapped(stream.parcels, 5)), /brings "three" as 5 where 4 is due/],
  'the end of a stream lost': [brings(stream.parcels.slice(0, -1)), /ends with 5 of 6/],
  'a repeat that is another': [
    brings(stream.parcels.with(2, { ...notified(one, 1), body: '{}' })),
    /repeats parcel of item 1 as something else/,
  ],
  'one thing with two ids': [brings([...stream.parcels, { ...notified(end, 6), id: 'other' }]), /gives item 8 two ids/],
  'a parcel after the end': [
    brings([...without(stream.parcels, stream.parcels[7] as Notified), notified(typing)]),
    /brings typing item 7 after the end/,
  ],
  'typing lost from a stream': [brings(stream.parcels.toSpliced(7, 1)), /lacks the typing item 7/],
  'one who is idle twice': [
    brings(
      stream.parcels.toSpliced(
        7,
        0,
        notified(happened(6.1, 'participant.idle', 'ana')),
        notified(happened(6.2, 'participant.idle', 'ana')),
      ),
    ),
    /says twice that ana is idle/,
  ],
  'one who is back twice': [
    brings(stream.parcels.toSpliced(7, 0, notified(happened(6.1, 'participant.returned', 'ana')))),
    /says that ana is back, who was not idle/,
  ],
  'two streams for one token': [
    { streams: [{ ...stream, streamingIds: ['id', 'other'] }] },
    /stream started 2 streams/,
  ],
  'an end that nothing asked for': [{ ends: [] }, /nothing was to end it, and it ended/],
  'an end that is due and does not come': [
    { ...empty(), endedAt: start + 400_000 },
    /it was due to end at 2026-01-31T12:05:00.000Z, and goes on/,
  ],
  'an end that comes too early': [
    { ...empty(), log: [happened(60, 'chat.ended')], endedAt: start + 400_000 },
    /it ended 60 s after its start, and was due after 300 s/,
  ],
};

/** Of a chat whose customer never came. */
function empty(): Omit<ChatHistory, 'chat' | 'startedAt' | 'endedAt'> {
  return { log: [], sent: [], typed: [], receipts: [], bots: [], readings: [], sockets: [], streams: [], ends: [] };
}

describe('the checker', () => {
  test('[SI9] finds nothing in a history that is as it should be, and counts what it read', () => {
    const { problems, counts } = checkHistories([good], slack);
    assert.deepEqual(problems, []);
    assert.equal(counts['messages acknowledged'], 3);
    assert.equal(counts['parcels repeated'], 2);
  });

  for (const [what, [plant, sentence]] of Object.entries(planted)) {
    test(`[SI9] finds ${what}`, () => {
      const { problems } = checkHistories([{ ...good, ...plant }], slack);
      assert.match(problems.join('\n'), sentence);
    });
  }
});
