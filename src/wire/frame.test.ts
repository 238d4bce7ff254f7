import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textFrame } from './frame.ts';

test('[WS3] a frame says the length of its text in the shortest of three forms', () => {
  const headers: readonly (readonly [length: number, ...header: number[]])[] = [
    [0, 0x81, 0],
    [125, 0x81, 125],
    [126, 0x81, 126, 0, 126],
    [65_535, 0x81, 126, 255, 255],
    [65_536, 0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0],
  ];
  for (const [length, ...header] of headers) {
    const text = 'x'.repeat(length);
    assert.deepEqual(textFrame(text), Buffer.concat([Buffer.from(header), Buffer.from(text)]));
  }
  assert.deepEqual(textFrame('é'.repeat(63)).subarray(0, 4), Buffer.from([0x81, 126, 0, 126]), 'bytes count');
});
