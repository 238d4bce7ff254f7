import type { InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { type Agents, asDelivered, clientSettings, regionOf } from './aws.ts';
import { type Destination, Rejected } from './destination.ts';
import { eventJson } from './sns-event.ts';
import type { LambdaStream } from './targets.ts';

/** Invokes a function with the event that SNS would give it, and waits for its end, so that the order holds. */
export async function openLambda(
  { function: name, endpoint, region }: Pick<LambdaStream, 'function' | 'endpoint' | 'region'>,
  egress?: Agents,
): Promise<Destination> {
  const { InvokeCommand, LambdaClient: Client } = await import('@aws-sdk/client-lambda');
  /** By region. A topic of another region than its instance's is refused before, so they are few. */
  const clients = new Map<string, LambdaClient>();

  function clientFor(topic: string): LambdaClient {
    const wanted = region ?? regionOf(name) ?? regionOf(topic) ?? 'us-east-1';
    const client = clients.get(wanted) ?? new Client({ region: wanted, ...clientSettings(endpoint, egress) });
    clients.set(wanted, client);
    return client;
  }

  return {
    async deliver(parcel, signal) {
      const invoke = { FunctionName: name, InvocationType: 'RequestResponse', Payload: eventJson(parcel) } as const;
      let answer: InvokeCommandOutput;
      try {
        answer = await clientFor(parcel.topic).send(new InvokeCommand(invoke), { abortSignal: signal });
      } catch (failure) {
        signal.throwIfAborted();
        throw asDelivered('Lambda', failure);
      }
      demandSuccess(answer, endpoint !== undefined);
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients.values()) client.destroy();
    },
  };
}

/**
 * Throws if the function failed. Amazon says so in a header; its runtime interface emulator forgets that, answers a
 * failure like a success, a timeout in plain text, and a process that ended with nothing at all (issues 20, 21 and 86
 * of aws/aws-lambda-runtime-interface-emulator).
 */
function demandSuccess({ FunctionError, Payload }: InvokeCommandOutput, mayBeEmulator: boolean): void {
  if (FunctionError === undefined && !mayBeEmulator) return;
  const text = Buffer.from(Payload ?? []).toString();
  const { errorType, errorMessage } = objectIn(text);
  const isFailure = typeof errorType === 'string' && typeof errorMessage === 'string';
  if (FunctionError !== undefined || isFailure) {
    // The type alone: the message may repeat what the function was given.
    const type = typeof errorType === 'string' && /^[\w.:$]{1,100}$/.test(errorType) ? errorType : 'an error';
    throw new Rejected(`the function failed with ${type}`);
  }
  if (text === '') throw new Error('the function answered nothing: its process has ended');
  if (text.startsWith('Task timed out')) throw new Error('the function ran out of time');
}

function objectIn(text: string): { readonly errorType?: unknown; readonly errorMessage?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
