/** Loaded into a server that is measured, with --expose-gc: collects its garbage and tells what is left, when asked. */
import { createServer } from 'node:net';

createServer((socket) => {
  // As when memory runs out: pages that were only needed while sockets came in go, too.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  socket.end(JSON.stringify(process.memoryUsage()));
})
  .listen(process.env.BENCH_PROBE)
  .unref();
