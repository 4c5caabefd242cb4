/** probe(): what it says of a target. */
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertGreater, assertLess, assertStrictEquals } from "@std/assert";
import type { PortState, ProbeResult, Target } from "@einprogress/connect";
import { errnos, libc } from "@einprogress/connect/ffi";
import { probeOn } from "../../src/connector/probe.ts";
import { system } from "../../src/connector/system.ts";
import { closedPort, fullBacklog, leavingNoSocket, runtime, serve, spawnSelf, tempFolder } from "../support.ts";
import { collect, listening, listeningAt, probeOne } from "./probing.ts";

/** Without the fields that are measured, which are checked here. */
function said(result: ProbeResult): Omit<ProbeResult, "elapsed" | "rtt"> {
  const { elapsed, rtt, ...rest } = result;
  assert(elapsed >= 0 && elapsed < 10_000, `elapsed ${elapsed}`);
  if (rtt !== null) assert(Number.isInteger(rtt) && rtt >= 0 && rtt < 10_000_000, `rtt ${rtt}`);
  assertEquals(Object.keys(result).sort(), [
    "address",
    "code",
    "elapsed",
    "errno",
    "port",
    "rtt",
    "state",
    "target",
  ]);
  return rest;
}

const ECONNREFUSED = { state: "closed", code: "ECONNREFUSED", errno: -errnos.ECONNREFUSED } as const;
const OPEN = { state: "open", code: null, errno: 0 } as const;

test("a port that listens is open, with the kernel's round-trip time", () =>
  leavingNoSocket(async () => {
    using server = listening();
    const target = `127.0.0.1:${server.port}`;
    const result = await probeOne(target);
    assertEquals(said(result), { target, address: "127.0.0.1", port: server.port, ...OPEN });
    assert(result.rtt !== null && result.rtt > 0, `rtt ${result.rtt}`);
  }));

test("a port where nobody listens is closed, without a round-trip time", () =>
  leavingNoSocket(async () => {
    using closed = closedPort();
    const target = `127.0.0.1:${closed.port}`;
    const result = await probeOne(target);
    assertEquals(said(result), { target, address: "127.0.0.1", port: closed.port, ...ECONNREFUSED });
    assertStrictEquals(result.rtt, null);
  }));

test("a port that does not answer is filtered, when the timeout has passed and not before", () =>
  leavingNoSocket(async () => {
    using full = fullBacklog();
    const target = `127.0.0.1:${full.port}`;
    const result = await probeOne(target, { timeout: 300 });
    assertEquals(said(result), {
      target,
      address: "127.0.0.1",
      port: full.port,
      state: "filtered",
      code: "ETIMEDOUT",
      errno: -errnos.ETIMEDOUT,
    });
    assertStrictEquals(result.rtt, null);
    assert(result.elapsed >= 299.9, `after ${result.elapsed} ms`);
    assertLess(result.elapsed, 2_000);
  }));

test("an address that no route leads to is unreachable", async () => {
  const target = "127.255.255.255:80"; // a broadcast address: the kernel refuses it at once
  assertEquals(said(await probeOne(target)), {
    target,
    address: "127.255.255.255",
    port: 80,
    state: "unreachable",
    code: "ENETUNREACH",
    errno: -errnos.ENETUNREACH,
  });
});

test("the target is given back as it came, the object itself", async () => {
  using closed = closedPort();
  const target = { hostname: "127.0.0.1", port: closed.port };
  const result = await probeOne(target);
  assertStrictEquals(result.target, target);
  assertEquals([result.address, result.port], ["127.0.0.1", closed.port]);
});

test("an IPv6 target is named without its brackets", async () => {
  using closed = closedPort("::1");
  const target = `[::1]:${closed.port}`;
  assertEquals(said(await probeOne(target)), { target, address: "::1", port: closed.port, ...ECONNREFUSED });
});

test("a name: the address that was open is told, whichever of the name's it is", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const target = `localhost:${server.port}`;
    assertEquals(said(await probeOne(target)), { target, address: "127.0.0.1", port: server.port, ...OPEN });
  }));

test("a name of which no address is open: the first address and its answer", async () => {
  using closed = closedPort();
  const result = await probeOne({ hostname: "localhost", port: closed.port });
  const { address, port, state, code, errno } = said(result);
  assert(["127.0.0.1", "::1"].includes(address), address);
  assertEquals({ port, state, code, errno }, { port: closed.port, ...ECONNREFUSED });
});

test("`family` chooses among a name's addresses", async () => {
  using closed = closedPort();
  const { address } = await probeOne(`localhost:${closed.port}`, { family: 4 });
  assertEquals(address, "127.0.0.1");
});

test("a name that does not resolve has failed, with the resolver's code and the name", async () => {
  const target = "nowhere.invalid:80";
  const { code, errno, ...rest } = said(await probeOne(target));
  assertEquals(rest, { target, address: "nowhere.invalid", port: 80, state: "failed" });
  assert(["ENOTFOUND", "EAI_AGAIN", "ENODATA"].includes(code!), `code ${code}`);
  assertLess(errno, 0);
});

test("Unix sockets: open, and closed where there is none or nobody listens; a path has no port", () =>
  leavingNoSocket(async () => {
    using folder = tempFolder();
    const open = join(folder.path, "open"), stale = join(folder.path, "stale"), absent = join(folder.path, "absent");
    listeningAt(stale)[Symbol.dispose]();
    using _ = listeningAt(open);
    const closed = (code: "ENOENT" | "ECONNREFUSED") => ({ state: "closed", code, errno: -errnos[code] });
    const cases: [path: string, expected: object][] = [
      [open, OPEN],
      [stale, closed("ECONNREFUSED")],
      [absent, closed("ENOENT")],
      ["@einprogress-nobody", closed("ECONNREFUSED")],
    ];
    for (const [path, expected] of cases) {
      for (const target of [{ path }, `unix:${path}`]) {
        const result = await probeOne(target);
        assertEquals(said(result) as object, { target, address: path, port: undefined, ...expected }, path);
        assertStrictEquals(result.rtt, null, "a Unix socket has none");
      }
    }
  }));

test("targets that can't be read have failed with EINVAL; the others beside them are told all the same", async () => {
  using closed = closedPort();
  const good = `127.0.0.1:${closed.port}`;
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const bad: unknown[] = [
    ...["", "nonsense", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "[::1:80", "unix:", `unix:/${"x".repeat(200)}`],
    ...[null, undefined, 80, true, 5n, Symbol("80"), () => {}, [], {}, cycle, Object.create(null)],
    ...[{ hostname: "127.0.0.1" }, { hostname: "127.0.0.1", port: "80" }, { path: 5 }],
    {
      get hostname() {
        throw new Error("on purpose");
      },
    },
  ];
  const list = bad.flatMap((target) => [target, good]) as Target[];
  const results = await collect(list);
  assertEquals(results.length, list.length);
  const failed = results.filter(({ target }) => target !== good);
  assertEquals(failed.map(({ target }): unknown => target), bad);
  for (const result of failed) {
    const { state, code, errno, port } = said(result);
    assertEquals({ state, code, errno, port }, { state: "failed", code: "EINVAL", errno: -22, port: undefined });
    assertEquals(typeof result.address, "string");
  }
  for (const result of results) if (result.target === good) assertEquals(result.state, "closed");
});

test("a zone that is no interface has failed with ENODEV", async () => {
  const { state, code, errno, address } = await probeOne("[fe80::1%nosuchif]:80");
  assertEquals({ state, code, errno, address }, {
    state: "failed",
    code: "ENODEV",
    errno: -errnos.ENODEV,
    address: "fe80::1%nosuchif",
  });
});

test("a target that the options do not fit has failed with EINVAL, and is not tried in another way", async () => {
  using server = listening();
  const results = await collect([`127.0.0.1:${server.port}`, "unix:/nowhere"], { family: 6 });
  assertEquals(results.map(({ state, code }) => [state, code]), [["failed", "EINVAL"], ["failed", "EINVAL"]]);
});

test("results come in the order of completion, not of the list", async () => {
  using full = fullBacklog();
  using closed = closedPort();
  using server = listening();
  const silent = `127.0.0.1:${full.port}`;
  const others = [`127.0.0.1:${closed.port}`, `127.0.0.1:${server.port}`];
  const results = await collect([silent, ...others, silent, ...others], { timeout: 300 });
  const seen = results.map(({ target }) => target);
  assertEquals(seen.slice(0, 4).sort(), [...others, ...others].sort());
  assertEquals(seen.slice(4), [silent, silent]);
});

test("`timeout` is each target's own: it counts from the target's beginning", async () => {
  using full = fullBacklog();
  const began = performance.now();
  const results = await collect([1, 2, 3].map(() => `127.0.0.1:${full.port}`), { timeout: 150, concurrency: 1 });
  const whole = performance.now() - began;
  for (const { state, elapsed } of results) {
    assertEquals(state, "filtered");
    assert(elapsed >= 149.9, `after ${elapsed} ms`);
  }
  assert(whole >= 449, `one after the other they take ${whole} ms`);
});

test("a deadline looks once more: what was connected while the thread was busy is open", async () => {
  using server = listening();
  const busy = () => {
    const end = performance.now() + 150;
    while (performance.now() < end);
  };
  // control() runs just before connect(2): by the time the poller looks, the deadline has passed.
  const { state, elapsed } = await probeOne(`127.0.0.1:${server.port}`, { timeout: 50, control: busy });
  assertEquals(state, "open");
  assertGreater(elapsed, 149);
});

// What only this side can be blamed for must not read as the target's answer.
const refusals: [call: "socket" | "setsockopt" | "bind", errno: "EACCES" | "EPERM" | "ENOPROTOOPT"][] = [
  ["socket", "EACCES"],
  ["setsockopt", "EPERM"],
  ["setsockopt", "ENOPROTOOPT"],
  ["bind", "EACCES"],
];

for (const [call, code] of refusals) {
  test(`${code} from our own ${call}(2) is a failure here, not a filtered port`, () =>
    leavingNoSocket(async () => {
      using server = listening();
      const refusing = { ...system, libc: { ...libc, [call]: () => -errnos[code] } };
      const options = { noDelay: true, localPort: 0 };
      const states: [PortState, string | null][] = [];
      for await (const result of probeOn(refusing, [`127.0.0.1:${server.port}`], options)) {
        states.push([result.state, result.code]);
      }
      assertEquals(states, [["failed", code]]);
    }));
}

if (runtime === "deno") {
  test("a target that Deno's permissions deny has failed with EACCES, and the granted one is told", async () => {
    using server = listening();
    using closed = closedPort();
    const { stdout, stderr } = await spawnSelf(
      `import { probe } from "@einprogress/connect";
       const said = {};
       for await (const { target, state, code } of probe(["127.0.0.1:${server.port}", "127.0.0.1:${closed.port}"])) {
         said[target] = [state, code];
       }
       console.log(JSON.stringify(said));`,
      { flags: ["--no-prompt", "--allow-ffi", `--allow-net=127.0.0.1:${server.port}`] },
    );
    assert(stdout !== "", stderr);
    assertEquals(JSON.parse(stdout), {
      [`127.0.0.1:${server.port}`]: ["open", null],
      [`127.0.0.1:${closed.port}`]: ["failed", "EACCES"],
    });
  });
}
