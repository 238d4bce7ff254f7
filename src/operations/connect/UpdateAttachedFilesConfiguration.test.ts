import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InstanceId, otherInstance, type TestPipeline, testPipeline } from '../../../test/support/pipeline.ts';
import { serialization, validation } from '../../../test/support/refusals.ts';
import { developmentInstance } from '../../config.ts';
import { seed } from '../../seeds.ts';

const scope = { InstanceId, AttachmentScope: 'CHAT' };
const subject = { name: 'UpdateAttachedFilesConfiguration', valid: scope, pipeline: () => pipeline };
let pipeline: TestPipeline;
before(async () => {
  pipeline = await testPipeline();
});

const extensions = (...names: string[]) => ({
  ExtensionConfiguration: { AllowedExtensions: names.map((Extension) => ({ Extension })) },
});
const update = (more: object, at = pipeline) => at.call('UpdateAttachedFilesConfiguration', { ...scope, ...more });
const described = async (at: TestPipeline) =>
  (await at.call('DescribeAttachedFilesConfiguration', scope)).body.AttachedFilesConfiguration;

describe('UpdateAttachedFilesConfiguration: serialization', () => {
  serialization(subject, [
    ['/MaximumSizeLimitInBytes', '1', 'a whole number'],
    ['/ExtensionConfiguration', ['pdf'], 'an object'],
    ['/ExtensionConfiguration/AllowedExtensions', 'pdf', 'a list'],
    ['/ExtensionConfiguration/AllowedExtensions/0', 'pdf', 'an object'],
    ['/ExtensionConfiguration/AllowedExtensions/0/Extension', 5, 'a string'],
  ]);
});

describe('UpdateAttachedFilesConfiguration: validation', () => {
  const path = '/ExtensionConfiguration/AllowedExtensions';
  validation(
    subject,
    [
      ['/MaximumSizeLimitInBytes', 0, 'be between 1 and 104857600, inclusive'],
      ['/MaximumSizeLimitInBytes', 104_857_601, 'be between 1 and 104857600, inclusive'],
      [path, undefined, 'not be null'],
      [`${path}/0/Extension`, undefined, 'not be null'],
      [`${path}/0/Extension`, 'abcdefghijk', 'have length between 1 and 10, inclusive'],
      [`${path}/0/Extension`, '.pdf', 'satisfy regular expression pattern: ^[a-zA-Z0-9-_]+$'],
    ],
    [
      ['/MaximumSizeLimitInBytes', 104_857_600],
      [`${path}/0/Extension`, 'A-z_9'],
    ],
  );

  it('[AM25] refuses other scopes, and what is none', async () => {
    for (const AttachmentScope of ['EMAIL', 'CASE', 'TASK', 'chat']) {
      const answer = await update({ AttachmentScope });
      assert.deepEqual([answer.status, answer.type], [400, 'InvalidParameterException'], AttachmentScope);
    }
  });

  it('[AM23] refuses more than 500 extensions, each counted once', async () => {
    const at = await testPipeline();
    const many = Array.from({ length: 501 }, (_, index) => `x${index}`);
    const answer = await update(extensions(...many), at);
    assert.deepEqual([answer.status, answer.type], [400, 'InvalidParameterException']);
    assert.match(answer.body.Message, /has 501 extensions; it may have 500/);
    assert.equal((await update(extensions(...many.slice(1), 'X1'), at)).status, 200);
  });

  it('[AM25] finds no instance that is unknown', async () => {
    const answer = await update({ InstanceId: 'unknown' });
    assert.deepEqual([answer.status, answer.type], [404, 'ResourceNotFoundException']);
  });
});

describe('UpdateAttachedFilesConfiguration: behaviour', () => {
  it('[AM23] changes what it is given and answers the whole; the rest stays', async () => {
    const at = await testPipeline();
    const first = await update({ MaximumSizeLimitInBytes: 5 }, at);
    assert.equal(first.status, 200);
    assert.equal(first.body.MaximumSizeLimitInBytes, 5);
    assert.equal(first.body.ExtensionConfiguration.AllowedExtensions.length, 18);
    assert.equal(first.body.LastModifiedTime, at.time.now / 1000);
    at.time.now += 1000;
    const second = await update(extensions('PDF', 'pdf', 'Txt'), at);
    const wanted = {
      ...scope,
      MaximumSizeLimitInBytes: 5,
      ExtensionConfiguration: { AllowedExtensions: [{ Extension: 'pdf' }, { Extension: 'txt' }] },
      LastModifiedTime: at.time.now / 1000,
    };
    assert.deepEqual(second.body, wanted);
    assert.deepEqual(await described(at), wanted);
    assert.deepEqual((await update(extensions(), at)).body.ExtensionConfiguration, { AllowedExtensions: [] });
  });

  it('[AM23] belongs to one instance, and outlives the seeding of a start', async () => {
    const at = await testPipeline();
    await update({ MaximumSizeLimitInBytes: 5 }, at);
    await seed(at.store, [developmentInstance, otherInstance], at.time.now);
    assert.equal((await described(at)).MaximumSizeLimitInBytes, 5);
    const other = await at.call('DescribeAttachedFilesConfiguration', { ...scope, InstanceId: otherInstance.id });
    assert.equal(other.body.AttachedFilesConfiguration.MaximumSizeLimitInBytes, 20_971_520);
  });

  it('[AM23] loses none of two changes that race, the first of all included', async () => {
    const at = await testPipeline();
    for (let round = 1; round <= 10; round += 1) {
      await Promise.all([update({ MaximumSizeLimitInBytes: round }, at), update(extensions(`x${round}`), at)]);
      const { MaximumSizeLimitInBytes, ExtensionConfiguration } = await described(at);
      assert.deepEqual(
        [MaximumSizeLimitInBytes, ExtensionConfiguration.AllowedExtensions],
        [round, [{ Extension: `x${round}` }]],
      );
    }
  });
});
