import { isoTime } from '../wire/time.ts';
import type { Parcel } from './destination.ts';

/**
 * The event that a Lambda function gets for a notification of SNS. Here is no subscription, and nobody signs: the
 * members that would tell of them are filled as in the examples of Amazon's console, for handlers that want them there.
 */
export function snsEvent({ id, topic, body, time, attributes }: Parcel): object {
  const messageAttributes = Object.entries(attributes).map(([name, Value]) => [name, { Type: 'String', Value }]);
  return {
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: `${topic}:00000000-0000-0000-0000-000000000000`,
        Sns: {
          Type: 'Notification',
          MessageId: id,
          TopicArn: topic,
          Subject: null,
          Message: body,
          Timestamp: isoTime(time),
          SignatureVersion: '1',
          Signature: 'EXAMPLE',
          SigningCertUrl: 'EXAMPLE',
          UnsubscribeUrl: 'EXAMPLE',
          MessageAttributes: Object.fromEntries(messageAttributes),
        },
      },
    ],
  };
}

/** What a function or a program is given, as JSON: a notification's event, or the contact event itself. */
export function eventJson(parcel: Parcel): string {
  return parcel.topic === '' ? parcel.body : JSON.stringify(snsEvent(parcel));
}
