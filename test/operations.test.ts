import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { settings } from '../src/settings.ts';
import { followAll, openReader, type Reader, sectionsOf } from './support/guide.ts';
import { anyNatsServer, natsUrlMissing } from './support/nats.ts';
import { startNginx } from './support/nginx.ts';
import { postgresMissing, postgresUrl, temporarySchema } from './support/postgres.ts';
import { missing } from './support/program-path.ts';
import { projectFile } from './support/source.ts';

/** docs/operations.md, done as it says, with a real PostgreSQL, NATS and nginx. */

const guide = projectFile('docs/operations.md');
const sections = sectionsOf(guide).filter(({ blocks }) => blocks.length > 0);
const skip = postgresMissing || natsUrlMissing || missing('nginx') || missing('sqlite3');

describe('the guide for operators', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let reader: Reader;
  let isLost = false;
  before(async () => {
    const { name } = stack.use(temporarySchema());
    const nats = stack.use(await anyNatsServer());
    reader = await openReader({
      places: [
        ['postgres://postgres@127.0.0.1:5432/test', postgresUrl],
        ['nats://127.0.0.1:4222', nats.url],
        ['Schema tertulia ', `Schema ${name} `],
        ['--schema=tertulia ', `--schema=${name} `],
      ],
      environment: { TERTULIA_STORE_SCHEMA: name, TERTULIA_BUS_PREFIX: name },
      marks: {
        async nginx(text, port) {
          assert.match(text, /^sudo nginx -c "\$PWD\/examples\/nginx\/nginx\.conf"\n$/);
          stack.use(await startNginx([port('8378'), port('8379')], { port: port('8080') }));
        },
      },
    });
    stack.use(reader);
  });
  after(() => stack.disposeAsync());

  for (const { title, blocks } of sections) {
    test(`[CL25] does what it shows: ${title}`, async (context) => {
      if (isLost) return context.skip('what comes before it failed');
      isLost = true;
      await followAll(reader, blocks);
      isLost = false;
    });
  }
});

test('[CL25] names settings and metrics that there are', () => {
  const names = settings.map(({ name }) => name as string).concat('TERTULIA_CONFIG');
  for (const [name] of guide.matchAll(/\bTERTULIA_[A-Z_]+/g)) assert.ok(names.includes(name), name);
  const metrics = projectFile('docs/metrics.md');
  const alerts = [...guide.matchAll(/`[^`]*?\b(tertulia_[a-z_]+)[^`]*`/g)].map(([, name = '']) => name);
  assert.ok(alerts.length > 10);
  for (const name of alerts) assert.ok(metrics.includes(`\`${name}\``), name);
});
