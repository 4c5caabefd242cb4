/**
 * What the kernel says rarely or never to a non-blocking connect(2) over TCP: strace answers in its place. The listener
 * at the other end would take the connection, so whoever overlooked the answer would be connected.
 */
import { test } from "node:test";
import type { constants } from "node:os";
import { assertEquals } from "@std/assert";
import { needs, run } from "./lab.ts";
import { assertSaid } from "./said.ts";
import type { Injected } from "./scenarios/injected.ts";

type Errno = keyof typeof constants.errno;

const verdicts: Record<string, Errno[]> = {
  fatal: ["EACCES", "EPERM", "EAFNOSUPPORT", "EALREADY", "EBADF", "EFAULT", "ENOTSOCK"],
  retry: ["EAGAIN", "EADDRINUSE", "EADDRNOTAVAIL", "ECONNREFUSED", "ENETUNREACH"],
  unexpected: ["EHOSTUNREACH", "ETIMEDOUT", "ENOBUFS", "ENOMEM", "EINVAL", "ENETDOWN", "ECONNRESET", "EPROTOTYPE"],
};

/** `answer` and `when` as strace's option -e inject has them. */
function injected(answer: string, when: string): Promise<Injected> {
  const inject = `inject=connect:${answer}:when=${when}`;
  return run<Injected>({
    scenario: "injected.ts",
    under: ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", inject],
  });
}

for (const [verdict, errnos] of Object.entries(verdicts)) {
  for (const code of errnos) {
    test(`connect(2) says ${code}: ${verdict}, and the socket is closed`, needs("strace"), async () => {
      const { outcome, arrived, left } = await injected(`error=${code}`, "1");
      assertSaid(outcome, { code, source: "connect", verdict, between: [0, 2_000] });
      assertEquals({ arrived, left }, { arrived: false, left: 0 });
    });
  }
}

test(
  "connect(2) says EINTR and nothing was begun: a failure that is worth a retry, no hang",
  needs("strace"),
  async () => {
    const { outcome, arrived, left } = await injected("error=EINTR", "1");
    assertSaid(outcome, { code: "EINTR", source: "so_error", verdict: "retry", hint: /signal/, between: [0, 2_000] });
    // Not even by calling connect(2) again.
    assertEquals({ arrived, left }, { arrived: false, left: 0 });
  },
);

for (const [name, answer] of [["EISCONN", "error=EISCONN"], ["EINPROGRESS", "error=EINPROGRESS"], ["0", "retval=0"]]) {
  test(`connect(2) says ${name} though there is no peer: verified, not believed`, needs("strace"), async () => {
    const { outcome, arrived, left } = await injected(answer, "1");
    assertSaid(outcome, {
      code: "ENOTCONN",
      syscall: "getpeername",
      source: "so_error",
      verdict: "retry",
      between: [0, 2_000],
    });
    assertEquals({ arrived, left }, { arrived: false, left: 0 });
  });
}

test("errno reads ENOENT, which no IP socket says: the kernel is asked again", needs("strace"), async () => {
  const { outcome, arrived, left } = await injected("error=ENOENT", "1");
  assertEquals({ failure: outcome.failure, arrived, left }, { failure: null, arrived: true, left: 0 });
});

test("errno reads ENOENT twice: a failure, no endless loop", needs("strace"), async () => {
  const { outcome, arrived, left } = await injected("error=ENOENT", "1+");
  assertSaid(outcome, { code: "ENOENT", source: "connect", verdict: "unexpected", between: [0, 2_000] });
  assertEquals({ arrived, left }, { arrived: false, left: 0 });
});

test(
  "strace that changes nothing: connected, so that it is the answers that the others fail by",
  needs("strace"),
  async () => {
    const { outcome, arrived, left } = await injected("error=EPERM", "1000");
    assertEquals({ failure: outcome.failure, arrived, left }, { failure: null, arrived: true, left: 0 });
  },
);
