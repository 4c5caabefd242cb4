/** The turn budget, on a simulated clock. */
import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { createTurn, TURN_BUDGET } from "../../src/poller/turn.ts";
import { SimulatedClock } from "../support.ts";

/** A queue whose jobs note their number and take their time; `idle` is noted as -1. */
function setUp(idle: () => void = () => {}) {
  const clock = new SimulatedClock();
  const done: number[] = [];
  const turn = createTurn(clock, () => {
    done.push(-1);
    idle();
  });
  const job = (id: number, ms = 0, then: () => void = () => {}) => ({
    run() {
      done.push(id);
      clock.spend(ms);
      then();
    },
  });
  const jobsDone = () => done.filter((id) => id >= 0);
  return { clock, turn, done, job, jobsDone };
}

test("nothing runs inside enqueue: the code that queued it goes on first", () => {
  const { clock, turn, done, job } = setUp();
  turn.enqueue(job(0));
  assertEquals(done, []);
  clock.loop();
  assertEquals(done, [0, -1]);
});

test("jobs run in the order in which they were queued, each once, those that jobs queue included", () => {
  const times = fc.array(fc.record({ ms: fc.double({ min: 0, max: 6, noNaN: true }), children: fc.nat(2) }), {
    maxLength: 60,
  });
  fc.assert(fc.property(times, (list) => {
    const { clock, turn, job, jobsDone } = setUp();
    let queued = 0;
    const enqueue = (ms: number, children: number) => {
      turn.enqueue(job(queued++, ms, () => {
        for (let i = 0; i < children; i++) enqueue(ms / 2, 0);
      }));
    };
    for (const { ms, children } of list) enqueue(ms, children);
    while (clock.loop());
    assertEquals(jobsDone(), Array.from({ length: queued }, (_, id) => id));
  }));
});

test("the thread is never held for longer than the budget and the one job that passes it", () => {
  const longest = 3;
  const times = fc.array(fc.double({ min: 0, max: longest, noNaN: true }), { maxLength: 300 });
  fc.assert(fc.property(times, (list) => {
    const { clock, turn, job, jobsDone } = setUp();
    for (const [id, ms] of list.entries()) turn.enqueue(job(id, ms));
    for (let before = clock.now(); clock.loop(); before = clock.now()) {
      // A round of the simulated loop is two stretches at most: after the microtasks, and the immediates.
      assert(clock.now() - before <= 2 * (TURN_BUDGET + longest), `${clock.now() - before} ms`);
    }
    assertEquals(jobsDone().length, list.length);
  }));
});

test("jobs that queue each other for ever by microtasks leave the event loop its say", () => {
  const { clock, turn, job } = setUp();
  const forever = () => turn.enqueue(job(0, 0.5, forever));
  forever();
  let timersTurn = 0;
  clock.immediate(function again() {
    timersTurn++;
    clock.immediate(again);
  });
  for (let i = 0; i < 10; i++) clock.loop();
  assert(timersTurn >= 9, `${timersTurn} turns for the others`);
  assert(clock.now() <= 11 * (TURN_BUDGET + 0.5), `${clock.now()} ms in 10 rounds`);
});

test("promise chains count as one stretch: a queue that drains and fills again has no fresh budget", () => {
  const { clock, turn, job, jobsDone } = setUp();
  let rounds = 0;
  // Each job ends, the queue is empty, and then a continuation queues the next.
  const chain = () => turn.enqueue(job(rounds++, 1, () => clock.microtask(chain)));
  chain();
  clock.loop(); // its microtasks, and one immediate
  assert(jobsDone().length <= 2 * TURN_BUDGET + 2, `${jobsDone().length} ms of work in one round`);
});

test("after the event loop had its say the budget is whole again", () => {
  const { clock, turn, job, jobsDone } = setUp();
  turn.enqueue(job(0, TURN_BUDGET - 1));
  while (clock.loop());
  for (let id = 1; id <= 3; id++) turn.enqueue(job(id, 1));
  clock.loop();
  assertEquals(jobsDone(), [0, 1, 2, 3]);
});

test("idle comes at the end of each slice, and what it queues runs in the same one", () => {
  let more = 2;
  const { clock, turn, done, job } = setUp(() => {
    if (more-- > 0) turn.enqueue(job(10 + more));
  });
  turn.enqueue(job(0));
  clock.loop();
  assertEquals(done, [0, -1, 11, -1, 10, -1]);
});

test("schedule() alone brings idle", () => {
  const { clock, turn, done } = setUp();
  turn.schedule();
  turn.schedule();
  clock.loop();
  assertEquals(done, [-1]);
});

test("a job that throws is reported once and does not stop the others", () => {
  const { clock, turn, job, jobsDone } = setUp();
  const error = new Error("from a job");
  turn.enqueue(job(0));
  turn.enqueue(job(1, 0, () => {
    throw error;
  }));
  turn.enqueue(job(2));
  while (clock.loop());
  assertEquals(jobsDone(), [0, 1, 2]);
  assertEquals(clock.uncaught, [error]);
});

test("idle comes also after the last job threw: what it watches for must not be forgotten", () => {
  const { clock, turn, done, job } = setUp();
  turn.enqueue(job(0));
  turn.enqueue(job(1, 0, () => {
    throw new Error("from the last job");
  }));
  while (clock.loop());
  assertEquals(done, [0, 1, -1]);
});

test("a queue whose last job threw works on", () => {
  const { clock, turn, job, jobsDone } = setUp();
  turn.enqueue(job(0, 0, () => {
    throw new Error("from the last job");
  }));
  while (clock.loop());
  turn.enqueue(job(1));
  while (clock.loop());
  assertEquals(jobsDone(), [0, 1]);
});
