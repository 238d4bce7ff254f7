import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { addBot, InstanceId, startChat, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { property } from '../../../test/support/property.ts';

/**
 * Every combination of what GetTranscript can be asked, held against a transcript that is kept in an array and read by
 * counting. The array is made of what the bus told while the chats went on, and shares no code with what is tested.
 */

/** An item as it must be shown. */
interface Line {
  readonly Id: string;
  readonly time: number;
  readonly author: string | undefined;
  readonly isMessage: boolean;
  /** ContactId or RelatedContactId, and its value. */
  readonly contact: readonly [member: string, id: string];
  readonly receipts: readonly { reader: string; delivered: number; read: number | undefined }[];
}

/** A chat that goes on, and what there is to read in it. */
interface World {
  readonly ContactId: string;
  readonly token: string;
  readonly own: readonly Line[];
  /** Newest first. */
  readonly past: readonly Line[];
  /** An item and a contact that are there, but cannot be named. */
  readonly strange: { readonly Id: string; readonly ContactId: string };
}

let pipeline: TestPipeline;
let worlds: World[];

const prefix = 'application/vnd.amazonaws.connect.event.';
const persistent = (SourceContactId: string) => ({
  PersistentChat: { RehydrationType: 'FROM_SEGMENT', SourceContactId },
});
const stop = (ContactId: string) => pipeline.call('StopContact', { InstanceId, ContactId });

/** What was said in each chat by its key, and the receipts of it, in the order in which the bus told them. */
function recorded(key: number, contact: Line['contact']): Line[] {
  const marks = pipeline.news.flatMap((each) => (each.kind === 'mark' && each.chat === key ? [each.mark] : []));
  const items = pipeline.news.flatMap((each) => (each.kind === 'items' && each.chat === key ? (each.items ?? []) : []));
  return items.map(({ id, time, number, type, participantId }) => {
    const readers = [...new Set(marks.map(({ reader }) => reader))].sort().filter((each) => each !== participantId);
    const times = (reader: string, kinds: readonly string[]) =>
      marks.filter((each) => each.reader === reader && kinds.includes(each.kind) && each.number >= number);
    const receipts = readers.flatMap((reader) => {
      const [delivered] = times(reader, ['delivered', 'read']);
      return delivered ? [{ reader, delivered: delivered.time, read: times(reader, ['read'])[0]?.time }] : [];
    });
    const isMessage = type === 'MESSAGE';
    return { Id: id, time, author: participantId, isMessage, contact, receipts: isMessage ? receipts : [] };
  });
}

/** A chat of `turns` messages by a customer and a bot, who read some of them. */
async function talk(turns: number, more: Record<string, unknown> = {}, connect = true) {
  const chat = await startChat(pipeline, more, connect);
  if (turns > 0) {
    const bot = await addBot(pipeline, chat.ContactId);
    for (let turn = 0; turn < turns; turn += 1) {
      pipeline.time.now += turn % 4 === 0 ? 0 : 7;
      const [author, reader] = turn % 3 === 0 ? [chat, bot] : [bot, chat];
      const { body } = await pipeline.call(
        'SendMessage',
        { ContentType: 'text/plain', Content: `${turn}` },
        author.token,
      );
      const ContentType = `${prefix}message.${turn % 2 ? 'read' : 'delivered'}`;
      const Content = JSON.stringify({ messageId: body.Id });
      pipeline.time.now += 1;
      if (turn % 5 > 1) await pipeline.call('SendEvent', { ContentType, Content }, reader.token);
    }
  }
  const stored = await pipeline.store.chat({ contactId: chat.ContactId });
  return { ...chat, key: stored?.key ?? 0 };
}

before(async () => {
  pipeline = await testPipeline();
  const ended: { ContactId: string; key: number }[] = [];
  for (const [turns, connect] of [
    [9, true],
    [0, true],
    [3, true],
    [0, false],
    [5, true],
  ] as const) {
    const source = ended.at(-1);
    const chat = await talk(turns, source ? persistent(source.ContactId) : {}, connect);
    await stop(chat.ContactId);
    ended.push(chat);
  }
  const pastLines = ended
    .filter((_, index) => index !== 2)
    .toReversed()
    .flatMap(({ key, ContactId }) => recorded(key, ['RelatedContactId', ContactId]).toReversed());
  const continued = persistent(ended.at(-1)?.ContactId ?? '');
  const stranger = await talk(1);
  const make = async (turns: number, isPersistent: boolean, connect = true): Promise<World> => {
    const { ContactId, token, key } = await talk(turns, isPersistent ? continued : {}, connect);
    const old = isPersistent ? pastLines : [];
    const [unnamed] = old.length > 0 ? old : recorded(stranger.key, ['ContactId', stranger.ContactId]);
    const strange = { Id: unnamed?.Id ?? '', ContactId: unnamed?.contact[1] ?? '' };
    return { ContactId, token, own: recorded(key, ['ContactId', ContactId]), past: old, strange };
  };
  worlds = [await make(23, false), await make(0, false), await make(7, true), await make(0, true, false)];
  // In the middle of the past.
  await pipeline.store.erase({ contactId: ended[2]?.ContactId ?? '' }, 1);
});

type Direction = 'FORWARD' | 'BACKWARD';
type Position =
  | { readonly by: 'absent' | 'empty' | 'strange' | 'several' }
  | { readonly by: 'id'; readonly at: number }
  | { readonly by: 'time'; readonly at: number; readonly off: number }
  | { readonly by: 'recent'; readonly count: number };

/** What differs from one page to the next. */
interface Turn {
  readonly MaxResults: number | undefined;
  readonly contact: 'absent' | 'own' | 'strange';
  /** The token is given with another order or direction, or is that of another chat. */
  readonly fault: 'none' | 'order' | 'direction' | 'chat';
}

const position: fc.Arbitrary<Position> = fc.oneof(
  fc.record({ by: fc.constantFrom('absent' as const, 'empty' as const) }),
  fc.record({ by: fc.constantFrom('strange' as const, 'several' as const) }),
  fc.record({ by: fc.constant('id' as const), at: fc.nat(60) }),
  fc.record({ by: fc.constant('time' as const), at: fc.nat(60), off: fc.constantFrom(-1e9, -1, 0, 0, 1, 1e9) }),
  fc.record({ by: fc.constant('recent' as const), count: fc.oneof(fc.nat(30), fc.constant(100)) }),
);
const turn: fc.Arbitrary<Turn> = fc.record({
  MaxResults: fc.oneof(fc.constantFrom(undefined, 0, 100), fc.integer({ min: 1, max: 12 })),
  contact: fc.oneof(
    { arbitrary: fc.constant('absent' as const), weight: 8 },
    { arbitrary: fc.constantFrom('own' as const, 'strange' as const), weight: 2 },
  ),
  fault: fc.oneof(
    { arbitrary: fc.constant('none' as const), weight: 9 },
    { arbitrary: fc.constantFrom('order' as const, 'direction' as const, 'chat' as const), weight: 1 },
  ),
});
const asked = fc.record({
  world: fc.nat(3),
  position,
  ScanDirection: fc.constantFrom(undefined, 'FORWARD' as const, 'BACKWARD' as const),
  SortOrder: fc.constantFrom(undefined, 'ASCENDING' as const, 'DESCENDING' as const),
  turns: fc.array(turn, { minLength: 1, maxLength: 12 }),
});

/** The member StartPosition, and where it is in the array. Undefined where there is nothing of that kind. */
function startOf({ own, strange }: World, at: Position): object | undefined {
  switch (at.by) {
    case 'absent':
      return undefined;
    case 'empty':
      return {};
    case 'strange':
      return { Id: strange.Id };
    case 'several':
      return { Id: strange.Id, MostRecent: 1 };
    case 'id':
      return own.length > 0 ? { Id: own[at.at % own.length]?.Id } : undefined;
    case 'time':
      return { AbsoluteTime: new Date((own[at.at % own.length]?.time ?? pipeline.time.now) + at.off).toISOString() };
    case 'recent':
      return { MostRecent: at.count };
  }
}

/** What is left to read: own items, then past ones; undefined if the position is refused. */
function runOf({ own, past }: World, start: object | undefined, direction: Direction): Run | undefined {
  const { Id, AbsoluteTime, MostRecent } = (start ?? {}) as { Id?: string; AbsoluteTime?: string; MostRecent?: number };
  if (Object.keys(start ?? {}).length > 1) return undefined;
  if (Id !== undefined && !own.some((line) => line.Id === Id)) return undefined;
  if (MostRecent === 0) return { part: 'own', rest: [], past: [] };
  const isOn = (line: Line, index: number): boolean => {
    if (Id !== undefined) return line.Id === Id;
    if (MostRecent !== undefined) return index === Math.max(0, own.length - MostRecent);
    const time = AbsoluteTime === undefined ? undefined : Date.parse(AbsoluteTime);
    if (time === undefined) return true;
    return direction === 'FORWARD' ? line.time >= time : line.time <= time;
  };
  if (direction === 'FORWARD') {
    const from = own.findIndex(isOn);
    return { part: 'own', rest: from < 0 ? [] : own.slice(from), past: [] };
  }
  return { part: 'own', rest: own.slice(0, own.findLastIndex(isOn) + 1).reverse(), past };
}

interface Run {
  readonly part: 'own' | 'past';
  readonly rest: readonly Line[];
  readonly past: readonly Line[];
}

/** What follows a page of that many; undefined at the end. */
function after({ part, rest, past }: Run, count: number, isOwnAlone: boolean): Run | undefined {
  if (rest.length > count) return { part, rest: rest.slice(count), past };
  return past.length > 0 && !isOwnAlone ? { part: 'past', rest: past, past: [] } : undefined;
}

const iso = (time: number) => new Date(time).toISOString();

/** The line as a client sees it, as far as it is compared. */
const visible = ({ Id, time, author, contact: [member, id], receipts }: Line) => ({
  Id,
  AbsoluteTime: iso(time),
  ParticipantId: author,
  [member]: id,
  Receipts: receipts.map(({ reader, delivered, read }) => ({
    DeliveredTimestamp: iso(delivered),
    ...(read === undefined ? {} : { ReadTimestamp: iso(read) }),
    RecipientParticipantId: reader,
  })),
});

/** An item as it came. */
interface Shown {
  readonly Id: string;
  readonly AbsoluteTime: string;
  readonly ParticipantId?: string;
  readonly ContactId?: string;
  readonly RelatedContactId?: string;
  readonly MessageMetadata?: { readonly Receipts: readonly { readonly RecipientParticipantId: string }[] };
}

const seen = ({ Id, AbsoluteTime, ParticipantId, ContactId, RelatedContactId, MessageMetadata }: Shown) => ({
  Id,
  AbsoluteTime,
  ParticipantId,
  ...(ContactId === undefined ? {} : { ContactId }),
  ...(RelatedContactId === undefined ? {} : { RelatedContactId }),
  Receipts: (MessageMetadata?.Receipts ?? []).toSorted((one, other) =>
    one.RecipientParticipantId < other.RecipientParticipantId ? -1 : 1,
  ),
});

const opposite = {
  FORWARD: 'BACKWARD',
  BACKWARD: 'FORWARD',
  ASCENDING: 'DESCENDING',
  DESCENDING: 'ASCENDING',
} as const;

/** How often each thing was seen, so that a property that tries nothing fails. */
const tally = { pages: 0, past: 0, refused: 0, ended: 0 };

async function walk({ world: index, position, ScanDirection, SortOrder, turns }: Asked): Promise<void> {
  const world = worlds[index] as World;
  const StartPosition = startOf(world, position);
  const isPosition = Object.keys(StartPosition ?? {}).length > 0;
  const direction = ScanDirection ?? (isPosition ? 'FORWARD' : 'BACKWARD');
  const order = SortOrder ?? 'DESCENDING';
  const base = { StartPosition, ScanDirection, SortOrder };
  let run = runOf(world, StartPosition, direction);
  let NextToken: string | undefined;
  for (const { MaxResults, contact, fault } of turns) {
    const isFaulty = fault !== 'none' && NextToken !== undefined;
    const input = {
      ...base,
      MaxResults,
      NextToken,
      ContactId: contact === 'absent' ? undefined : contact === 'own' ? world.ContactId : world.strange.ContactId,
      ...(isFaulty && fault === 'order' ? { SortOrder: opposite[order] } : {}),
      ...(isFaulty && fault === 'direction' ? { ScanDirection: opposite[direction] } : {}),
    };
    const reader = isFaulty && fault === 'chat' ? (worlds[(index + 1) % worlds.length] as World) : world;
    const { status, body, type } = await pipeline.call('GetTranscript', input, reader.token);
    if (!run || isFaulty || contact === 'strange' || (run.part === 'past' && contact === 'own')) {
      assert.deepEqual([status, type], [400, 'ValidationException'], JSON.stringify(input));
      tally.refused += 1;
      continue;
    }
    assert.equal(status, 200, JSON.stringify(input));
    const limit = MaxResults || 10;
    const page = run.rest.slice(0, limit);
    const isTurned = (direction === 'FORWARD') !== (order === 'ASCENDING');
    assert.deepEqual(body.Transcript.map(seen), (isTurned ? page.toReversed() : page).map(visible));
    assert.equal(body.InitialContactId, world.ContactId);
    tally.pages += 1;
    if (run.part === 'past') tally.past += 1;
    run = after(run, limit, contact === 'own');
    assert.equal('NextToken' in body, run !== undefined, 'whether there is more');
    ({ NextToken } = body);
    if (!run) {
      tally.ended += 1;
      return;
    }
  }
}

type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

describe('GetTranscript: the matrix', () => {
  it('[TR8] answers any request, and any that follow by NextToken, as counting in an array does', async () => {
    assert.deepEqual(
      worlds.map(({ own, past }) => [own.length, past.length]),
      [
        [25, 0],
        [1, 0],
        [9, 23],
        [0, 23],
      ],
    );
    await fc.assert(fc.asyncProperty(asked, walk), property(1500));
    for (const [what, count] of Object.entries(tally)) assert.ok(count > 100, `${what}: ${count}`);
  });
});
