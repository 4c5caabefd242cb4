/** A socket that met itself is never handed over. */
import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { connect, ConnectError } from "@einprogress/connect";
import { bound, leavingNoSocket, rejection } from "../support.ts";

/** A port that was free a moment ago. */
function freePort(hostname: string): number {
  using free = bound(hostname);
  return free.port;
}

// 0.0.0.0 as a target means this host: the kernel answers with 127.0.0.1, and the ends are the same all the same.
for (
  const [hostname, localAddress] of [["127.0.0.1", "127.0.0.1"], ["::1", "::1"], ["0.0.0.0", "127.0.0.1"], [
    "::ffff:127.0.0.1",
    "::ffff:127.0.0.1",
  ]]
) {
  test(`${hostname}: bound to the target's own end, it is told as a self-connect and closed`, () =>
    leavingNoSocket(async () => {
      const port = freePort(localAddress);
      const error = await rejection(connect({ hostname, port }, { localAddress, localPort: port }));
      assertInstanceOf(error, ConnectError);
      const { code, errno, syscall, source, verdict, message } = error;
      assertEquals({ code, errno, syscall, source, verdict, message }, {
        code: "ECONNREFUSED",
        errno: -111,
        syscall: "connect",
        source: "self-connect",
        verdict: "retry",
        message: `connect ECONNREFUSED ${hostname}:${port}`,
      });
      assertEquals([error.localAddress, error.localPort], [localAddress, port]);
      assertMatch(error.hint, /connected to itself/);
      assertEquals(error.timeline.verified, null);
      // Closed with a RST: nothing stays in TIME_WAIT, and the real server can have its port. bound() throws otherwise.
      using again = bound(localAddress, port);
      assertEquals(again.port, port);
    }));
}

test("only the local port is given: the wildcard becomes the target's address, and it is found out as well", () =>
  leavingNoSocket(async () => {
    const port = freePort("127.0.0.1");
    const error = await rejection(connect(`127.0.0.1:${port}`, { localPort: port }));
    assertInstanceOf(error, ConnectError);
    assertEquals([error.source, error.localAddress, error.localPort], ["self-connect", "127.0.0.1", port]);
    using again = bound("127.0.0.1", port);
    assertEquals(again.port, port);
  }));

test("the same port of another address is somebody else", () =>
  leavingNoSocket(async () => {
    using closed = bound("127.0.0.1");
    const error = await rejection(
      connect(`127.0.0.1:${closed.port}`, { localAddress: "127.0.0.2", localPort: closed.port }),
    );
    assertInstanceOf(error, ConnectError);
    assertEquals([error.source, error.code], ["so_error", "ECONNREFUSED"]);
  }));
