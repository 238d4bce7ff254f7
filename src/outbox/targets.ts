import { matchesWildcard } from '../domain/wildcard.ts';

/** Where notifications go, as the configuration file says it. */
interface Target {
  /** Names it in listings and in lanes, without secrets. Two of one list that are not the same have not the same name. */
  readonly target: string;
}

/** A row of `streams`; of those whose pattern matches a topic's ARN the first is meant. */
interface Stream extends Target {
  /** A pattern of ARNs: `*` is any text, `?` any one character. */
  readonly topics: string;
}

/** A row of `contactEvents`; every one that matches gets the event. */
interface Events extends Target {
  /** A pattern of instances' ARNs; undefined: all instances. */
  readonly instances?: string;
}

export interface WebhookStream extends Stream {
  readonly kind: 'webhook';
  /** http or https. May hold user info and a query, which are secrets. */
  readonly url: string;
  readonly signatureVersion: '1' | '2';
  readonly confirmation: 'required' | 'none';
}

export interface SnsStream extends Stream {
  readonly kind: 'sns';
  /** Of a service that is not Amazon's. */
  readonly endpoint?: string;
  /** Undefined: that of each topic. */
  readonly region?: string;
}

export interface LambdaStream extends Stream {
  readonly kind: 'lambda';
  /** A name, with a version or an alias, or an ARN. */
  readonly function: string;
  /** Of a service that is not Amazon's, such as a runtime interface emulator. */
  readonly endpoint?: string;
  /** Undefined: that of the function's ARN, or else of each topic. */
  readonly region?: string;
}

/** Exactly one of a line for the shell and the path of a module. */
export type Program = {
  /** Absolute: of the configuration file. Both run in it. */
  readonly folder: string;
} & (
  | { readonly command: string; readonly module?: undefined }
  /** Absolute. */
  | { readonly module: string; readonly command?: undefined }
);

export type ProcessStream = Stream & Program & { readonly kind: 'process' };

/** Keeps what it gets, to be looked at. Not configured: it is there in development. */
export interface MemoryStream extends Stream {
  readonly kind: 'memory';
}

export interface WebhookEvents extends Events {
  readonly kind: 'webhook';
  readonly url: string;
  readonly secret?: string;
}

export type ProcessEvents = Events & Program & { readonly kind: 'process' };

export interface NatsEvents extends Events {
  readonly kind: 'nats';
  /** nats:// or tls:// URLs of one cluster; may hold user info, which is secret. */
  readonly servers: readonly string[];
  readonly subject: string;
}

export type StreamTarget = WebhookStream | SnsStream | LambdaStream | ProcessStream | MemoryStream;
export type EventTarget = WebhookEvents | ProcessEvents | NatsEvents;

export interface Targets {
  readonly streams: readonly StreamTarget[];
  readonly contactEvents: readonly EventTarget[];
}

/** Where notifications of a topic go; undefined: nowhere, so nothing can be streamed to it. */
export function streamTarget({ streams }: Pick<Targets, 'streams'>, topicArn: string): StreamTarget | undefined {
  return streams.find(({ topics }) => matchesWildcard(topics, topicArn));
}

/** Where the contact events of an instance go. */
export function eventTargets({ contactEvents }: Pick<Targets, 'contactEvents'>, instanceArn: string): EventTarget[] {
  return contactEvents.filter(({ instances = '*' }) => matchesWildcard(instances, instanceArn));
}
