import type { Acted, ChatHistory, Notified, Sent, Shown, SocketHistory, StreamHistory } from './history.ts';

/**
 * Holds what clients saw of a service against what it promises, whoever ran it: a simulation or real processes. It reads
 * histories and nothing else.
 */
export interface Verdict {
  /** Sentences; none if all is as it should be. */
  readonly problems: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

/** By how much clocks may differ, and how late what the time alone does may be. Milliseconds. */
export interface Slack {
  readonly clocks: number;
  readonly jobs: number;
}

const event = 'application/vnd.amazonaws.connect.event.';
const [joined, left, ended] = ['participant.joined', 'participant.left', 'chat.ended'].map((each) => event + each);
const metadata = `${event}message.metadata`;
const customerWindow = 5 * 60_000;

/** What the checks of one chat share. */
interface Case {
  readonly history: ChatHistory;
  readonly slack: Slack;
  /** Places in the log, by Id. */
  readonly places: ReadonlyMap<string, number>;
  readonly counts: Record<string, number>;
  readonly fail: (problem: string) => void;
}

const checks: readonly ((of: Case) => void)[] = [
  checkLog,
  checkMessages,
  checkOrder,
  checkReadings,
  checkSockets,
  checkReceipts,
  checkTyping,
  checkBots,
  checkStreams,
  checkEnds,
  checkTimers,
];

export function checkHistories(histories: readonly ChatHistory[], slack: Slack): Verdict {
  const problems: string[] = [];
  const counts: Record<string, number> = {};
  for (const history of histories) {
    const places = new Map(history.log.map(({ Id }, index) => [Id, index]));
    const fail = (problem: string) => void problems.push(`${history.chat}: ${problem}`);
    count(counts, 'chats', 1);
    for (const check of checks) check({ history, slack, places, counts, fail });
  }
  return { problems, counts };
}

function count(counts: Record<string, number>, name: string, by: number): void {
  counts[name] = (counts[name] ?? 0) + by;
}

const isEnd = ({ Type, ContentType }: Shown) => Type === 'EVENT' && ContentType === ended;
const isAnswered = ({ status }: Acted) => status === 200;

/** The log by itself: one order, nothing after the end, nothing by who is not there, never two bots. */
function checkLog({ history: { log }, places, counts, fail }: Case): void {
  count(counts, 'items', log.length);
  if (places.size < log.length) fail('the log has an item twice');
  const present = new Map<string, string>();
  const wasThere = new Set<string>();
  for (const [index, item] of log.entries()) {
    const { ParticipantId: who = '', ContentType, ParticipantRole: role = '' } = item;
    const before = log[index - 1];
    if (before && time(before) >= time(item)) fail(`${name(item)} is not later than ${name(before)} before it`);
    if (before && isEnd(before)) fail(`${name(item)} comes after the end`);
    if (ContentType === joined) {
      if (wasThere.has(who)) fail(`${who} joins twice`);
      if (role === 'CUSTOM_BOT' && [...present.values()].includes(role)) fail(`two bots are there: ${name(item)}`);
      if (role === 'CUSTOM_BOT' && [...present.values()].includes('AGENT')) fail(`a bot joins an agent: ${name(item)}`);
      present.set(who, role);
      wasThere.add(who);
    } else if (who !== '' && !present.has(who)) {
      fail(`${name(item)} is by ${who}, who is not there`);
    }
    if (ContentType === left) present.delete(who);
  }
}

/** What was acknowledged is there once, as it was acknowledged; what was refused is not; and nobody said anything else. */
function checkMessages({ history: { log, sent }, places, counts, fail }: Case): void {
  const byContent = new Map<string, Shown[]>();
  for (const item of log) {
    if (item.Type !== 'MESSAGE') continue;
    byContent.set(item.Content ?? '', [...(byContent.get(item.Content ?? '') ?? []), item]);
  }
  for (const message of sent) {
    const { content, status, id = '', who, absoluteTime } = message;
    const found = byContent.get(content) ?? [];
    byContent.delete(content);
    if (found.length > 1) fail(`"${content}" is there ${found.length} times`);
    if (status === undefined) count(counts, 'messages never answered', 1);
    else if (!isAnswered(message)) {
      count(counts, 'messages refused', 1);
      if (found.length > 0) fail(`"${content}" was refused with ${status} and is there`);
    } else {
      count(counts, 'messages acknowledged', 1);
      const item = log[places.get(id) ?? -1];
      if (!item) fail(`"${content}" was acknowledged as ${id} and is lost`);
      else if (item.Content !== content || item.ParticipantId !== who || item.AbsoluteTime !== absoluteTime)
        fail(`"${content}" of ${who} at ${absoluteTime} is shown as ${name(item)} of ${item.ParticipantId}`);
    }
  }
  for (const content of byContent.keys()) fail(`nobody said "${content}"`);
}

/** What was sent once another had been answered comes after it. */
function checkOrder({ history: { sent }, places, fail }: Case): void {
  const taken = sent.filter((each) => isAnswered(each) && places.has(each.id ?? ''));
  const place = (each: Sent) => places.get(each.id ?? '') ?? -1;
  const answers = taken.toSorted((one, other) => (one.answeredAt ?? 0) - (other.answeredAt ?? 0));
  let [next, last] = [0, -1];
  for (const each of taken.toSorted((one, other) => one.sentAt - other.sentAt)) {
    for (; (answers[next]?.answeredAt ?? Number.POSITIVE_INFINITY) < each.sentAt; next += 1) {
      last = Math.max(last, place(answers[next] as Sent));
    }
    if (place(each) < last)
      fail(`"${each.content}" was sent after item ${last} had been answered, and comes before it`);
  }
}

/** Every transcript that anybody read is a beginning of the log, and has what had been acknowledged by then. */
function checkReadings({ history: { log, sent, readings }, places, counts, fail }: Case): void {
  count(counts, 'readings', readings.length);
  for (const { who, items, isWhole, beganAt } of readings) {
    const of = `a transcript read by ${who}`;
    for (const [index, item] of items.entries()) {
      const expected = log[index];
      if (expected && same(item, expected)) continue;
      fail(`${of} has ${name(item)} where the log has ${expected ? name(expected) : 'nothing'}`);
      break;
    }
    if (!isWhole) continue;
    const missing = sent.find(
      (each) =>
        isAnswered(each) && (each.answeredAt ?? 0) < beganAt && (places.get(each.id ?? '') ?? -1) >= items.length,
    );
    if (missing) fail(`${of} lacks "${missing.content}", which had been acknowledged`);
  }
}

/** A socket shows one piece of the log, each item once, and nothing after the end. */
function checkSockets(of: Case): void {
  const { sockets } = of.history;
  count(of.counts, 'sockets', sockets.filter(({ isSubscribed }) => isSubscribed).length);
  for (const socket of sockets) checkSocket(of, socket);
}

function checkSocket({ history: { log, sent }, places, counts, fail }: Case, socket: SocketHistory): void {
  const { who, heard, readTo, isWhole, openedAt } = socket;
  const of = `a socket of ${who}`;
  const items = heard.filter(isStored);
  count(counts, 'items pushed', items.length);
  let end: Shown | undefined;
  for (const item of heard) {
    if (end && !(isEnd(item) && !isEnd(end))) fail(`${of} shows ${name(item)} after ${name(end)}`);
    if (isEnd(item) || (item.ContentType === left && item.ParticipantId === who)) end = item;
  }
  const from = places.get(items[0]?.Id ?? '') ?? log.length;
  for (const [index, item] of items.entries()) {
    const expected = log[from + index];
    if (expected && same(item, expected)) continue;
    // Whoever was taken out hears the end at most.
    if (isEnd(item) && end && places.has(item.Id)) continue;
    fail(`${of} shows ${name(item)} where the log has ${expected ? name(expected) : 'nothing'}`);
    return;
  }
  if (readTo !== undefined && items.length > 0 && from > (places.get(readTo) ?? -1) + 1) {
    fail(`${of} begins with ${name(items[0] as Shown)}, though only ${readTo} had been read before`);
  }
  if (!isWhole) return;
  count(counts, 'sockets to the end', 1);
  const isGone = end !== undefined;
  const last = items.at(-1);
  if (!isGone && last && last.Id !== log.at(-1)?.Id) fail(`${of} is not shown what comes after ${name(last)}`);
  const missing = sent.find(
    (each) => isAnswered(each) && each.sentAt > openedAt && !isGone && !items.some(({ Id }) => Id === each.id),
  );
  if (missing) fail(`${of} is not shown "${missing.content}"`);
}

/** Receipts are shown once they were taken, and never taken back. */
function checkReceipts({ history: { log, receipts, readings, ends }, slack, counts, fail }: Case): void {
  const final = receiptsIn(log);
  for (const each of receipts) {
    if (!isAnswered(each)) continue;
    count(counts, 'receipts', 1);
    // Taken while the chat or its reader was leaving, it may mean nothing.
    const isOver = ends.some(({ sentAt }) => sentAt < (each.answeredAt ?? 0)) || isGoneBy(log, each, slack);
    const shown = final.get(`${each.messageId} ${each.who}`);
    if (!isOver && (each.kind === 'read' ? !shown?.read : !shown)) {
      fail(`that ${each.who} has ${each.kind} ${each.messageId} was answered, and is not shown`);
    }
  }
  for (const reading of [...readings]) {
    for (const [of, { read }] of receiptsIn(reading.items)) {
      const later = final.get(of);
      if (!later || (read !== undefined && later.read !== read))
        fail(`the receipt of ${of} was shown as ${read}, and is ${later?.read} in the end`);
    }
  }
}

/** The chat ended, or who acted left, before it was certainly answered. */
function isGoneBy(log: readonly Shown[], { who, answeredAt = 0 }: Acted, { clocks }: Slack): boolean {
  return log.some(
    (item) =>
      (isEnd(item) || (item.ContentType === left && item.ParticipantId === who)) && time(item) <= answeredAt + clocks,
  );
}

/** By message and reader. */
function receiptsIn(items: readonly Shown[]): Map<string, { read: string | undefined }> {
  const found = new Map<string, { read: string | undefined }>();
  for (const { Id, MessageMetadata } of items) {
    for (const { RecipientParticipantId, ReadTimestamp } of MessageMetadata?.Receipts ?? []) {
      found.set(`${Id} ${RecipientParticipantId}`, { read: ReadTimestamp });
    }
  }
  return found;
}

/** On no socket does typing overtake what its author had said before, or a receipt its message. */
function checkTyping({ history: { typed, sent, sockets }, counts, fail }: Case): void {
  const byId = new Map(typed.filter(isAnswered).map((each) => [each.id ?? '', each]));
  count(counts, 'typing', byId.size);
  for (const { who, heard } of sockets) {
    const places = new Map(heard.flatMap((item, index) => (isStored(item) ? [[item.Id, index] as const] : [])));
    for (const [index, item] of heard.entries()) {
      const messageId = item.MessageMetadata?.MessageId ?? '';
      if (item.ContentType === metadata && (places.get(messageId) ?? -1) > index)
        fail(`on a socket of ${who} the receipt of ${messageId} overtakes it`);
      const typing = byId.get(item.Id);
      if (!typing) continue;
      const before = sent.find(
        (each) =>
          each.who === typing.who &&
          isAnswered(each) &&
          (each.answeredAt ?? 0) < typing.sentAt &&
          (places.get(each.id ?? '') ?? -1) > index,
      );
      if (before) fail(`on a socket of ${who} typing overtakes "${before.content}"`);
    }
  }
}

/** One bot for each token, and none while another is there. */
function checkBots({ history: { log, bots }, slack, counts, fail }: Case): void {
  const byToken = new Map<string, Set<string>>();
  for (const { clientToken, participantId } of bots.filter(isAnswered)) {
    byToken.set(clientToken, (byToken.get(clientToken) ?? new Set()).add(participantId ?? ''));
  }
  count(counts, 'bots', byToken.size);
  for (const [token, made] of byToken)
    if (made.size > 1) fail(`${token} made ${made.size} bots: ${[...made].join(', ')}`);
  const item = (who: string | undefined, kind: string | undefined) =>
    log.find(({ ParticipantId, ContentType }) => ParticipantId === who && ContentType === kind);
  for (const one of bots.filter(isAnswered)) {
    const [came, went] = [item(one.participantId, joined), item(one.participantId, left)];
    if (!came) continue;
    const until = went ? time(went) : Number.POSITIVE_INFINITY;
    const second = bots.find(
      (other) =>
        isAnswered(other) &&
        other.participantId !== one.participantId &&
        other.clientToken !== one.clientToken &&
        other.sentAt > (one.answeredAt ?? 0) &&
        other.sentAt > time(came) + slack.clocks &&
        (other.answeredAt ?? 0) < until - slack.clocks &&
        // The same token may have made it long before.
        !bots.some((each) => each.clientToken === other.clientToken && each.sentAt < other.sentAt),
    );
    if (second) fail(`${second.participantId} was made while the bot ${one.participantId} was there`);
  }
}

/** A stream brings everything from its beginning on, in order, at least once, and what it repeats is the same. */
function checkStreams(of: Case): void {
  const ids = new Map<string, Set<string>>();
  for (const stream of of.history.streams) {
    const made = ids.get(stream.clientToken) ?? new Set();
    for (const each of stream.streamingIds) made.add(each);
    ids.set(stream.clientToken, made);
    checkStream(of, stream);
  }
  for (const [token, made] of ids) if (made.size > 1) of.fail(`${token} started ${made.size} streams`);
}

function checkStream({ history: { log, typed }, slack, counts, fail }: Case, stream: StreamHistory): void {
  const of = `the stream to ${stream.topic}`;
  const first = new Map<string, Notified>();
  const deduplicated = new Map<string, string>();
  for (const parcel of stream.parcels) {
    const known = first.get(parcel.id);
    if (known && JSON.stringify(known) !== JSON.stringify(parcel)) fail(`${of} repeats ${parcel.id} as something else`);
    first.set(parcel.id, known ?? parcel);
    const own = parcel.attributes.DeduplicationId ?? '';
    if ((deduplicated.get(own) ?? parcel.id) !== parcel.id) fail(`${of} gives ${own} two ids`);
    deduplicated.set(own, parcel.id);
  }
  count(counts, 'parcels', first.size);
  count(counts, 'parcels repeated', stream.parcels.length - first.size);
  const numbered = [...first.values()].filter(({ attributes }) => attributes.SequenceNumber !== undefined);
  const from = Number(numbered[0]?.attributes.SequenceNumber ?? log.length + 1);
  for (const [index, { attributes, body }] of numbered.entries()) {
    const expected = log[from + index - 1];
    const item: Shown = JSON.parse(body);
    if (Number(attributes.SequenceNumber) === from + index && expected && same(item, expected)) continue;
    fail(`${of} brings ${name(item)} as ${attributes.SequenceNumber} where ${from + index} is due`);
    break;
  }
  if (isAnswered(stream)) {
    const since = log.findIndex((item) => time(item) > (stream.answeredAt ?? 0) + slack.clocks);
    if (since >= 0 && from > since + 1) fail(`${of} begins with ${from}, though it had been started by ${since + 1}`);
    if (numbered.length > 0 && from + numbered.length - 1 < log.length)
      fail(`${of} ends with ${from + numbered.length - 1} of ${log.length}`);
    const missing = typed.find(
      (each) =>
        isAnswered(each) &&
        each.sentAt > (stream.answeredAt ?? 0) &&
        !deduplicated.has(each.id ?? '') &&
        !log.some((item) => isEnd(item) && time(item) <= (each.answeredAt ?? 0) + slack.clocks),
    );
    if (missing) fail(`${of} lacks the typing ${missing.id}`);
  }
  const events = [...first.values()].map(({ body }): Shown => JSON.parse(body));
  const over = events.findIndex(isEnd);
  if (over >= 0 && over < events.length - 1) fail(`${of} brings ${name(events.at(-1) as Shown)} after the end`);
  checkIdleness(of, events, fail);
}

/** Somebody is idle once until they are back. */
function checkIdleness(of: string, events: readonly Shown[], fail: Case['fail']): void {
  const idle = new Set<string>();
  for (const { ContentType, ParticipantId: who = '' } of events) {
    if (ContentType === `${event}participant.idle`) {
      if (idle.has(who)) fail(`${of} says twice that ${who} is idle`);
      idle.add(who);
    } else if (ContentType === `${event}participant.returned` && !idle.delete(who)) {
      fail(`${of} says that ${who} is back, who was not idle`);
    }
  }
  const disconnections = events.filter(({ ContentType }) => ContentType === `${event}participant.autodisconnection`);
  if (disconnections.length > 1) fail(`${of} says ${disconnections.length} times that silence ended a pairing`);
}

/** What was said after the end was known is refused. */
function checkEnds({ history: { ends, sent, log }, counts, fail }: Case): void {
  const known = Math.min(...ends.filter(isAnswered).map(({ answeredAt }) => answeredAt ?? Number.POSITIVE_INFINITY));
  if (log.some(isEnd)) count(counts, 'chats ended', 1);
  else if (Number.isFinite(known)) fail('its end was answered, and is not in the log');
  const late = sent.find((each) => isAnswered(each) && each.sentAt > known);
  if (late) fail(`"${late.content}" was said after the end had been answered, and acknowledged`);
}

/** What the time alone ends is ended then, and not before. */
function checkTimers({ history, slack, counts, fail }: Case): void {
  const { log, ends, endedAt, startedAt } = history;
  const end = log.find(isEnd);
  const due = dueOf(history);
  if (due !== undefined && !end && endedAt > due + slack.jobs) {
    fail(`it was due to end at ${new Date(due).toISOString()}, and goes on`);
  }
  if (!end || ends.some(({ sentAt }) => sentAt <= time(end) + slack.clocks)) return;
  count(counts, 'chats ended by time', 1);
  if (due === undefined) fail('nothing was to end it, and it ended');
  else if (time(end) < due - slack.clocks || time(end) > due + slack.jobs) {
    fail(
      `it ended ${(time(end) - startedAt) / 1000} s after its start, and was due after ${(due - startedAt) / 1000} s`,
    );
  }
}

function dueOf({ log, silence, startedAt }: ChatHistory): number | undefined {
  const joins = (role: string) =>
    log.find(({ ContentType, ParticipantRole }) => ContentType === joined && ParticipantRole === role);
  const [customer, agent] = [joins('CUSTOMER'), joins('AGENT')];
  if (!customer) return startedAt + customerWindow;
  if (!agent || !silence) return undefined;
  const since = Math.max(time(customer), time(agent));
  const said = log.filter(({ Type, ParticipantRole }) => Type === 'MESSAGE' && ParticipantRole === 'CUSTOMER');
  return Math.max(since, ...said.map(time)) + silence.idle + silence.disconnect;
}

/** Whether it is of the log, and does not only pass by. */
function isStored({ Type, ContentType }: Shown): boolean {
  return Type !== 'EVENT' ? ContentType !== metadata : [joined, left, ended].includes(ContentType);
}

function same(one: Shown, other: Shown): boolean {
  return (
    one.Id === other.Id &&
    one.AbsoluteTime === other.AbsoluteTime &&
    one.ContentType === other.ContentType &&
    one.Content === other.Content &&
    one.ParticipantId === other.ParticipantId
  );
}

function time({ AbsoluteTime }: Shown): number {
  return Date.parse(AbsoluteTime);
}

function name({ Content, ContentType, Id }: Shown): string {
  return Content === undefined ? `${ContentType.replace(event, '')} ${Id}` : `"${Content}"`;
}
