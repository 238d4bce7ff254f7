import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ConfigError } from './config.ts';
import { awsQuotas, unlimited } from './domain/quota.ts';
import { quotaProfile } from './quotas.ts';

const directory = mkdtempSync(join(tmpdir(), 'tertulia-quotas-'));
after(() => rmSync(directory, { recursive: true }));

const operations = ['CreateParticipant', 'SendEvent', 'SendMessage'];
const file = join(directory, 'quotas.json');

function profileOf(text: string) {
  writeFileSync(file, text);
  return quotaProfile(file, operations);
}

/** Asserts the one line of a refusal. */
function refuses(read: () => unknown, why: RegExp): void {
  assert.throws(read, (failure) => {
    assert(failure instanceof ConfigError);
    assert.match(
      failure.message,
      /^TERTULIA_QUOTAS is "[^\n]*; allowed: unlimited, aws, or a JSON file such as [^\n]*$/,
    );
    assert.match(failure.message, why);
    return true;
  });
}

describe('the quota profile', () => {
  test('[QU1] is unlimited, that of Amazon, or one of a file', () => {
    assert.equal(quotaProfile('unlimited', operations), unlimited);
    assert.equal(quotaProfile('aws', operations), awsQuotas);
    const own = {
      rates: { default: { rate: 0.5, burst: 1 }, SendMessage: { rate: 100, burst: 200 } },
      concurrentChats: 0,
    };
    assert.deepEqual(profileOf(JSON.stringify(own)), own);
    assert.deepEqual(profileOf('{}'), { rates: {}, concurrentChats: undefined });
  });

  test('[QU1] may name operations that Amazon has rates for, though they are not built', () => {
    const own = { rates: { StartContactStreaming: { rate: 1, burst: 1 } } };
    assert.deepEqual(profileOf(JSON.stringify(own)).rates, own.rates);
  });

  test('[QU1] is refused in one line if its file is missing or no JSON', () => {
    refuses(() => quotaProfile(join(directory, 'none.json'), operations), /which cannot be read: ENOENT/);
    refuses(() => quotaProfile('AWS', operations), /"AWS", which cannot be read/);
    refuses(() => profileOf('{'), /which is not valid JSON/);
  });

  for (const [text, why] of [
    ['null', /does not hold a JSON object/],
    ['[]', /does not hold a JSON object/],
    ['5', /does not hold a JSON object/],
    ['"aws"', /does not hold a JSON object/],
    ['{"rate":{}}', /where rate is not known/],
    ['{"rates":null}', /where rates is not a JSON object/],
    ['{"rates":[]}', /where rates is not a JSON object/],
    ['{"rates":{"CreateParticpant":{"rate":1,"burst":1}}}', /where rates\.CreateParticpant is not an operation/],
    ['{"rates":{"SendEvent":{"rate":1,"burst":1}}}', /where rates\.SendEvent .*draws from rates\.SendMessage/],
    ['{"rates":{"default":null}}', /where rates\.default is not/],
    ['{"rates":{"default":{"rate":0,"burst":1}}}', /where rates\.default is not/],
    ['{"rates":{"default":{"rate":-1,"burst":1}}}', /where rates\.default is not/],
    ['{"rates":{"default":{"rate":1e999,"burst":1}}}', /where rates\.default is not/],
    ['{"rates":{"default":{"rate":"1","burst":1}}}', /where rates\.default is not/],
    ['{"rates":{"default":{"rate":1,"burst":0}}}', /where rates\.default is not/],
    ['{"rates":{"default":{"rate":1,"burst":1.5}}}', /where rates\.default is not/],
    ['{"rates":{"default":{"rate":1}}}', /where rates\.default is not/],
    ['{"concurrentChats":-1}', /where concurrentChats is not/],
    ['{"concurrentChats":1.5}', /where concurrentChats is not/],
    ['{"concurrentChats":null}', /where concurrentChats is not/],
  ] as const) {
    test(`[QU1] of a file is refused if that holds ${text}`, () => refuses(() => profileOf(text), why));
  }
});
