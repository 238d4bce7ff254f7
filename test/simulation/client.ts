import type { Reply } from '../../src/http/request.ts';
import { registry } from '../../src/operations/registry.ts';
import type { SimNode } from './node.ts';
import { type Random, seededIds } from './random.ts';
import { delay, type Scheduler } from './scheduler.ts';
import type { Weather } from './weather.ts';

/** What a client has of the service: addresses of nodes, a network in between, and an SDK's patience. */
export interface ClientParts {
  readonly nodes: readonly SimNode[];
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: () => Weather;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly note: (what: string) => void;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: bodies are JSON, and clients look into them
  readonly body: any;
}

/** What was asked for, and what became of it. */
export interface Call {
  readonly sentAt: number;
  readonly answeredAt?: number | undefined;
  /** Undefined if all attempts came to nothing. */
  readonly answer?: Answer | undefined;
}

export interface Client {
  /** Calls an operation on any node, and again on any where that came to nothing: with the same input, as SDKs do. */
  call(name: string, input: Record<string, unknown>, bearer?: string): Promise<Call>;
  control(method: string, path: string, input: Record<string, unknown>): Promise<Call>;
  readonly uuid: () => string;
}

const mostAttempts = 12;
/** Nodes fail for some seconds: together the attempts outlast that. */
const patienceMs = 1_500;
const pauseMs = 600;

export function openClient(parts: ClientParts, name: string): Client {
  const random = parts.random.fork(`client ${name}`);
  const ids = seededIds(random.fork('ids'));

  async function insist(what: string, ask: (node: SimNode) => Promise<Answer>): Promise<Call> {
    const sentAt = parts.now();
    for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
      const node = random.pick(parts.nodes);
      const answer = await tried(parts, random, () => ask(node));
      parts.note(`${name}: ${what} on ${node.name}: ${answer ? answer.status : 'no answer'}`);
      if (answer && answer.status < 500) return { sentAt, answeredAt: parts.now(), answer };
      await parts.scheduler.sleep(pauseMs * random.share());
    }
    return { sentAt };
  }

  return {
    uuid: ids.uuid,
    call(operation, input, bearer) {
      const request = requestOf(operation, input, bearer);
      return insist(operation, async (node) => answerOf(await node.handle({ ...request, id: ids.uuid() })));
    },
    control: (method, path, input) => insist(`${method} ${path}`, (node) => node.control(method, path, input)),
  };
}

/** One attempt over the network: undefined if nothing came back in time. */
function tried(parts: ClientParts, random: Random, ask: () => Promise<Answer>): Promise<Answer | undefined> {
  const { scheduler, weather } = parts;
  const { requestLost, answerLost } = weather();
  const isLost = random.chance(requestLost);
  const isUnanswered = random.chance(answerLost);
  const there = 0.3 + delay(random, 4, 200);
  const back = 0.3 + delay(random, 4, 200);
  return new Promise((resolve) => {
    const stop = scheduler.after(patienceMs, () => resolve(undefined));
    const done = (answer: Answer | undefined) => {
      stop();
      resolve(answer);
    };
    if (isLost) return;
    scheduler.after(there, () => {
      // A node that is down refuses the connection.
      (async () => ask())().then(
        (answer) => {
          if (!isUnanswered) scheduler.after(back, () => done(answer));
        },
        () => scheduler.after(back, () => done(undefined)),
      );
    });
  });
}

/** What an SDK would send, before it is signed. */
export function requestOf(name: string, input: Record<string, unknown>, bearer: string | undefined) {
  const operation = registry.find((each) => each.name === name);
  if (!operation) throw new Error(`no operation ${name}`);
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, label: string) => encodeURIComponent(String(input[label])));
  const headers = bearer === undefined ? [] : [['x-amz-bearer', bearer] as const];
  const { method } = operation;
  return { method, path, query: '', headers, body: Buffer.from(JSON.stringify(input)) };
}

function answerOf({ status, body }: Reply): Answer {
  return { status, body: body === '' ? undefined : JSON.parse(body) };
}
