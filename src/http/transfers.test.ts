import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { complete, filesOf, hello, sendFile, startFile, uploadFile } from '../../test/support/attachments.ts';
import { openJournal } from '../../test/support/journal.ts';
import { addBot, InstanceId, startChat, type TestPipeline, testPipeline } from '../../test/support/pipeline.ts';
import type { Log } from '../runtime/log.ts';

/** A pipeline with a chat and an upload that was started. */
async function started(more: object = {}) {
  const at = await testPipeline();
  const chat = await startChat(at);
  return { at, ...chat, ...(await startFile(at, chat.token, more)) };
}

async function downloadUrl(at: TestPipeline, token: string, id: string): Promise<string> {
  return (await at.call('GetAttachment', { AttachmentId: id }, token)).body.Url;
}

describe('the URL of an upload', () => {
  it('[AM2] takes the bytes without any other credential, by any host name', async () => {
    const { at, Url, ContactId } = await started();
    const moved = new URL(Url);
    moved.host = 'another.example:99';
    const put = await at.transfer('PUT', moved.href, hello);
    assert.deepEqual([put.status, put.bytes.length, put.headers['access-control-allow-origin']], [200, 0, '*']);
    assert.equal((await filesOf(at, ContactId)).length, 1);
  });

  it('[AM2] is refused by 403 when any part of it is changed', async () => {
    const { at, Url, ContactId, token } = await started();
    const other = await startFile(at, token);
    const url = new URL(Url);
    const given = url.searchParams.get('token') ?? '';
    const [payload = '', mac = ''] = given.split('.');
    const later = Buffer.from(JSON.stringify([1, ContactId, 2e12])).toString('base64url');
    const forged = ['', 'x', `${given}x`, `x${given}`, payload, `.${mac}`, `${later}.${mac}`, `${given}=`];
    const paths = [url.pathname, new URL(other.Url).pathname];
    for (const [path, sealed] of [...forged.map((each) => [paths[0], each]), [paths[1], given]]) {
      const put = await at.transfer('PUT', `${url.origin}${path}?token=${sealed}`, hello);
      assert.deepEqual([put.status, put.type], [403, 'AccessDeniedException'], sealed);
      assert.match(put.message, /not a URL for the upload of an attachment as StartAttachmentUpload answered it/);
    }
    assert.equal((await at.transfer('PUT', url.origin + url.pathname, hello)).status, 403, 'without a token');
    assert.deepEqual(await filesOf(at, ContactId), []);
  });

  it('[AM2] is good for nothing else: not for a GET, and that of a download not for a PUT', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const { AttachmentId, Url } = await uploadFile(at, token);
    await complete(at, token, AttachmentId);
    const get = await at.transfer('GET', Url);
    assert.deepEqual([get.status, get.type], [403, 'AccessDeniedException']);
    const put = await at.transfer('PUT', await downloadUrl(at, token, AttachmentId), hello);
    assert.deepEqual([put.status, put.type], [403, 'AccessDeniedException']);
  });

  it('[AM2] is refused from its expiry on', async () => {
    const { at, Url } = await started();
    at.time.now += 15 * 60_000 - 1;
    assert.equal((await at.transfer('PUT', Url, hello)).status, 200);
    at.time.now += 1;
    const late = await at.transfer('PUT', Url, hello);
    assert.deepEqual([late.status, late.type], [403, 'AccessDeniedException']);
    assert.match(late.message, /expired at 2026-01-31T12:15:00.000Z; get a new one from StartAttachmentUpload/);
  });

  it('[AM2] is refused once the chat ended, or its sender left, also while the bytes come', async () => {
    for (const leave of [
      (at: TestPipeline, ContactId: string) => at.call('StopContact', { InstanceId, ContactId }),
      (at: TestPipeline, _: string, token: string) => at.call('DisconnectParticipant', {}, token),
    ]) {
      const at = await testPipeline();
      const { ContactId } = await startChat(at);
      const bot = await addBot(at, ContactId);
      const { Url } = await startFile(at, bot.token);
      async function* slowly() {
        yield hello.subarray(0, 5);
        await leave(at, ContactId, bot.token);
        yield hello.subarray(5);
      }
      for (const body of [Readable.from(slowly(), { objectMode: false }), hello]) {
        const put = await at.transfer('PUT', Url, body);
        assert.deepEqual([put.status, put.type], [403, 'AccessDeniedException']);
        assert.match(put.message, /nothing was stored/);
      }
      assert.deepEqual(await filesOf(at, ContactId), []);
    }
  });

  it('[AM2] is 404 when its chat was erased', async () => {
    const { at, Url, ContactId } = await started();
    await at.call('StopContact', { InstanceId, ContactId });
    await at.store.erase({ contactId: ContactId }, 1000);
    const put = await at.transfer('PUT', Url, hello);
    assert.deepEqual([put.status, put.type], [404, 'ResourceNotFoundException']);
  });
});

describe('the bytes of an upload', () => {
  const size = hello.length;
  for (const [what, bytes] of [
    ['none', 0],
    ['one', 1],
    ['one too few', size - 1],
    ['one too many', size + 1],
    ['far too many', 1_000_000],
  ] as const) {
    it(`[AM3] are refused by 400 when there are ${what}, said before or not, and nothing is stored`, async () => {
      const { at, Url, ContactId, AttachmentId, token } = await started();
      for (const headers of [{}, { 'content-length': String(bytes) }] as Record<string, string>[]) {
        const put = await at.transfer('PUT', Url, Buffer.alloc(bytes), headers);
        assert.deepEqual([put.status, put.type], [400, 'ValidationException']);
        assert.match(put.message, /has other than the 12 bytes of StartAttachmentUpload; nothing was stored/);
      }
      assert.deepEqual(await filesOf(at, ContactId), []);
      assert.equal((await complete(at, token, AttachmentId)).status, 400);
    });
  }

  it('[AM3] are not read when their length is said to be wrong', async () => {
    const { at, Url } = await started();
    let isRead = false;
    const body = new Readable({
      read() {
        isRead = true;
        this.push(null);
      },
    });
    assert.equal((await at.transfer('PUT', Url, body, { 'content-length': '13' })).status, 400);
    assert.equal(isRead, false);
  });

  it('[AM3] must be of the declared type, if they say one', async () => {
    const { at, Url, ContactId } = await started({ ContentType: 'text/plain; charset=utf-8' });
    for (const type of ['text/html', 'text/plain', '']) {
      const put = await at.transfer('PUT', Url, hello, { 'Content-Type': type });
      assert.deepEqual([put.status, put.type], [400, 'ValidationException'], type);
      assert.match(put.message, /another Content-Type than the text\/plain; charset=utf-8 of StartAttachmentUpload/);
    }
    assert.deepEqual(await filesOf(at, ContactId), []);
    for (const headers of [{}, { 'content-type': 'Text/Plain;charset=UTF-8' }] as Record<string, string>[]) {
      assert.equal((await at.transfer('PUT', Url, hello, headers)).status, 200);
    }
  });

  it('[AM4] replace those of an earlier upload, and leave them when they are wrong', async () => {
    const { at, Url, ContactId, AttachmentId, token } = await started();
    for (const content of ['first bytes\n', 'other bytes\n']) {
      assert.equal((await at.transfer('PUT', Url, Buffer.from(content))).status, 200);
      assert.equal((await filesOf(at, ContactId)).length, 1);
    }
    assert.equal((await at.transfer('PUT', Url, Buffer.from('wrong'))).status, 400);
    await complete(at, token, AttachmentId);
    const put = await at.transfer('PUT', Url, hello);
    assert.deepEqual([put.status, put.type], [409, 'ConflictException']);
    const get = await at.transfer('GET', await downloadUrl(at, token, AttachmentId));
    assert.equal(String(get.bytes), 'other bytes\n');
  });

  it('[AM5] that break off leave nothing', async () => {
    const { at, Url, ContactId } = await started();
    async function* broken() {
      yield hello.subarray(0, 5);
      throw new Error('gone');
    }
    await at.transfer('PUT', Url, Readable.from(broken(), { objectMode: false }));
    assert.deepEqual(await filesOf(at, ContactId), []);
    assert.equal((await at.transfer('PUT', Url, hello)).status, 200);
  });
});

describe('a download', () => {
  it('[AM20] has the bytes, type and name of the upload, and is never shown or run', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
    const more = { AttachmentName: '../é "x"\r\n.PDF', ContentType: 'text/html' };
    const id = await sendFile(at, token, bytes, more);
    const got = await at.transfer('GET', await downloadUrl(at, token, id));
    assert.equal(got.status, 200);
    assert(got.bytes.equals(bytes));
    assert.equal(got.headers['content-type'], 'text/html');
    assert.equal(got.headers['content-length'], '100000');
    assert.equal(
      got.headers['content-disposition'],
      `attachment; filename="..__ _x___.PDF"; filename*=UTF-8''.._%C3%A9%20%22x%22__.PDF`,
    );
    assert.equal(got.headers['x-content-type-options'], 'nosniff');
    assert.match(got.headers['content-security-policy'] ?? '', /sandbox/);
    assert.equal(got.headers['access-control-allow-origin'], '*');
  });

  it('[AM17] is refused by 403 when any part of its URL is changed, with CORS', async () => {
    const at = await testPipeline();
    const { token } = await startChat(at);
    const [one, other] = [await sendFile(at, token), await sendFile(at, token)];
    const url = await downloadUrl(at, token, one);
    for (const changed of [`${url}x`, url.replace('token=', 'token=x'), url.replace(one, other)]) {
      const got = await at.transfer('GET', changed);
      assert.deepEqual([got.status, got.type], [403, 'AccessDeniedException']);
      assert.equal(got.headers['access-control-allow-origin'], '*');
    }
  });

  it('[AM17] goes on with a URL that was handed out before the end of the chat', async () => {
    const at = await testPipeline();
    const { token, ContactId } = await startChat(at);
    const url = await downloadUrl(at, token, await sendFile(at, token));
    await at.call('StopContact', { InstanceId, ContactId });
    assert.equal((await at.transfer('GET', url)).status, 200);
    await at.store.erase({ contactId: ContactId }, 1000);
    assert.equal((await at.transfer('GET', url)).status, 404);
  });

  it('[HT4] is 500 when its file is gone, which is logged without the URL', async () => {
    const lines = openJournal<object>();
    const note = (fields: object, message: string) => lines.add({ ...fields, message });
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const at = await testPipeline({ log });
    const { token, ContactId } = await startChat(at);
    const url = await downloadUrl(at, token, await sendFile(at, token));
    for (const key of await filesOf(at, ContactId)) await at.blobs.remove(key);
    const got = await at.transfer('GET', url);
    assert.deepEqual([got.status, got.type], [500, 'InternalServerException']);
    assert.equal(lines.all.length, 1);
    assert.doesNotMatch(JSON.stringify(lines.all), new RegExp(new URL(url).searchParams.get('token') ?? ''));
  });
});

describe('other requests', () => {
  it('[AM6] are left alone, unread: other methods, other paths', async () => {
    const { at, Url } = await started();
    const { pathname: path, search } = new URL(Url);
    const answer = (method: string, path: string, prefix?: string) => {
      const body = Readable.from([hello]);
      const head = { method, path, ...(prefix && { prefix }), query: search.slice(1), headers: [], id: 'id' };
      return at.transfers.answer(head, body);
    };
    for (const method of ['POST', 'OPTIONS', 'HEAD', 'DELETE']) assert.equal(answer(method, path), undefined);
    for (const other of ['/', `${path}/`, `${path}/x`, `/x${path}`, path.slice(0, -1), path.toUpperCase()]) {
      assert.equal(answer('PUT', other), undefined, other);
    }
    const { status } = (await answer('PUT', path.replace('/participant', ''), '/participant')) ?? {};
    assert.equal(status, 200, 'a public URL may end as the path begins');
  });
});
