/**
 * The turn budget on the real event loop: ten thousand connects or aborts in one tick, and chains of connects without an
 * end, leave timers, setImmediate and other I/O their turns.
 *
 * What is asserted are counts, the median gap between the ticks of a 1 ms interval, and the share of long gaps; never a
 * single worst gap, for a busy machine (or a garbage collection) makes one by itself. A connector that held the thread
 * would fail by far: its 10,000 connects take 200 ms or more, in which the interval would tick once. The figures of a quiet
 * machine are in bench/RESULTS.md.
 */
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import { needs, run } from "../kernel/lab.ts";
import { once } from "../kernel/said.ts";
import type { Seen, Work } from "../kernel/scenarios/turns.ts";

const WANTED = 10_000;
/** Descriptors for the runtime, the servers and the tests' own. */
const SPARE = 200;

/** As many as this process' hard limit allows. */
const count = once(() => {
  const { stdout } = spawnSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" });
  const limit = stdout.trim() === "unlimited" ? Infinity : Number(stdout);
  const possible = Math.min(WANTED, limit - SPARE);
  if (possible < WANTED) console.warn(`NOT ${WANTED} AT A TIME: the hard limit of descriptors leaves ${possible}`);
  return possible;
});

function work(args: Work): Promise<Seen> {
  const under = ["sh", "-euc", `ulimit -n ${count() + SPARE}; exec "$@"`, "raised"];
  return run<Seen>({ scenario: "turns.ts", args, under, limit: 60 });
}

/** A gap that is longer counts as long. The budget is 4 ms, and what the others do takes time too. */
const LONG = 16;

/** The others had their turns, all the time. */
function assertOthersHadTurns({ ticks, immediates, pongs, gaps, elapsed, issuing }: Seen): void {
  const whole = `${ticks} ticks, ${immediates} immediates, ${pongs} pongs in ${elapsed} ms (issued in ${issuing} ms)`;
  assertGreaterOrEqual(ticks, Math.floor(elapsed / LONG), whole);
  assertGreaterOrEqual(immediates, Math.floor(elapsed / LONG), whole);
  assertGreaterOrEqual(pongs, Math.floor(elapsed / (2 * LONG)), whole);
  const median = gaps[Math.floor(gaps.length / 2)] ?? 0;
  assertLess(median, 8, `the median gap; ${whole}`);
  const long = gaps.filter((gap) => gap > LONG).length;
  assertLessOrEqual(long, 2 + gaps.length / 10, `gaps of more than ${LONG} ms; ${whole}`);
}

const burst = needs();

for (
  const [what, title] of [
    ["closed", "10,000 connects to a closed port issued in one tick"],
    ["open", "10,000 connects to an open port issued in one tick"],
    ["abort", "10,000 pending connects aborted in one tick"],
  ] as const
) {
  const seen = once(() => work({ what, count: count() }));

  test(`${title}: each ends as it should, and no socket is left`, burst, async () => {
    const { right, wrong, left } = await seen();
    assertEquals({ right, wrong, left }, { right: count(), wrong: 0, left: 0 });
  });

  test(`${title}: first begun, first ended`, burst, async () => {
    assert((await seen()).inOrder);
  });

  test(`${title}: a timer, setImmediate and other I/O go on meanwhile`, burst, async () => {
    assertOthersHadTurns(await seen());
  });
}

for (const chains of [1, 50]) {
  const seen = once(() => work({ what: "chain", count: chains, duration: 1_000 }));

  test(`${chains} endless chains of loopback connects for 1 s: they get on, and no socket is left`, burst, async () => {
    const { right, wrong, left } = await seen();
    assertEquals({ wrong, left }, { wrong: 0, left: 0 });
    assertGreaterOrEqual(right, 500);
  });

  test(`${chains} endless chains of loopback connects for 1 s: the others get on too`, burst, async () => {
    const answer = await seen();
    assertGreaterOrEqual(answer.ticks, 50);
    assertOthersHadTurns(answer);
  });
}
