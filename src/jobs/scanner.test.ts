import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { gone } from '../../test/support/child.ts';
import { openScanner, type Scanner } from './scanner.ts';

const bytes = Buffer.alloc(1_000_000, 'pattern');

function scan(scanner: Scanner, signal = new AbortController().signal, name = 'a "b".PDF') {
  const stream = Readable.from([bytes.subarray(0, 10), bytes.subarray(10)], { objectMode: false });
  return scanner({ name, contentType: 'application/pdf', bytes: bytes.length, stream }, signal);
}

/** A scanner's endpoint that answers so; `asked` resolves to what it was sent. */
async function withEndpoint(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  run: (scanner: Scanner, url: string) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scan?key=1`;
  try {
    await run(openScanner(url), url);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const answering = (status: number, text: string) => async (request: IncomingMessage, response: ServerResponse) => {
  await buffer(request);
  response.writeHead(status).end(text);
};

describe('a scanner at a URL', () => {
  for (const status of ['APPROVED', 'REJECTED'] as const) {
    it(`[AM15] is POSTed the bytes and answers ${status}`, async () => {
      const asked: { head: IncomingMessage; body: Buffer }[] = [];
      const answer = async (head: IncomingMessage, response: ServerResponse) => {
        asked.push({ head, body: await buffer(head) });
        response.end(JSON.stringify({ status, more: 'ignored' }));
      };
      await withEndpoint(answer, async (scanner) => {
        assert.equal(await scan(scanner), status);
        const [{ head, body }] = asked as [(typeof asked)[number]];
        assert(body.equals(bytes));
        const { method, url, headers } = head;
        assert.deepEqual([method, url, headers['content-type']], ['POST', '/scan?key=1', 'application/pdf']);
        assert.deepEqual([headers['content-length'], headers['transfer-encoding']], ['1000000', undefined]);
        assert.match(headers['content-disposition'] ?? '', /^attachment; filename="a _b_\.PDF"/);
      });
    });
  }

  it('[AM15] may answer before it has read all', async () => {
    const answer = (_: IncomingMessage, response: ServerResponse) => response.end('{"status":"REJECTED"}');
    await withEndpoint(answer, async (scanner) => assert.equal(await scan(scanner), 'REJECTED'));
  });

  for (const [status, text, message] of [
    [500, '{"status":"APPROVED"}', /answered 500/],
    [302, '{"status":"APPROVED"}', /answered 302/],
    [200, '{"status":"CLEAN"}', /neither/],
    [200, 'APPROVED', /neither/],
    [200, 'null', /neither/],
    [200, '', /neither/],
    [200, `{"status":"APPROVED","more":"${'x'.repeat(70_000)}"}`, /more than 65536 bytes/],
  ] as const) {
    it(`[AM16] fails when it answers ${status} ${text.slice(0, 25)}`, async () => {
      await withEndpoint(answering(status, text), (scanner) => assert.rejects(scan(scanner), message));
    });
  }

  it('[AM16] fails when nobody listens, when it hangs up, and when its time is up', async () => {
    await withEndpoint(
      (request) => request.socket.destroy(),
      (scanner) => assert.rejects(scan(scanner)),
    );
    await assert.rejects(scan(openScanner('http://127.0.0.1:1/')), { code: 'ECONNREFUSED' });
    const limit = new AbortController();
    await withEndpoint(
      () => limit.abort(),
      (scanner) => assert.rejects(scan(scanner, limit.signal), { name: 'AbortError' }),
    );
  });

  it('[AM16] fails when the file cannot be read to its end', async () => {
    await withEndpoint(answering(200, '{"status":"APPROVED"}'), async (scanner) => {
      async function* broken() {
        yield bytes.subarray(0, 100);
        throw new Error('broken file');
      }
      const stream = Readable.from(broken(), { objectMode: false });
      const file = { name: 'a.pdf', contentType: 'a/pdf', bytes: bytes.length, stream };
      await assert.rejects(scanner(file, new AbortController().signal), /broken file/);
    });
  });
});

describe('a scanner that is a command', () => {
  /** A command line that runs a script of Node with this body; `file` is the path that it gets. */
  async function withCommand(body: string, run: (scanner: Scanner, folder: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'tertulia-command-'));
    const script = join(folder, 'a script.mjs');
    const head = "import fs from 'node:fs'; const [, , option, file] = process.argv;";
    writeFileSync(script, `${head}\nconst folder = ${JSON.stringify(folder)};\n${body}`);
    try {
      await run(openScanner(`'${process.execPath}' "${script}" --option`), folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  for (const [code, verdict] of [
    [0, 'APPROVED'],
    [1, 'REJECTED'],
  ] as const) {
    it(`[AM15] gets the path of the file and ends with ${code} for ${verdict}`, async () => {
      const body = `fs.copyFileSync(file, folder + '/copy');
        fs.writeFileSync(folder + '/seen', JSON.stringify({ option, file, mode: fs.statSync(file).mode & 0o777 }));
        process.exit(${code});`;
      await withCommand(body, async (scanner, folder) => {
        assert.equal(await scan(scanner), verdict);
        assert(readFileSync(join(folder, 'copy')).equals(bytes));
        const { option, file, mode } = JSON.parse(readFileSync(join(folder, 'seen'), 'utf8'));
        assert.deepEqual([option, mode], ['--option', 0o600]);
        assert.match(file, /\/attachment\.pdf$/);
        assert(!existsSync(file) && !existsSync(join(file, '..')), 'nothing of it is left');
      });
    });
  }

  it('[AM21] never sees the sender’s name in the path', async () => {
    const body = `fs.writeFileSync(folder + '/seen', file);`;
    await withCommand(body, async (scanner, folder) => {
      for (const name of ['../../x.$(touch y)', '; rm -rf x', 'a.\n', `.${'x'.repeat(11)}`]) {
        await scan(scanner, undefined, name);
        assert.match(readFileSync(join(folder, 'seen'), 'utf8'), /\/tertulia-scan-\w+\/attachment$/);
      }
    });
  });

  it('[AM16] fails when it ends otherwise, or cannot be run', async () => {
    await withCommand('process.exit(2)', (scanner) => assert.rejects(scan(scanner), /ended with 2; 0 is approved/));
    await withCommand("process.kill(process.pid, 'SIGTERM')", (scanner) =>
      assert.rejects(scan(scanner), /ended with (SIGTERM|143)/),
    );
    await assert.rejects(scan(openScanner('/no/such/scanner')), /ended with 127/);
  });

  it('[AM16] is killed with all that it started when its time is up', async () => {
    const body = `import { spawn } from 'node:child_process';
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
      fs.writeFileSync(folder + '/draft', String(child.pid));
      fs.renameSync(folder + '/draft', folder + '/pid');
      setInterval(() => {}, 1e6);`;
    await withCommand(body, async (scanner, folder) => {
      const limit = new AbortController();
      const scanned = scan(scanner, limit.signal);
      const pid = join(folder, 'pid');
      while (!existsSync(pid)) await new Promise((resolve) => void setImmediate(resolve));
      limit.abort();
      await assert.rejects(scanned, { name: 'AbortError' });
      await gone(Number(readFileSync(pid, 'utf8')));
    });
  });
});
