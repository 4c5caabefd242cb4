/** What comes back over the wire, or does not: resets, ICMP, silence. */
import { test } from "node:test";
import { assert, assertEquals, assertLess } from "@std/assert";
import type { ConnectOptions } from "../../mod.ts";
import { lab, needs } from "./lab.ts";
import { assertSaid, type Expected, once } from "./said.ts";
import type { Report } from "./scenarios/connect.ts";

interface Row {
  name: string;
  target: string;
  options?: ConnectOptions;
  expected: Expected;
}

/** A port that nft rejects in the peer's namespace, so that the answer comes over the wire. */
interface Reject extends Row {
  rule: string;
}

/**
 * The first ICMPv6 error of an attempt is only noted by the kernel; the one that the retransmit brings, a second later,
 * ends it. The answers to IPv4 come while connect(2) still holds the socket, and wake us with the attempt alive.
 */
const V6: [number, number] = [0, 2_500];
const V4: [number, number] = [0, 900];

function reject(number: number, rule: string, code: Expected["code"], hint: RegExp): Reject {
  const v6 = rule.startsWith("icmpv6");
  const port = 1_000 + number;
  return {
    name: `the peer rejects with ${rule}: ${code}`,
    rule: `tcp dport ${port} reject with ${rule}`,
    target: `${v6 ? "[fd00::2]" : "192.0.2.2"}:${port}`,
    expected: { code, source: "so_error", verdict: "retry", hint, between: v6 ? V6 : V4 },
  };
}

const rejects = [
  reject(1, "icmp type host-unreachable", "EHOSTUNREACH", /router/),
  reject(2, "icmp type admin-prohibited", "EHOSTUNREACH", /router/),
  reject(3, "icmp type host-prohibited", "EHOSTUNREACH", /router/),
  reject(4, "icmp type net-unreachable", "ENETUNREACH", /router/),
  reject(5, "icmp type net-prohibited", "ENETUNREACH", /router/),
  reject(6, "icmp type port-unreachable", "ECONNREFUSED", /listen/),
  reject(7, "icmp type prot-unreachable", "ENOPROTOOPT", /ICMP/),
  reject(8, "tcp reset", "ECONNREFUSED", /reset/),
  reject(9, "icmpv6 type addr-unreachable", "EHOSTUNREACH", /router/),
  reject(10, "icmpv6 type admin-prohibited", "EACCES", /administratively prohibited/),
  reject(11, "icmpv6 type no-route", "ENETUNREACH", /router/),
  reject(12, "icmpv6 type port-unreachable", "ECONNREFUSED", /listen/),
];

const noNeighbour = { code: "EHOSTUNREACH", source: "so_error", verdict: "retry", hint: /ARP|neighbour/ } as const;

/** Asked all at the same time, for each takes some 3 s. */
const slow: Row[] = [
  {
    name: "nobody answers ARP: EHOSTUNREACH after 3 s",
    target: "192.0.2.77:80",
    expected: { ...noNeighbour, between: [2_500, 5_000] },
  },
  {
    name: "nobody answers neighbour discovery: EHOSTUNREACH after 3 s",
    target: "[fd00::77]:80",
    expected: { ...noNeighbour, between: [2_500, 5_000] },
  },
];

const silent: Row[] = [
  {
    name: "two SYNs unanswered (tcp_syn_retries=1): the kernel's ETIMEDOUT after 3 s is a plain ConnectError",
    target: "198.51.100.1:80",
    expected: {
      code: "ETIMEDOUT",
      source: "so_error",
      verdict: "retry",
      hint: /kernel gave up/,
      between: [2_900, 5_000],
    },
  },
  {
    name: "the same over IPv6",
    target: "[fd00:1::1]:80",
    expected: {
      code: "ETIMEDOUT",
      source: "so_error",
      verdict: "retry",
      hint: /kernel gave up/,
      between: [2_900, 5_000],
    },
  },
  {
    name: "our own deadline",
    target: "198.51.100.1:80",
    options: { timeout: 500 },
    expected: { code: "ETIMEDOUT", source: "deadline", verdict: "retry" },
  },
];

const ruleset = `nft -f - <<RULES
table inet lab {
  chain input {
    type filter hook input priority 0;
    ${rejects.map(({ rule }) => rule).join("\n    ")}
  }
}
RULES`;

/** All three at once, started when the first test asks. */
const reports = once(() => ({
  rejects: lab<Report>({ peer: [ruleset], scenario: "connect.ts", args: rejects }),
  slow: lab<Report>({ peer: [], scenario: "connect.ts", args: slow }),
  silent: lab<Report>({
    peer: [],
    setup: ["sysctl -q net.ipv4.tcp_syn_retries=1"],
    scenario: "connect.ts",
    args: silent,
  }),
}));

for (const [i, { name, expected }] of rejects.entries()) {
  test(name, needs("netns", "nft"), async () => {
    const failure = assertSaid((await reports().rejects).outcomes[i], expected);
    // What a firewall's log would name us by.
    assert(failure.localPort !== undefined && failure.localPort > 0, `localPort: ${failure.localPort}`);
    assertEquals(failure.localAddress, failure.address === "192.0.2.2" ? "192.0.2.1" : "fd00::1");
  });
}

for (const [i, { name, expected }] of slow.entries()) {
  test(name, needs("netns", "nft"), async () => {
    assertSaid((await reports().slow).outcomes[i], expected);
  });
}

for (const [i, { name, expected }] of silent.slice(0, 2).entries()) {
  test(name, needs("netns", "nft"), async () => {
    const failure = assertSaid((await reports().silent).outcomes[i], expected);
    assertEquals(failure.timeout, undefined);
  });
}

test(
  "a silent host and a deadline of 500 ms: ConnectTimeoutError, ETIMEDOUT, in time",
  needs("netns", "nft"),
  async () => {
    const { failure, elapsed } = (await reports().silent).outcomes[2];
    assert(failure !== null);
    assertEquals(
      [failure.class, failure.code, failure.errno, failure.source, failure.verdict, failure.timeout],
      ["ConnectTimeoutError", "ETIMEDOUT", -110, "deadline", "retry", 500],
    );
    assert(/within 500 ms/.test(failure.hint), failure.hint);
    assert(elapsed >= 499 && elapsed < 1_000, `after ${elapsed} ms`);
    assertEquals(failure.localAddress, "192.0.2.1");
  },
);

for (const name of ["rejects", "slow", "silent"] as const) {
  test(`${name}: waiting costs no processor time and leaves no socket`, needs("netns", "nft"), async () => {
    const { cpu, left } = await reports()[name];
    // A loop on an undrained POLLERR would have burnt a second and more.
    assertLess(cpu, 250);
    assertEquals(left, 0);
  });
}
