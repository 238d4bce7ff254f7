import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalOrigin, isApproved } from './origins.ts';

describe('origins', () => {
  for (const [given, canonical] of [
    ['https://www.example.com', 'https://www.example.com'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['HTTPS://WWW.Example.Com', 'https://www.example.com'],
    ['https://example.com:443', 'https://example.com'],
    ['http://example.com:80', 'http://example.com'],
    ['https://example.com:80', 'https://example.com:80'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
    ['https://my_host', 'https://my_host'],
    ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example'],
    [`https://${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example:65535`, undefined],
  ] as const) {
    it(`[OR1, OR2] takes ${given.slice(0, 40)} for one`, () => {
      assert.equal(canonicalOrigin(given), canonical ?? given);
    });
  }

  for (const given of [
    '',
    'example.com',
    '//example.com',
    'https://',
    'https://example.com/',
    'https://example.com/path',
    'https://example.com?query',
    'https://example.com#hash',
    'https://user@example.com',
    'https://user:secret@example.com',
    'https://*.example.com',
    'https://example..com',
    'https://.example.com',
    'https://example.com:',
    'https://example.com:65536',
    'https://example.com:port',
    'https://[::g]',
    'https://bücher.example',
    'https://exa mple.com',
    ' https://example.com',
    'https://example.com\n',
    'ftp://example.com',
    'wss://example.com',
    'file://',
    'null',
    '*',
  ]) {
    it(`[OR1] takes ${JSON.stringify(given)} for none`, () => {
      assert.equal(canonicalOrigin(given), undefined);
      assert.equal(isApproved([given], given), false);
    });
  }

  it('[OR2] compares them as browsers write them', () => {
    const approved = ['HTTPS://Example.com:443', 'http://localhost:3000'];
    assert.equal(isApproved(approved, 'https://example.com'), true);
    assert.equal(isApproved(approved, 'http://example.com'), false);
    assert.equal(isApproved(approved, 'http://localhost'), false);
    assert.equal(isApproved(approved, 'https://example.com.evil.example'), false);
    assert.equal(isApproved([], 'https://example.com'), false);
  });
});
