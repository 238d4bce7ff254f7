/** Every bound of the push side. */
export interface PushSettings {
  /** How long a number that was skipped may still arrive by itself before the log is read. Milliseconds. */
  readonly graceMs: number;
  /** Reads of the store in flight at once, over all chats of this node. */
  readonly readsAtOnce: number;
  /** Items a read of the log brings. */
  readonly pageItems: number;
  /** Items, and receipts, of one chat kept while something before them is missing; what is over is read again. */
  readonly maxWaiting: number;
  /** How often the chats that nothing was heard of are compared with the store. Milliseconds. */
  readonly sweepMs: number;
  /** Chats compared by one read. */
  readonly sweepChats: number;
  /** Frames sent before other work gets its turn. */
  readonly sendsPerTurn: number;
  /** How long a client may take to close its socket once the chat is over for it. Milliseconds. */
  readonly closeAfterEndMs: number;
  /** Subscribed sockets that one participant may have on this node. */
  readonly socketsPerParticipant: number;
  /** Frames that a socket may send within `frameWindowMs`, protocol pings included. */
  readonly framesPerWindow: number;
  readonly frameWindowMs: number;
  /** The largest frame that a socket may send. Bytes. */
  readonly maxFrameBytes: number;
  /** What one client may leave unread before its socket is closed. Bytes. */
  readonly maxBufferedBytes: number;
  /** What all clients of this process together may leave unread; past it, those that hold most are cut off. Bytes. */
  readonly maxBufferedBytesInAll: number;
  /** How often a socket is pinged, and how long it may take to answer. Milliseconds. */
  readonly pingMs: number;
  /** How long a socket that is suspected to be dead may take to answer a ping. Milliseconds. */
  readonly probeMs: number;
  /** How long an upgrade may wait for bus and store. Milliseconds. */
  readonly upgradeMs: number;
  /** How long the other side may take to answer a close before the connection is cut. Milliseconds. */
  readonly closeMs: number;
  /** The same for all sockets together, when the server stops. Milliseconds. */
  readonly stopMs: number;
}

export const defaultPushSettings: PushSettings = {
  // Two nodes' doorbells cross within a millisecond or two; a reader does not notice twenty.
  graceMs: 20,
  // A store that many sockets fell behind of should not get all their reads at once.
  readsAtOnce: 8,
  // 30 KB of ordinary messages; at most 1.6 MB of the longest.
  pageItems: 100,
  maxWaiting: 100,
  // What a lost doorbell costs at most, twice this if another was heard before it.
  sweepMs: 5_000,
  // One indexed read of under a millisecond.
  sweepChats: 500,
  // About 7 µs each: 3.5 ms.
  sendsPerTurn: 500,
  // chatjs closes by itself within a second; a program may not.
  closeAfterEndMs: 60_000,
  // Amazon's limit.
  socketsPerParticipant: 5,
  // chatjs sends three frames on opening and two every 10 s.
  framesPerWindow: 50,
  frameWindowMs: 5_000,
  // chatjs sends under 100 bytes.
  maxFrameBytes: 64 * 1024,
  // 64 of the longest messages, or thousands of ordinary ones.
  maxBufferedBytes: 1024 * 1024,
  // Leaves the rest of a small machine alone: 256 sockets at their own bound.
  maxBufferedBytesInAll: 256 * 1024 * 1024,
  // Inside the idle timeout of common proxies (60 s).
  pingMs: 30_000,
  // chatjs repeats a subscribe that failed every 500 ms, five times: the last ones find the place that this frees.
  probeMs: 1_000,
  upgradeMs: 10_000,
  closeMs: 10_000,
  // A quarter of the ten seconds that a shutdown may take.
  stopMs: 2_500,
};
