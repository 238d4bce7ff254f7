import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';

const valid = { InstanceId, Origin: 'https://www.example.com' };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const subject = { name: 'AssociateApprovedOrigin', valid, pipeline: () => pipeline };
const approve = (Origin: string, at: TestPipeline, more: object = {}) =>
  at.call('AssociateApprovedOrigin', { InstanceId, Origin, ...more });
const approved = async (at: TestPipeline, instance = InstanceId) =>
  (await at.call('ListApprovedOrigins', { InstanceId: instance })).body.Origins;

describe('AssociateApprovedOrigin: serialization', () => {
  serialization(subject, [
    ['/Origin', 5, 'a string'],
    ['/ClientToken', {}, 'a string'],
  ]);
});

describe('AssociateApprovedOrigin: validation', () => {
  const longest = `https://${'a'.repeat(253)}:65535`;
  assert.equal(longest.length, 267);
  validation(
    subject,
    [
      ['/Origin', undefined, 'not be null'],
      ['/Origin', `${longest}1`, 'have length less than or equal to 267'],
      ['/ClientToken', 't'.repeat(501), 'have length less than or equal to 500'],
    ],
    [
      ['/Origin', longest],
      ['/ClientToken', ''],
    ],
  );
  outside(subject, [['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive']]);

  for (const Origin of [
    '',
    'example.com',
    'https://example.com/',
    'https://*.example.com',
    'null',
    'wss://a.example',
  ]) {
    it(`[OR1] refuses ${JSON.stringify(Origin)} and shows what an origin is`, async () => {
      const answer = await approve(Origin, pipeline);
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidRequestException']);
      assert.match(answer.body.message, /such as https:\/\/www\.example\.com or http:\/\/localhost:3000/);
    });
  }

  it('[OR7] answers 404 for an instance that is not there', async () => {
    const answer = await pipeline.call('AssociateApprovedOrigin', { ...valid, InstanceId: 'nowhere' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
  });
});

describe('AssociateApprovedOrigin: behaviour', () => {
  it('[OR2, OR7] adds origins to the instance that is named, as they were given', async () => {
    const at = await testPipeline();
    const answer = await approve('https://B.example', at);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    await approve('http://a.example:3000', at);
    await at.call('AssociateApprovedOrigin', { ...valid, InstanceId: otherInstance.id });
    assert.deepEqual(await approved(at), ['http://a.example:3000', 'https://B.example']);
    assert.deepEqual(await approved(at, otherInstance.id), ['https://www.example.com']);
  });

  it('[OR2, OR3] answers 409 for one that is there, however it is written', async () => {
    const at = await testPipeline();
    await approve('https://Example.com', at);
    for (const Origin of ['https://Example.com', 'https://example.com', 'HTTPS://EXAMPLE.COM:443']) {
      const answer = await approve(Origin, at);
      assert.deepEqual([answer.status, answer.type], [409, 'ResourceConflictException']);
    }
    assert.equal((await approve('http://example.com', at)).status, 200);
  });

  it('[OR6] answers a repeated ClientToken as before, and 400 for one that was used with another origin', async () => {
    const at = await testPipeline();
    const more = { ClientToken: 'once' };
    assert.equal((await approve('https://a.example', at, more)).status, 200);
    assert.equal((await approve('https://a.example', at, more)).status, 200);
    const other = await approve('https://b.example', at, more);
    assert.deepEqual([other.status, other.type], [400, 'InvalidRequestException']);
    assert.match(other.body.message, /ClientToken was used with another Origin/);
    assert.deepEqual(await approved(at), ['https://a.example']);
    // Of another instance it is another token.
    const elsewhere = { InstanceId: otherInstance.id, Origin: 'https://b.example', ...more };
    assert.equal((await at.call('AssociateApprovedOrigin', elsewhere)).status, 200);
  });

  it('[OR3] has room for a hundred', async () => {
    const at = await testPipeline();
    for (let number = 1; number <= 100; number += 1) {
      assert.equal((await approve(`https://${number}.example`, at)).status, 200);
    }
    const answer = await approve('https://101.example', at);
    assert.deepEqual([answer.status, answer.type], [402, 'ServiceQuotaExceededException']);
    assert.match(answer.body.message, /has 100 approved origins.*DisassociateApprovedOrigin/);
    await at.call('DisassociateApprovedOrigin', { InstanceId, Origin: 'https://7.example' });
    assert.equal((await approve('https://101.example', at)).status, 200);
  });

  it('[OR7] keeps every one of those that race, the first ones included', async () => {
    const at = await testPipeline();
    const origins = Array.from({ length: 20 }, (_, index) => `https://${String(index).padStart(2, '0')}.example`);
    const answers = await Promise.all(origins.map((each) => approve(each, at)));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.deepEqual(await approved(at), origins);
  });
});
