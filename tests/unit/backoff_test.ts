/** The schedule of retries. */
import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type Backoff, checkBackoff, delayBefore } from "../../src/connector/backoff.ts";

const schedule = (backoff: Backoff, retries: number, random?: () => number) => {
  const checked = checkBackoff(backoff);
  return Array.from({ length: retries }, (_, retry) => delayBefore(retry, checked, random));
};

test("by default 500 ms doubles up to 30 s and stays there", () => {
  assertEquals(schedule({}, 9), [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assertEquals(checkBackoff().attempts, Infinity);
});

const backoffs = fc.record({
  initial: fc.double({ min: 0, max: 1e6, noNaN: true }),
  grow: fc.double({ min: 1, max: 1e4, noNaN: true }),
  multiplier: fc.double({ min: 1, max: 100, noNaN: true }),
}).map(({ initial, grow, multiplier }) => ({ initial, max: initial * grow, multiplier }));

test("without jitter the delays never shrink, begin at initial and never pass max", () => {
  fc.assert(fc.property(backoffs, fc.integer({ min: 1, max: 3_000 }), (backoff, retries) => {
    const delays = [0, 1, 2, retries, retries + 1].map((retry) => delayBefore(retry, checkBackoff(backoff)));
    assertEquals(delays[0], backoff.initial);
    for (const [i, delay] of delays.entries()) {
      assert(Number.isFinite(delay) && delay <= backoff.max, `${delay}`);
      if (i === 1 || i === 2 || i === 4) assert(delay >= delays[i - 1]);
    }
  }));
});

test("below the cap each delay is multiplier times the one before", () => {
  assertEquals(schedule({ initial: 10, max: 1000, multiplier: 3 }, 6), [10, 30, 90, 270, 810, 1000]);
  assertEquals(schedule({ initial: 7, multiplier: 1 }, 3), [7, 7, 7]);
});

test("an initial delay of 0 stays 0, however many tries", () => {
  assertEquals(schedule({ initial: 0 }, 3), [0, 0, 0]);
  assertEquals(delayBefore(1e6, checkBackoff({ initial: 0 })), 0);
});

test("jitter takes off up to its part of the delay, by chance", () => {
  const jittered = fc.double({ min: 0, max: 1, noNaN: true });
  const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(fc.property(backoffs, jittered, chance, fc.nat(50), (backoff, jitter, drawn, retry) => {
    const full = delayBefore(retry, checkBackoff(backoff));
    const delay = delayBefore(retry, checkBackoff({ ...backoff, jitter }), () => drawn);
    assert(delay <= full && delay >= full * (1 - jitter), `${delay} of ${full}`);
  }));
  assertEquals(schedule({ jitter: 0.5 }, 2, () => 0), [500, 1000]);
  assertEquals(schedule({ jitter: 0.5 }, 2, () => 0.5), [375, 750]);
});

test("the cap comes first and the jitter after: at the cap the delays still differ", () => {
  const backoff = checkBackoff({ jitter: 0.5 });
  assertEquals(delayBefore(20, backoff, () => 0.2), 27_000);
  assertEquals(delayBefore(20, backoff, () => 0.8), 18_000);
});

test("the runtime's own chance is used by default", () => {
  const backoff = checkBackoff({ jitter: 1 });
  const drawn = new Set(Array.from({ length: 50 }, () => delayBefore(0, backoff)));
  assert(drawn.size > 40, `${drawn.size} different delays of 50`);
});

test("an initial delay above 30 s lifts the default cap; a cap that was given must not lie below", () => {
  assertEquals(schedule({ initial: 60_000 }, 2), [60_000, 60_000]);
  assertThrows(() => checkBackoff({ initial: 10, max: 9 }), RangeError, "retry.max 9");
});

test("a value that can't be meant is refused by name", () => {
  const wrong: [Backoff, string][] = [
    [{ initial: -1 }, "retry.initial -1"],
    [{ initial: NaN }, "retry.initial NaN"],
    [{ initial: Infinity }, "retry.initial Infinity"],
    [{ max: -1 }, "retry.max -1"],
    [{ max: NaN }, "retry.max NaN"],
    [{ multiplier: 0.99 }, "retry.multiplier 0.99"],
    [{ multiplier: NaN }, "retry.multiplier NaN"],
    [{ jitter: -0.1 }, "retry.jitter -0.1"],
    [{ jitter: 1.1 }, "retry.jitter 1.1"],
    [{ attempts: 0 }, "retry.attempts 0"],
    [{ attempts: NaN }, "retry.attempts NaN"],
  ];
  for (const [backoff, named] of wrong) assertThrows(() => checkBackoff(backoff), RangeError, named);
  for (const name of ["initial", "max", "multiplier", "jitter", "attempts"]) {
    for (const value of ["1", null, {}, true]) {
      const error = assertThrows(() => checkBackoff({ [name]: value } as Backoff), TypeError);
      assertStringIncludes(error.message, `retry.${name} ${JSON.stringify(value)}`);
    }
  }
});
