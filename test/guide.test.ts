import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readTargets } from '../src/destinations.ts';
import { followAll, openReader, type Reader, sectionsOf } from './support/guide.ts';
import { projectFile, sourceFiles } from './support/source.ts';

const guide = projectFile('docs/custom-participants.md');
const sections = sectionsOf(guide).filter(({ blocks }) => blocks.length > 0);

/** Configurations that are shown and cannot be run here are read at least. */
function read(text: string): void {
  const json: { streams?: unknown[]; contactEvents?: unknown[] } = JSON.parse(text);
  readTargets({ mode: 'development', configFolder: '/', streams: [], contactEvents: [], ...json });
}

describe('the guide for custom participants', () => {
  let reader: Reader;
  let isLost = false;
  before(async () => {
    reader = await openReader({ marks: { configuration: read } });
  });
  after(() => reader?.[Symbol.asyncDispose]());

  for (const { title, blocks } of sections) {
    test(`[AR5] does what it shows: ${title}`, async (context) => {
      if (isLost) return context.skip('what comes before it failed');
      isLost = true;
      await followAll(reader, blocks);
      isLost = false;
    });
  }
});

test('[AR5] shows messages that the code has', () => {
  const [, table = ''] = guide.split('## What went wrong');
  const sources = sourceFiles('src')
    .map(({ text }) => text)
    .join('\n');
  const messages = [...table.matchAll(/^\| `(.*?)` +\|/gm)].map(([, message = '']) => message);
  assert.ok(messages.length > 10);
  for (const message of messages) {
    for (const part of message.split('…')) {
      assert.ok(sources.includes(part.trim()), `no source file has "${part.trim()}"`);
    }
  }
});
