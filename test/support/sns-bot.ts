import { ConnectClient, CreateParticipantCommand } from '@aws-sdk/client-connect';
import {
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  SendMessageCommand,
} from '@aws-sdk/client-connectparticipant';

/** What SNS says of a notification, whichever way it came. */
export interface Notification {
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Message: string;
  readonly MessageAttributes: Readonly<Record<string, { readonly Type: string; readonly Value: string }>>;
}

/** The item of a chat that a notification tells of. */
export interface ToldItem {
  readonly Id: string;
  readonly Type: string;
  readonly AbsoluteTime: string;
  readonly ContentType?: string;
  readonly Content?: string;
  readonly ContactId: string;
  readonly InitialContactId: string;
  readonly DisplayName?: string;
  readonly ParticipantRole?: string;
}

export function toldItem({ Message }: Notification): ToldItem {
  return JSON.parse(Message);
}

export function attribute({ MessageAttributes }: Notification, name: string): string | undefined {
  return MessageAttributes[name]?.Value;
}

/** A custom participant that knows notifications and the AWS SDK, and nothing else of the server. */
export interface SnsBot extends Disposable {
  /** Rejects when the server cannot be reached: the notification must come again. */
  handle(notification: Notification): Promise<void>;
}

/** What it says to a message of the customer. */
export const answerTo = (text: string | undefined) => `You said: ${text}`;

export function openSnsBot(endpoint: string): SnsBot {
  const options = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'any', secretAccessKey: 'any' } };
  const connect = new ConnectClient(options);
  const participant = new ConnectParticipantClient(options);
  const tokens = new Map<string, string>();

  /** Again, it is the same bot: the ClientToken says so. */
  async function join(ContactId: string, InstanceId: string | undefined): Promise<string> {
    const { ParticipantCredentials } = await connect.send(
      new CreateParticipantCommand({
        ...{ InstanceId, ContactId, ClientToken: `bot ${ContactId}` },
        ParticipantDetails: { ParticipantRole: 'CUSTOM_BOT', DisplayName: 'Bot' },
      }),
    );
    const { ConnectionCredentials } = await participant.send(
      new CreateParticipantConnectionCommand({
        Type: ['CONNECTION_CREDENTIALS'],
        ConnectParticipant: true,
        ParticipantToken: ParticipantCredentials?.ParticipantToken,
      }),
    );
    const token = ConnectionCredentials?.ConnectionToken ?? '';
    tokens.set(ContactId, token);
    return token;
  }

  return {
    async handle(notification) {
      if (attribute(notification, 'ParticipantRole') !== 'CUSTOMER') return;
      const { Id, Type, Content, InitialContactId } = toldItem(notification);
      const ConnectionToken =
        tokens.get(InitialContactId) ?? (await join(InitialContactId, attribute(notification, 'InstanceId')));
      if (Type !== 'MESSAGE') return;
      await participant.send(
        new SendMessageCommand({
          ...{ ConnectionToken, ContentType: 'text/plain', Content: answerTo(Content) },
          ClientToken: Id,
        }),
      );
    },
    [Symbol.dispose]() {
      connect.destroy();
      participant.destroy();
    },
  };
}
