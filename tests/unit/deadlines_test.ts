/** Many deadlines on one timer, against a sorted list and a clock that moves when told. */
import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { LONGEST_TIMEOUT } from "../../src/poller/clock.ts";
import { createDeadlines, type Deadline } from "../../src/poller/deadlines.ts";
import { SimulatedClock } from "../support.ts";

interface Noted extends Deadline {
  readonly id: number;
}

/** Deadlines that note who expired and when. */
function setUp() {
  const clock = new SimulatedClock();
  const deadlines = createDeadlines(clock, (job) => clock.microtask(() => job.run()));
  const expired: { id: number; at: number; told: number }[] = [];
  let id = 0;
  const create = (at: number, then?: () => void): Noted => {
    const deadline: Noted = {
      id: id++,
      at,
      rank: -1,
      expire() {
        expired.push({ id: this.id, at, told: clock.now() });
        then?.();
      },
    };
    return deadline;
  };
  return { clock, deadlines, expired, create };
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), delay: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ kind: fc.constant("remove" as const), which: fc.nat() }),
  fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 20 }) }),
);

test("each expires once, at its time, earliest first; a removed one never; never more than one timer", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { clock, deadlines, expired, create } = setUp();
      let running: Noted[] = [];
      const all: Noted[] = [];
      for (const one of steps) {
        if (one.kind === "add") {
          const deadline = create(clock.now() + one.delay);
          deadlines.add(deadline);
          running.push(deadline);
          all.push(deadline);
        } else if (one.kind === "remove" && all.length > 0) {
          const deadline = all[one.which % all.length]; // perhaps one that is out already
          deadlines.remove(deadline);
          running = running.filter((other) => other !== deadline);
        } else if (one.kind === "advance") {
          const before = expired.length;
          clock.advance(one.ms);
          const due = running.filter(({ at }) => at <= clock.now()).map(({ id }) => id);
          running = running.filter(({ at }) => at > clock.now());
          const told = expired.slice(before);
          assertEquals(told.map(({ id }) => id).toSorted((a, b) => a - b), due.toSorted((a, b) => a - b));
          assertEquals(told.map(({ at }) => at), told.map(({ at }) => at).toSorted((a, b) => a - b), "earliest first");
          for (const { at, told: when } of told) assertEquals(when, at, "told at its time");
        }
        assert(clock.timers <= 1, `${clock.timers} timers`);
        for (const deadline of all) assertEquals(deadline.rank >= 0, running.includes(deadline));
      }
    }),
    { numRuns: 500 },
  );
});

test("a thousand in any order expire in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1000, maxLength: 1000 }),
      (times) => {
        const { clock, deadlines, expired, create } = setUp();
        for (const at of times) deadlines.add(create(at));
        clock.advance(1e6 + 1);
        assertEquals(expired.map(({ at }) => at), times.toSorted((a, b) => a - b));
      },
    ),
    { numRuns: 20 },
  );
});

test("timers count whole milliseconds, yet none is told before its time", () => {
  const { clock, deadlines, expired, create } = setUp();
  clock.spend(0.7);
  deadlines.add(create(10.2));
  clock.advance(9.49);
  assertEquals(expired, []);
  clock.advance(2);
  assertEquals(expired.length, 1);
  assert(expired[0].told >= 10.2);
});

test("one further away than a timer reaches waits all that time", () => {
  const { clock, deadlines, expired, create } = setUp();
  deadlines.add(create(3 * LONGEST_TIMEOUT));
  clock.advance(3 * LONGEST_TIMEOUT - 1);
  assertEquals(expired, []);
  clock.advance(1);
  assertEquals(expired.length, 1);
});

test("one may remove another that is due at the same time: that one is never told", () => {
  const { clock, deadlines, expired, create } = setUp();
  const second = create(5);
  const first = create(5, () => deadlines.remove(second));
  deadlines.add(first);
  deadlines.add(second);
  clock.advance(10);
  assertEquals(expired.map(({ id }) => id), [first.id]);
});

test("one that is added by another's end runs too", () => {
  const { clock, deadlines, expired, create } = setUp();
  deadlines.add(create(5, () => deadlines.add(create(7))));
  clock.advance(10);
  assertEquals(expired.map(({ told }) => told), [5, 7]);
});

test("one that throws does not keep the others from their end", () => {
  const { clock, deadlines, expired, create } = setUp();
  deadlines.add(create(5, () => {
    throw new Error("from expire");
  }));
  deadlines.add(create(5));
  deadlines.add(create(6));
  clock.advance(10);
  assertEquals(clock.uncaught.length, 1);
  assertEquals(expired.map(({ id }) => id), [0, 1, 2]);
});
