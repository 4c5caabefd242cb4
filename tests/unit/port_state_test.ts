/** nmap's words for an errno. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { errnos } from "@einprogress/connect/ffi";
import { isLocalFault, type PortState, stateOf } from "../../src/connector/port_state.ts";

/** Every errno that has a word of its own; any other is a failure on this side. */
const words: Record<Exclude<PortState, "open" | "failed">, string[]> = {
  closed: ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ENOENT"],
  filtered: ["ETIMEDOUT", "EACCES", "EPERM", "ENOPROTOOPT"],
  unreachable: ["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "ENONET"],
};

const localFaults = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EADDRINUSE", "EAGAIN"];

for (const [state, names] of Object.entries(words)) {
  for (const name of names.filter((one) => one in errnos)) {
    test(`${name} is ${state}, and no fault of ours`, () => {
      assertEquals([stateOf(errnos[name]), isLocalFault(errnos[name])], [state, false]);
    });
  }
}

for (const name of localFaults) {
  test(`${name} is a local fault: it blames no target, and may pass`, () => {
    assertEquals([stateOf(errnos[name]), isLocalFault(errnos[name])], ["failed", true]);
  });
}

test("every other errno of this system has failed, and is not tried again", () => {
  const known = new Set([...Object.values(words).flat(), ...localFaults].map((name) => errnos[name]));
  const others = Object.entries(errnos).filter(([, errno]) => !known.has(errno));
  const wrong = others.filter(([, errno]) => stateOf(errno) !== "failed" || isLocalFault(errno));
  assertEquals(wrong, []);
  assertEquals(others.length > 80, true, `only ${others.length} others`);
});

test("a number that is no errno here has failed: also where a system lacks one of the names", () => {
  for (const errno of [0, -1, -111, 4_096, NaN]) assertEquals([stateOf(errno), isLocalFault(errno)], ["failed", false]);
  assertEquals(stateOf(undefined as unknown as number), "failed");
  assertEquals(isLocalFault(undefined as unknown as number), false);
});
