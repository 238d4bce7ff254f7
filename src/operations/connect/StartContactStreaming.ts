import { maxOpenStreams, maxStreams, type StreamRefusal, startStream } from '../../domain/streams.ts';
import { required, string, structure } from '../../shape/shape.ts';
import { isoTime } from '../../wire/time.ts';
import { findContact } from '../contact.ts';
import { findInstance } from '../instance.ts';
import { type Call, connectOperation, type Principal } from '../operation.ts';
import { clientToken, contactId, instanceId, streamingId } from '../shapes.ts';

const errors = [
  'InvalidRequestException',
  'InvalidParameterException',
  'ResourceNotFoundException',
  'InternalServiceException',
  'LimitExceededException',
] as const;

export const StartContactStreaming = connectOperation({
  name: 'StartContactStreaming',
  route: ['POST', '/contact/start-streaming'],
  access: { resource: 'contact/{ContactId}' },
  errors,
  input: structure({
    InstanceId: required(instanceId),
    ContactId: required(contactId),
    ChatStreamingConfiguration: required(structure({ StreamingEndpointArn: required(string({ min: 1, max: 350 })) })),
    ClientToken: required(clientToken),
  }),
  output: structure({ StreamingId: required(streamingId) }),
  async handle(call, input) {
    const instance = await findInstance(call, input.InstanceId);
    const topic = input.ChatStreamingConfiguration.StreamingEndpointArn;
    const problem = topicProblem(topic, instance.region, call.settings.isStreamTopic);
    if (problem) throw call.fault('InvalidRequestException', problem);
    const { ClientToken, ...request } = input;
    return call.writer.attempt({
      now: call.now,
      token: {
        scope: `StartContactStreaming ${instance.account} ${instance.id} ${input.ContactId}`,
        value: ClientToken,
        request,
        conflict: () =>
          call.fault(
            'InvalidRequestException',
            'This ClientToken was used for another request; use a new one for each stream.',
          ),
      },
      async decide() {
        const chat = await findContact(call, instance, input.ContactId);
        const step = startStream(chat, { id: call.ids.uuid(), topic, startedAt: call.now });
        if ('refused' in step) throw refusal(call, input.ContactId, step);
        const answer = { StreamingId: step.stream.id };
        if (step.chat === chat) return { answer };
        return { change: { chat: { before: chat, after: step.chat } }, answer };
      },
    });
  },
});

const topicArn = /^arn:aws[\w-]*:sns:([a-z0-9-]+):(\d{12}):([\w-]{1,256}|[\w-]{1,251}\.fifo)$/;

function topicProblem(topic: string, region: string, isStreamTopic: (topic: string) => boolean): string | undefined {
  const [, ofRegion, , name] = topicArn.exec(topic) ?? [];
  if (name === undefined) {
    return `StreamingEndpointArn ${topic} is not the ARN of an SNS topic, such as arn:aws:sns:${region}:123456789012:chats.`;
  }
  if (name.endsWith('.fifo'))
    return `StreamingEndpointArn ${topic} is a FIFO topic; a chat is streamed to standard topics only.`;
  if (ofRegion !== region) return `StreamingEndpointArn ${topic} is of another Region; the instance is in ${region}.`;
  if (isStreamTopic(topic)) return undefined;
  return `StreamingEndpointArn ${topic} leads nowhere: no "topics" of "streams" in the configuration file match it. Add one, such as {"topics":"${topic}","kind":"process","module":"./bot.mjs"} or one of kind webhook, sns or lambda, and start the server again.`;
}

type Starter = Call<Principal, (typeof errors)[number]>;

function refusal(call: Starter, contactId: string, refused: StreamRefusal) {
  switch (refused.refused) {
    case 'contact-ended':
      return call.fault(
        'InvalidRequestException',
        `Contact ${contactId} ended at ${isoTime(refused.at)}: only a chat that goes on can be streamed. Start a new one with StartChatContact.`,
      );
    case 'too-many-open':
      return call.fault(
        'LimitExceededException',
        `Contact ${contactId} is streamed to ${maxOpenStreams} topics, as many as it may be. Stop one with StopContactStreaming first.`,
      );
    case 'too-many':
      return call.fault(
        'LimitExceededException',
        `Contact ${contactId} has had ${maxStreams} streams, the most that one chat may have. Keep a stream instead of starting it again and again.`,
      );
  }
}
