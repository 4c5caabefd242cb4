/** probe(): how many at a time, how fast, and how far ahead of its consumer. */
import { test } from "node:test";
import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { probe } from "@einprogress/connect";
import { closedPort, fullBacklog, leavingNoSocket, pause, until } from "../support.ts";
import { Census, collect, listening, times } from "./probing.ts";

/** A generator without an end, which counts what was taken from it. */
class Endless {
  pulled = 0;
  ended = 0;
  constructor(readonly target: string) {}

  *[Symbol.iterator]() {
    try {
      for (;;) {
        this.pulled++;
        yield this.target;
      }
    } finally {
      this.ended++;
    }
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        await Promise.resolve();
        this.pulled++;
        yield this.target;
      }
    } finally {
      this.ended++;
    }
  }
}

/** The same, only one of its two faces. */
const faces = {
  "a generator": (endless: Endless) => ({ [Symbol.iterator]: () => endless[Symbol.iterator]() }),
  "an async generator": (endless: Endless) => ({ [Symbol.asyncIterator]: () => endless[Symbol.asyncIterator]() }),
};

for (const [what, face] of Object.entries(faces)) {
  test(`${what} without an end: never more than \`concurrency\` ahead, and ended when the loop is left`, () =>
    leavingNoSocket(async () => {
      using closed = closedPort();
      const endless = new Endless(`127.0.0.1:${closed.port}`);
      let consumed = 0;
      for await (const { state } of probe(face(endless), { concurrency: 10 })) {
        assertEquals(state, "closed");
        consumed++;
        assertLessOrEqual(endless.pulled, consumed + 10);
        if (consumed === 1_000) break;
      }
      assertEquals([consumed, endless.ended], [1_000, 1]);
      const { pulled } = endless;
      await pause(20);
      assertEquals(endless.pulled, pulled, "nothing is taken any more");
    }));

  test(`${what}: a slow consumer slows the probing`, () =>
    leavingNoSocket(async () => {
      using server = listening();
      const endless = new Endless(`127.0.0.1:${server.port}`);
      let consumed = 0;
      for await (const _ of probe(face(endless), { concurrency: 5 })) {
        consumed++;
        await pause(15);
        assertLessOrEqual(endless.pulled, consumed + 5);
        if (consumed === 10) break;
      }
      assertEquals(endless.ended, 1);
    }));
}

test("the consumer's rest is used: what there is place for goes on meanwhile", async () => {
  using closed = closedPort();
  const endless = new Endless(`127.0.0.1:${closed.port}`);
  for await (const _ of probe(faces["a generator"](endless), { concurrency: 20 })) {
    await until(() => endless.pulled === 21, "20 results lie ready while the first is looked at");
    break;
  }
});

test("nothing is taken from the targets before the first next()", async () => {
  const endless = new Endless("127.0.0.1:1");
  const results = probe(faces["a generator"](endless));
  await pause(20);
  assertEquals(endless.pulled, 0);
  await results[Symbol.asyncIterator]().return!();
});

test("every target is told once, the same ones included, and an empty list ends at once", async () => {
  using closed = closedPort();
  using server = listening();
  const targets = Array.from({ length: 3_000 }, (_, i) => ({
    hostname: "127.0.0.1",
    port: i % 3 ? closed.port : server.port,
  }));
  const results = await collect(targets);
  assertEquals(results.length, targets.length);
  assertEquals(new Set(results.map(({ target }) => target)).size, targets.length);
  for (const { state, port } of results) assertEquals(state, port === server.port ? "open" : "closed");
  assertEquals(await collect([]), []);
  assertEquals(await collect((async function* () {})()), []);
});

for (const concurrency of [1, 7, 50]) {
  test(`concurrency ${concurrency} is reached and never passed`, () =>
    leavingNoSocket(async () => {
      using full = fullBacklog();
      const census = new Census();
      const options = { concurrency, timeout: 50, control: census.control };
      const results = await collect(times(2 * concurrency + 1, `127.0.0.1:${full.port}`), options);
      assertEquals([results.length, census.most], [2 * concurrency + 1, concurrency]);
    }));

  test(`concurrency ${concurrency} is not passed when each target ends at a time of its own`, () =>
    leavingNoSocket(async () => {
      using full = fullBacklog();
      using closed = closedPort();
      using server = listening();
      const census = new Census();
      const ports = [full.port, closed.port, server.port, server.port, closed.port];
      const targets = Array.from({ length: 4 * concurrency + 1 }, (_, i) => `127.0.0.1:${ports[i % 5]}`);
      const results = await collect(targets, { concurrency, timeout: 50, control: census.control });
      assertEquals(results.length, targets.length);
      assertLessOrEqual(census.most, concurrency);
    }));
}

test("one after the other: with concurrency 1 the results have the order of the list", async () => {
  using full = fullBacklog();
  using closed = closedPort();
  const targets = [full.port, closed.port, full.port, closed.port].map((port) => `127.0.0.1:${port}`);
  const results = await collect(targets, { concurrency: 1, timeout: 50 });
  assertEquals(results.map(({ target }) => target), targets);
});

/** How many targets may be made up for after a delay: 20 ms' worth. */
const CATCH_UP = 20;

/**
 * No stretch of time holds more than the rate and what may be caught up with. This is true of any machine, however slow
 * or busy, for the pace is kept by the clock that is read here.
 */
function assertEven(begun: number[], rate: number): void {
  for (const stretch of [0, 10, 50, 100]) {
    const allowed = Math.ceil((stretch + CATCH_UP) * rate / 1000) + 2;
    for (let first = 0, last = 0; last < begun.length; last++) {
      while (begun[last] - begun[first] > stretch) first++;
      assertLessOrEqual(last - first + 1, allowed, `begun within ${stretch} ms at ${rate} per second`);
    }
  }
}

test("`rate`: 200 a second are 100 in half a second, evenly", async () => {
  using closed = closedPort();
  const census = new Census();
  await collect(times(100, `127.0.0.1:${closed.port}`), { rate: 200, control: census.control });
  const begun = census.times;
  assertEquals(begun.length, 100);
  assertEven(begun, 200);
  const took = begun[99] - begun[0];
  assert(took >= 99 * 5 - CATCH_UP - 5, `${took} ms`);
  assertLess(took, 1_500);
});

test("`rate`: the first second has no burst either", async () => {
  using closed = closedPort();
  const census = new Census();
  await collect(times(4, `127.0.0.1:${closed.port}`), { rate: 50, control: census.control });
  const took = census.times[3] - census.times[0];
  assert(took >= 3 * 20 - 1, `3 gaps of 20 ms are ${took} ms`);
});

test("`rate`: a thread that was held for 100 ms is not followed by a burst", async () => {
  using closed = closedPort();
  const census = new Census();
  const control = () => {
    census.control();
    if (census.times.length !== 20) return;
    const end = performance.now() + 100;
    while (performance.now() < end);
  };
  await collect(times(60, `127.0.0.1:${closed.port}`), { rate: 200, control });
  const begun = census.times;
  assertEquals(begun.length, 60);
  const gap = begun[20] - begun[19];
  assert(gap >= 100, `the thread was held: ${gap} ms`);
  assertEven(begun, 200);
  // 100 ms are 20 targets: at most 20 ms of them are made up for.
  assert(begun[59] - begun[0] >= 59 * 5 + 100 - CATCH_UP - 10, `${begun[59] - begun[0]} ms`);
});

test("`rate`: less than one a second works, and leaving the loop does not wait for the next", async () => {
  using closed = closedPort();
  const began = performance.now();
  for await (const _ of probe(times(3, `127.0.0.1:${closed.port}`), { rate: 0.1 })) break;
  assertLess(performance.now() - began, 2_000);
});

test("`rate` with a slow consumer: the concurrency holds too", async () => {
  using closed = closedPort();
  const endless = new Endless(`127.0.0.1:${closed.port}`);
  let consumed = 0;
  for await (const _ of probe(faces["a generator"](endless), { rate: 10_000, concurrency: 3 })) {
    consumed++;
    await pause(5);
    assertLessOrEqual(endless.pulled, consumed + 3);
    if (consumed === 20) break;
  }
  assertGreater(endless.pulled, 20);
});
