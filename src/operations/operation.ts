import type { ContentLimits } from '../domain/limits.ts';
import { type ErrorName, type Fault, type ServiceName, serviceFault } from '../fault.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Infer, Shape } from '../shape/shape.ts';
import type { Store } from '../store/store.ts';
import type { Identity, TokenKind, Tokens } from '../tokens/tokens.ts';
import type { Writer } from './writer.ts';

/** Who calls a Connect operation. */
export interface Principal {
  /** Undefined where signatures are not verified: then the instance says whose account it is. */
  readonly account: string | undefined;
  /** The Region that the request was signed for; undefined likewise. */
  readonly region: string | undefined;
}

/** What a policy is asked for before a Connect operation runs: see `http/gate.ts`. */
export interface Access {
  /** Below the instance's ARN, with `{Member}`s of the input: `contact/{ContactId}`; '' is the instance itself. */
  readonly resource: string;
  /** The resource is one member, `{resourceArn}`, that holds the whole ARN. */
  readonly isWholeArn?: boolean;
  /** The member with tags, for aws:RequestTag and aws:TagKeys, or with tag keys, for aws:TagKeys. */
  readonly tags?: string;
  /** Condition keys of the operation's own, each with the member that has its value. */
  readonly conditions?: Readonly<Record<string, string>>;
}

/** Who calls an operation of the Participant Service: what its bearer token says. */
export interface Bearer {
  readonly identity: Identity;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The page that asks, as its browser says in `Origin`; undefined for programs. */
  readonly origin?: string | undefined;
}

/** What a handler has to work with. Eight members: a ninth needs a decision page. */
export interface Call<Caller = unknown, Errors extends string = string> {
  /** The chat's time, sampled once when the request arrived; epoch milliseconds. */
  readonly now: number;
  readonly ids: Ids;
  readonly caller: Caller;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly writer: Writer;
  readonly settings: OperationSettings;
  /** Makes a fault that this operation declares; to be thrown. */
  readonly fault: (type: Errors, message: string, members?: Record<string, unknown>) => Fault;
}

export interface OperationSettings {
  /** Open chats that one instance may have; undefined: any number. */
  readonly concurrentChats: number | undefined;
  /** Largest content of a message by content type, in UTF-8 bytes; types that are not named have Amazon's. */
  readonly maxContentBytes: ContentLimits;
  /** Where a WebSocket with that token is opened. */
  readonly webSocketUrl: (token: string) => string;
  /** Where the bytes of an attachment are put and fetched with that token. */
  readonly attachmentUrl: (attachmentId: string, token: string) => string;
  /** Whether the configuration leads a topic, by its ARN, anywhere. */
  readonly isStreamTopic: (topic: string) => boolean;
  /** Whether a scanner is asked before an attachment is approved. */
  readonly hasScanner: boolean;
  /** Whether the configuration has something in the place of that S3 bucket. */
  readonly hasBucket: (name: string) => boolean;
}

/** An operation as the generic layers read it. */
export interface Operation {
  readonly service: ServiceName;
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{Label}` for each member bound to the path, as in Amazon's model. */
  readonly path: string;
  /** The kind of bearer token it takes; undefined for operations that are signed. */
  readonly bearer: TokenKind | undefined;
  /** Undefined for operations that take a bearer token. */
  readonly access: Access | undefined;
  readonly errors: readonly string[];
  readonly input: Shape;
  readonly output: Shape;
  readonly handle: (call: Call<never>, input: never) => Promise<unknown>;
}

interface Row<S extends ServiceName, Caller, E extends ErrorName<S>, I, O> {
  readonly name: string;
  readonly route: readonly [Operation['method'], string];
  readonly errors: readonly E[];
  readonly input: Shape<I>;
  readonly output: Shape<O>;
  readonly handle: (call: Call<Caller, E>, input: I) => Promise<O>;
}

/** Declares an operation of the Connect service: signed by an access key. */
export function connectOperation<const E extends ErrorName<'connect'>, I, O>(
  row: Row<'connect', Principal, E, I, O> & { readonly access: Access },
): Operation & { readonly input: Shape<I>; readonly output: Shape<O> } {
  const { route, ...rest } = row;
  return { service: 'connect', method: route[0], path: route[1], bearer: undefined, ...rest };
}

/** Declares an operation of the Participant Service: called with a bearer token of that kind. */
export function participantOperation<const E extends ErrorName<'participant'>, I, O>(
  row: Row<'participant', Bearer, E, I, O> & { readonly bearer: TokenKind },
): Operation & { readonly input: Shape<I>; readonly output: Shape<O> } {
  const { route, ...rest } = row;
  return { service: 'participant', method: route[0], path: route[1], access: undefined, ...rest };
}

/** The fault maker of one operation, for `Call.fault`. */
export function faultOf(operation: Operation): Call['fault'] {
  return (type, message, members) => serviceFault(operation.service, type as never, message, members);
}

export type Input<O extends { readonly input: Shape }> = Infer<O['input']>;
export type Output<O extends { readonly output: Shape }> = Infer<O['output']>;
