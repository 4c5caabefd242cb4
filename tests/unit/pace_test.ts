/** So many a second, evenly, on a simulated clock. */
import { test } from "node:test";
import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import { Pace } from "../../src/connector/pace.ts";
import { SimulatedClock } from "../support.ts";

/** How far a late caller may catch up, in ms. */
const CATCH_UP = 20;

/** Begins `count`, waiting as told, and answers when each was begun. `late` is how much later than told it comes back. */
function begin(pace: Pace, clock: SimulatedClock, count: number, late: () => number = () => 0): number[] {
  const times: number[] = [];
  while (times.length < count) {
    const wait = pace.take(clock);
    if (wait === 0) times.push(clock.now());
    else clock.advance(wait + late());
  }
  return times;
}

test("without a rate nobody waits", () => {
  const clock = new SimulatedClock();
  const pace = new Pace(Infinity);
  for (let i = 0; i < 1_000; i++) assertEquals(pace.take(clock), 0);
});

for (const rate of [0.5, 3, 50, 200, 1_000, 7_777]) {
  test(`${rate} a second, asked for at the right times: one every ${1000 / rate} ms, from the first on`, () => {
    const times = begin(new Pace(rate), new SimulatedClock(), 50);
    for (let i = 1; i < times.length; i++) assertAlmostEquals(times[i] - times[0], i * 1000 / rate, 1e-6);
  });
}

test("the wait that is told is exact: a moment sooner is told the rest, and nothing is used up by asking", () => {
  const clock = new SimulatedClock();
  const pace = new Pace(10);
  assertEquals(pace.take(clock), 0);
  for (let i = 0; i < 5; i++) assertEquals(pace.take(clock), 100);
  clock.advance(60);
  assertEquals(pace.take(clock), 40);
  clock.advance(40);
  assertEquals(pace.take(clock), 0);
  assertEquals(pace.take(clock), 100);
});

test("timers that come a little late do not lower the rate", () => {
  const clock = new SimulatedClock();
  const times = begin(new Pace(200), clock, 1_000, () => 1);
  assertAlmostEquals(times[999] - times[0], 999 * 5, 5);
});

test("after a stall no more than 20 ms are made up for", () => {
  const clock = new SimulatedClock();
  const pace = new Pace(200);
  begin(pace, clock, 10);
  clock.advance(1_000);
  let atOnce = 0;
  while (pace.take(clock) === 0) atOnce++;
  assertEquals(atOnce, CATCH_UP / 5 + 1);
});

test("no stretch of time holds more than the rate and 20 ms' worth, whatever the delays", () => {
  const runs = fc.record({
    rate: fc.double({ min: 1, max: 5_000, noNaN: true }),
    delays: fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 1, maxLength: 20 }),
  });
  fc.assert(fc.property(runs, ({ rate, delays }) => {
    let i = 0;
    const times = begin(new Pace(rate), new SimulatedClock(), 150, () => delays[i++ % delays.length]);
    for (const stretch of [0, 1, 20, 100, 500]) {
      for (let first = 0, last = 0; last < times.length; last++) {
        while (times[last] - times[first] > stretch) first++;
        assertLessOrEqual(last - first + 1, (stretch + CATCH_UP) * rate / 1000 + 1 + 1e-6);
      }
    }
  }));
});

test("it always goes on: a wait is positive, finite, and never longer than one interval", () => {
  const runs = fc.tuple(fc.double({ min: 0.01, max: 1e6, noNaN: true }), fc.array(fc.nat(500), { maxLength: 50 }));
  fc.assert(fc.property(runs, ([rate, passing]) => {
    const clock = new SimulatedClock();
    const pace = new Pace(rate);
    for (const ms of passing) {
      const wait = pace.take(clock);
      assert(wait >= 0 && wait <= 1000 / rate + 1e-6, `${wait} ms at ${rate} per second`);
      clock.advance(ms);
    }
  }));
});
