/** probe(): every way out of the loop, and what it leaves behind. */
import { test } from "node:test";
import { assert, assertEquals, assertLess, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { probe, type ProbeOptions, type ProbeResult, type Target } from "@einprogress/connect";
import { fullBacklog, leavingNoSocket, pause, rejection, socketFds, spawnSelf, until } from "../support.ts";
import { Census, collect, listening, times } from "./probing.ts";

/** Targets of which the first `open` are told at once and the others stay pending; it notes its own end. */
function mixed(open: string, silent: string, first = 1) {
  const list = {
    ended: 0,
    *[Symbol.iterator]() {
      try {
        for (let i = 0;; i++) yield i < first ? open : silent;
      } finally {
        list.ended++;
      }
    },
  };
  return list;
}

/** A listener, a full one, and a check that the body left no socket open. */
function ground(body: (open: string, silent: string) => Promise<void>): Promise<void> {
  return leavingNoSocket(async () => {
    using server = listening();
    using full = fullBacklog();
    await body(`127.0.0.1:${server.port}`, `127.0.0.1:${full.port}`);
  });
}

/** The same values in every test: an abort's reason and what is thrown may be anything. */
const reasons: unknown[] = [new Error("on purpose"), "a string", undefined, null, 0, Symbol("reason")];

async function leaveByBreak(results: AsyncIterable<ProbeResult>): Promise<void> {
  for await (const _ of results) break;
}
async function leaveByReturn(results: AsyncIterable<ProbeResult>): Promise<unknown> {
  for await (const result of results) return result;
}
async function leaveByThrow(results: AsyncIterable<ProbeResult>): Promise<void> {
  await assertRejects(
    async () => {
      for await (const _ of results) throw new Error("from the loop");
    },
    Error,
    "from the loop",
  );
}

for (const leave of [leaveByBreak, leaveByReturn, leaveByThrow]) {
  test(`${leave.name}: what is in flight is closed by the time the loop is left, and the targets are ended`, () =>
    ground(async (open, silent) => {
      const before = socketFds();
      const targets = mixed(open, silent);
      const census = new Census();
      const results = probe(targets, { concurrency: 20, control: census.control });
      await leave(results);
      assertEquals([socketFds(), targets.ended], [before, 1]);
      const begun = census.times.length;
      await pause(30);
      assertEquals(census.times.length, begun, "nothing is begun any more");
    }));
}

test("leaving the loop with many pending ones closes them all", () =>
  ground(async (open, silent) => {
    const before = socketFds();
    const targets = mixed(open, silent);
    for await (const _ of probe(targets, { concurrency: 200 })) {
      await until(() => socketFds() === before + 200, "all places are taken again");
      break;
    }
    assertEquals([socketFds(), targets.ended], [before, 1]);
  }));

test("a signal that was aborted before: the first next() throws its reason, and no target is taken", () =>
  ground(async (open, silent) => {
    for (const reason of reasons.filter((one) => one !== undefined)) {
      const targets = mixed(open, silent);
      const results = probe(targets, { signal: AbortSignal.abort(reason) })[Symbol.asyncIterator]();
      assertStrictEquals(await rejection(results.next()), reason);
      assertEquals(await results.next(), { value: undefined, done: true });
    }
  }));

test("a signal that is aborted in the middle: the loop throws its reason, and all is closed and ended", () =>
  ground(async (open, silent) => {
    for (const reason of reasons.filter((one) => one !== undefined)) {
      const before = socketFds();
      const controller = new AbortController();
      const targets = mixed(open, silent);
      const seen: string[] = [];
      const loop = (async () => {
        for await (const { state } of probe(targets, { concurrency: 30, signal: controller.signal })) {
          seen.push(state);
          setTimeout(() => controller.abort(reason), 20);
        }
      })();
      assertStrictEquals(await rejection(loop), reason);
      assertEquals([seen, socketFds()], [["open"], before]);
      assertEquals(targets.ended, 1, "the targets hear of it as they do of a break");
    }
  }));

test("a signal that is aborted while nobody asks: the next next() throws its reason, once", () =>
  ground(async (open, silent) => {
    const before = socketFds();
    const controller = new AbortController();
    const results = probe(mixed(open, silent, 5), { concurrency: 30, signal: controller.signal });
    assertEquals((await results.next()).value?.state, "open");
    const reason = { on: "purpose" };
    controller.abort(reason);
    assertEquals(socketFds(), before, "at once");
    assertStrictEquals(await rejection(results.next()), reason);
    for (let i = 0; i < 2; i++) assertEquals(await results.next(), { value: undefined, done: true });
  }));

test("what ends a probe while the loop's body waits is thrown by the loop, and no result comes after it", () =>
  ground(async (open, silent) => {
    const controller = new AbortController();
    const reason = new Error("on purpose");
    const seen: string[] = [];
    const loop = async () => {
      for await (const { state } of probe(mixed(open, silent, 9), { signal: controller.signal, concurrency: 20 })) {
        seen.push(state);
        await pause(10); // the others lie ready by now
        controller.abort(reason);
      }
    };
    assertStrictEquals(await rejection(loop()), reason);
    assertEquals(seen, ["open"]);

    const listThatEndsBadly = function* () {
      yield open;
      throw reason;
    };
    const slow = async () => {
      for await (const _ of probe(listThatEndsBadly())) await pause(10);
    };
    assertStrictEquals(await rejection(slow()), reason);
  }));

test("AbortSignal.timeout ends a probe with its TimeoutError", () =>
  ground(async (open, silent) => {
    const signal = AbortSignal.timeout(50);
    const reason = await rejection(collect(mixed(open, silent), { signal }));
    assertStrictEquals(reason, signal.reason);
    assertEquals((reason as Error).name, "TimeoutError");
  }));

test("a probe that is over has let go of its signal", () =>
  ground(async (open, silent) => {
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners.add(args[1]);
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners.delete(args[1]);
      removeEventListener.apply(signal, args);
    };
    await collect([open, open], { signal });
    assertEquals(listeners.size, 0, "after the last target");
    await leaveByBreak(probe(mixed(open, silent), { signal }));
    assertEquals(listeners.size, 0, "after break");
    const unused = probe(mixed(open, silent), { signal });
    await unused.return!();
    assertEquals(await unused.next(), { value: undefined, done: true });
    assertEquals(listeners.size, 0, "after return() before the first next()");
  }));

const throwing: [
  what: string,
  targets: (open: string, silent: string, reason: unknown) => Parameters<typeof probe>[0],
][] = [
  ["a generator that throws", function* (open, silent, reason) {
    yield* [open, silent, silent];
    throw reason;
  }],
  ["an async generator that throws", async function* (open, silent, reason) {
    yield* [open, silent, silent];
    await pause(5);
    throw reason;
  }],
  ["an async iterator that rejects", (open, silent, reason) => {
    const list = [open, silent, silent];
    const next = () => list.length > 0 ? Promise.resolve({ value: list.pop()! }) : Promise.reject(reason);
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }],
];

for (const [what, targets] of throwing) {
  test(`${what}: the loop throws the same, and nothing is left`, () =>
    ground(async (open, silent) => {
      for (const reason of reasons) {
        const before = socketFds();
        assertStrictEquals(await rejection(collect(targets(open, silent, reason), { timeout: 60_000 })), reason);
        assertEquals(socketFds(), before);
      }
    }));
}

for (const answer of [undefined, 5, null]) {
  test(`an iterator whose next() answers ${answer}: the loop throws a TypeError`, () =>
    ground(async () => {
      const sync = { [Symbol.iterator]: () => ({ next: () => answer }) };
      const async = { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(answer) }) };
      for (const targets of [sync, async]) {
        await assertRejects(() => collect(targets as unknown as Iterable<string>), TypeError);
      }
    }));
}

test("leaving the loop does not wait for targets that are still to come", () =>
  ground(async (open) => {
    const stream = async function* () {
      yield open;
      await new Promise(() => {}); // a pipe whose writer is silent
    };
    const left = leaveByBreak(probe(stream())).then(() => "left");
    assertEquals(await Promise.race([left, pause(1_000)]), "left");
  }));

test("what the targets' own return() throws, the loop throws", () =>
  ground(async (open) => {
    const reason = new Error("on purpose");
    const targets = {
      [Symbol.iterator]: () => ({
        next: () => ({ value: open }),
        return(): never {
          throw reason;
        },
      }),
    };
    assertStrictEquals(await rejection(leaveByBreak(probe(targets))), reason);
  }));

test("a `control` that throws ends the probe with that value, and nothing is left", () =>
  ground(async (open, silent) => {
    for (const reason of reasons) {
      const before = socketFds();
      const targets = mixed(open, silent);
      let calls = 0;
      const control = () => {
        if (++calls === 10) throw reason;
      };
      assertStrictEquals(await rejection(collect(targets, { control })), reason);
      assertEquals([socketFds(), calls], [before, 10]);
      assertEquals(targets.ended, 1);
    }
  }));

test("a `control` that aborts the signal ends the probe, its own socket included", () =>
  ground(async (open, silent) => {
    const before = socketFds();
    const controller = new AbortController();
    let calls = 0;
    const control = () => void (++calls === 5 && controller.abort("enough"));
    assertEquals(await rejection(collect(mixed(open, silent), { control, signal: controller.signal })), "enough");
    assertEquals([socketFds(), calls], [before, 5]);
  }));

test("next() may be called many times at once: each target goes to one of them, then all are done", () =>
  ground(async (open) => {
    const results = probe(times(5, open), { concurrency: 2 });
    const all = await Promise.all(Array.from({ length: 8 }, () => results.next()));
    assertEquals(all.map(({ done }) => done ?? false), [...times(5, false), ...times(3, true)]);
    for (const { value } of all.slice(0, 5)) assertEquals(value?.state, "open");
  }));

test("next() called many times at once, and an abort: one throws the reason, the others are done", () =>
  ground(async (_, silent) => {
    const controller = new AbortController();
    const results = probe(times(3, silent), { signal: controller.signal });
    const all = Promise.allSettled([results.next(), results.next(), results.next()]);
    await pause(10);
    controller.abort("enough");
    const [first, ...others] = await all;
    assertEquals(first, { status: "rejected", reason: "enough" });
    for (const other of others) assertEquals(other, { status: "fulfilled", value: { value: undefined, done: true } });
  }));

test("return() ends whoever waits in next(), may be called twice, and no result comes after it", () =>
  ground(async (open, silent) => {
    const before = socketFds();
    const targets = mixed(open, silent, 5);
    const results = probe(targets, { concurrency: 20 });
    assertEquals((await results.next()).value?.state, "open");
    await until(() => socketFds() === before + 16, "4 results lie ready, the other places are taken");
    assertEquals(await results.return!(), { value: undefined, done: true });
    assertEquals(socketFds(), before);
    assertEquals(await results.next(), { value: undefined, done: true });
    assertEquals(await results.return!(), { value: undefined, done: true });
    assertEquals(targets.ended, 1);

    const waiting = probe([silent], {});
    const next = waiting.next();
    await Promise.all([waiting.return!(), waiting.return!()]);
    assertEquals(await next, { value: undefined, done: true });
  }));

test("return() before the first next(): nothing is ever taken or opened", () =>
  ground(async (open, silent) => {
    const census = new Census();
    const results = probe(mixed(open, silent), { control: census.control });
    assertEquals(await results.return!(), { value: undefined, done: true });
    assertEquals(await results.next(), { value: undefined, done: true });
    await pause(20);
    assertEquals(census.times, []);
  }));

type Wrong = [options: unknown, kind: typeof TypeError | typeof RangeError, named: string];
const wrong: Wrong[] = [
  ...[0, -1, 1.5, NaN, Infinity].map((n): Wrong => [{ concurrency: n }, RangeError, `concurrency ${n}`]),
  [{ concurrency: "5" }, TypeError, `concurrency "5"`],
  [{ concurrency: null }, TypeError, "concurrency null"],
  ...[0, -1, NaN].map((n): Wrong => [{ rate: n }, RangeError, `rate ${n}`]),
  [{ rate: "5" }, TypeError, `rate "5"`],
  [{ reset: "yes" }, TypeError, `reset "yes"`],
  [{ reset: null }, TypeError, "reset null"],
  ...[0, -1, NaN, Infinity].map((n): Wrong => [{ timeout: n }, RangeError, `timeout ${n}`]),
  [{ timeout: "5" }, TypeError, `timeout "5"`],
  [{ timeout: null }, TypeError, "timeout null"],
  [{ signal: {} }, TypeError, "signal {}"],
  [{ control: 5 }, TypeError, "control 5"],
  [{ family: 5 }, RangeError, "family 5"],
  ...[null, 5, "x", true].map((o): Wrong => [o, TypeError, `options ${JSON.stringify(o)}`]),
];

for (const [options, kind, named] of wrong) {
  test(`refused at the call, by name: ${named}`, () => {
    const error = assertThrows(() => probe([], options as ProbeOptions), kind as typeof Error, named);
    assertEquals(error.name, kind.name);
  });
}

for (const targets of [undefined, null, 5, "127.0.0.1:80", {}, () => {}, { hostname: "127.0.0.1", port: 80 }]) {
  test(`refused at the call: targets that are ${JSON.stringify(targets) ?? typeof targets}`, () => {
    assertThrows(() => probe(targets as unknown as Iterable<Target>), TypeError, "Cannot probe");
  });
}

const endings: [what: string, loop: string][] = [
  ["a loop to its end", `for await (const _ of probe([open, silent, open], { timeout: 300, rate: 1000 }));`],
  ["a loop that was left", `for await (const _ of probe([open, silent, open], { rate: 0.1 })) break;`],
  [
    "an abort",
    `try { for await (const _ of probe([silent, silent], { signal: AbortSignal.timeout(200) })); } catch {}`,
  ],
  ["a probe that was never begun", `probe([silent]);`],
];

for (const [what, loop] of endings) {
  test(`after ${what} the process ends by itself`, () =>
    ground(async (open, silent) => {
      const { stdout, stderr, code } = await spawnSelf(
        `import { probe } from "@einprogress/connect";
         const [open, silent] = ["${open}", "${silent}"];
         ${loop}
         console.log(Date.now());`,
      );
      const after = Date.now() - Number(stdout);
      assertEquals(code, 0, stderr);
      assertLess(after, 1_000, `lived on for ${after} ms; ${stderr}`);
    }));
}

test("a probe under way keeps the process alive until its last result", () =>
  ground(async (_, silent) => {
    const { stdout, stderr } = await spawnSelf(
      `import { probe } from "@einprogress/connect";
       for await (const { state } of probe(["${silent}"], { timeout: 600 })) console.log(state);`,
    );
    assert(stdout === "filtered\n", stderr);
  }));
