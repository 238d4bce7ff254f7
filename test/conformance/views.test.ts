import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from '../support/chatjs.ts';
import { startChat, testServer } from '../support/server.ts';

/** What chatjs hands to an app when a call of it is refused. */
interface Failure {
  readonly type: string;
  readonly statusCode: number;
  readonly message: string;
}

async function failure(call: Promise<unknown>): Promise<Failure> {
  const thrown = await call.then(
    () => assert.fail('it was not refused'),
    (each: { _debug?: Failure } & Failure) => each._debug ?? each,
  );
  const { type, statusCode, message } = thrown;
  return { type, statusCode, message };
}

test('[VW1, VW2] answers chatjs that a view is not there, whatever its token holds', async () => {
  await using server = await testServer();
  await using ana = openPage(server.api).customer(await startChat(server.api));
  await ana.ready();
  for (const viewToken of ['vt', 'vt/1', 'a+b==', '../x', '100%', 'é']) {
    const { type, statusCode, message } = await failure(ana.session.describeView({ viewToken }));
    assert.deepEqual([type, statusCode], ['ResourceNotFoundException', 404], viewToken);
    assert.match(message, /^The ViewToken names no view/);
  }
});

test('[AN1, SH7] answers chatjs that an authentication is not there, with an empty address to come back to as well', async () => {
  await using server = await testServer();
  await using ana = openPage(server.api).customer(await startChat(server.api));
  await ana.ready();
  const sessionId = '30000000-0000-4000-8000-000000000001';
  for (const call of [
    () => ana.session.getAuthenticationUrl({ sessionId, redirectUri: '' }),
    () => ana.session.getAuthenticationUrl({ sessionId, redirectUri: 'https://www.example.com' }),
    () => ana.session.cancelParticipantAuthentication({ sessionId }),
  ]) {
    const { type, statusCode, message } = await failure(call());
    assert.deepEqual([type, statusCode], ['ValidationException', 400]);
    assert.match(message, /^SessionId is not that of an authentication/);
  }
});
