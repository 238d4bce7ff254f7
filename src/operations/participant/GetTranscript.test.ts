import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import {
  addBot,
  InstanceId,
  startChat,
  type TestPipeline,
  testPipeline,
  transcript,
} from '../../../test/support/pipeline.ts';
import { property } from '../../../test/support/property.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

interface Item {
  readonly Id: string;
  readonly AbsoluteTime: string;
  readonly Content?: string;
}

let pipeline: TestPipeline;
/** A chat of a join and the messages m1 to m30. */
let customer: Awaited<ReturnType<typeof startChat>>;
let all: Item[];
const read = (more: Record<string, unknown> = {}, token = customer.token) =>
  pipeline.call('GetTranscript', more, token);
const send = (Content: string, token = customer.token) =>
  pipeline.call('SendMessage', { ContentType: 'text/plain', Content }, token);
/** What a page holds, `joined` for the only event. */
const contents = (items: readonly Item[]) => items.map(({ Content }) => Content ?? 'joined');
const messages = (from: number, to: number): string[] => {
  const count = Math.abs(to - from) + 1;
  return Array.from({ length: count }, (_, index) => `m${from < to ? from + index : from - index}`);
};

before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
  for (const each of messages(1, 30)) {
    pipeline.time.now += 10;
    await send(each);
  }
  all = (await read({ MaxResults: 100, SortOrder: 'ASCENDING' })).body.Transcript;
});

const subject = {
  name: 'GetTranscript',
  valid: {},
  bearer: () => customer.token,
  pipeline: () => pipeline,
};

describe('GetTranscript: serialization', () => {
  serialization(subject, [
    ['/ContactId', 5, 'a string'],
    ['/MaxResults', '10', 'a whole number'],
    ['/MaxResults', 1.5, 'a whole number'],
    ['/NextToken', {}, 'a string'],
    ['/ScanDirection', 1, 'a string'],
    ['/SortOrder', true, 'a string'],
    ['/StartPosition', 'now', 'an object'],
    ['/StartPosition/Id', 5, 'a string'],
    ['/StartPosition/AbsoluteTime', 1_769_860_800, 'a string'],
    ['/StartPosition/MostRecent', '5', 'a whole number'],
  ]);
});

describe('GetTranscript: validation', () => {
  validation(
    subject,
    [
      ['/ContactId', '', 'have length between 1 and 256, inclusive'],
      ['/ContactId', 'c'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/MaxResults', -1, 'be between 0 and 100, inclusive'],
      ['/MaxResults', 101, 'be between 0 and 100, inclusive'],
      ['/NextToken', '', 'have length between 1 and 1000, inclusive'],
      ['/NextToken', 't'.repeat(1001), 'have length between 1 and 1000, inclusive'],
      ['/ScanDirection', 'SIDEWAYS', 'satisfy enum value set: [FORWARD, BACKWARD]'],
      ['/SortOrder', 'ascending', 'satisfy enum value set: [DESCENDING, ASCENDING]'],
      ['/StartPosition/Id', '', 'have length between 1 and 256, inclusive'],
      ['/StartPosition/Id', 'i'.repeat(257), 'have length between 1 and 256, inclusive'],
      ['/StartPosition/AbsoluteTime', '', 'have length between 1 and 100, inclusive'],
      ['/StartPosition/AbsoluteTime', 't'.repeat(101), 'have length between 1 and 100, inclusive'],
      ['/StartPosition/MostRecent', -1, 'be between 0 and 100, inclusive'],
      ['/StartPosition/MostRecent', 101, 'be between 0 and 100, inclusive'],
    ],
    [
      ['/ContactId', 'c'.repeat(256)],
      ['/MaxResults', 100],
      ['/NextToken', 't'.repeat(1000)],
      ['/StartPosition/MostRecent', 100],
    ],
  );

  it('[TR6] refuses a ContactId of another chat, and takes its own', async () => {
    const other = await startChat(pipeline);
    for (const ContactId of [other.ContactId, 'unknown']) {
      const answer = await read({ ContactId });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, new RegExp(`ContactId ${ContactId} is not a contact of this chat`));
    }
    assert.equal((await read({ ContactId: customer.ContactId })).status, 200);
  });

  for (const [what, StartPosition] of [
    ['Id and AbsoluteTime', { Id: 'a', AbsoluteTime: '2026-01-31T12:00:00.000Z' }],
    ['AbsoluteTime and MostRecent', { AbsoluteTime: '2026-01-31T12:00:00.000Z', MostRecent: 5 }],
    ['Id and MostRecent 0', { Id: 'a', MostRecent: 0 }],
  ] as const) {
    it(`[TR4] refuses a StartPosition of ${what}`, async () => {
      const answer = await read({ StartPosition });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /takes one of Id, AbsoluteTime and MostRecent/);
    });
  }

  it('[TR4] refuses a StartPosition.Id that is no item of this chat', async () => {
    const other = await startChat(pipeline);
    const foreign = (await read({}, other.token)).body.Transcript[0].Id;
    const near = `${all[3]?.Id.slice(0, -1)}${all[3]?.Id.endsWith('0') ? '1' : '0'}`;
    for (const Id of ['unknown', pipeline.ids.uuid(), foreign, near, all[3]?.Id.toUpperCase()]) {
      const answer = await read({ StartPosition: { Id } });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException'], Id);
      assert.match(answer.body.message, /not the Id of an item of this chat/);
    }
  });

  for (const AbsoluteTime of [
    'yesterday',
    '2026-01-31',
    '2026-01-31T12:00:00.000',
    '2026-13-31T12:00:00.000Z',
    '1769860800',
    'Sat Jan 31 2026',
    '+012026-01-31T12:00:00Z',
  ]) {
    it(`[TR4] refuses ${AbsoluteTime} as StartPosition.AbsoluteTime, and shows one that is right`, async () => {
      const answer = await read({ StartPosition: { AbsoluteTime } });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /such as 2026-01-31T12:00:00\.000Z/);
    });
  }

  it('[TR3] refuses a NextToken that was changed in any place', async () => {
    const { body } = await read();
    const token: string = body.NextToken;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'b', '0', '-', '.', '=', '!'),
        async (at, other) => {
          const NextToken = token.slice(0, at) + other + token.slice(at + 1);
          fc.pre(NextToken !== token);
          const answer = await read({ NextToken });
          assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
        },
      ),
      property(200),
    );
    for (const NextToken of [
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      token.slice(0, -1),
      'e30.e30',
      '.',
      customer.token.slice(0, 1000),
    ]) {
      assert.equal((await read({ NextToken })).status, 400, NextToken);
    }
  });

  for (const [what, more] of [
    ['another direction', { ScanDirection: 'FORWARD' }],
    ['another order', { SortOrder: 'ASCENDING' }],
    ['both', { ScanDirection: 'FORWARD', SortOrder: 'ASCENDING' }],
  ] as const) {
    it(`[TR3] refuses a NextToken read with ${what}, and says so`, async () => {
      const { body } = await read();
      const answer = await read({ NextToken: body.NextToken, ...more });
      assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
      assert.match(answer.body.message, /not one that this chat answered for this ScanDirection and SortOrder/);
    });
  }

  it('[TR3, TK1] refuses a NextToken of another chat, and takes one that another participant was given', async () => {
    const other = await startChat(pipeline);
    for (const each of messages(1, 12)) await send(each, other.token);
    const foreign = (await read({}, other.token)).body.NextToken;
    assert.equal((await read({ NextToken: foreign })).status, 400);
    const bot = await addBot(pipeline, other.ContactId);
    assert.equal((await read({ NextToken: foreign }, bot.token)).status, 200);
  });

  it('[TR3] refuses a NextToken of a server with another key', async () => {
    const elsewhere = await testPipeline();
    const chat = await startChat(elsewhere);
    for (const each of messages(1, 12)) {
      await elsewhere.call('SendMessage', { ContentType: 'text/plain', Content: each }, chat.token);
    }
    const { body } = await elsewhere.call('GetTranscript', {}, chat.token);
    assert.equal((await read({ NextToken: body.NextToken })).status, 400);
  });

  it('[SM5] refuses by 403 after the end of the chat', async () => {
    const chat = await startChat(pipeline);
    await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
    const answer = await read({}, chat.token);
    assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
    assert.match(answer.body.message, /ended at/);
  });
});

describe('GetTranscript: behaviour', () => {
  for (const [what, input, expected] of [
    ['nothing', {}, messages(30, 21)],
    ['an empty StartPosition', { StartPosition: {} }, messages(30, 21)],
    ['a StartPosition of nulls', { StartPosition: { Id: null, MostRecent: null } }, messages(30, 21)],
    ['MaxResults 0', { MaxResults: 0 }, messages(30, 21)],
    ['MaxResults 1', { MaxResults: 1 }, ['m30']],
    ['MaxResults 100', { MaxResults: 100 }, [...messages(30, 1), 'joined']],
    [
      'what chatjs asks',
      { MaxResults: 15, ScanDirection: 'BACKWARD', SortOrder: 'ASCENDING', StartPosition: {} },
      messages(16, 30),
    ],
    ['FORWARD', { ScanDirection: 'FORWARD' }, [...messages(9, 1), 'joined']],
    ['FORWARD and ASCENDING', { ScanDirection: 'FORWARD', SortOrder: 'ASCENDING' }, ['joined', ...messages(1, 9)]],
  ] as const) {
    it(`[TR1] answers ${expected.length} items from ${expected[0]} to ${what}`, async () => {
      const { status, body } = await read(input);
      assert.equal(status, 200);
      assert.deepEqual(contents(body.Transcript), expected);
      assert.equal(body.InitialContactId, customer.ContactId);
    });
  }

  it('[TR1] reads FORWARD by default from a StartPosition', async () => {
    const { body } = await read({ StartPosition: { Id: all[5]?.Id }, SortOrder: 'ASCENDING' });
    assert.deepEqual(contents(body.Transcript), messages(5, 14));
  });

  it('[TR4] includes the item that Id names, in either direction', async () => {
    for (const [ScanDirection, expected] of [
      ['FORWARD', messages(20, 22)],
      ['BACKWARD', messages(18, 20)],
    ] as const) {
      const input = { StartPosition: { Id: all[20]?.Id }, ScanDirection, SortOrder: 'ASCENDING', MaxResults: 3 };
      assert.deepEqual(contents((await read(input)).body.Transcript), expected);
    }
  });

  it('[TR4] includes the item at AbsoluteTime, in either direction, in any notation of that moment', async () => {
    const time = Date.parse(all[20]?.AbsoluteTime ?? '');
    const shifted = new Date(time + 5.5 * 3_600_000).toISOString().replace('Z', '+05:30');
    for (const AbsoluteTime of [all[20]?.AbsoluteTime, shifted]) {
      for (const [ScanDirection, expected] of [
        ['FORWARD', messages(20, 22)],
        ['BACKWARD', messages(18, 20)],
      ] as const) {
        const input = { StartPosition: { AbsoluteTime }, ScanDirection, SortOrder: 'ASCENDING', MaxResults: 3 };
        assert.deepEqual(contents((await read(input)).body.Transcript), expected);
      }
    }
  });

  it('[TR4] begins with the next item at a time when nothing was said', async () => {
    const AbsoluteTime = new Date(Date.parse(all[20]?.AbsoluteTime ?? '') + 1).toISOString();
    for (const [ScanDirection, expected] of [
      ['FORWARD', messages(21, 23)],
      ['BACKWARD', messages(18, 20)],
    ] as const) {
      const input = { StartPosition: { AbsoluteTime }, ScanDirection, SortOrder: 'ASCENDING', MaxResults: 3 };
      assert.deepEqual(contents((await read(input)).body.Transcript), expected);
    }
  });

  for (const [AbsoluteTime, ScanDirection, count] of [
    ['0001-01-01T00:00:00Z', 'FORWARD', 10],
    ['0001-01-01T00:00:00Z', 'BACKWARD', 0],
    ['9999-12-31T23:59:59.999Z', 'FORWARD', 0],
    ['9999-12-31T23:59:59.999Z', 'BACKWARD', 10],
  ] as const) {
    it(`[TR4] answers ${count} items ${ScanDirection} from ${AbsoluteTime}`, async () => {
      const { status, body } = await read({ StartPosition: { AbsoluteTime }, ScanDirection });
      assert.deepEqual([status, body.Transcript.length], [200, count]);
      assert.equal('NextToken' in body, count > 0);
    });
  }

  for (const [MostRecent, expected] of [
    [1, ['m30']],
    [3, messages(28, 30)],
    [31, ['joined', ...messages(1, 9)]],
    [100, ['joined', ...messages(1, 9)]],
    [0, []],
  ] as const) {
    it(`[TR4] begins with the item ${MostRecent} from the end for MostRecent ${MostRecent}`, async () => {
      const { status, body } = await read({ StartPosition: { MostRecent }, SortOrder: 'ASCENDING' });
      assert.equal(status, 200);
      assert.deepEqual(contents(body.Transcript), expected);
    });
  }

  it('[TR4] goes back from the item that MostRecent names', async () => {
    const input = {
      StartPosition: { MostRecent: 3 },
      ScanDirection: 'BACKWARD',
      SortOrder: 'ASCENDING',
      MaxResults: 2,
    };
    assert.deepEqual(contents((await read(input)).body.Transcript), ['m27', 'm28']);
  });

  it('[TR2] tells joined and left events and messages, each with Id, AbsoluteTime and ContactId; no typing', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    await pipeline.call('SendEvent', { ContentType: 'application/vnd.amazonaws.connect.event.typing' }, bot.token);
    await send('Hello', bot.token);
    await pipeline.call('DisconnectParticipant', {}, bot.token);
    const { body } = await read({ SortOrder: 'ASCENDING' }, chat.token);
    assert.deepEqual(await transcript(pipeline, chat.token), [
      'participant.joined Ana',
      'participant.joined Bot',
      'Hello',
      'participant.left Bot',
    ]);
    const [joined, , message, left] = body.Transcript;
    const author = { ParticipantId: bot.ParticipantId, DisplayName: 'Bot', ParticipantRole: 'CUSTOM_BOT' };
    assert.deepEqual(message, {
      AbsoluteTime: message.AbsoluteTime,
      Content: 'Hello',
      ContentType: 'text/plain',
      Id: message.Id,
      Type: 'MESSAGE',
      ...author,
      ContactId: chat.ContactId,
    });
    assert.deepEqual(left, {
      AbsoluteTime: left.AbsoluteTime,
      ContentType: 'application/vnd.amazonaws.connect.event.participant.left',
      Id: left.Id,
      Type: 'EVENT',
      ...author,
      ContactId: chat.ContactId,
    });
    assert.equal(joined.ParticipantRole, 'CUSTOMER');
    assert.equal(new Set(body.Transcript.map(({ Id }: Item) => Id)).size, 4);
  });

  it('[TR2] answers an empty list for a chat in which nothing happened', async () => {
    const chat = await startChat(pipeline, {}, false);
    const { body } = await read({}, chat.token);
    assert.deepEqual(body, { InitialContactId: chat.ContactId, Transcript: [] });
  });

  it('[TR5] has a message that was just acknowledged, whatever else is being sent', async () => {
    const chat = await startChat(pipeline);
    const results = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const sent = await send(`No. ${index}`, chat.token);
        const { body } = await read({ MaxResults: 100 }, chat.token);
        return body.Transcript.some(({ Id }: Item) => Id === sent.body.Id);
      }),
    );
    assert.deepEqual(new Set(results), new Set([true]));
  });

  it('[TR5] sorts by time, and its times differ though the clock stands still', async () => {
    const chat = await startChat(pipeline);
    for (const each of messages(1, 5)) await send(each, chat.token);
    const { body } = await read({}, chat.token);
    const times = body.Transcript.map(({ AbsoluteTime }: Item) => AbsoluteTime);
    assert.equal(new Set(times).size, 6);
    assert.deepEqual(times, times.toSorted().reverse());
  });
});

describe('GetTranscript: paging', () => {
  /** Every page from the first on; `between` runs before each of the others. */
  async function pages(input: Record<string, unknown>, token: string, between = async () => {}): Promise<Item[][]> {
    const found: Item[][] = [];
    let NextToken: string | undefined;
    do {
      const { status, body } = await read({ ...input, NextToken }, token);
      assert.equal(status, 200);
      found.push(body.Transcript);
      ({ NextToken } = body);
      if (NextToken) await between();
    } while (NextToken);
    return found;
  }

  for (const ScanDirection of ['FORWARD', 'BACKWARD']) {
    for (const SortOrder of ['ASCENDING', 'DESCENDING']) {
      it(`[TR7] joins pages of any size, ${ScanDirection} and ${SortOrder}, to the transcript`, async () => {
        for (const MaxResults of [1, 2, 3, 7, 10, 15, 30, 31, 32, 100]) {
          const found = await pages({ ScanDirection, SortOrder, MaxResults }, customer.token);
          const inOrder = found.map((page) => (SortOrder === 'ASCENDING' ? page : page.toReversed()));
          const joined = (ScanDirection === 'FORWARD' ? inOrder : inOrder.toReversed()).flat();
          assert.deepEqual(joined, all);
          assert.equal(found.length, Math.ceil(31 / MaxResults));
        }
      });
    }
  }

  it('[TR3] leaves NextToken out when the last page is full, too', async () => {
    const { body } = await read({ MaxResults: 31 });
    assert.deepEqual([body.Transcript.length, 'NextToken' in body], [31, false]);
  });

  it('[TR3] makes a NextToken that says nothing readable of ids, and is at most 1,000 characters long', async () => {
    const { body } = await read({ MaxResults: 5 });
    assert.ok(body.NextToken.length <= 1000);
    assert.ok(!body.NextToken.includes(customer.ContactId));
  });

  it('[TR7] joins pages BACKWARD to what there was at the first, though messages are sent meanwhile', async () => {
    const chat = await startChat(pipeline);
    for (const each of messages(1, 20)) await send(each, chat.token);
    const more = async () => void (await Promise.all([send('later', chat.token), send('later', chat.token)]));
    const found = await pages({ MaxResults: 3, SortOrder: 'ASCENDING' }, chat.token, more);
    assert.deepEqual(contents(found.toReversed().flat()), ['joined', ...messages(1, 20)]);
  });

  it('[TR7] joins pages FORWARD to all there is at the last, each item once, though messages are sent meanwhile', async () => {
    const chat = await startChat(pipeline);
    for (const each of messages(1, 10)) await send(each, chat.token);
    let sent = 10;
    const more = async () => {
      if (sent >= 25) return;
      await Promise.all([1, 2].map(() => send(`m${++sent}`, chat.token)));
    };
    const found = await pages({ MaxResults: 3, ScanDirection: 'FORWARD', SortOrder: 'ASCENDING' }, chat.token, more);
    assert.deepEqual(contents(found.flat()), ['joined', ...messages(1, sent)]);
  });

  it('[TR7] joins pages to each message once while others send without a pause', async () => {
    const chat = await startChat(pipeline);
    const bot = await addBot(pipeline, chat.ContactId);
    const sending = Promise.all(messages(1, 60).map((each, index) => send(each, index % 2 ? chat.token : bot.token)));
    const forward = await pages({ MaxResults: 4, ScanDirection: 'FORWARD' }, chat.token);
    const backward = await pages({ MaxResults: 4 }, chat.token);
    await sending;
    for (const found of [forward, backward]) {
      const ids = found.flat().map(({ Id }) => Id);
      assert.equal(new Set(ids).size, ids.length);
    }
    const whole = await pages({ MaxResults: 7 }, chat.token);
    assert.deepEqual(
      contents(whole.flat())
        .filter((each) => each.startsWith('m'))
        .sort(),
      messages(1, 60).sort(),
    );
  });

  it('[TR7] goes on from a StartPosition to the end of the transcript', async () => {
    const StartPosition = { Id: all[12]?.Id };
    const input = { StartPosition, SortOrder: 'ASCENDING', MaxResults: 4 };
    assert.deepEqual((await pages(input, customer.token)).flat(), all.slice(12));
    const back = await pages({ ...input, ScanDirection: 'BACKWARD' }, customer.token);
    assert.deepEqual(back.toReversed().flat(), all.slice(0, 13));
  });

  it('[TR7] takes another MaxResults with a NextToken', async () => {
    const { body } = await read({ MaxResults: 5 });
    const next = await read({ MaxResults: 2, NextToken: body.NextToken });
    assert.deepEqual(contents(next.body.Transcript), ['m25', 'm24']);
  });

  it('[TR9] reads as many rows for a page of a long chat as for one of a short chat', async () => {
    let rows: string[] = [];
    const counted = await testPipeline({
      wrap: (store) => {
        const count =
          <A extends unknown[], R>(name: string, run: (...all: A) => Promise<R>) =>
          async (...all: A) => {
            const result = await run(...all);
            rows.push(`${Array.isArray(result) ? result.length : 1} ${name}`);
            return result;
          };
        return {
          ...store,
          chat: count('chat', store.chat),
          items: count('items', store.items),
          marks: count('marks', store.marks),
          positions: () => Promise.reject(new Error('not for a page')),
        };
      },
    });
    const pageOf = async (count: number) => {
      const chat = await startChat(counted);
      const bot = await addBot(counted, chat.ContactId);
      for (let index = 0; index < count; index += 1) {
        const { body } = await counted.call('SendMessage', { ContentType: 'text/plain', Content: 'x' }, chat.token);
        const ContentType = 'application/vnd.amazonaws.connect.event.message.read';
        await counted.call('SendEvent', { ContentType, Content: JSON.stringify({ messageId: body.Id }) }, bot.token);
      }
      rows = [];
      const { body } = await counted.call('GetTranscript', { MaxResults: 5 }, chat.token);
      assert.equal(body.Transcript[4].MessageMetadata.Receipts.length, 1);
      return [...rows];
    };
    const short = await pageOf(10);
    assert.deepEqual(short, ['1 chat', '6 items', '5 marks']);
    assert.deepEqual(await pageOf(300), short);
  });
});
