import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { exactly } from './exactly.ts';

test('[BL4] gives the chunk that completes an object out only when the source has ended', async () => {
  const source = () => new Readable({ read() {} });

  const fit = source();
  const chunks = exactly(fit, 6);
  fit.push('abc');
  assert.equal(`${(await chunks.next()).value}`, 'abc');
  fit.push('def');
  const last = chunks.next();
  fit.push(null);
  assert.equal(`${(await last).value}`, 'def');
  assert.equal((await chunks.next()).done, true);

  const long = source();
  const unfit = exactly(long, 3);
  long.push('abc');
  const refused = assert.rejects(unfit.next(), { outcome: 'wrong-size' });
  // The first chunk has been read by now, and nothing has come out.
  await new Promise((resolve) => setImmediate(resolve));
  long.push('d');
  await refused;
});
