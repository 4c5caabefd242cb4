/** No descriptor left to have: an error like any other, and never a hang. */
import { test } from "node:test";
import { assert, assertEquals, assertLess } from "@std/assert";
import { needs, run } from "../kernel/lab.ts";
import { once } from "../kernel/said.ts";
import type { Scarce, Shortage } from "../kernel/scenarios/emfile.ts";

/** Runs the scenario where few descriptors can be had; the runtimes start with about 30. */
function scarce(shortage: Shortage): Promise<Scarce> {
  const under = ["sh", "-euc", 'ulimit -n 100; exec "$@"', "limited"];
  return run<Scarce>({ scenario: "emfile.ts", args: shortage, under });
}

test(
  "no descriptor for a socket: EMFILE, said by socket(2), with a hint; and when there are some again it connects",
  needs(),
  async () => {
    const { outcome: { failure, elapsed }, afterwards, left } = await scarce({ free: 0, end: "socket" });
    assert(failure !== null);
    const { code, errno, syscall, source, verdict } = failure;
    assertEquals(
      { code, errno, syscall, source, verdict },
      { code: "EMFILE", errno: -24, syscall: "socket", source: "socket", verdict: "unexpected" },
    );
    assert(/ulimit -n/.test(failure.hint), failure.hint);
    assertLess(elapsed, 1_000);
    assertEquals({ failure: afterwards.failure, left }, { failure: null, left: 0 });
  },
);

// One for the socket; none, too few or just enough for what waits for it (a pipe, an epoll, Bun's worker).
const shortages = [1, 2, 4, 7].map((free) => ({
  what: `one descriptor for the socket and ${free === 1 ? "none" : `${free - 1} more`}`,
  free,
}));

/** All at once, for they mostly wait. */
const pending = once(() =>
  shortages.map(({ free }) => ({
    timeout: scarce({ free, end: "timeout" }),
    abort: scarce({ free, end: "abort" }),
    connection: scarce({ free, end: "connection" }),
  }))
);

for (const [i, { what }] of shortages.entries()) {
  test(`${what}: the deadline of a pending connect passes, without spinning`, needs(), async () => {
    const { outcome: { failure, elapsed }, cpu, afterwards, left } = await pending()[i].timeout;
    assertEquals([failure?.class, failure?.source], ["ConnectTimeoutError", "deadline"], failure?.message);
    assert(elapsed >= 299 && elapsed < 1_500, `after ${elapsed} ms`);
    assertLess(cpu, 150);
    assertEquals({ failure: afterwards.failure, left }, { failure: null, left: 0 });
  });

  test(`${what}: an abort ends a pending connect`, needs(), async () => {
    const { outcome: { failure, elapsed }, afterwards, left } = await pending()[i].abort;
    assertEquals([failure?.class, failure?.message], ["AbortError", "enough"]);
    assertLess(elapsed, 1_500);
    assertEquals({ failure: afterwards.failure, left }, { failure: null, left: 0 });
  });

  test(`${what}: a pending connect succeeds when it can`, needs(), async () => {
    const { outcome: { failure, elapsed }, cpu, afterwards, left } = await pending()[i].connection;
    assertEquals(failure, null);
    // By a retransmit, a second or two after the SYN.
    assert(elapsed > 900 && elapsed < 3_500, `after ${elapsed} ms`);
    assertLess(cpu, 300);
    assertEquals({ failure: afterwards.failure, left }, { failure: null, left: 0 });
  });
}
