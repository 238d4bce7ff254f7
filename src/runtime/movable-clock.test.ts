import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { movableClock } from './movable-clock.ts';

const start = 1_769_860_800_000;

/** A machine whose clock goes on by a step whenever it is looked at, and by more when it is told to. */
function machine(step = 0) {
  const time = { now: start };
  const clock = movableClock({
    now() {
      time.now += step;
      return time.now;
    },
  });
  return { time, clock };
}

describe('a clock that can be moved', () => {
  test('[CK1] shows the time of the machine until it is moved', () => {
    const { time, clock } = machine();
    assert.equal(clock.now(), start);
    time.now += 1234;
    assert.equal(clock.now(), start + 1234);
    assert.equal(clock.ahead(), 0);
  });

  test('[CK1] goes on from the time it was set to', () => {
    const { time, clock } = machine();
    clock.goOnFrom(start + 90_000);
    assert.equal(clock.now(), start + 90_000);
    time.now += 10;
    assert.equal(clock.now(), start + 90_010);
    assert.equal(clock.ahead(), 90_000);
    clock.goOnFrom(clock.now() + 1000);
    assert.equal(clock.now(), start + 91_010);
    assert.equal(clock.ahead(), 91_000);
  });

  test('[CK2] stands still where it is stopped, until it goes on', () => {
    const { time, clock } = machine();
    clock.stopAt(start + 500);
    time.now += 100;
    assert.equal(clock.now(), start + 500);
    assert.equal(clock.ahead(), 400);
    clock.goOnFrom(clock.now());
    time.now += 1;
    assert.equal(clock.now(), start + 501);
  });

  test('[CK7] follows the machine again, from wherever it was moved to', () => {
    const { time, clock } = machine();
    for (const move of [() => clock.goOnFrom(start + 86_400_000), () => clock.stopAt(start + 5)]) {
      move();
      time.now += 5;
      clock.follow();
      assert.deepEqual([clock.now(), clock.ahead()], [time.now, 0]);
      time.now += 5;
      assert.equal(clock.now(), time.now);
    }
  });

  test('[CK5] tells how far ahead it is without a look between two ticks', () => {
    const { clock } = machine(1);
    assert.equal(clock.ahead(), 0);
    clock.goOnFrom(start + 1000);
    assert.equal(clock.ahead(), clock.ahead());
  });
});
