/** Members of Amazon's outputs that no chat of this server can fill, by the operation's output and the way into it. */

interface Absence {
  readonly at: string;
  readonly reason: string;
  readonly members: readonly string[];
}

export const absences = [
  {
    at: 'CreateParticipantConnection output',
    reason: 'voice: calls alone connect by WebRTC',
    members: ['WebRTCConnection'],
  },
  {
    at: 'DescribeContact output/Contact',
    reason: 'voice: what is known of calls, of devices and of the addresses that a web chat does not have',
    members: [
      'Customer',
      'CustomerEndpoint',
      'CustomerVoiceActivity',
      'DisconnectDetails',
      'QualityMetrics',
      'SystemEndpoint',
    ],
  },
  {
    at: 'DescribeContact output/Contact',
    reason: 'tasks and emails: they alone are paused, scheduled, made of templates and sent to several recipients',
    members: [
      'AdditionalEmailRecipients',
      'ContactDetails',
      'LastPausedTimestamp',
      'LastResumedTimestamp',
      'ScheduledTimestamp',
      'TaskTemplateInfo',
      'TotalPauseCount',
      'TotalPauseDurationInSeconds',
    ],
  },
  {
    at: 'DescribeContact output/Contact',
    reason: 'routing: there are no queues, and no chat is transferred and so goes on in a second contact',
    members: ['NextContacts', 'PreviousContactId', 'QueueInfo', 'QueueTimeAdjustmentSeconds', 'RoutingCriteria'],
  },
  {
    at: 'DescribeContact output/Contact',
    reason: 'campaigns: outbound calls',
    members: ['AnsweringMachineDetectionStatus', 'Campaign', 'OutboundStrategy', 'RingStartTimestamp'],
  },
  {
    at: 'DescribeContact output/Contact',
    reason: 'other services of Amazon: Q in Connect, Contact Lens, several Regions',
    members: ['ContactEvaluations', 'GlobalResiliencyMetadata', 'WisdomInfo'],
  },
  {
    at: 'DescribeContact output/Contact/Recordings/0',
    reason: 'voice: streams of media have fragments',
    members: ['FragmentStartNumber', 'FragmentStopNumber'],
  },
  {
    at: 'DescribeContact output/Contact/Recordings/0',
    reason: 'other services of Amazon: rules that delete transcripts, Contact Lens that redacts them',
    members: ['DeletionReason', 'UnprocessedTranscriptLocation'],
  },
  {
    at: 'DescribeContact output/Contact/AgentInfo',
    reason: 'voice: devices, video, holding and how a voice was enhanced',
    members: ['AgentInitiatedHoldDuration', 'Capabilities', 'DeviceInfo', 'VoiceEnhancementMode'],
  },
  {
    at: 'DescribeContact output/Contact/AgentInfo',
    reason: 'tasks: they alone are paused',
    members: ['AgentPauseDurationInSeconds'],
  },
  {
    at: 'DescribeContact output/Contact/AgentInfo',
    reason:
      'routing: agents are not offered chats to preview and accept, are no users with a place in a hierarchy, and have no states',
    members: [
      'AcceptedByAgentTimestamp',
      'AfterContactWorkDuration',
      'AfterContactWorkEndTimestamp',
      'AfterContactWorkStartTimestamp',
      'HierarchyGroups',
      'PreviewEndTimestamp',
      'StateTransitions',
    ],
  },
  {
    at: 'SearchContacts output/Contacts/0',
    reason: 'tasks: they alone are scheduled',
    members: ['ScheduledTimestamp'],
  },
  {
    at: 'SearchContacts output/Contacts/0',
    reason: 'routing: there are no queues, and no chat is transferred and so goes on in a second contact',
    members: ['PreviousContactId', 'QueueInfo', 'RoutingCriteria'],
  },
  {
    at: 'SearchContacts output/Contacts/0',
    reason: 'other services of Amazon: AI agents, several Regions',
    members: ['AiAgentInfo', 'GlobalResiliencyMetadata'],
  },
] as const satisfies readonly Absence[];

type Listed = (typeof absences)[number];

/** The names of what is absent there. */
export type Absent<At extends Listed['at']> = Extract<Listed, { readonly at: At }>['members'][number];
