// A reporter of tests that says at the end, after everything else, what was skipped and why: what is not tested here.

import { relative } from 'node:path';

export default async function* skipped(events) {
  const counts = new Map();
  for await (const { type, data } of events) {
    if (type !== 'test:pass' || data.skip === undefined) continue;
    const reason = typeof data.skip === 'string' ? data.skip : 'it says not why';
    const line = `${relative(process.cwd(), data.file)}: ${reason}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  if (counts.size === 0) return;
  yield '\nSKIPPED, and so not tested here:\n';
  for (const [line, count] of counts) yield `  ${line}${count > 1 ? ` (${count} times)` : ''}\n`;
}
