#!/usr/bin/env node
// The `tertulia` command: the sources in a clone, the compiled program in an installed package, where Node does not
// run TypeScript.

import { isClone, root, run } from './bootstrap.mjs';

// npx starts a command through sh, and Debian's sh dies of a SIGTERM without passing it on. The change of parent is then
// the only sign that the server was to stop too, and would otherwise keep its port and its data directory.
if (process.env.npm_lifecycle_event === 'npx') {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 250).unref();
}

await run([isClone(root) ? 'src/main.ts' : 'dist/main.js', ...process.argv.slice(2)]);
