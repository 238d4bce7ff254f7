import { lookup as lookupByDns } from 'node:dns';
import { once } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Outgoing HTTP and HTTPS, which cannot be aimed at what only this machine should reach. */
export interface Egress extends AsyncDisposable {
  /**
   * Resolves to any answer that came, redirects too: none is followed. Its text is cut at 64 KiB, and the connection
   * with it. Rejects for what is not http or https, for a refused address, when the connection fails, and when the
   * signal ends it.
   */
  post(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly text: string }>;
  /** For a client that makes its own requests. A pair for each call, because clients destroy those that they are given. */
  agents(): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
}

export interface EgressSettings {
  /** Lets requests go to link-local and metadata addresses. */
  readonly allowsLinkLocal: boolean;
  /** Finds the addresses of a name; the system's own if absent. */
  readonly lookup?: LookupFunction | undefined;
}

/** What counts in an answer is its status; its text is for a log or a person. */
const maxTextBytes = 65_536;
/** Connections to one origin: more than a destination has deliveries at once. Origins are as many as are configured. */
const maxSockets = 128;
/** Idle ones that are kept of an origin. */
const maxFreeSockets = 8;

export function openEgress({ allowsLinkLocal, lookup = lookupByDns as LookupFunction }: EgressSettings): Egress {
  const opened = new Set<HttpAgent>();
  const addressesOf = askingOnce(lookup);

  function agents() {
    const settings = { keepAlive: true, maxSockets, maxFreeSockets };
    const pair = { httpAgent: new HttpAgent(settings), httpsAgent: new HttpsAgent(settings) };
    for (const agent of Object.values(pair)) {
      guard(agent, addressesOf, allowsLinkLocal ? () => false : isInner);
      opened.add(agent);
    }
    return pair;
  }

  const own = agents();
  return {
    agents,
    async post(url, headers, body, signal) {
      const ask = askers[url.protocol];
      if (!ask) throw new Error(`${url.protocol} cannot be requested; allowed: http and https`);
      const agent = url.protocol === 'https:' ? own.httpsAgent : own.httpAgent;
      for (;;) {
        signal.throwIfAborted();
        const request = ask(url, { method: 'POST', headers, signal, agent });
        // Failures after the answer has begun are seen by who reads it.
        request.on('error', () => {});
        try {
          const answered = once(request, 'response') as Promise<[IncomingMessage]>;
          request.end(body);
          const [response] = await answered;
          return { status: response.statusCode ?? 0, text: await textOf(response) };
        } catch (failure) {
          signal.throwIfAborted();
          // The other side closed a kept connection as it was used again. Each such failure uses one up.
          const isStale = request.reusedSocket && (failure as NodeJS.ErrnoException).code === 'ECONNRESET';
          if (!isStale) throw failure;
        }
      }
    },
    async [Symbol.asyncDispose]() {
      for (const agent of opened) agent.destroy();
    },
  };
}

const askers: Readonly<Record<string, typeof requestHttp>> = { 'http:': requestHttp, 'https:': requestHttps };

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop destroys the response, and its connection with it.
    if (bytes > maxTextBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxTextBytes).toString();
}

/**
 * Checks where each connection of an agent goes at the last moment: a literal address before it is dialled, because
 * nobody is asked for it, and the addresses of a name as they are found, so that no later answer of the DNS can differ.
 */
function guard(agent: HttpAgent, lookup: LookupFunction, isRefused: (address: string) => boolean): void {
  const connect = agent.createConnection;
  agent.createConnection = (options, done) => {
    const host = options.host ?? options.hostname ?? '';
    if (!isRefused(host)) return connect.call(agent, { ...options, lookup: fitAddresses(lookup, isRefused) }, done);
    done?.(refusal(host), undefined as never);
    return undefined;
  };
}

/**
 * Connections that want the same at the same time share one question. The system's resolver has two threads for all names:
 * with a question of each, one name that nobody answers for would keep all others waiting.
 */
function askingOnce(lookup: LookupFunction): LookupFunction {
  const asked = new Map<string, Parameters<LookupFunction>[2][]>();
  return (name, options, done) => {
    const question = JSON.stringify([name, options]);
    const waiting = asked.get(question);
    if (waiting) return void waiting.push(done);
    const all = [done];
    asked.set(question, all);
    try {
      lookup(name, options, (...answer) => {
        asked.delete(question);
        for (const each of all) each(...answer);
      });
    } catch (failure) {
      asked.delete(question);
      throw failure;
    }
  };
}

/** Leaves refused addresses out, because names of home networks often have a link-local one beside a usable one. */
function fitAddresses(lookup: LookupFunction, isRefused: (address: string) => boolean): LookupFunction {
  return (name, options, done) =>
    lookup(name, { ...options, all: true }, (failure, found) => {
      if (failure) return done(failure, []);
      const addresses = Array.isArray(found) ? found : [];
      const fit = addresses.filter(({ address }) => !isRefused(address));
      const [first] = fit;
      if (!first) {
        const [refused] = addresses;
        return done(refused ? refusal(refused.address, name) : new Error(`${name} has no address`), []);
      }
      if (options.all) done(null, fit);
      else done(null, first.address, first.family);
    });
}

/** Whether that is an address, with or without brackets and zone, where no request may go. */
function isInner(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const version = isIP(address);
  return version !== 0 && innerAddresses.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

function refusal(address: string, name?: string): Error {
  const what = name === undefined ? address : `${address}, the address of ${name},`;
  return new Error(
    `${what} is a link-local or metadata address, where no request may go; TERTULIA_ALLOW_LINK_LOCAL=true allows it`,
  );
}

const innerAddresses = listInner();

/** Link-local addresses, and those at which clouds tell a machine its secrets, in every notation of IPv6 that holds them. */
function listInner(): BlockList {
  const list = new BlockList();
  const v4: readonly (readonly [address: string, hex: string, bits: number])[] = [
    ['169.254.0.0', 'a9fe:0000', 16],
    // Alibaba, Azure, Oracle.
    ['100.100.100.200', '6464:64c8', 32],
    ['168.63.129.16', 'a83f:8110', 32],
    ['192.0.0.192', 'c000:00c0', 32],
  ];
  for (const [address, hex, bits] of v4) {
    list.addSubnet(address, bits, 'ipv4');
    // Translated (SIIT), compatible, NAT64. The mapped ones are held against the line above by the list itself.
    for (const prefix of ['::ffff:0:', '::', '64:ff9b::']) list.addSubnet(`${prefix}${hex}`, 96 + bits, 'ipv6');
    // 6to4.
    list.addSubnet(`2002:${hex}::`, 16 + bits, 'ipv6');
  }
  // NAT64 of a network's own making: where in it the IPv4 address is, its operator alone knows.
  list.addSubnet('64:ff9b:1::', 48, 'ipv6');
  list.addSubnet('fe80::', 10, 'ipv6');
  // All that Amazon keeps for what a machine alone may ask; Google.
  list.addSubnet('fd00:ec2::', 32, 'ipv6');
  list.addAddress('fd20:ce::254', 'ipv6');
  return list;
}
