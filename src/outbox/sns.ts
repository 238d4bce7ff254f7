import type { SNSClient } from '@aws-sdk/client-sns';
import { type Agents, asDelivered, clientSettings, regionOf } from './aws.ts';
import type { Destination } from './destination.ts';
import type { SnsStream } from './targets.ts';

/** Publishes to the topic that a parcel names, in Amazon's SNS or in what speaks its protocol. */
export async function openSns(
  { endpoint, region }: Pick<SnsStream, 'endpoint' | 'region'>,
  egress?: Agents,
): Promise<Destination> {
  const { PublishCommand, SNSClient: Client } = await import('@aws-sdk/client-sns');
  /** By region. A topic of another region than its instance's is refused before, so they are few. */
  const clients = new Map<string, SNSClient>();

  function clientFor(topic: string): SNSClient {
    const wanted = region ?? regionOf(topic) ?? 'us-east-1';
    const client = clients.get(wanted) ?? new Client({ region: wanted, ...clientSettings(endpoint, egress) });
    clients.set(wanted, client);
    return client;
  }

  return {
    async deliver({ topic, body, attributes }, signal) {
      const given = Object.entries(attributes).map(([name, StringValue]) => [
        name,
        { DataType: 'String', StringValue },
      ]);
      const publish = { TopicArn: topic, Message: body, MessageAttributes: Object.fromEntries(given) };
      try {
        await clientFor(topic).send(new PublishCommand(publish), { abortSignal: signal });
      } catch (failure) {
        signal.throwIfAborted();
        throw asDelivered('SNS', failure);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients.values()) client.destroy();
    },
  };
}
