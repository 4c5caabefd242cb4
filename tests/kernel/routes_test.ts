/** What connect(2) and bind(2) say at once: routes, addresses, ports. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { ConnectOptions } from "../../mod.ts";
import { lab, needs } from "./lab.ts";
import { assertSaid, type Expected, once } from "./said.ts";
import type { Report } from "./scenarios/connect.ts";
import type { Exhaustion } from "./scenarios/exhaust.ts";
import type { Taken } from "./scenarios/taken.ts";

/** An interface that leads to 203.0.113.0/24, where nobody is. */
const WIRE = [
  "ip link add name wire type veth peer name end",
  "ip link set end up",
  "ip link set wire up",
  "ip address add 203.0.113.9/24 dev wire",
];

const AT_ONCE: [number, number] = [0, 500];

interface Row {
  name: string;
  target: string;
  options?: ConnectOptions;
  expected: Expected;
}

const unreachable = { code: "EHOSTUNREACH", source: "connect", verdict: "unexpected", hint: /routing table/ } as const;
const prohibited = { code: "EACCES", source: "connect", verdict: "fatal", hint: /prohibit/ } as const;
const noRoute = { code: "ENETUNREACH", source: "connect", verdict: "retry", hint: /no route/ } as const;
const blackhole = { code: "EINVAL", source: "connect", verdict: "unexpected", hint: /blackhole/ } as const;
const refused = { code: "ECONNREFUSED", source: "so_error", verdict: "retry", hint: /listen/ } as const;

const rows: Row[] = [
  { name: "an unreachable route: EHOSTUNREACH", target: "198.51.100.1:80", expected: unreachable },
  { name: "an unreachable IPv6 route: EHOSTUNREACH", target: "[fd00:1::1]:80", expected: unreachable },
  { name: "a prohibit route: EACCES", target: "198.51.100.2:80", expected: prohibited },
  { name: "an IPv6 prohibit route: EACCES", target: "[fd00:1::2]:80", expected: prohibited },
  { name: "a blackhole route: EINVAL", target: "198.51.100.3:80", expected: blackhole },
  { name: "an IPv6 blackhole route: EINVAL", target: "[fd00:1::3]:80", expected: blackhole },
  { name: "a throw route: ENETUNREACH", target: "198.51.100.4:80", expected: noRoute },
  { name: "no route: ENETUNREACH", target: "198.51.100.5:80", expected: noRoute },
  { name: "no IPv6 route: ENETUNREACH", target: "[fd00:1::5]:80", expected: noRoute },
  { name: "the broadcast address: ENETUNREACH", target: "255.255.255.255:80", expected: noRoute },
  { name: "a multicast address: ENETUNREACH", target: "224.0.0.1:80", expected: noRoute },
  {
    name: "a link-local address without its zone: EINVAL",
    target: "[fe80::1]:80",
    expected: { code: "EINVAL", source: "connect", verdict: "unexpected", hint: /zone/ },
  },
  {
    name: "from 127.0.0.1 to a remote address: EINVAL",
    target: "203.0.113.1:80",
    options: { localAddress: "127.0.0.1" },
    expected: { code: "EINVAL", source: "connect", verdict: "unexpected", hint: /source address/ },
  },
  {
    name: "from an address that no interface has: EADDRNOTAVAIL of bind",
    target: "127.0.0.1:80",
    options: { localAddress: "203.0.113.7" },
    expected: { code: "EADDRNOTAVAIL", syscall: "bind", source: "bind", verdict: "retry", hint: /no interface/ },
  },
  {
    name: "from an IPv6 address to an IPv4 one: EAFNOSUPPORT of bind",
    target: "127.0.0.1:80",
    options: { localAddress: "::1" },
    expected: { code: "EAFNOSUPPORT", syscall: "bind", source: "bind", verdict: "fatal", hint: /family/ },
  },
  { name: "a closed port: ECONNREFUSED, told by SO_ERROR", target: "127.0.0.1:80", expected: refused },
  { name: "a closed IPv6 port: ECONNREFUSED, told by SO_ERROR", target: "[::1]:80", expected: refused },
];

const routes = once(() =>
  lab<Report>({
    setup: [
      ...WIRE,
      ...["unreachable 198.51.100.1", "prohibit 198.51.100.2", "blackhole 198.51.100.3", "throw 198.51.100.4"]
        .map((route) => `ip route add ${route}`),
      ...["unreachable fd00:1::1", "prohibit fd00:1::2", "blackhole fd00:1::3"].map((route) => `ip route add ${route}`),
    ],
    scenario: "connect.ts",
    args: rows,
  })
);

for (const [i, { name, expected }] of rows.entries()) {
  test(name, needs("netns"), async () => {
    assertSaid((await routes()).outcomes[i], { between: AT_ONCE, ...expected });
  });
}

test("none of these left a socket open", needs("netns"), async () => {
  const { left, outcomes } = await routes();
  assertEquals({ left, tried: outcomes.length }, { left: 0, tried: rows.length });
});

test("the way there is down: ENETUNREACH", needs("netns"), async () => {
  const { outcomes } = await lab<Report>({
    setup: [...WIRE, "ip link set wire down"],
    scenario: "connect.ts",
    args: [{ target: "203.0.113.1:80" }],
  });
  assertSaid(outcomes[0], { ...noRoute, between: AT_ONCE });
});

test("IPv6 disabled by sysctl: EADDRNOTAVAIL, even for ::1", needs("netns"), async () => {
  const { outcomes } = await lab<Report>({
    setup: ["sysctl -q net.ipv6.conf.all.disable_ipv6=1"],
    scenario: "connect.ts",
    args: [{ target: "[::1]:80" }],
  });
  assertSaid(outcomes[0], { code: "EADDRNOTAVAIL", source: "connect", verdict: "retry", between: AT_ONCE });
});

test(
  "a local port range of 4: the 5th connect is EADDRNOTAVAIL, and one freed port is enough",
  needs("netns"),
  async () => {
    const { connected, fifth, afterwards, left } = await lab<Exhaustion>({
      setup: ["sysctl -q net.ipv4.ip_local_port_range='40000 40003'"],
      scenario: "exhaust.ts",
    });
    assertEquals(connected, [40000, 40001, 40002, 40003]);
    assertSaid(fifth, {
      code: "EADDRNOTAVAIL",
      source: "connect",
      verdict: "retry",
      hint: /ip_local_port_range/,
      between: AT_ONCE,
    });
    assertEquals(afterwards.failure, null);
    assertEquals(left, 0);
  },
);

test("a local port that is taken: EADDRINUSE of bind, with the local end named", needs("netns"), async () => {
  const { outcome, localPort } = await lab<Taken>({ scenario: "taken.ts" });
  const failure = assertSaid(outcome, {
    code: "EADDRINUSE",
    syscall: "bind",
    source: "bind",
    verdict: "retry",
    hint: /local port/,
    between: AT_ONCE,
  });
  assertEquals([failure.localAddress, failure.localPort], ["127.0.0.1", localPort]);
});
