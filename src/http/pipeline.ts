import router from 'find-my-way';
import { commonFault, Fault, serviceFault, services } from '../fault.ts';
import { type Bearer, type Call, faultOf, type Operation, type OperationSettings } from '../operations/operation.ts';
import type { Writer } from '../operations/writer.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Ids } from '../runtime/ids.ts';
import type { Log } from '../runtime/log.ts';
import type { Metric } from '../runtime/metrics.ts';
import type { Steady } from '../runtime/steady.ts';
import { check } from '../shape/check.ts';
import { decode, parseBody, WrongType } from '../shape/decode.ts';
import { encode } from '../shape/encode.ts';
import type { Store } from '../store/store.ts';
import type { Tokens } from '../tokens/tokens.ts';
import { authenticateBearer } from './bearer.ts';
import { preflightHeaders } from './cors.ts';
import type { Gate, Signer } from './gate.ts';
import { faultReply, jsonReply } from './reply.ts';
import { headerOf, type Reply, type Request } from './request.ts';
import { openRequestCounts } from './request-counts.ts';
import type { Throttle } from './throttle.ts';

export interface PipelineParts {
  readonly operations: readonly Operation[];
  readonly clock: Clock;
  readonly steady: Pick<Steady, 'now'>;
  readonly ids: Ids;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly gate: Gate;
  readonly throttle: Throttle;
  readonly writer: Writer;
  readonly settings: OperationSettings;
  readonly log: Log;
  readonly version: string;
}

export interface Pipeline {
  /** Answers any request; never throws. */
  handle(request: Request): Promise<Reply>;
  metrics(): readonly Metric[];
}

/** The one place that knows the order: route → authenticate → throttle → decode → authorize → check → handle → encode. */
export function openPipeline(parts: PipelineParts): Pipeline {
  const find = routes(parts.operations);
  const counts = openRequestCounts();
  return {
    async handle(request) {
      if (request.method === 'OPTIONS') return { status: 204, headers: preflightHeaders(request), body: '' };
      const since = parts.steady.now();
      const found = find(request);
      const reply = found
        ? await answer(parts, found, request)
        : faultReply(request.id, unknownOperation(request, parts.version));
      counts.answered(found?.operation, reply.status, parts.steady.now() - since);
      return reply;
    },
    metrics: counts.metrics,
  };
}

async function answer(parts: PipelineParts, { operation, labels }: Found, request: Request): Promise<Reply> {
  try {
    const output = await run(parts, operation, labels, request);
    return jsonReply(request.id, 200, output);
  } catch (failure) {
    if (failure instanceof Fault) return faultReply(request.id, failure);
    parts.log.error({ err: failure, requestId: request.id, operation: operation.name }, 'an operation failed');
    return faultReply(request.id, internal(operation, request.id));
  }
}

async function run(parts: PipelineParts, operation: Operation, labels: Labels, request: Request): Promise<unknown> {
  const now = parts.clock.now();
  const caller = operation.bearer ? bearer(parts, operation, request, now) : await parts.gate.authenticate(request);
  throttle(parts, operation, caller, request, now);
  const input = decoded(operation, labels, request);
  if ('userArn' in caller) await parts.gate.permit(caller, operation, input);
  const problem = check(operation.input, input);
  if (problem) throw serviceFault(operation.service, invalidOf(operation) as never, problem);
  const { ids, store, tokens, writer, settings } = parts;
  const call: Call = { now, ids, caller, store, tokens, writer, settings, fault: faultOf(operation) };
  return encode(operation.output, await operation.handle(call as never, input as never));
}

/** A few operations of the Connect service model only the other of its two names. */
function invalidOf({ service, errors }: Operation): string {
  const { invalid } = services[service];
  return !errors.includes(invalid) && errors.includes('InvalidParameterException')
    ? 'InvalidParameterException'
    : invalid;
}

function bearer({ tokens }: PipelineParts, operation: Operation, request: Request, now: number): Bearer {
  const found = authenticateBearer(tokens, operation.bearer ?? 'connection', headerOf(request, 'x-amz-bearer'), now);
  if (found instanceof Fault) throw found;
  return { ...found, origin: headerOf(request, 'origin') };
}

/** The Connect service is throttled per account and Region, the Participant Service per instance. */
function throttle(
  parts: PipelineParts,
  operation: Operation,
  caller: Signer | Bearer,
  request: Request,
  now: number,
): void {
  const isBearer = 'identity' in caller;
  const who = isBearer ? caller.identity.instanceId : `${caller.account} ${caller.region}`;
  // A client that loops must not take the server down, whatever the profile; nor the rate of its instance.
  if (operation.bearer === 'participant') {
    parts.throttle.takeConnection(operation, headerOf(request, 'x-amz-bearer') ?? '', now);
  }
  parts.throttle.take(operation, who, now);
}

function decoded(operation: Operation, labels: Labels, request: Request): Record<string, unknown> {
  try {
    return decode(operation.input, {
      body: operation.method === 'GET' ? undefined : parseBody(request.body),
      labels,
      query: new URLSearchParams(request.query),
      header: (name) => headerOf(request, name),
    });
  } catch (failure) {
    if (failure instanceof WrongType) throw commonFault('SerializationException', failure.message);
    throw failure;
  }
}

type Labels = Readonly<Record<string, string>>;

/** An operation, and what stands in the path for its labels. */
interface Found {
  readonly operation: Operation;
  readonly labels: Labels;
}

/** More than the listener takes in a request's head: a label that is too long is refused by its operation, by name. */
const maxLabelCharacters = 16 * 1024;

/** Paths are matched as they came and labels decoded once, so that a label may hold an encoded slash. */
function routes(operations: readonly Operation[]) {
  const found = router({ caseSensitive: true, ignoreTrailingSlash: true, maxParamLength: maxLabelCharacters });
  for (const operation of operations) {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1');
    // find-my-way refuses two operations with one route, which is what the start should do.
    found.on(operation.method, path, () => {}, operation);
  }
  const at = (method: string, path: string): Found | undefined => {
    const match = found.find(method as 'GET', path);
    return match ? { operation: match.store as Operation, labels: match.params as Labels } : undefined;
  };
  // A public URL may end like a route begins (/contact): then a path without the prefix looks as if it had it.
  return ({ method, path, prefix }: Request) => at(method, path) ?? (prefix ? at(method, prefix + path) : undefined);
}

function unknownOperation(request: Request, version: string): Fault {
  const path = request.path.length > 200 ? `${request.path.slice(0, 200)}…` : request.path;
  return commonFault(
    'UnknownOperationException',
    `Tertulia ${version} has no operation ${request.method} ${path}. GET /_tertulia/info lists the operations that are built.`,
  );
}

function internal(operation: Operation, requestId: string): Fault {
  return serviceFault(
    operation.service,
    services[operation.service].internal as never,
    `Tertulia failed to process the request; its log says why under request id ${requestId}.`,
  );
}
