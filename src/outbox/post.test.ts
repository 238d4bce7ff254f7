import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { openEndpoint } from '../../test/support/endpoint.ts';
import { within } from '../../test/support/journal.ts';
import { openEgress } from '../runtime/egress.ts';
import { type Parcel, Rejected } from './destination.ts';
import { openPost } from './post.ts';

const parcel: Parcel = {
  id: '018f0000-0000-7000-8000-000000000001',
  topic: '',
  body: '{"detail-type":"Amazon Connect Contact Event","detail":{"name":"Grüße"}}',
  time: 1_769_860_800_000,
  attributes: {},
};
const never = new AbortController().signal;

describe('a plain webhook', () => {
  test('[SN13] gets the JSON as it is, with the id', async () => {
    await using endpoint = await openEndpoint();
    await using egress = openEgress({ allowsLinkLocal: false });
    await using post = openPost({ url: endpoint.url, egress });
    await post.deliver(parcel, never);
    const [posted] = endpoint.posted.all;
    assert.equal(posted?.method, 'POST');
    assert.equal(posted.body, parcel.body);
    assert.equal(posted.headers['content-type'], 'application/json');
    assert.equal(posted.headers['x-tertulia-id'], parcel.id);
    assert.equal(posted.headers['x-tertulia-signature'], undefined);
  });

  test('[SN13] gets a signature of the body where it has a secret', async () => {
    await using endpoint = await openEndpoint();
    await using egress = openEgress({ allowsLinkLocal: false });
    await using post = openPost({ url: endpoint.url, secret: 'shared', egress });
    await post.deliver(parcel, never);
    const [posted] = endpoint.posted.all;
    const expected = createHmac('sha256', 'shared')
      .update(posted?.body ?? '')
      .digest('hex');
    assert.equal(posted?.headers['x-tertulia-signature'], `sha256=${expected}`);
  });

  for (const [status, outcome] of [
    [200, 'taken'],
    [202, 'taken'],
    [204, 'taken'],
    [302, 'untold'],
    [400, 'rejected'],
    [401, 'rejected'],
    [404, 'rejected'],
    [408, 'untold'],
    [410, 'rejected'],
    [425, 'untold'],
    [429, 'untold'],
    [500, 'untold'],
    [503, 'untold'],
  ] as const) {
    test(`[SN11, SN13] that answers ${status} leaves what it was sent ${outcome}`, async () => {
      await using endpoint = await openEndpoint((_, response) => {
        response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();
      });
      await using egress = openEgress({ allowsLinkLocal: false });
      await using post = openPost({ url: endpoint.url, egress });
      const failure = await post.deliver(parcel, never).catch((error: unknown) => error);
      if (outcome === 'taken') return assert.equal(failure, undefined);
      assert.ok(failure instanceof Error);
      assert.equal(failure instanceof Rejected, outcome === 'rejected');
      assert.ok(failure.message.startsWith(`${endpoint.url.host} answered ${status}`), failure.message);
      assert.doesNotMatch(failure.message, /secret|Grüße/);
    });
  }

  test('[SN11, SN13] that hangs is ended by the signal', async () => {
    await using endpoint = await openEndpoint(() => {});
    await using egress = openEgress({ allowsLinkLocal: false });
    await using post = openPost({ url: endpoint.url, egress });
    const end = new AbortController();
    const why = new Error('time is up');
    const [failure] = await within(
      'the end',
      Promise.all([
        post.deliver(parcel, end.signal).catch((error: unknown) => error),
        endpoint.posted.until('a request', () => true).then(() => end.abort(why)),
      ]),
    );
    assert.equal(failure, why);
  });

  test('[SN11, SN13] that is not there leaves it untold', async () => {
    const endpoint = await openEndpoint();
    await endpoint[Symbol.asyncDispose]();
    await using egress = openEgress({ allowsLinkLocal: false });
    await using post = openPost({ url: endpoint.url, egress });
    const failure = await post.deliver(parcel, never).catch((error: unknown) => error);
    assert.equal((failure as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    assert.ok(!(failure instanceof Rejected));
  });
});
