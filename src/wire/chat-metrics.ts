import type { ChatMetrics, ParticipantMetrics } from '../domain/metrics.ts';

/** Metrics as operations and contact records have them, times as each writes them. */
export function wireMetrics<T>(metrics: ChatMetrics, time: (milliseconds: number) => T) {
  const { customer, agent } = metrics;
  const part = (type: 'AGENT' | 'CUSTOMER', of: ParticipantMetrics) => ({
    ParticipantId: of.participantId,
    ParticipantType: type,
    ConversationAbandon: of.hasAbandoned,
    MessagesSent: of.messages,
    NumResponses: of.responses,
    MessageLengthInChars: of.characters,
    TotalResponseTimeInMillis: of.responseTime,
    MaxResponseTimeInMillis: of.longestResponse,
    LastMessageTimestamp: of.lastMessageAt === undefined ? undefined : time(of.lastMessageAt),
  });
  return {
    ChatContactMetrics: {
      MultiParty: metrics.isMultiParty,
      TotalMessages: metrics.messages,
      TotalBotMessages: metrics.botMessages,
      TotalBotMessageLengthInChars: metrics.botCharacters,
      ConversationCloseTimeInMillis: metrics.closedAfter,
      ConversationTurnCount: metrics.turns,
      AgentFirstResponseTimestamp: agent?.firstResponseAt === undefined ? undefined : time(agent.firstResponseAt),
      AgentFirstResponseTimeInMillis: agent?.firstResponseAfter,
    },
    AgentMetrics: agent && part('AGENT', agent),
    CustomerMetrics: customer && part('CUSTOMER', customer),
  };
}
