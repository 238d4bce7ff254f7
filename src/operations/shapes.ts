/** Shapes that several operations share, with the limits of Amazon's published models. */
import { roles } from '../domain/participant.ts';
import {
  enumeration,
  header,
  integer,
  list,
  map,
  recursive,
  required,
  type Shape,
  string,
  structure,
} from '../shape/shape.ts';

export const instanceId = string({ min: 1, max: 100 });
export const contactId = string({ min: 1, max: 256 });
export const contactFlowId = string({ max: 500 });
export const streamingId = string({ min: 1, max: 100 });
export const clientToken = string({ max: 500 });
export const nonEmptyClientToken = string({ min: 1, max: 500 });
export const attachmentId = string({ min: 1, max: 256 });
export const attachmentName = string({ min: 1, max: 256 });
export const attachmentContentType = string({ min: 1, max: 255 });
export const approvedOrigin = string({ max: 267 });
export const participantId = string({ min: 1, max: 256 });
export const participantToken = string({ min: 1, max: 1000, sensitive: true });
export const displayName = string({ min: 1, max: 256 });
export const participantRole = enumeration(roles);
export const chatContentType = string({ min: 1, max: 100 });
export const chatContent = string({ min: 1, max: 16384, sensitive: true });
export const chatItemId = string({ min: 1, max: 256 });
/** A time of the Participant Service: ISO 8601. */
export const instant = string({ min: 1, max: 100 });
export const channel = enumeration(['VOICE', 'CHAT', 'TASK', 'EMAIL']);
export const initiationMethod = enumeration([
  'INBOUND',
  'OUTBOUND',
  'TRANSFER',
  'QUEUE_TRANSFER',
  'CALLBACK',
  'API',
  'DISCONNECT',
  'MONITOR',
  'EXTERNAL_OUTBOUND',
  'WEBRTC_API',
  'AGENT_REPLY',
  'FLOW',
]);
export const contactName = string({ min: 0, max: 1024, sensitive: true });
export const contactDescription = string({ min: 0, max: 4096, sensitive: true });
export const agentId = string({ min: 1, max: 256 });
export const contactTagKey = string({ min: 1, max: 128, pattern: /^(?!aws:)[a-zA-Z+-=._:/]+$/ });
export const contactTags = map(contactTagKey, string({ max: 256 }), { min: 1, max: 6 });
export const tagKey = string({ min: 1, max: 128, pattern: /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u });
export const tagValue = string({ max: 256 });
export const attributes = map(string({ min: 1, max: 32767 }), string({ min: 0, max: 32767 }));

/** The token of every operation of the Participant Service travels in this header alone. */
export const bearer = required(header('x-amz-bearer', participantToken));

export interface SegmentAttributeValue {
  readonly ValueString?: string | undefined;
  readonly ValueMap?: Record<string, SegmentAttributeValue> | undefined;
  readonly ValueInteger?: number | undefined;
  readonly ValueList?: SegmentAttributeValue[] | undefined;
  readonly ValueArn?: string | undefined;
}

const segmentAttributeName = string({ min: 1, max: 128 });
const segmentAttributeValue: Shape<SegmentAttributeValue> = recursive<SegmentAttributeValue>(() => ({
  ValueString: string({ min: 0, max: 1024 }),
  ValueMap: map(segmentAttributeName, segmentAttributeValue),
  ValueInteger: integer(),
  ValueList: list(segmentAttributeValue),
  ValueArn: string({ min: 0, max: 1024 }),
}));
export const segmentAttributes = map(segmentAttributeName, segmentAttributeValue);
/** What a search shows of them: texts and maps. */
export const searchedSegmentAttributes = map(
  segmentAttributeName,
  structure({
    ValueString: string({ min: 0, max: 1024 }),
    ValueMap: map(segmentAttributeName, segmentAttributeValue),
  }),
);

export const referenceType = enumeration([
  'URL',
  'ATTACHMENT',
  'CONTACT_ANALYSIS',
  'NUMBER',
  'STRING',
  'DATE',
  'EMAIL',
  'EMAIL_MESSAGE',
  'EMAIL_MESSAGE_PLAIN_TEXT',
  'EMAIL_MESSAGE_PLAIN_TEXT_REDACTED',
  'EMAIL_MESSAGE_REDACTED',
]);
export const referenceKey = string({ min: 1, max: 4096 });
export const referenceValue = string({ min: 0, max: 4096 });
export const referenceStatus = enumeration(['AVAILABLE', 'DELETED', 'APPROVED', 'REJECTED', 'PROCESSING', 'FAILED']);
export const referenceArn = string({ min: 20, max: 256, pattern: /^[-:/A-Za-z0-9]+/ });

export const nothing = structure({});
