/**
 * What happened between connect(2) and our first look. Over loopback the handshake is done when connect(2) returns, and
 * what was connected in one turn is looked at together, at its end: a second connect's `control` runs in between.
 */
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { connect, ConnectError, type Connection } from "@einprogress/connect";
import { constants, encodeSockaddr, errnos, libc } from "@einprogress/connect/ffi";
import { fullBacklog, leavingNoSocket, must, rejection } from "../support.ts";
import { closeAll, listen, portOf, reset } from "./scenarios/ground.ts";

/** Connects to a listener and calls `meddle` with it when connect(2) was made but nobody has looked yet. */
async function meddled(meddle: (listener: number) => void, keepsListener = true): Promise<Connection> {
  const listener = listen();
  const target = `127.0.0.1:${portOf(listener)}`;
  const interrupted = new Error("that was all");
  const first = connect(target, { timeout: 5_000 });
  const second = connect(target, {
    control() {
      meddle(listener);
      throw interrupted;
    },
  });
  first.catch(() => {});
  assertEquals(await rejection(second), interrupted);
  try {
    return await first;
  } finally {
    if (keepsListener) closeAll(listener);
  }
}

const said = (error: unknown) => {
  assertInstanceOf(error, ConnectError);
  const { code, errno, syscall, source, verdict } = error;
  return { code, errno, syscall, source, verdict };
};
const soError = (code: string) => ({
  code,
  errno: -errnos[code],
  syscall: "connect",
  source: "so_error",
  verdict: "retry",
});

test("accepted and reset before we look: ECONNRESET, a failed attempt", () =>
  leavingNoSocket(async () => {
    const error = await rejection(meddled((listener) => reset(must(libc.accept(listener)))));
    assertEquals(said(error), soError("ECONNRESET"));
    assert(/reset/.test((error as ConnectError).hint), (error as ConnectError).hint);
  }));

test("the listener closed with us un-accepted: ECONNRESET", () =>
  leavingNoSocket(async () => {
    assertEquals(said(await rejection(meddled(closeAll, false))), soError("ECONNRESET"));
  }));

test("FIN and then RST before we look: EPIPE", () =>
  leavingNoSocket(async () => {
    const error = await rejection(meddled((listener) => {
      const accepted = must(libc.accept(listener));
      must(libc.shutdown(accepted, constants.SHUT_WR));
      reset(accepted);
    }));
    assertEquals(said(error), soError("EPIPE"));
    assert(/closed and then reset/.test((error as ConnectError).hint), (error as ConnectError).hint);
  }));

const greeting = new TextEncoder().encode("220 hello\r\n");

for (const closes of [false, true]) {
  test(`a server that greets ${closes ? "and closes " : ""}before we look: connected, and the greeting is there`, () =>
    leavingNoSocket(async () => {
      let accepted = -1;
      using connection = await meddled((listener) => {
        accepted = must(libc.accept(listener));
        assertEquals(libc.send(accepted, greeting, 0), greeting.length);
        if (closes) must(libc.close(accepted));
      });
      const buffer = new Uint8Array(64);
      const length = must(libc.recv(connection.fd, buffer, 0));
      assertEquals(buffer.subarray(0, length), greeting);
      if (closes) assertEquals(libc.recv(connection.fd, buffer, 0), 0); // and then the FIN
      else must(libc.close(accepted));
    }));
}

test("a server that only closes before we look: connected, at the end of the stream", () =>
  leavingNoSocket(async () => {
    using connection = await meddled((listener) => must(libc.close(must(libc.accept(listener)))));
    assertEquals(libc.recv(connection.fd, new Uint8Array(1), 0), 0);
  }));

test("connect(2) says EISCONN and there is a peer: connected", () =>
  leavingNoSocket(async () => {
    const listener = listen();
    const address = encodeSockaddr({ hostname: "127.0.0.1", port: portOf(listener) });
    const seen: number[] = [];
    using connection = await connect(`127.0.0.1:${portOf(listener)}`, {
      control: (fd) => void seen.push(libc.connect(fd, address), libc.connect(fd, address), libc.connect(fd, address)),
    });
    assertEquals(seen, [-errnos.EINPROGRESS, 0, -errnos.EISCONN]);
    assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port: portOf(listener) });
    closeAll(listener);
  }));

test("connect(2) says EALREADY, for `control` has begun a connect: fatal, and the socket is closed", () =>
  leavingNoSocket(async () => {
    using listener = fullBacklog();
    const address = encodeSockaddr({ hostname: "127.0.0.1", port: listener.port });
    let begun = 0;
    const error = await rejection(connect(`127.0.0.1:${listener.port}`, {
      timeout: 5_000,
      control: (fd) => void (begun = libc.connect(fd, address)),
    }));
    assertEquals(begun, -errnos.EINPROGRESS);
    assertEquals(said(error), {
      code: "EALREADY",
      errno: -errnos.EALREADY,
      syscall: "connect",
      source: "connect",
      verdict: "fatal",
    });
  }));
