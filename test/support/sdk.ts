import { Readable } from 'node:stream';
import * as connectSdk from '@aws-sdk/client-connect';
import * as participantSdk from '@aws-sdk/client-connectparticipant';
import type { Operation } from '../../src/operations/operation.ts';
import { registry } from '../../src/operations/registry.ts';
import type { TestPipeline } from './pipeline.ts';

/** The official SDK's clients, whose requests go to a pipeline in place of a network. */

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** As the SDK hands it to whatever sends it. */
export interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Outcome {
  /** 200, or the status of the error. */
  readonly status: number;
  /** The name of the SDK's error class. */
  readonly error?: string | undefined;
  readonly message?: string | undefined;
  /** What the SDK threw. */
  readonly failure?: Error | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: outputs of every operation, and tests look into them
  readonly output?: any;
}

/** Calls any operation that is built, by its wire name, through the SDK's own serializers and error classes. */
export function sdk(
  { raw }: Pick<TestPipeline, 'raw'>,
  credentials: Credentials = { accessKeyId: 'any', secretAccessKey: 'any' },
) {
  const requestHandler = {
    async handle(request: SdkRequest) {
      const query = queryString(request.query ?? {});
      const body = Buffer.from(request.body ?? '');
      const answer = await raw(request.method, query ? `${request.path}?${query}` : request.path, body, {
        ...request.headers,
      });
      const { status, headers } = answer.reply;
      return { response: { statusCode: status, headers, body: Readable.from([Buffer.from(answer.reply.body)]) } };
    },
  };
  const options = { region: 'us-east-1', endpoint: 'http://127.0.0.1', credentials, maxAttempts: 1, requestHandler };
  const clients = {
    connect: new connectSdk.ConnectClient(options as never),
    participant: new participantSdk.ConnectParticipantClient(options as never),
  };
  return async (name: string, input: object): Promise<Outcome> => {
    const operation = registry.find((each) => each.name === name) as Operation;
    const commands = (operation.service === 'connect' ? connectSdk : participantSdk) as unknown as Record<
      string,
      Command
    >;
    const Command = commands[`${name}Command`] as Command;
    try {
      const { $metadata: _, ...output } = await (clients[operation.service] as Sender).send(new Command(input));
      return { status: 200, output };
    } catch (failure) {
      const { name: error, message, $metadata } = failure as Error & { $metadata?: { httpStatusCode?: number } };
      if ($metadata?.httpStatusCode === undefined) throw failure;
      return { status: $metadata.httpStatusCode, error, message, failure: failure as Error };
    }
  };
}

interface Sender {
  send(command: object): Promise<{ $metadata: object }>;
}

type Command = new (input: object) => object;

export function queryString(query: NonNullable<SdkRequest['query']>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value ?? '']).map((each: string) => `${encoded(name)}=${encoded(each)}`),
  );
  return pairs.join('&');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}
