import {
  blobPlace,
  busUrls,
  contentBytes,
  controlToken,
  flag,
  httpUrl,
  leastBodyBytes,
  matched,
  mostContentBytes,
  oneOf,
  oneOfText,
  publicUrl,
  scanner,
  secretKey,
  storeUrl,
  text,
  whole,
} from './setting.ts';

/** Everything that can be set, read once at start and frozen. */
export interface Config {
  readonly mode: 'development' | 'production';
  readonly host: string;
  readonly port: number;
  /** As set, without a slash at its end; undefined: derived from the actual port. */
  readonly publicUrl: string | undefined;
  /** A folder, or `:memory:`. */
  readonly dataDir: string;
  /** URL of PostgreSQL, which nodes share; undefined: embedded, below the data directory. */
  readonly store: string | undefined;
  readonly storeSchema: string;
  /** URLs of NATS servers; undefined: no other node is told anything. */
  readonly bus: readonly string[] | undefined;
  readonly busPrefix: string;
  readonly drainSeconds: number;
  /** Undefined: a folder below the data directory. */
  readonly blobs: { readonly bucket: string; readonly prefix: string } | undefined;
  readonly s3Region: string;
  readonly s3Endpoint: string | undefined;
  /** A URL or a command line. */
  readonly attachmentScanner: string | undefined;
  readonly transferSeconds: number;
  readonly log: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly allowUnsignedRemote: boolean;
  /** Outgoing requests may go to link-local and metadata addresses. */
  readonly allowLinkLocal: boolean;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  readonly requestTimeoutSeconds: number;
  readonly keepAliveSeconds: number;
  readonly shutdownSeconds: number;
  readonly maxSocketBufferBytes: number;
  readonly maxFrameBytes: number;
  /** Largest content of a message in UTF-8 bytes, by content type. */
  readonly maxContentBytes: Readonly<Record<string, number>>;
  readonly socketsPerParticipant: number;
  readonly socketPingSeconds: number;
  readonly socketCloseSeconds: number;
  readonly auth: 'none' | 'sigv4';
  /** 32 bytes under which access keys' secrets are sealed; undefined: made once, in the data directory. */
  readonly secretKey: Buffer | undefined;
  readonly controlToken: string | undefined;
  /** `unlimited`, `aws`, or the path of a file. */
  readonly quotas: string;
  readonly connectionsPerToken: number;
  readonly outboxLanes: number;
  readonly instances: readonly InstanceConfig[];
  readonly accessKeys: readonly AccessKeyConfig[];
  /** As the file has them; `destinations.ts` reads them. */
  readonly streams: readonly unknown[];
  readonly contactEvents: readonly unknown[];
  /** Of the configuration file, or the working directory: paths in the file begin here. */
  readonly configFolder: string;
  /** As they stand in the file: read by `buckets.ts`. */
  readonly buckets: readonly unknown[];
}

/** An access key of the file's `accessKeys`. */
export interface AccessKeyConfig {
  readonly id: string;
  readonly secret: string;
  readonly account: string;
  readonly name?: string | undefined;
  /** An IAM policy document. */
  readonly policy?: unknown;
}

/** An instance of the file's `instances`, created at start if absent. */
export interface InstanceConfig {
  readonly account: string;
  readonly region: string;
  readonly id: string;
  readonly alias: string;
  readonly flows: readonly { readonly id: string; readonly name: string }[];
}

type Lists = 'instances' | 'accessKeys' | 'streams' | 'contactEvents' | 'buckets';
/** Settings that are rows of the table. */
export type Scalar = Exclude<keyof Config, Lists | 'configFolder'>;

/** One row a setting: README's table is made from these. `read` throws what is allowed. */
export interface Setting {
  readonly name: `TERTULIA_${string}`;
  readonly key: Scalar;
  /** As it would be written; '' for none. */
  readonly default: string;
  readonly allowed: string;
  readonly meaning: string;
  readonly isSecret?: boolean;
  readonly read: (text: string) => unknown;
}

export const settings: readonly Setting[] = [
  oneOf(
    'TERTULIA_MODE',
    'mode',
    'development',
    ['development', 'production'],
    'Emulator on a laptop, or server for others.',
  ),
  {
    name: 'TERTULIA_AUTH',
    key: 'auth',
    default: '',
    allowed: 'none, sigv4',
    meaning: 'Whether requests to the Connect service must be signed. Unset: none in development, sigv4 in production.',
    read: (given) => (given === '' ? undefined : oneOfText(given, ['none', 'sigv4'])),
  },
  {
    name: 'TERTULIA_SECRET_KEY',
    key: 'secretKey',
    default: '',
    allowed: '32 bytes in base64 (openssl rand -base64 32)',
    meaning: 'Seals the secrets of access keys in the store. Unset in development: made once, in the data directory.',
    isSecret: true,
    read: secretKey,
  },
  {
    name: 'TERTULIA_CONTROL_TOKEN',
    key: 'controlToken',
    default: '',
    allowed: 'at least 16 characters',
    meaning:
      'What the control API wants as `Authorization: Bearer`. Unset in production: the control API is off but for the probes.',
    isSecret: true,
    read: controlToken,
  },
  text(
    'TERTULIA_QUOTAS',
    'quotas',
    '',
    "Quota profile: `unlimited` (the default in development), `aws` (Amazon's defaults), or a JSON file. Production must name one.",
  ),
  whole(
    'TERTULIA_CONNECTIONS_PER_TOKEN',
    'connectionsPerToken',
    30,
    1,
    10_000,
    'CreateParticipantConnection calls that one participant token may make in 10 s.',
  ),
  text('TERTULIA_HOST', 'host', '127.0.0.1', 'Address to listen on.'),
  whole('TERTULIA_PORT', 'port', 8378, 0, 65535, 'Port to listen on; 0 takes any free one.'),
  {
    name: 'TERTULIA_PUBLIC_URL',
    key: 'publicUrl',
    default: '',
    allowed: 'an http or https URL without query, such as https://chat.example.com/connect',
    meaning: 'Where clients reach this server; every URL handed out begins with it. Unset: `http://127.0.0.1:<port>`.',
    read: publicUrl,
  },
  text(
    'TERTULIA_DATA_DIR',
    'dataDir',
    './data',
    'Folder of the embedded store, or `:memory:` for one that is thrown away.',
  ),
  {
    name: 'TERTULIA_STORE',
    key: 'store',
    default: 'sqlite',
    allowed: 'sqlite, or postgres://user:password@host:port/database',
    meaning:
      'Where chats are: SQLite below the data directory, or PostgreSQL, which any number of servers share as one service.',
    isSecret: true,
    read: storeUrl,
  },
  {
    name: 'TERTULIA_STORE_SCHEMA',
    key: 'storeSchema',
    default: 'tertulia',
    allowed: '1 to 63 small letters, digits and underscores, beginning with a letter',
    meaning: 'Schema of PostgreSQL that everything is in; made if absent. Servers of one service name the same.',
    read: (given) => matched(given, /^[a-z][a-z0-9_]{0,62}$/),
  },
  {
    name: 'TERTULIA_BUS',
    key: 'bus',
    default: 'local',
    allowed: 'local, or one or more nats:// or tls:// URLs with commas between them',
    meaning:
      'How servers that share a store tell each other what is new. Without it, or while it is away, others learn it within seconds.',
    isSecret: true,
    read: busUrls,
  },
  {
    name: 'TERTULIA_BUS_PREFIX',
    key: 'busPrefix',
    default: 'tertulia',
    allowed: '1 to 64 letters, digits, hyphens and underscores',
    meaning: 'Tells the services apart that share NATS servers.',
    read: (given) => matched(given, /^[\w-]{1,64}$/),
  },
  whole(
    'TERTULIA_DRAIN_SECONDS',
    'drainSeconds',
    5,
    0,
    600,
    'Of several servers: how long one that is stopped takes to close its WebSockets one after the other, so that their clients do not come to the others all at once.',
  ),
  {
    name: 'TERTULIA_BLOBS',
    key: 'blobs',
    default: 'directory',
    allowed: 'directory, or s3://bucket or s3://bucket/prefix',
    meaning:
      'Where the files of chats are: `blobs` below the data directory, or an S3 bucket, with the credentials that the AWS SDK finds.',
    read: blobPlace,
  },
  text('TERTULIA_S3_REGION', 's3Region', 'us-east-1', 'Region of that bucket.'),
  {
    name: 'TERTULIA_S3_ENDPOINT',
    key: 's3Endpoint',
    default: '',
    allowed: 'an http or https URL',
    meaning: "Endpoint of an S3-compatible store that is not Amazon's; the bucket is then named in the path.",
    read: httpUrl,
  },
  {
    name: 'TERTULIA_ATTACHMENT_SCANNER',
    key: 'attachmentScanner',
    default: '',
    allowed: 'an http or https URL, or a command line',
    meaning:
      'Asked before anybody gets an attachment: a URL is POSTed the bytes and answers `{"status":"APPROVED"}` or `REJECTED`; a command gets the path of the file and ends with 0 or 1. Unset: all are approved.',
    read: scanner,
  },
  whole(
    'TERTULIA_TRANSFER_SECONDS',
    'transferSeconds',
    900,
    1,
    2700,
    'How long one upload or download of an attachment may take.',
  ),
  oneOf(
    'TERTULIA_LOG',
    'log',
    'warn',
    ['debug', 'info', 'warn', 'error', 'silent'],
    'Least level that is logged, to standard error.',
  ),
  text(
    'TERTULIA_TLS_CERT',
    'tlsCert',
    '',
    'PEM file of the certificate chain: serves HTTPS and WSS. Read again on SIGHUP.',
  ),
  text('TERTULIA_TLS_KEY', 'tlsKey', '', 'PEM file of its private key.'),
  flag(
    'TERTULIA_ALLOW_UNSIGNED_REMOTE',
    'allowUnsignedRemote',
    'Lets a server that accepts unsigned requests listen beyond this machine.',
  ),
  flag(
    'TERTULIA_ALLOW_LINK_LOCAL',
    'allowLinkLocal',
    'Lets outgoing requests reach link-local and cloud metadata addresses.',
  ),
  whole('TERTULIA_MAX_BODY_BYTES', 'maxBodyBytes', 1_048_576, leastBodyBytes, 8_388_608, 'Largest request body.'),
  whole('TERTULIA_MAX_CONNECTIONS', 'maxConnections', 16_384, 1, 1_000_000, 'Connections at once, sockets included.'),
  whole(
    'TERTULIA_REQUEST_TIMEOUT_SECONDS',
    'requestTimeoutSeconds',
    30,
    1,
    600,
    'How long a request may take to arrive.',
  ),
  whole('TERTULIA_KEEP_ALIVE_SECONDS', 'keepAliveSeconds', 75, 1, 3600, 'How long an idle connection is kept.'),
  whole('TERTULIA_SHUTDOWN_SECONDS', 'shutdownSeconds', 10, 1, 600, 'How long a shutdown may take.'),
  whole(
    'TERTULIA_MAX_SOCKET_BUFFER_BYTES',
    'maxSocketBufferBytes',
    1_048_576,
    65_536,
    1_073_741_824,
    'Unread bytes at which a slow WebSocket is closed.',
  ),
  whole(
    'TERTULIA_MAX_FRAME_BYTES',
    'maxFrameBytes',
    65_536,
    1024,
    1_048_576,
    'Largest WebSocket frame that a client may send.',
  ),
  {
    name: 'TERTULIA_MAX_CONTENT_BYTES',
    key: 'maxContentBytes',
    default: String(mostContentBytes),
    allowed: `a whole number from 1 to ${mostContentBytes}, or some content types with theirs: text/plain=1024,application/json=12000`,
    meaning: `Largest content of a message, in bytes of UTF-8. Content types that are not named have ${mostContentBytes}.`,
    read: contentBytes,
  },
  whole(
    'TERTULIA_SOCKETS_PER_PARTICIPANT',
    'socketsPerParticipant',
    5,
    1,
    1000,
    'WebSockets of one participant that get its items at one time; the subscribe of another fails.',
  ),
  whole(
    'TERTULIA_SOCKET_PING_SECONDS',
    'socketPingSeconds',
    30,
    1,
    3600,
    'How often a WebSocket is pinged; one that missed a ping is ended at the next.',
  ),
  whole(
    'TERTULIA_SOCKET_CLOSE_SECONDS',
    'socketCloseSeconds',
    60,
    1,
    3600,
    'How long a WebSocket may stay open after its participant left or its chat ended.',
  ),
  whole(
    'TERTULIA_OUTBOX_LANES',
    'outboxLanes',
    10_000,
    1,
    1_000_000,
    'Chats that may wait for one destination of streams or events; of more, the one that waits longest is parked.',
  ),
];
