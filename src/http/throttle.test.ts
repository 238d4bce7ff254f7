import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awsQuotas, type QuotaProfile, unlimited } from '../domain/quota.ts';
import { Fault } from '../fault.ts';
import type { Operation } from '../operations/operation.ts';
import { registry } from '../operations/registry.ts';
import { openThrottle } from './throttle.ts';

const start = 1_769_860_800_000;
const plenty = { rate: 1_000_000, burst: 1_000_000 };
const one = { rate: 1, burst: 1 };

function operation(name: string): Operation {
  const found = registry.find((each) => each.name === name);
  assert(found, `no operation ${name}`);
  return found;
}

const send = operation('SendMessage');
const describeContact = operation('DescribeContact');
const connect = operation('CreateParticipantConnection');

/** The fault of a refused call; undefined for one that was allowed. */
function refusal(call: () => void): Fault | undefined {
  try {
    call();
    return undefined;
  } catch (failure) {
    assert(failure instanceof Fault);
    return failure;
  }
}

/** How many of so many calls are allowed at one moment. */
function allowed(count: number, call: () => void): number {
  return Array.from({ length: count }, () => refusal(call)).filter((each) => each === undefined).length;
}

describe('rates of several servers', () => {
  test('[CL6] are shared: together they allow no more than one would, and what a caller is told is the whole', () => {
    const profile: QuotaProfile = { rates: { DescribeContact: { rate: 4, burst: 8 } } };
    let nodes = 1;
    const servers = [1, 2, 3, 4].map(() => openThrottle(profile, plenty, () => nodes));
    const first = servers[0] ?? assert.fail();
    assert.equal(
      allowed(20, () => first.take(describeContact, 'alone', start)),
      8,
    );
    nodes = 4;
    const bursts = servers.map((each) => allowed(20, () => each.take(describeContact, 'who', start)));
    assert.deepEqual(bursts, [2, 2, 2, 2]);
    const seconds = servers.map((each) => allowed(20, () => each.take(describeContact, 'who', start + 1000)));
    assert.deepEqual(seconds, [1, 1, 1, 1]);
    const refused = refusal(() => first.take(describeContact, 'who', start + 1000));
    assert.match(refused?.message ?? '', /4 times a second, 8 at once/);
  });
});

describe('rates', () => {
  test('[QU1] are none in the unlimited profile', () => {
    const throttle = openThrottle(unlimited, plenty);
    assert.equal(
      allowed(1000, () => throttle.take(send, 'instance', start)),
      1000,
    );
  });

  test('[QU2] count each caller and each operation by itself', () => {
    const profile: QuotaProfile = { rates: { DescribeContact: one, StopContact: one } };
    const throttle = openThrottle(profile, plenty);
    for (const who of ['123456789012 us-east-1', '123456789012 eu-west-1', '210987654321 us-east-1']) {
      for (const each of [describeContact, operation('StopContact')]) {
        assert.equal(
          allowed(3, () => throttle.take(each, who, start)),
          1,
          `${who} ${each.name}`,
        );
      }
    }
  });

  test('[QU2] of SendMessage are those of SendEvent, together', () => {
    const throttle = openThrottle(awsQuotas, plenty);
    const calls = [send, operation('SendEvent')];
    let turn = 0;
    const either = () => throttle.take(calls[turn++ % 2] as Operation, 'instance', start);
    assert.equal(allowed(40, either), 15);
  });

  test('[QU2] by default are for the Connect service alone', () => {
    const throttle = openThrottle({ rates: { default: one } }, plenty);
    const take = (each: Operation) => allowed(3, () => throttle.take(each, 'somebody', start));
    assert.deepEqual(
      registry.map((each) => [each.name, take(each)]),
      registry.map(({ name, service }) => [name, service === 'connect' ? 1 : 3]),
    );
  });

  test('[QU2] are kept for whoever calls, however many others call meanwhile', () => {
    const throttle = openThrottle({ rates: { DescribeContact: { rate: 0.001, burst: 1 } } }, plenty);
    const busy = () => throttle.take(describeContact, 'busy', start);
    assert.equal(allowed(1, busy), 1);
    for (let other = 0; other < 250_000; other += 1) {
      throttle.take(describeContact, `other ${other}`, start);
      if (other % 50_000 === 0) assert(refusal(busy), `after ${other} others`);
    }
    assert(refusal(busy));
  });
});

describe('a refusal for calling too often', () => {
  test('[QU3] is 429 ThrottlingException with whole seconds to wait, if the operation has that', () => {
    const throttle = openThrottle({ rates: { DescribeContact: { rate: 0.4, burst: 1 } } }, plenty);
    const call = (now: number) => refusal(() => throttle.take(describeContact, 'somebody', now));
    assert.equal(call(start), undefined);
    const fault = call(start);
    assert.deepEqual([fault?.type, fault?.status, fault?.retryAfterSeconds], ['ThrottlingException', 429, 3]);
    assert.match(fault?.message ?? '', /DescribeContact may be called 0\.4 times a second, 1 at once\. .* in 3 s\./);
    assert.equal(call(start + 2400)?.retryAfterSeconds, 1);
    assert.equal(call(start + 2500), undefined);
  });

  for (const { name, errors } of registry) {
    const type = errors.includes('ThrottlingException') ? 'ThrottlingException' : 'TooManyRequestsException';
    test(`[QU3] of ${name} is ${type}`, () => {
      const throttle = openThrottle({ rates: { [name]: one, SendMessage: one } }, plenty);
      const call = () => refusal(() => throttle.take(operation(name), 'somebody', start));
      assert.equal(call(), undefined);
      assert.deepEqual([call()?.type, call()?.status], [type, 429]);
    });
  }

  test('[QU6] is counted by operation, and nothing else is', () => {
    const throttle = openThrottle({ rates: { DescribeContact: one } }, one);
    assert.deepEqual(throttle.counts(), {});
    assert.equal(
      allowed(4, () => throttle.take(describeContact, 'somebody', start)),
      1,
    );
    assert.equal(
      allowed(3, () => throttle.takeConnection(connect, 'token', start)),
      1,
    );
    throttle.take(send, 'instance', start);
    assert.deepEqual(throttle.counts(), { DescribeContact: 3, CreateParticipantConnection: 2 });
  });
});

describe('connections of one participant token', () => {
  test('[QU5] are 30 in ten seconds, in every profile', () => {
    for (const profile of [unlimited, { rates: {} }]) {
      const throttle = openThrottle(profile, { rate: 3, burst: 30 });
      const call = (now: number) => () => throttle.takeConnection(connect, 'token', now);
      assert.equal(allowed(100, call(start)), 30);
      assert.equal(allowed(100, call(start + 1000)), 3);
      assert.equal(allowed(100, call(start + 60_000)), 30);
    }
  });

  test('[QU5] are counted for each token', () => {
    const throttle = openThrottle(unlimited, { rate: 3, burst: 30 });
    for (const token of ['one', 'other']) {
      assert.equal(
        allowed(40, () => throttle.takeConnection(connect, token, start)),
        30,
      );
    }
  });

  test('[QU5] are refused as a rate is', () => {
    const throttle = openThrottle(unlimited, { rate: 0.1, burst: 1 });
    const call = () => refusal(() => throttle.takeConnection(connect, 'token', start));
    assert.equal(call(), undefined);
    assert.deepEqual([call()?.type, call()?.status, call()?.retryAfterSeconds], ['ThrottlingException', 429, 10]);
  });
});
