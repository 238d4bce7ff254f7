import { hash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { commonFault, Fault, serviceFault } from '../fault.ts';
import { faultReply, jsonReply } from '../http/reply.ts';
import { headerOf, type Reply, type Request } from '../http/request.ts';
import type { Operation } from '../operations/operation.ts';
import type { Log } from '../runtime/log.ts';
import type { InstanceConfig } from '../settings.ts';
import { structure } from '../shape/shape.ts';
import { type Answer, inputOf, labelsOf, type Route, route } from './route.ts';

const prefix = '/_tertulia';
/** Where every collector looks. */
const metricsPath = '/metrics';

/** Whether a path is the control API's. */
export function isControl(path: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`) || path === metricsPath;
}

/** Where the process is in its life. */
export interface Readiness {
  readonly isReady: boolean;
  /** Why not. */
  readonly reason?: string | undefined;
  /** Parts of it that are away, without which it serves all the same. */
  readonly degraded?: readonly string[] | undefined;
}

export interface ControlParts {
  readonly version: string;
  readonly mode: string;
  readonly publicUrl: string;
  readonly socketUrl: string;
  readonly operations: readonly Operation[];
  readonly instances: readonly InstanceConfig[];
  readonly readiness: () => Readiness;
  readonly uptimeSeconds: () => number;
  /** Calls refused with 429 since the start, by operation. */
  readonly throttled: () => Readonly<Record<string, number>>;
  /** Undefined: in production the control API is off but for the probes. */
  readonly controlToken: string | undefined;
  readonly log: Log;
}

/** The API for whoever runs the server. No web page can drive it: no CORS, and no foreign Host or Origin. */
export function openControl(parts: ControlParts, more: readonly Route[] = []): (request: Request) => Promise<Reply> {
  const routes = [...ownRoutes(parts), ...more].filter(
    (each) => !each.isDevelopmentOnly || parts.mode === 'development',
  );
  return async (request) => {
    try {
      const foreign = parts.mode === 'development' ? foreignness(request, parts.publicUrl) : undefined;
      if (foreign) throw commonFault('ForbiddenException', foreign);
      return await answer(parts, routes, request);
    } catch (failure) {
      if (failure instanceof Fault) return withoutCors(faultReply(request.id, failure));
      parts.log.error({ err: failure, requestId: request.id, path: request.path }, 'the control API failed');
      const message = `The control API failed; the log says why under request id ${request.id}.`;
      return withoutCors(faultReply(request.id, serviceFault('connect', 'InternalServiceException', message)));
    }
  };
}

async function answer(parts: ControlParts, routes: readonly Route[], request: Request): Promise<Reply> {
  const [found] = routes.flatMap((each) => {
    const labels = each.method === request.method ? labelsOf(each, request.path) : undefined;
    return labels ? [{ ...each, labels }] : [];
  });
  if (!found?.isOpen) demandToken(parts, request);
  if (!found) throw unknown(request, routes);
  const input = inputOf(found.input, found.labels, request.query, request.body);
  const { status, body } = await found.handle(input as never);
  return withoutCors(replyOf(request.id, status, body));
}

function replyOf(id: string, status: number, body: Answer['body']): Reply {
  const reply = jsonReply(id, status, body);
  if (!('contentType' in body && 'text' in body)) return reply;
  return { ...reply, headers: { ...reply.headers, 'content-type': String(body.contentType) }, body: String(body.text) };
}

/** In production everything but the probes needs the control token, and without one set there is nothing else. */
function demandToken({ mode, controlToken }: ControlParts, request: Request): void {
  if (mode === 'development' && controlToken === undefined) return;
  if (controlToken === undefined) throw unknown(request, []);
  const given = /^Bearer (.+)$/.exec(headerOf(request, 'authorization') ?? '')?.[1] ?? '';
  // Hashes have one length, which comparing in constant time needs.
  const isRight = timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', controlToken, 'buffer'));
  if (!isRight) {
    throw serviceFault(
      'connect',
      'AccessDeniedException',
      'The control API needs Authorization: Bearer with TERTULIA_CONTROL_TOKEN.',
    );
  }
}

function unknown(request: Request, routes: readonly Route[]): Fault {
  const known = routes.map(({ method, path }) => `${method} ${path}`).join(', ');
  return commonFault(
    'UnknownOperationException',
    `The control API has no ${request.method} ${request.path}${known && `; it has ${known}`}.`,
  );
}

function ownRoutes(parts: ControlParts): Route[] {
  const nothing = structure({});
  return [
    route({
      method: 'GET',
      path: '/_tertulia/live',
      isOpen: true,
      input: nothing,
      handle: async () => ({ live: true }),
    }),
    route({
      method: 'GET',
      path: '/_tertulia/health',
      isOpen: true,
      input: nothing,
      handle: async () => health(parts),
    }),
    route({ method: 'GET', path: '/_tertulia/info', input: nothing, handle: async () => info(parts) }),
  ];
}

/** For Prometheus. In production it needs the control token, as all but the probes do. */
export function metricsRoute(render: () => Promise<{ readonly contentType: string; readonly text: string }>): Route {
  return route({
    method: 'GET',
    path: metricsPath,
    input: structure({}),
    handle: async () => ({ status: 200, body: await render() }),
  });
}

function health({ readiness, version, uptimeSeconds }: ControlParts): object {
  const { isReady, reason, degraded } = readiness();
  return isReady
    ? { status: 200, body: { ready: true, version, uptimeSeconds: Math.floor(uptimeSeconds()), degraded } }
    : { status: 503, body: { ready: false, reason } };
}

function info({ version, mode, publicUrl, socketUrl, operations, instances, throttled }: ControlParts): object {
  return {
    version,
    mode,
    endpoints: { connect: publicUrl, connectparticipant: publicUrl, websocket: socketUrl },
    instances: instances.map((each) => ({
      ...each,
      arn: `arn:aws:connect:${each.region}:${each.account}:instance/${each.id}`,
    })),
    operations: operations.map(({ service, name }) => ({ service, name })),
    throttled: throttled(),
  };
}

/** A name that an attacker's DNS could point here, or a page of another origin: the sentence of the refusal. */
function foreignness(request: Request, publicUrl: string): string | undefined {
  const own = new URL(publicUrl);
  const host = headerOf(request, 'host');
  const name = host === undefined ? undefined : hostname(host);
  if (name !== undefined && name !== 'localhost' && name !== own.hostname && isIP(name) === 0) {
    return `The control API does not answer for the host ${name}; use an address of this machine or the public URL.`;
  }
  const origin = headerOf(request, 'origin');
  if (origin === undefined || origin === own.origin || origin === `${own.protocol}//${host}`) return undefined;
  return 'The control API does not answer web pages of another origin.';
}

function hostname(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, '$1');
  } catch {
    return '(unreadable)';
  }
}

function withoutCors(reply: Reply): Reply {
  const headers = Object.entries(reply.headers).filter(([name]) => !name.startsWith('access-control-'));
  return { ...reply, headers: { ...Object.fromEntries(headers), 'cache-control': 'no-store' } };
}
