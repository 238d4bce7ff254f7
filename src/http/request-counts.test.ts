import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openTestListener } from '../../test/support/listener.ts';
import { of, shown } from '../../test/support/metrics.ts';
import { InstanceId, startChat, testPipeline } from '../../test/support/pipeline.ts';
import type { Operation } from '../operations/operation.ts';
import { openRequestCounts } from './request-counts.ts';
import { openThrottle } from './throttle.ts';

const StartChatContact = { service: 'connect', name: 'StartChatContact', errors: [] } as unknown as Operation;

describe('requests', () => {
  test('[ME3, ME2] are counted by service, operation and class of status; what is no operation is none', async () => {
    const pipeline = await testPipeline({
      wrap: (store) => ({ ...store, openChats: () => Promise.reject(new Error('away')) }),
      quotas: { rates: {}, concurrentChats: 10 },
    });
    await pipeline.call('StartChatContact', { InstanceId, ContactFlowId: 'no', ParticipantDetails: {} });
    for (const path of ['/nowhere', '/somewhere']) await pipeline.raw('GET', path, '');
    await pipeline.raw('OPTIONS', '/contact/chat', '');
    const lines = await shown(pipeline.metrics);
    assert.deepEqual(of(lines, 'tertulia_requests_total'), {
      'connect,StartChatContact,2xx': 0,
      'connect,StartChatContact,4xx': 1,
      'connect,StartChatContact,5xx': 0,
      'none,none,2xx': 0,
      'none,none,4xx': 2,
      'none,none,5xx': 0,
    });
    assert.deepEqual(of(lines, 'tertulia_request_duration_seconds_count'), {
      'connect,StartChatContact': 1,
      'none,none': 2,
    });
  });

  test('[ME3] that fail are of the class 5xx, and those of participants of their service', async () => {
    const pipeline = await testPipeline({
      wrap: (store) => ({ ...store, append: () => Promise.reject(new Error('disk full')) }),
    });
    const { token } = await startChat(pipeline);
    const { status } = await pipeline.call('SendMessage', { ContentType: 'text/plain', Content: 'hi' }, token);
    assert.equal(status, 500);
    const { 'participant,SendMessage,5xx': failed, 'participant,CreateParticipantConnection,2xx': done } = of(
      await shown(pipeline.metrics),
      'tertulia_requests_total',
    );
    assert.deepEqual([failed, done], [1, 1]);
  });

  test('[ME3] are measured in seconds', async () => {
    const counts = openRequestCounts();
    for (const ms of [0.4, 3, 20_000]) counts.answered(StartChatContact, 200, ms);
    const lines = await shown(counts.metrics);
    assert.equal(of(lines, 'tertulia_request_duration_seconds_sum')['connect,StartChatContact'], 20.0034);
    const buckets = of(lines, 'tertulia_request_duration_seconds_bucket');
    const at = (le: string) => buckets[`connect,StartChatContact,${le}`];
    assert.deepEqual(['0.0005', '0.0025', '0.005', '10', '+Inf'].map(at), [1, 1, 2, 2, 3]);
  });

  test('[ME3] that are refused with 429 are counted by operation', async () => {
    const throttle = openThrottle(
      { rates: { StartChatContact: { rate: 0.1, burst: 1 } }, concurrentChats: 10 },
      { rate: 1, burst: 1 },
    );
    throttle.take(StartChatContact, 'me', 0);
    for (const _ of [1, 2]) assert.throws(() => throttle.take(StartChatContact, 'me', 0));
    assert.deepEqual(of(await shown(throttle.metrics), 'tertulia_throttled_total'), { StartChatContact: 2 });
  });

  test('[ME3] are in flight until they are answered', async () => {
    const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using listener = await openTestListener({
      async answer() {
        asked.resolve();
        await answer.promise;
        return { status: 200, headers: { connection: 'close' }, body: '{}' };
      },
    });
    const inFlight = async () => of(await shown(listener.metrics), 'tertulia_requests_in_flight')[''];
    assert.equal(await inFlight(), 0);
    const reply = fetch(`http://127.0.0.1:${listener.port}/`);
    await asked.promise;
    assert.equal(await inFlight(), 1);
    answer.resolve();
    assert.equal((await reply).status, 200);
    await listener.drain();
    assert.equal(await inFlight(), 0);
  });
});
