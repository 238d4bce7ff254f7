import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parcel } from './destination.ts';
import { eventJson, snsEvent } from './sns-event.ts';

const topic = 'arn:aws:sns:us-east-1:123456789012:bots';
const parcel: Parcel = {
  ...{ id: '30000000-0000-5000-8000-000000000001', topic, body: '{"Content":"ä\\n"}', time: 1_700_000_000_123 },
  attributes: { ContactId: 'c', Type: 'MESSAGE' },
};

test('[DE7] is one record in the form that Lambda gets from SNS, whatever is not there filled in', () => {
  assert.deepEqual(snsEvent(parcel), {
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: `${topic}:00000000-0000-0000-0000-000000000000`,
        Sns: {
          ...{ Type: 'Notification', MessageId: parcel.id, TopicArn: topic, Subject: null, Message: parcel.body },
          ...{ Timestamp: '2023-11-14T22:13:20.123Z', SignatureVersion: '1', Signature: 'EXAMPLE' },
          ...{ SigningCertUrl: 'EXAMPLE', UnsubscribeUrl: 'EXAMPLE' },
          MessageAttributes: {
            ContactId: { Type: 'String', Value: 'c' },
            Type: { Type: 'String', Value: 'MESSAGE' },
          },
        },
      },
    ],
  });
});

test('[DE8] is not made for a contact event, which is given as it is', () => {
  assert.equal(eventJson({ ...parcel, topic: '', body: '{ "detail": 1 }' }), '{ "detail": 1 }');
  assert.deepEqual(JSON.parse(eventJson(parcel)), snsEvent(parcel));
});
