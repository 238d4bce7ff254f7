import type { Chat } from '../../domain/chat.ts';
import {
  type Condition,
  type ContactPlace,
  type ContactSearch,
  type ContactTime,
  firstAgent,
  meets,
  termsFor,
  timeOf,
} from '../../domain/search.ts';
import {
  enumeration,
  type Infer,
  integer,
  list,
  long,
  required,
  string,
  structure,
  timestamp,
} from '../../shape/shape.ts';
import type { Store } from '../../store/store.ts';
import { conditionOf, contactTimes, criteriaProblem, searchCriteria, timeRange } from '../contact-search.ts';
import { contactArn, findInstance } from '../instance.ts';
import { type Call, connectOperation, type Principal } from '../operation.ts';
import {
  agentId,
  channel,
  contactId,
  contactName,
  contactTags,
  initiationMethod,
  instanceId,
  type SegmentAttributeValue,
  searchedSegmentAttributes,
} from '../shapes.ts';

const input = structure({
  InstanceId: required(instanceId),
  TimeRange: required(timeRange),
  SearchCriteria: searchCriteria,
  MaxResults: integer({ min: 1, max: 100 }),
  NextToken: string({ min: 1, max: 100000 }),
  Sort: structure({
    FieldName: required(
      enumeration([
        'INITIATION_TIMESTAMP',
        'SCHEDULED_TIMESTAMP',
        'CONNECTED_TO_AGENT_TIMESTAMP',
        'DISCONNECT_TIMESTAMP',
        'INITIATION_METHOD',
        'CHANNEL',
        'EXPIRY_TIMESTAMP',
      ]),
    ),
    Order: required(enumeration(['ASCENDING', 'DESCENDING'])),
  }),
});

/** Of the members of Amazon's summary those that a chat can fill. */
const summary = structure({
  Arn: string(),
  Id: contactId,
  InitialContactId: contactId,
  InitiationMethod: initiationMethod,
  Channel: channel,
  AgentInfo: structure({ Id: agentId, ConnectedToAgentTimestamp: timestamp() }),
  InitiationTimestamp: timestamp(),
  DisconnectTimestamp: timestamp(),
  SegmentAttributes: searchedSegmentAttributes,
  Name: contactName,
  Tags: contactTags,
});

/** Amazon's admin website searches eight weeks at most. Milliseconds. */
const longestRange = 8 * 7 * 24 * 60 * 60_000;
/** A chat lasts a week at most, and no agent connects after. Milliseconds. */
const longestChat = 10_080 * 60_000;
/** Amazon names no default; this is the most. */
const defaultPage = 100;
/** Contacts that one call looks at, 35 ms of them at about 70 µs each; the next call goes on from there. */
const maxLookedAt = 500;
/** Terms that the index is asked for. With more, looking at what the range has is cheaper. */
const maxTerms = 40;
/** Contacts that are read from the index at a time. */
const batch = 100;

export const SearchContacts = connectOperation({
  name: 'SearchContacts',
  route: ['POST', '/search-contacts'],
  access: { resource: '' },
  errors: [
    'InvalidRequestException',
    'InvalidParameterException',
    'ResourceNotFoundException',
    'InternalServiceException',
    'ThrottlingException',
  ],
  input,
  output: structure({
    Contacts: required(list(summary)),
    NextToken: string({ min: 1, max: 100000 }),
    TotalCount: long(),
  }),
  async handle(call, input) {
    const instance = await findInstance(call, input.InstanceId);
    const problem = rangeProblem(input.TimeRange) ?? criteriaProblem(input.SearchCriteria ?? {});
    if (problem) throw call.fault('InvalidRequestException', problem);

    const { InstanceId: _, NextToken, MaxResults: limit = defaultPage, ...query } = input;
    const purpose = `SearchContacts ${instance.id} ${JSON.stringify(query)}`;
    const past = NextToken === undefined ? undefined : placeOf(call, purpose, NextToken);
    const found = await search(call, planOf(input, instance.id), past, limit);
    const isAll = past === undefined && found.last === undefined;
    return {
      Contacts: found.chats.map(summaryOf),
      NextToken: found.last && call.tokens.seal(purpose, [found.last.time, found.last.contactId]),
      // Counting what was not looked at would be a scan.
      TotalCount: isAll ? found.chats.length : undefined,
    };
  },
});

type Search = Infer<typeof input>;
type Searcher = Call<Principal, 'InvalidRequestException'>;

function rangeProblem({ StartTime, EndTime }: Search['TimeRange']): string | undefined {
  if (StartTime > EndTime) return 'TimeRange: StartTime is after EndTime.';
  if (EndTime - StartTime > longestRange) return 'TimeRange is longer than eight weeks; search in parts.';
  return undefined;
}

function placeOf(call: Searcher, purpose: string, token: string): ContactPlace {
  const unsealed = call.tokens.unseal(purpose, token);
  if (Array.isArray(unsealed)) return { time: unsealed[0] as number, contactId: unsealed[1] as string };
  throw call.fault(
    'InvalidRequestException',
    'NextToken is not one that was answered for this search; repeat the request without it, or with the TimeRange, SearchCriteria and Sort of the one before.',
  );
}

/** How a search is answered. */
interface Plan {
  /** What the index gives, in its order; undefined if nothing can be found. */
  readonly search: Omit<ContactSearch, 'past' | 'limit'> | undefined;
  readonly condition: Condition;
  /** The time to sort by where the index has another order. */
  readonly sort: ContactTime | undefined;
}

function planOf({ TimeRange, SearchCriteria, Sort }: Search, instanceId: string): Plan {
  const { StartTime: from, EndTime: to } = TimeRange;
  const time = contactTimes[TimeRange.Type];
  const condition: Condition = { all: [conditionOf(SearchCriteria ?? {}), ...(time ? [{ time, from, to }] : [])] };
  const by = time === 'ended' ? 'ended' : 'initiated';
  const sort = contactTimes[Sort?.FieldName ?? ''];
  const terms = termsFor(condition);
  return {
    search: time && {
      instanceId,
      by,
      from: time === 'connected-to-agent' ? from - longestChat : from,
      to,
      newestFirst: Sort?.Order !== 'ASCENDING',
      terms: terms && terms.length <= maxTerms ? terms : undefined,
    },
    condition,
    // What is the same for every chat, or is had by none, leaves the order of the index.
    sort: sort === by ? undefined : sort,
  };
}

interface Found {
  readonly chats: Chat[];
  /** Where the next page goes on; undefined if nothing is left. */
  readonly last?: ContactPlace | undefined;
}

async function search(call: Searcher, plan: Plan, past: ContactPlace | undefined, limit: number): Promise<Found> {
  if (!plan.search) return { chats: [] };
  if (plan.sort) return sorted(call, plan, plan.search, plan.sort, past, limit);
  const chats: Chat[] = [];
  let last: ContactPlace | undefined;
  let lookedAt = 0;
  for await (const place of places(call.store, plan.search, past)) {
    if (chats.length === limit || lookedAt === maxLookedAt) return { chats, last };
    const chat = await call.store.chat({ contactId: place.contactId });
    if (chat && meets(chat, plan.condition)) chats.push(chat);
    last = place;
    lookedAt += 1;
  }
  return { chats };
}

/** Contacts as the index has them, read in batches when they are asked for. */
async function* places(store: Store, search: NonNullable<Plan['search']>, past: ContactPlace | undefined) {
  let start = past;
  for (;;) {
    const page = await store.search({ ...search, past: start, limit: batch });
    yield* page;
    if (page.length < batch) return;
    start = page.at(-1);
  }
}

/** All that is found, in an order that no index has: only where one call can look at all of it. */
async function sorted(
  call: Searcher,
  plan: Plan,
  index: NonNullable<Plan['search']>,
  time: ContactTime,
  past: ContactPlace | undefined,
  limit: number,
): Promise<Found> {
  const all = await search(call, { ...plan, sort: undefined }, undefined, maxLookedAt);
  if (all.last) {
    throw call.fault(
      'InvalidRequestException',
      `More than ${maxLookedAt} contacts are in the TimeRange, too many to sort by a time other than the TimeRange's own. Search a shorter one, or sort by its own time.`,
    );
  }
  // A chat that does not have the time comes last either way.
  const absent = index.newestFirst ? -1 : Number.MAX_SAFE_INTEGER;
  const placed = all.chats.map((chat) => ({
    chat,
    place: { time: timeOf(chat, time) ?? absent, contactId: chat.contact.id },
  }));
  const order = (one: ContactPlace, other: ContactPlace) =>
    (one.time - other.time || (one.contactId < other.contactId ? -1 : 1)) * (index.newestFirst ? -1 : 1);
  const rest = placed
    .toSorted((one, other) => order(one.place, other.place))
    .filter(({ place }) => !past || (place.contactId !== past.contactId && order(place, past) > 0));
  const page = rest.slice(0, limit);
  return { chats: page.map(({ chat }) => chat), last: rest.length > limit ? page.at(-1)?.place : undefined };
}

function summaryOf(chat: Chat) {
  const { contact, end } = chat;
  const agent = firstAgent(chat);
  return {
    Arn: contactArn(chat, contact.id),
    Id: contact.id,
    InitialContactId: chat.id,
    InitiationMethod: contact.initiationMethod,
    Channel: 'CHAT' as const,
    AgentInfo: agent && { ConnectedToAgentTimestamp: agent.connectedAt },
    InitiationTimestamp: contact.initiatedAt,
    DisconnectTimestamp: end?.at,
    SegmentAttributes: searchable(contact.segmentAttributes as Record<string, SegmentAttributeValue>),
    Name: contact.name,
    Tags: contact.tags && { ...contact.tags },
  };
}

function searchable(attributes: Readonly<Record<string, SegmentAttributeValue>>) {
  const shown = Object.entries(attributes).filter(
    ([, { ValueString, ValueMap }]) => ValueString !== undefined || ValueMap,
  );
  return Object.fromEntries(shown.map(([key, { ValueString, ValueMap }]) => [key, { ValueString, ValueMap }]));
}
