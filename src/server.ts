import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { bucketPrefix, openBuckets } from './blobs/buckets.ts';
import { openBlobs } from './blobs/open.ts';
import { bucketRules } from './buckets.ts';
import type { Bus } from './bus/bus.ts';
import { type NodeBus, openBus } from './bus/open.ts';
import { ConfigError, developmentInstance } from './config.ts';
import { contactRoutes } from './control/contacts.ts';
import { isControl, metricsRoute, openControl, type Readiness } from './control/control.ts';
import { outboxRoutes } from './control/outbox.ts';
import { timeRoutes } from './control/time.ts';
import { attachmentPrefix, objectPrefix } from './domain/attachments.ts';
import { type Chat, participantOf } from './domain/chat.ts';
import type { Rate } from './domain/quota.ts';
import { type AccessKey, openAccessKeys, policySettings } from './http/access-keys.ts';
import { type Gate, openGate } from './http/gate.ts';
import { type Listener, type ListenerSettings, openListener } from './http/listener.ts';
import { openPipeline } from './http/pipeline.ts';
import { parsePolicy } from './http/policy.ts';
import { type PublicUrls, publicUrls } from './http/public-url.ts';
import { openThrottle } from './http/throttle.ts';
import { attachmentsPath, openTransfers, type TransferParts } from './http/transfers.ts';
import { openUpgrade, webSocketPath } from './http/upgrade.ts';
import { type AttachmentParts, openAttachmentJobs } from './jobs/attachments.ts';
import { openScanner } from './jobs/scanner.ts';
import { openWorker, type Worker } from './jobs/worker.ts';
import { joinNodes, readinessOf, sharedRefusal, vaultOf } from './nodes.ts';
import type { OperationSettings } from './operations/operation.ts';
import { registry } from './operations/registry.ts';
import { openWriter } from './operations/writer.ts';
import { archiveChat, removeArchived } from './outbox/archive.ts';
import { laneMetrics, outboxMetrics } from './outbox/metrics.ts';
import type { Outbox } from './outbox/worker.ts';
import { openOutside } from './outside.ts';
import { type HubParts, openHub } from './push/hub.ts';
import { defaultPushSettings, type PushSettings } from './push/settings.ts';
import { openSocketServer } from './push/socket.ts';
import { quotaProfile } from './quotas.ts';
import type { Clock } from './runtime/clock.ts';
import { openEgress } from './runtime/egress.ts';
import type { Ids } from './runtime/ids.ts';
import { type Lifetime, lifetime } from './runtime/lifetime.ts';
import type { Log } from './runtime/log.ts';
import { type MetricSource, renderMetrics } from './runtime/metrics.ts';
import { movableClock } from './runtime/movable-clock.ts';
import { processMetrics } from './runtime/process-metrics.ts';
import type { Steady } from './runtime/steady.ts';
import { seed } from './seeds.ts';
import type { Config } from './settings.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import type { Tokens } from './tokens/tokens.ts';
import { fingerprint } from './tokens/vault.ts';

/** What the world outside gives a server. */
export interface Runtime {
  readonly clock: Clock;
  readonly steady: Steady;
  readonly ids: Ids;
  readonly log: Log;
  /** This process's own, for programs that it starts. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where what those print goes. */
  readonly write: (text: string) => void;
}

export interface Server extends AsyncDisposable {
  readonly urls: PublicUrls;
  readonly port: number;
  /** Reads the certificate files again; throws on a bad pair, keeping the old one. */
  reloadTls(): void;
}

const operationNames = registry.map(({ name }) => name);

export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** Builds everything by hand and starts it. Closing it drains: requests in flight, then sockets, then the store. */
export async function startServer(config: Config, runtime: Runtime): Promise<Server> {
  const life = lifetime();
  try {
    return await start(config, runtime, life);
  } catch (failure) {
    await life[Symbol.asyncDispose]();
    throw failure;
  }
}

async function start(config: Config, runtime: Runtime, life: Lifetime): Promise<Server> {
  const { clock: machine, steady, ids, log } = runtime;
  const startedAt = steady.now();
  let readiness: Readiness = { isReady: false, reason: 'starting' };
  const clock = movableClock(machine);
  const quotas = quotaProfile(config.quotas, operationNames);
  const instances = [...(config.mode === 'development' ? [developmentInstance] : []), ...config.instances];

  const store = life.own(await openStore(config, { steady, log }));
  const { membership, keeper, lease, tokens } = await joinNodes(config, store, runtime, life);
  await seed(store, instances, clock.now());
  const bus = life.own(await openBus(config, { steady, log, ids }));
  // The port is known only once it is open, and the URLs only with it: before the first request.
  let urls = publicUrls(config.publicUrl, config.port, config.tlsCert !== undefined);
  const egress = life.own(openEgress({ allowsLinkLocal: config.allowLinkLocal }));
  const towards = {
    archive: (chat: Chat, signal: AbortSignal) => archiveChat({ ...parts, buckets, signal }, chat),
    baseUrl: () => urls.base,
  };
  const outside = openOutside(config, { ...runtime, store, clock, egress, keeper, lease }, towards);
  const { outbox, memory } = outside;
  const writer = openWriter(store, bus, ids, log, outside);
  const { hub, sockets } = openPush(config, { store, bus, clock, steady, log }, life);
  const parts = { store, writer, tokens, clock, steady, ids, log, egress, lease };
  const { attachments, transfers, hasScanner, buckets } = await openFiles(config, parts, life);
  // Closed before the files that it writes to.
  life.own(outside);
  const removeFiles = async (chat: Chat) =>
    (await attachments.removeBelow(objectPrefix(chat.id))) + (await removeArchived({ ...parts, buckets }, chat));
  const worker = life.own(openWorker({ ...parts, attachments, removeFiles }));
  const throttle = openThrottle(quotas, perToken(config), membership.nodes);
  const gate = gateOf(config, urls.pathPrefix, store, steady, ids);
  const settings: OperationSettings = {
    ...tokenUrls(() => urls),
    ...{ hasScanner, hasBucket: buckets.has, isStreamTopic: outside.isStreamTopic },
    ...{ concurrentChats: quotas.concurrentChats, maxContentBytes: config.maxContentBytes },
  };
  const pipeline = openPipeline({ ...parts, operations: registry, gate, throttle, settings, version });
  const metrics = metricSources({ ...parts, pipeline, throttle, hub, sockets, worker, bus, outbox });
  const clear = async () => {
    await store.clear();
    for (const each of [attachmentPrefix, bucketPrefix]) await attachments.removeBelow(each);
    memory.clear();
    clock.follow();
    await seed(store, instances, clock.now());
  };
  const reset = async () => {
    await sockets.closeAll();
    await outbox.startAfresh(clear);
  };
  const control = openControl(
    {
      ...{ version, mode: config.mode, operations: registry, instances, log },
      get publicUrl() {
        return urls.base;
      },
      get socketUrl() {
        return urls.socketBase + webSocketPath;
      },
      readiness: () => readinessOf(readiness, membership, bus),
      uptimeSeconds: () => (steady.now() - startedAt) / 1000,
      ...{ throttled: throttle.counts, controlToken: config.controlToken },
    },
    [
      ...timeRoutes({
        ...{ clock, steady, delivered: hub.settled, reset, refusal: sharedRefusal(config) },
        ...together(worker, outbox),
      }),
      ...contactRoutes({ store, writer, clock, ids, removeFiles, participantToken: participantTokens(tokens) }),
      metricsRoute(() => renderMetrics(metrics, steady)),
      ...outboxRoutes({ store, clock, hurry: outbox.hurry, notifications: memory.read }),
    ],
  );
  const listener = await openListener(
    listenerSettings(config, urls.pathPrefix),
    {
      opened(port) {
        urls = publicUrls(config.publicUrl, port, config.tlsCert !== undefined);
      },
      answer: (request) =>
        isControl(request.path) ? control(request) : (outside.answer(request) ?? pipeline.handle(request)),
      stream: transfers.answer,
      upgrade: openUpgrade({ tokens, clock, accept: sockets.accept }),
    },
    { ids, log, steady },
  );
  life.own(listener);
  metrics.push(listener.metrics);
  if (config.store !== undefined) life.onEnd(() => hub.drain(config.drainSeconds * 1000));
  life.onEnd(() => drainInTime(listener, config, steady));
  life.onEnd(() => {
    readiness = { isReady: false, reason: 'draining' };
  });
  outbox.start();
  readiness = { isReady: true };
  return running(urls, listener, config, life);
}

interface Measured extends Record<'pipeline' | 'throttle' | 'writer' | 'hub' | 'sockets', { metrics: MetricSource }> {
  readonly store: Store;
  readonly bus: Bus;
  readonly outbox: Outbox;
  readonly worker: Worker;
  readonly clock: Clock;
  readonly steady: Steady;
}

/** All but the listener's: it is open only when it can be asked. */
function metricSources(all: Measured): MetricSource[] {
  const { pipeline, throttle, store, bus, writer, hub, sockets, worker, outbox, clock, steady } = all;
  return [
    ...[pipeline, throttle, store, writer, hub, sockets, worker].map((each) => each.metrics),
    () => bus.metrics?.() ?? [],
    () => outboxMetrics(outbox),
    () => laneMetrics(store, clock),
    worker.dueMetrics,
    () => processMetrics(version, steady),
  ];
}

/** Where a client uses a token that is handed out with a URL. */
function tokenUrls(urls: () => PublicUrls): Pick<OperationSettings, 'webSocketUrl' | 'attachmentUrl'> {
  return {
    webSocketUrl: (token) => `${urls().socketBase}${webSocketPath}?token=${token}`,
    attachmentUrl: (id, token) => `${urls().base}${attachmentsPath}/${id}?token=${token}`,
  };
}

/** What the time alone makes due: of chats first, as what they do is owed by the outbox. */
function together(worker: Worker, outbox: Outbox) {
  const earliest = (one: number | undefined, other: number | undefined) =>
    one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
  return {
    runDue: async () => (await worker.settleDue()) + (await outbox.runDue()),
    nextDue: async (past?: number) => earliest(await worker.nextDue(past), await outbox.nextDue(past)),
  };
}

/** Who never ends its request, or answers no close, must not take the time of those that come after it. */
function drainInTime(listener: Listener, { shutdownSeconds }: Config, steady: Steady): Promise<void> {
  const half = new Promise<void>((resolve) => steady.after(shutdownSeconds * 500, resolve));
  return Promise.race([listener.drain(), half]);
}

function gateOf(config: Config, pathPrefix: string, store: Store, steady: Steady, ids: Ids): Gate {
  const vault = vaultOf(config, ids);
  const keyOf = openAccessKeys(configuredKeys(config), store, vault, steady);
  const isDevelopment = config.mode === 'development';
  return openGate({ verifies: config.auth === 'sigv4', isDevelopment, pathPrefix }, keyOf, store);
}

/** What has to do with the files of chats. */
async function openFiles(
  config: Config,
  parts: Omit<AttachmentParts, 'blobs' | 'scanner'> & Pick<TransferParts, 'tokens'>,
  life: Lifetime,
) {
  const { blobs: place, s3Region: region, s3Endpoint: endpoint, attachmentScanner } = config;
  const s3 = place && { ...place, region, endpoint, forcePathStyle: endpoint !== undefined };
  const blobs = life.own(await openBlobs(config.dataDir, s3, parts.ids));
  if (s3) {
    // Chats go on without it, so the start does, too.
    blobs.list('', 1).catch((failure: unknown) => {
      parts.log.error(
        { err: failure, bucket: s3.bucket },
        'the bucket of TERTULIA_BLOBS cannot be used: attachments fail',
      );
    });
  }
  const scanner = attachmentScanner === undefined ? undefined : openScanner(attachmentScanner);
  return {
    attachments: life.own(openAttachmentJobs({ ...parts, blobs, scanner })),
    transfers: life.own(openTransfers({ ...parts, blobs })),
    hasScanner: scanner !== undefined,
    buckets: life.own(
      openBuckets({
        rules: bucketRules(config.buckets),
        blobs: config.mode === 'development' ? blobs : undefined,
        s3: { region, endpoint },
        ids: parts.ids,
      }),
    ),
  };
}

/** What brings items to sockets. */
function openPush(config: Config, parts: Omit<HubParts, 'settings' | 'bus'> & { bus: NodeBus }, life: Lifetime) {
  const settings = pushSettings(config);
  const hub = life.own(openHub({ ...parts, settings }));
  parts.bus.onReconnected?.(() => hub.resync());
  return { hub, sockets: life.own(openSocketServer({ ...parts, hub, settings })) };
}

/** Connections that one participant token may make in ten seconds. */
function perToken({ connectionsPerToken: burst }: Config): Rate {
  return { rate: burst / 10, burst };
}

function pushSettings(config: Config): PushSettings {
  return {
    ...defaultPushSettings,
    maxBufferedBytes: config.maxSocketBufferBytes,
    maxFrameBytes: config.maxFrameBytes,
    socketsPerParticipant: config.socketsPerParticipant,
    pingMs: config.socketPingSeconds * 1000,
    closeAfterEndMs: config.socketCloseSeconds * 1000,
    stopMs: config.shutdownSeconds * 250,
  };
}

/** The keys of the configuration file. Throws ConfigError for a policy that cannot be read. */
function configuredKeys({ accessKeys }: Config): AccessKey[] {
  return accessKeys.map(({ id, secret, account, name, policy }, index) => {
    const read = policy === undefined ? undefined : parsePolicy(policy, policySettings);
    if (read && !read.ok) {
      const [first] = read.problems;
      throw new ConfigError(`accessKeys[${index}].policy${first?.path && `.${first.path}`}: ${first?.message}`);
    }
    return { id, secret, account, name: name ?? id, version: fingerprint(secret), policy: read?.policy };
  });
}

/** The token that `CreateParticipant` would answer. */
function participantTokens(tokens: Tokens) {
  return (chat: Chat, participantId: string) => {
    const createdAt = participantOf(chat, participantId)?.createdAt ?? chat.createdAt;
    const identity = { ...chat, chatId: chat.id, chatKey: chat.key, participantId };
    return tokens.sign('participant', identity, createdAt, chat.expiresAt);
  };
}

function running(urls: PublicUrls, listener: Listener, config: Config, life: AsyncDisposable): Server {
  return {
    urls,
    port: listener.port,
    reloadTls() {
      const tls = tlsFiles(config);
      if (tls) listener.replaceTls(tls);
    },
    [Symbol.asyncDispose]: () => life[Symbol.asyncDispose](),
  };
}

function listenerSettings(config: Config, pathPrefix: string): ListenerSettings {
  return {
    host: config.host,
    port: config.port,
    alsoLoopback6: config.host === '127.0.0.1',
    pathPrefix,
    maxBodyBytes: config.maxBodyBytes,
    maxDiscardedBytes: Math.max(8_388_608, config.maxBodyBytes),
    maxConnections: config.maxConnections,
    requestTimeoutMs: config.requestTimeoutSeconds * 1000,
    transferTimeoutMs: config.transferSeconds * 1000,
    keepAliveMs: config.keepAliveSeconds * 1000,
    tls: tlsFiles(config),
  };
}

function tlsFiles({ tlsCert, tlsKey }: Config): { cert: string; key: string } | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const read = (setting: string, path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (failure) {
      throw new ConfigError(`${setting} is "${path}", which cannot be read: ${(failure as Error).message}`);
    }
  };
  const tls = { cert: read('TERTULIA_TLS_CERT', tlsCert), key: read('TERTULIA_TLS_KEY', tlsKey) };
  try {
    // Node takes an empty text for none, and would then refuse every client.
    if (tls.cert === '' || tls.key === '') throw new Error('one of them is empty');
    createSecureContext(tls);
  } catch (failure) {
    throw new ConfigError(
      `TERTULIA_TLS_CERT is "${tlsCert}" and TERTULIA_TLS_KEY is "${tlsKey}", which do not go together: ${(failure as Error).message}; allowed: PEM files of a certificate chain and its key`,
    );
  }
  return tls;
}
