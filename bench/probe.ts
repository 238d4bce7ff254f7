/** Loaded into a server that is measured, with --expose-gc: collects its garbage and tells what is left, when asked. */
import { createServer } from 'node:net';

createServer((socket) => {
  // Twice: what the first leaves to finalizers goes with the second.
  globalThis.gc?.();
  globalThis.gc?.();
  socket.end(JSON.stringify(process.memoryUsage()));
})
  .listen(process.env.BENCH_PROBE)
  .unref();
