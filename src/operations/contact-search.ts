import type { Condition, ContactTime, TermKind } from '../domain/search.ts';
import {
  boolean,
  enumeration,
  type Infer,
  integer,
  list,
  required,
  string,
  structure,
  timestamp,
} from '../shape/shape.ts';
import { agentId, channel, initiationMethod, participantRole } from './shapes.ts';

/** What SearchContacts can be asked for, and what that means for a chat. */

const matchType = enumeration(['MATCH_ALL', 'MATCH_ANY', 'MATCH_EXACT', 'MATCH_NONE']);
const timeType = enumeration([
  'INITIATION_TIMESTAMP',
  'SCHEDULED_TIMESTAMP',
  'CONNECTED_TO_AGENT_TIMESTAMP',
  'DISCONNECT_TIMESTAMP',
  'ENQUEUE_TIMESTAMP',
]);
const searchTexts = list(string({ max: 128, sensitive: true }), { min: 0, max: 100 });
const agentIds = list(agentId, { min: 0, max: 100 });
const groupIds = list(string(), { min: 0, max: 10 });
const tagCondition = structure({ TagKey: string(), TagValue: string() });

export const timeRange = structure({
  Type: required(timeType),
  StartTime: required(timestamp()),
  EndTime: required(timestamp()),
});

export const searchCriteria = structure({
  Name: structure({ SearchText: required(searchTexts), MatchType: required(matchType) }),
  AgentIds: agentIds,
  AgentHierarchyGroups: structure({
    L1Ids: groupIds,
    L2Ids: groupIds,
    L3Ids: groupIds,
    L4Ids: groupIds,
    L5Ids: groupIds,
  }),
  Channels: list(channel),
  ContactAnalysis: structure({
    Transcript: structure({
      Criteria: required(
        list(
          structure({
            ParticipantRole: required(participantRole),
            SearchText: required(searchTexts),
            MatchType: required(matchType),
          }),
          { min: 0, max: 6 },
        ),
      ),
      MatchType: matchType,
    }),
  }),
  InitiationMethods: list(initiationMethod),
  QueueIds: list(string(), { min: 0, max: 100 }),
  RoutingCriteria: structure({
    Steps: list(structure({ AgentCriteria: structure({ AgentIds: agentIds, MatchType: matchType }) })),
  }),
  AdditionalTimeRange: structure({
    Criteria: required(
      list(
        structure({
          TimeRange: timeRange,
          TimestampCondition: structure({
            Type: required(timeType),
            ConditionType: required(enumeration(['NOT_EXISTS'])),
          }),
        }),
      ),
    ),
    MatchType: required(matchType),
  }),
  SearchableContactAttributes: structure({
    Criteria: required(
      list(
        structure({
          Key: required(string({ min: 1, max: 100, sensitive: true })),
          Values: required(list(string({ min: 0, max: 100, sensitive: true }), { min: 0, max: 20 })),
        }),
        { min: 0, max: 15 },
      ),
    ),
    MatchType: matchType,
  }),
  SearchableSegmentAttributes: structure({
    Criteria: required(
      list(
        structure({
          Key: required(string({ min: 1, max: 64, sensitive: true })),
          Values: required(list(string({ min: 0, max: 128, sensitive: true }), { min: 1, max: 20 })),
        }),
        { min: 1, max: 15 },
      ),
    ),
    MatchType: matchType,
  }),
  ActiveRegions: list(string({ pattern: /[a-z]{2}(-[a-z]+){1,2}(-[0-9])?/ })),
  ContactTags: structure({
    OrConditions: list(list(tagCondition)),
    AndConditions: list(tagCondition),
    TagCondition: tagCondition,
  }),
  AiAgents: structure({
    Criteria: list(
      structure({
        Id: string({ min: 0, max: 128 }),
        VersionNumber: integer(),
        AiAgentEscalated: boolean(),
        AiUseCase: enumeration(['AgentAssistance', 'SelfService']),
      }),
      { min: 0, max: 1 },
    ),
  }),
});

export type SearchCriteria = Infer<typeof searchCriteria>;
export type TimeType = Infer<typeof timeType>;
type MatchType = Infer<typeof matchType>;
type TagCondition = Infer<typeof tagCondition>;

/** The times that a chat can have; no chat is scheduled, and none queued until there is routing. */
export const contactTimes: Readonly<Partial<Record<string, ContactTime>>> = {
  INITIATION_TIMESTAMP: 'initiated',
  CONNECTED_TO_AGENT_TIMESTAMP: 'connected-to-agent',
  DISCONNECT_TIMESTAMP: 'ended',
};

/** Of lists that the model does not bound. */
const maxConditions = 100;
const anything: Condition = { all: [] };
const nothing: Condition = { any: [] };

/** Why criteria cannot be answered, as a sentence; undefined if they can. */
export function criteriaProblem(criteria: SearchCriteria): string | undefined {
  const { ContactAnalysis, AdditionalTimeRange, ContactTags } = criteria;
  if ((ContactAnalysis?.Transcript?.Criteria.length ?? 0) > 0) {
    return 'SearchCriteria.ContactAnalysis searches what Contact Lens made of transcripts, which there is none of; search without it.';
  }
  const times = AdditionalTimeRange?.Criteria ?? [];
  if (times.some(({ TimeRange, TimestampCondition }) => !TimeRange && !TimestampCondition)) {
    return 'SearchCriteria.AdditionalTimeRange: each of its Criteria needs a TimeRange or a TimestampCondition.';
  }
  const tags = tagConditions(ContactTags);
  if (tags.some(({ TagKey }) => !TagKey)) return 'SearchCriteria.ContactTags: each condition needs a TagKey.';
  if (Math.max(times.length, tags.length) > maxConditions) {
    return `SearchCriteria has more than ${maxConditions} conditions of one kind; ask for fewer at once.`;
  }
  return undefined;
}

function tagConditions(tags: SearchCriteria['ContactTags']): TagCondition[] {
  return [
    ...(tags?.OrConditions ?? []).flat(),
    ...(tags?.AndConditions ?? []),
    ...(tags?.TagCondition ? [tags.TagCondition] : []),
  ];
}

/** What the criteria ask of a chat. Empty lists ask nothing. */
export function conditionOf(criteria: SearchCriteria): Condition {
  const { Name, SearchableContactAttributes: attributes, SearchableSegmentAttributes: segments } = criteria;
  return {
    all: [
      oneOf(criteria.Channels, 'CHAT'),
      oneOf(criteria.InitiationMethods, 'API'),
      ...lacking(criteria),
      ...(criteria.RoutingCriteria?.Steps ?? []).map(({ AgentCriteria }) =>
        combined(AgentCriteria?.MatchType, AgentCriteria?.AgentIds ?? [], () => nothing),
      ),
      named(Name),
      combined(attributes?.MatchType, attributes?.Criteria ?? [], having('attribute')),
      combined(segments?.MatchType, segments?.Criteria ?? [], having('segment')),
      combined(criteria.AdditionalTimeRange?.MatchType, criteria.AdditionalTimeRange?.Criteria ?? [], timed),
      tagged(criteria.ContactTags),
    ],
  };
}

function oneOf(wanted: readonly string[] | undefined, own: string): Condition {
  return !wanted || wanted.length === 0 || wanted.includes(own) ? anything : nothing;
}

/** What no chat has until there are agents, queues and other Regions. */
function lacking({ AgentIds, QueueIds, AgentHierarchyGroups, ActiveRegions, AiAgents }: SearchCriteria): Condition[] {
  const wanted = [AgentIds, QueueIds, ActiveRegions, AiAgents?.Criteria, ...Object.values(AgentHierarchyGroups ?? {})];
  return wanted.map((each) => (each && each.length > 0 ? nothing : anything));
}

/** Several conditions under a MatchType; without one all must be met. */
function combined<T>(type: MatchType | undefined, given: readonly T[], condition: (each: T) => Condition): Condition {
  if (given.length === 0) return anything;
  const conditions = given.map(condition);
  if (type === 'MATCH_NONE') return { none: conditions };
  return type === 'MATCH_ANY' ? { any: conditions } : { all: conditions };
}

/** A name contains texts, or is one of them. */
function named(name: SearchCriteria['Name']): Condition {
  const { MatchType: type, SearchText: texts = [] } = name ?? {};
  if (type === 'MATCH_EXACT') return combined('MATCH_ANY', texts, (text) => ({ name: 'is', text }));
  return combined(type, texts, (text) => ({ name: 'contains', text }));
}

function having(kind: TermKind) {
  return ({ Key, Values }: { Key: string; Values: string[] }): Condition => ({ has: kind, key: Key, values: Values });
}

type TimeCriteria = NonNullable<SearchCriteria['AdditionalTimeRange']>['Criteria'][number];

function timed({ TimeRange, TimestampCondition }: TimeCriteria): Condition {
  const ends = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
  const during = (type: TimeType, range: { from: number; to: number }): Condition => {
    const time = contactTimes[type];
    return time ? { time, ...range } : nothing;
  };
  return {
    all: [
      TimeRange ? during(TimeRange.Type, { from: TimeRange.StartTime, to: TimeRange.EndTime }) : anything,
      TimestampCondition ? { none: [during(TimestampCondition.Type, ends)] } : anything,
    ],
  };
}

function tagged(tags: SearchCriteria['ContactTags']): Condition {
  const one = ({ TagKey = '', TagValue }: TagCondition): Condition => ({
    has: 'tag',
    key: TagKey,
    values: TagValue === undefined ? [] : [TagValue],
  });
  const or = tags?.OrConditions ?? [];
  return {
    all: [
      or.length > 0 ? { any: or.map((each) => ({ all: each.map(one) })) } : anything,
      { all: (tags?.AndConditions ?? []).map(one) },
      tags?.TagCondition ? one(tags.TagCondition) : anything,
    ],
  };
}
