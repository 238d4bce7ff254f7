import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { disposition, extensionOf } from '../domain/file-name.ts';

export type Verdict = 'APPROVED' | 'REJECTED';

export interface ScannedFile {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly stream: Readable;
}

/** Says whether others may get a file. Rejects when it cannot tell, or when the signal ends it. */
export type Scanner = (file: ScannedFile, signal: AbortSignal) => Promise<Verdict>;

/** The scanner that a setting names: an http or https URL, or else a command line. */
export function openScanner(setting: string): Scanner {
  return /^https?:\/\//i.test(setting) ? endpoint(new URL(setting)) : command(setting);
}

/** An answer is one member; whoever sends more than this is not a scanner. */
const maxAnswerBytes = 65_536;

/** The bytes are POSTed, and `{"status":"APPROVED"}` or `{"status":"REJECTED"}` comes back with 200. */
function endpoint(url: URL): Scanner {
  const ask = url.protocol === 'https:' ? requestHttps : requestHttp;
  return async ({ name, contentType, bytes, stream }, signal) => {
    const headers = { 'content-type': contentType, 'content-length': bytes, 'content-disposition': disposition(name) };
    const request = ask(url, { method: 'POST', headers, signal });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    // Who answers before it has read all ends the sending; what counts is the answer.
    request.on('error', () => {});
    stream.once('error', (failure) => request.destroy(failure));
    stream.pipe(request);
    const [response] = await answered;
    const text = await textOf(response);
    if (response.statusCode !== 200) throw new Error(`the scanner answered ${response.statusCode}`);
    return verdictIn(text);
  };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error(`the scanner answered more than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function verdictIn(text: string): Verdict {
  let status: unknown;
  try {
    status = (JSON.parse(text) as { status?: unknown } | null)?.status;
  } catch {}
  if (status === 'APPROVED' || status === 'REJECTED') return status;
  throw new Error('the scanner answered neither {"status":"APPROVED"} nor {"status":"REJECTED"}');
}

/**
 * A line for the shell, which gets the path of the file as one more argument and ends with 0 for approved or 1 for
 * rejected, as clamscan and its like do. The file's name is ours but for an extension that the instance allows.
 */
function command(line: string): Scanner {
  return async ({ name, stream }, signal) => {
    const folder = await mkdtemp(join(tmpdir(), 'tertulia-scan-'));
    try {
      const extension = /^[\w-]{1,10}$/.exec(extensionOf(name))?.[0];
      const path = join(folder, extension ? `attachment.${extension}` : 'attachment');
      await pipeline(stream, createWriteStream(path, { mode: 0o600, flags: 'wx' }), { signal });
      const code = await exitCode(line, path, signal);
      if (code === 0) return 'APPROVED';
      if (code === 1) return 'REJECTED';
      throw new Error(`the scanner ended with ${code}; 0 is approved and 1 is rejected`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** The exit code, or the signal that ended it. A command in a group of its own ends with all that it started. */
async function exitCode(line: string, path: string, signal: AbortSignal): Promise<number | string> {
  const child = spawn('/bin/sh', ['-c', `${line} "$1"`, 'sh', path], { stdio: 'ignore', detached: true });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const kill = () => {
    const isRunning = child.exitCode === null && child.signalCode === null;
    if (child.pid !== undefined && isRunning) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', kill, { once: true });
  try {
    if (signal.aborted) kill();
    const [code, by] = await ended;
    signal.throwIfAborted();
    return code ?? by ?? 'nothing';
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
