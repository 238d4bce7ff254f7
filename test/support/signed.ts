import * as connectSdk from '@aws-sdk/client-connect';
import type { Request } from '../../src/http/request.ts';
import { queryString, type SdkRequest } from './sdk.ts';

/** Whose key signs, and for where. */
export interface SignedBy {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region?: string;
}

type Command = new (input: object) => object;

/**
 * A request of the Connect service as the official SDK signs it, as it would come from a socket. `rawBody` takes the place
 * of what the SDK would send, and is signed: what no SDK sends may still come from somebody who holds a key.
 */
export async function signed(
  name: string,
  input: object,
  { region = 'us-east-1', ...credentials }: SignedBy,
  rawBody?: string,
  endpoint = 'http://127.0.0.1',
): Promise<Request> {
  let sent: SdkRequest | undefined;
  const requestHandler = {
    handle(request: SdkRequest) {
      sent = request;
      return Promise.reject(new Error('it was only to be signed'));
    },
  };
  const client = new connectSdk.ConnectClient({
    region,
    endpoint,
    credentials,
    maxAttempts: 1,
    requestHandler,
  } as never);
  client.middlewareStack.add(
    (next) => (args) => {
      if (rawBody !== undefined) (args.request as { body: string }).body = rawBody;
      return next(args);
    },
    { step: 'build', priority: 'high' },
  );
  const commands = connectSdk as unknown as Record<string, Command>;
  const SomeCommand = commands[`${name}Command`] as Command;
  await client.send(new SomeCommand(input) as never).catch((failure: unknown) => {
    if (!sent) throw failure;
  });
  if (!sent) throw new Error(`the SDK sent nothing for ${name}`);
  return {
    method: sent.method,
    path: sent.path,
    query: queryString(sent.query ?? {}),
    headers: Object.entries(sent.headers),
    body: typeof sent.body === 'object' ? Buffer.concat([sent.body]) : Buffer.from(sent.body ?? ''),
    id: 'request-1',
  };
}
