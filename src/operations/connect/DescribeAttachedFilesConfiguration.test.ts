import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InstanceId, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';

let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});

const name = 'DescribeAttachedFilesConfiguration';
const ask = (InstanceId: string, AttachmentScope: string) => pipeline.call(name, { InstanceId, AttachmentScope });

describe('DescribeAttachedFilesConfiguration: serialization', () => {
  it('[SH5] has nothing in its body: what is sent there is ignored', async () => {
    const { status } = await pipeline.raw('GET', `/attached-files-configurations/${InstanceId}/CHAT`, 'no JSON');
    assert.equal(status, 200);
  });
});

describe('DescribeAttachedFilesConfiguration: validation', () => {
  for (const [what, id, scope, type] of [
    ['a scope that is none', InstanceId, 'CHATS', 'InvalidParameterException'],
    ['the scope of emails', InstanceId, 'EMAIL', 'InvalidParameterException'],
    ['an id that is too long', 'i'.repeat(101), 'CHAT', 'InvalidParameterException'],
    ['an unknown instance', 'unknown', 'CHAT', 'ResourceNotFoundException'],
  ] as const) {
    it(`[AM25] refuses ${what}`, async () => {
      const answer = await ask(id, scope);
      assert.deepEqual([answer.status, answer.type], [type.startsWith('Invalid') ? 400 : 404, type]);
    });
  }
});

describe('DescribeAttachedFilesConfiguration: behaviour', () => {
  it('[AM22] answers Amazon’s defaults as long as nothing changed them', async () => {
    const { body } = await ask(InstanceId, 'CHAT');
    const { ExtensionConfiguration, ...rest } = body.AttachedFilesConfiguration;
    assert.deepEqual(rest, { InstanceId, AttachmentScope: 'CHAT', MaximumSizeLimitInBytes: 20_971_520 });
    assert.deepEqual(
      ExtensionConfiguration.AllowedExtensions.map(({ Extension }: { Extension: string }) => Extension).join(' '),
      'csv doc docx heic jfif jpeg jpg mov mp4 pdf png ppt pptx rtf txt wav xls xlsx',
    );
  });

  it('[AM22] takes the instance’s ARN and answers its id', async () => {
    const arn = `arn:aws:connect:us-east-1:123456789012:instance/${InstanceId}`;
    assert.equal((await ask(arn, 'CHAT')).body.AttachedFilesConfiguration.InstanceId, InstanceId);
  });
});
