import type { Parcel } from './destination.ts';

/** What SNS posts to an HTTP endpoint, before it is signed. In SNS's own order of members. */

export type SignatureVersion = '1' | '2';

/** All strings but the attributes, which SNS leaves out of its signature. */
interface Notification {
  readonly Type: 'Notification';
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly Timestamp: string;
  readonly UnsubscribeURL: string;
  readonly MessageAttributes?: Readonly<Record<string, { readonly Type: 'String'; readonly Value: string }>>;
}

interface SubscriptionConfirmation {
  readonly Type: 'SubscriptionConfirmation';
  readonly MessageId: string;
  readonly Token: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly SubscribeURL: string;
  readonly Timestamp: string;
}

export type Envelope = Notification | SubscriptionConfirmation;

export interface Signed {
  readonly SignatureVersion: SignatureVersion;
  readonly Signature: string;
  readonly SigningCertURL: string;
}

/** The same in every attempt, signature and all. */
export function notification(parcel: Parcel, unsubscribeUrl: string): Notification {
  const attributes = Object.entries(parcel.attributes);
  return {
    Type: 'Notification',
    MessageId: parcel.id,
    TopicArn: parcel.topic,
    Message: parcel.body,
    Timestamp: new Date(parcel.time).toISOString(),
    UnsubscribeURL: unsubscribeUrl,
    ...(attributes.length > 0 && {
      MessageAttributes: Object.fromEntries(
        attributes.map(([name, value]) => [name, { Type: 'String' as const, Value: value }]),
      ),
    }),
  };
}

export function subscriptionConfirmation(
  id: string,
  topic: string,
  token: string,
  subscribeUrl: string,
  time: number,
): SubscriptionConfirmation {
  return {
    Type: 'SubscriptionConfirmation',
    MessageId: id,
    Token: token,
    TopicArn: topic,
    Message: `You have chosen to subscribe to the topic ${topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
    SubscribeURL: subscribeUrl,
    Timestamp: new Date(time).toISOString(),
  };
}

/** The members that SNS signs, in this order, each with its name on a line and its value on the next. */
const signedMembers = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

export function stringToSign(envelope: Envelope): string {
  const members: Readonly<Record<string, unknown>> = { ...envelope };
  return signedMembers
    .filter((name) => members[name] !== undefined)
    .map((name) => `${name}\n${members[name]}\n`)
    .join('');
}

/** The signature stands where SNS has it: behind the time. */
export function sealed(envelope: Envelope, signed: Signed): string {
  if (envelope.Type === 'SubscriptionConfirmation') return JSON.stringify({ ...envelope, ...signed });
  const { UnsubscribeURL, MessageAttributes, ...first } = envelope;
  return JSON.stringify({ ...first, ...signed, UnsubscribeURL, MessageAttributes });
}

/** The headers that SNS sends with it. The subscription has an ARN once it is confirmed. */
export function envelopeHeaders(envelope: Envelope, subscriptionArn?: string): Record<string, string> {
  return {
    'x-amz-sns-message-type': envelope.Type,
    'x-amz-sns-message-id': envelope.MessageId,
    'x-amz-sns-topic-arn': envelope.TopicArn,
    ...(subscriptionArn !== undefined && { 'x-amz-sns-subscription-arn': subscriptionArn }),
    'content-type': 'text/plain; charset=UTF-8',
    'user-agent': 'Amazon Simple Notification Service Agent',
  };
}
