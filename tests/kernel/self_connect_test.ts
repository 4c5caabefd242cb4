/**
 * A socket that connects to itself: nobody listens on the target's port, the kernel gives us that very port, and the two
 * SYNs meet. It looks like any other connection, and blocks the real server's port.
 */
import { test } from "node:test";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { lab, needs } from "./lab.ts";
import { assertSaid } from "./said.ts";
import type { Report } from "./scenarios/connect.ts";
import type { SelfConnector } from "./scenarios/self_connector.ts";
import type { SelfConnects } from "./scenarios/self_connect.ts";

test("600 connects to a 32-port ephemeral range without a listener: none is handed over", needs("netns"), async () => {
  const { tries, handedOver, failures, left, remembered } = await lab<SelfConnects>({
    setup: ["sysctl -q net.ipv4.ip_local_port_range='40000 40031'"],
    scenario: "self_connect.ts",
  });
  const caught = failures["ECONNREFUSED -111 self-connect retry"] ?? 0;
  const refused = failures["ECONNREFUSED -111 so_error retry"] ?? 0;
  assertEquals({ handedOver, otherwise: tries - caught - refused }, { handedOver: 0, otherwise: 0 });
  assertGreater(caught, 0, "the kernel never made a self-connect: this has tested nothing");
  assertGreater(refused, 0);
  assertEquals({ left, remembered }, { left: 0, remembered: [] });
});

test(
  "a Connector on such a port retries at once twice, then backs off, and never hands over",
  needs("netns"),
  async () => {
    const { delays, sources, handedOver, failure, state, left, remembered } = await lab<SelfConnector>({
      setup: ["sysctl -q net.ipv4.ip_local_port_range='40000 40000'"],
      scenario: "self_connector.ts",
    });
    assertEquals(sources, Array(7).fill("self-connect"));
    assertEquals(delays, [0, 0, 10, 20, 40, 40, 40]);
    assert(failure !== null && !handedOver, "handed over");
    assertEquals([failure.code, failure.source, state], ["ECONNREFUSED", "self-connect", "disconnected"]);
    assertEquals({ left, remembered }, { left: 0, remembered: [] });
  },
);

test("IPv4, IPv6, the wildcard, a mapped address: each self-connect is caught", needs("netns"), async () => {
  const targets = ["127.0.0.1", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]"];
  const { outcomes, left } = await lab<Report>({
    scenario: "connect.ts",
    args: targets.map((host, i) => ({ target: `${host}:${40_000 + i}`, options: { localPort: 40_000 + i } })),
  });
  assertEquals(outcomes.length, targets.length);
  for (const outcome of outcomes) {
    assertSaid(outcome, { code: "ECONNREFUSED", source: "self-connect", verdict: "retry", hint: /itself/ });
  }
  assertEquals(left, 0);
});
