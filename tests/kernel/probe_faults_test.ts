/** probe() where this side lacks something: it goes slower, and no target is blamed for it. */
import { test } from "node:test";
import { assert, assertEquals, assertLess } from "@std/assert";
import { type Lab, lab, needs, run } from "./lab.ts";
import { once } from "./said.ts";
import type { Abundance, Shortage } from "./scenarios/probe_scarce.ts";

const COUNT = 300;
const HALF = { "open null": COUNT / 2, "closed ECONNREFUSED": COUNT / 2 };

/** A process that may have 400 descriptors, and takes all of them but `free` before it probes. */
function withDescriptors(shortage: Shortage): Promise<Abundance> {
  const under = ["sh", "-euc", 'ulimit -n 400; exec "$@"', "limited"];
  return run<Abundance>({ scenario: "probe_scarce.ts", args: shortage, under });
}

for (const free of [1, 3, 10, 30]) {
  test(`${free} descriptors for ${COUNT} targets: each told rightly, none has failed`, needs(), async () => {
    const { states, wrong, left } = await withDescriptors({ count: COUNT, timeout: 5_000, free });
    assertEquals({ states, wrong, left }, { states: HALF, wrong: 0, left: 0 });
  });
}

test(
  "no descriptor for half a second: the targets wait for it, at little cost, and are told rightly",
  needs(),
  async () => {
    const { states, wrong, left, elapsed, cpu } = await withDescriptors({
      count: COUNT,
      timeout: 5_000,
      free: 0,
      relief: 500,
    });
    assertEquals({ states, wrong, left }, { states: HALF, wrong: 0, left: 0 });
    assert(elapsed >= 490, `nothing could be told for 500 ms: ${elapsed} ms`);
    assertLess(cpu, 400, "ms of CPU");
  },
);

test("a wait for descriptors is not a target's silence: it may last longer than the timeout", needs(), async () => {
  const { states, wrong } = await withDescriptors({ count: 20, timeout: 100, free: 0, relief: 400 });
  assertEquals({ states, wrong }, { states: { "open null": 10, "closed ECONNREFUSED": 10 }, wrong: 0 });
});

test(
  "no descriptor at all: every target has failed with EMFILE, after a while, and the loop ends",
  needs(),
  async () => {
    const { states, left, shortest, elapsed } = await withDescriptors({ count: 20, timeout: 5_000, free: 0 });
    assertEquals({ states, left }, { states: { "failed EMFILE": 20 }, left: 0 });
    assert(shortest >= 1_000, `it backs off before it gives up: after ${shortest} ms`);
    assertLess(elapsed, 15_000);
  },
);

const PORTS = 8;
const range = `sysctl -q net.ipv4.ip_local_port_range='40000 ${40_000 + PORTS - 1}'`;

/** As many local ports as that, for 100 targets that are all the same port. */
function withPorts({ args, setup = [] }: { args: Shortage; setup?: string[] }): Promise<Abundance> {
  const scene: Lab = { setup: [range, ...setup], scenario: "probe_scarce.ts", args };
  return lab<Abundance>(scene);
}

test(`${PORTS} local ports for 100 targets: each told rightly, none has failed`, needs("netns"), async () => {
  const { states, wrong, left } = await withPorts({ args: { count: 100, timeout: 5_000 } });
  assertEquals({ states, wrong, left }, {
    states: { "open null": 50, "closed ECONNREFUSED": 50 },
    wrong: 0,
    left: 0,
  });
});

const dropped = [
  "nft add table t",
  "nft 'add chain t in { type filter hook input priority 0; }'",
  "nft add rule t in tcp dport 50000 drop",
];

/** 40 targets that never answer and 8 ports for them: five rounds of 300 ms. */
const silent = once(() => withPorts({ args: { count: 40, timeout: 300, port: 50_000 }, setup: dropped }));

test(
  `${PORTS} local ports for 40 silent targets: each has its own time on the wire`,
  needs("netns", "nft"),
  async () => {
    const { states, shortest, elapsed, left } = await silent();
    assertEquals({ states, left }, { states: { "filtered ETIMEDOUT": 40 }, left: 0 });
    assert(shortest >= 299.9, `the shortest took ${shortest} ms`);
    assert(elapsed >= 40 / PORTS * 299, `${PORTS} at a time can't be done in ${elapsed} ms`);
    assertLess(elapsed, 40 / PORTS * 300 + 2_500);
  },
);

test("what waits for a port costs little", needs("netns", "nft"), async () => {
  assertLess((await silent()).cpu, 400, "ms of CPU");
});
