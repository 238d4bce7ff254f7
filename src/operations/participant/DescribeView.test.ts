import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InstanceId, startChat, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';

let pipeline: TestPipeline;
let customer: Awaited<ReturnType<typeof startChat>>;
before(async () => {
  pipeline = await testPipeline();
  customer = await startChat(pipeline);
});
const view = (ViewToken: string, token = customer.token) => pipeline.call('DescribeView', { ViewToken }, token);

describe('DescribeView', () => {
  it('[SH1] refuses a token of more than 1000 characters, and takes one of as many', async () => {
    const answer = await view('t'.repeat(1001));
    assert.deepEqual([answer.status, answer.type], [400, 'ValidationException']);
    assert.equal(
      answer.body.message,
      "1 validation error detected: Value at '/ViewToken' failed to satisfy constraint: Member must have length between 1 and 1000, inclusive",
    );
    assert.equal((await view('t'.repeat(1000))).status, 404);
  });

  for (const token of ['vt', 'vt/1', 'a+b=', '100%', '../connection', 'a b', 'ü', '{}']) {
    it(`[VW1, VW2] answers 404 with what the model has for ${token}, which it does not repeat`, async () => {
      const secret = `${token} of this chat`;
      const answer = await view(secret);
      assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
      const { ResourceId, ResourceType, message } = answer.body;
      assert.deepEqual([ResourceId, ResourceType], [customer.ContactId, 'CONTACT']);
      assert.match(message, /use the viewToken of an interactive message of this chat/);
      assert(!answer.reply.body.includes(secret));
    });
  }

  it('[VW2] takes one segment of the path alone', async () => {
    for (const path of ['/participant/views/a/b', '/participant/views/', '/participant/views']) {
      const answer = await pipeline.raw('GET', path, '', { 'x-amz-bearer': customer.token });
      assert.equal(answer.type, 'UnknownOperationException', path);
    }
  });

  it('[VW1] answers 403 once the chat is over', async () => {
    const chat = await startChat(pipeline);
    await pipeline.call('StopContact', { InstanceId, ContactId: chat.ContactId });
    const answer = await view('vt', chat.token);
    assert.deepEqual([answer.status, answer.type], [403, 'AccessDeniedException']);
    assert.match(answer.body.message, /ended at 2026-01-31T12:00:00.000Z/);
  });
});
