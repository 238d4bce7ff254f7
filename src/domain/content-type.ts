/** Content types of Amazon Connect Chat (wire-visible constants of the API). */

const event = <const N extends string>(name: N) => `application/vnd.amazonaws.connect.event.${name}` as const;

export const interactive = 'application/vnd.amazonaws.connect.message.interactive';
export const interactiveResponse = 'application/vnd.amazonaws.connect.message.interactive.response';

/** What `SupportedMessagingContentTypes` may list. */
export const messagingContentTypes: readonly string[] = [
  'text/plain',
  'text/markdown',
  'application/json',
  interactive,
  interactiveResponse,
];

/** What a participant may send in a message; `interactive` is for flows. */
export const sendableContentTypes: readonly string[] = messagingContentTypes.filter((type) => type !== interactive);

export const typing = event('typing');
export const idle = event('participant.idle');
export const returned = event('participant.returned');
export const autodisconnection = event('participant.autodisconnection');
export const joined = event('participant.joined');
export const left = event('participant.left');
export const ended = event('chat.ended');
export const rehydrated = event('chat.rehydrated');
export const delivered = event('message.delivered');
export const read = event('message.read');
export const acknowledged = event('connection.acknowledged');
/** The pushed form of a receipt. */
export const metadata = event('message.metadata');
