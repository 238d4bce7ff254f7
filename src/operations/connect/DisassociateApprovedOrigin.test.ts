import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { outside, tooLong } from '../../../test/support/outside.ts';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';

const valid = { InstanceId, Origin: 'https://www.example.com' };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});
const approve = (Origin: string, at: TestPipeline) => at.call('AssociateApprovedOrigin', { InstanceId, Origin });
const revoke = (Origin: string, at: TestPipeline, more: object = {}) =>
  at.call('DisassociateApprovedOrigin', { InstanceId, Origin, ...more });
const approved = async (at: TestPipeline) => (await at.call('ListApprovedOrigins', { InstanceId })).body.Origins;

describe('DisassociateApprovedOrigin: validation', () => {
  outside({ name: 'DisassociateApprovedOrigin', valid, pipeline: () => pipeline }, [
    ['/InstanceId', tooLong(100), 'have length between 1 and 100, inclusive'],
    ['/Origin', undefined, 'not be null'],
    ['/Origin', tooLong(267), 'have length less than or equal to 267'],
    ['/ClientToken', tooLong(500), 'have length less than or equal to 500'],
  ]);

  it('[OR5] answers 404 for an instance or an origin that is not there', async () => {
    for (const input of [{ ...valid, InstanceId: 'nowhere' }, valid, { ...valid, Origin: 'no origin' }]) {
      const answer = await pipeline.call('DisassociateApprovedOrigin', input);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
    }
  });
});

describe('DisassociateApprovedOrigin: behaviour', () => {
  it('[OR2, OR5] takes away the one that is named, however it is written', async () => {
    const at = await testPipeline();
    for (const each of ['https://a.example', 'https://b.example', 'https://c.example']) await approve(each, at);
    await at.call('AssociateApprovedOrigin', { InstanceId: otherInstance.id, Origin: 'https://b.example' });
    const answer = await revoke('HTTPS://B.example:443', at);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    assert.deepEqual(await approved(at), ['https://a.example', 'https://c.example']);
    const others = await at.call('ListApprovedOrigins', { InstanceId: otherInstance.id });
    assert.deepEqual(others.body.Origins, ['https://b.example']);
    assert.equal((await revoke('https://b.example', at)).status, 404);
  });

  it('[OR6] answers a repeated ClientToken as before', async () => {
    const at = await testPipeline();
    for (const each of ['https://a.example', 'https://b.example']) await approve(each, at);
    const more = { ClientToken: 'once' };
    assert.equal((await revoke('https://a.example', at, more)).status, 200);
    assert.equal((await revoke('https://a.example', at, more)).status, 200);
    assert.equal((await revoke('https://b.example', at, more)).status, 400);
    assert.deepEqual(await approved(at), ['https://b.example']);
  });
});
