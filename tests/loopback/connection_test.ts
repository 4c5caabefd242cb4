/** Connection before any hand-over: who owns the descriptor, closed once, TCP_INFO. */
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertThrows } from "@std/assert";
import { connect, type Connection } from "@einprogress/connect";
import { constants, errnos, libc } from "@einprogress/connect/ffi";
import { fds, leavingNoSocket, must, serve, sockopt, tempFolder, until } from "../support.ts";

/** Whether the descriptor is open, and a socket. */
const isSocket = (fd: number) => fds().get(fd)?.startsWith("socket:") ?? false;

const ways: Record<string, (connection: Connection) => void | Promise<void>> = {
  "close()": (connection) => connection.close(),
  "using": (connection) => connection[Symbol.dispose](),
  "detach()": (connection) => void must(libc.close(connection.detach())),
  "toSocket()": async (connection) => {
    const socket = connection.toSocket();
    socket.destroy();
    await once(socket, "close");
  },
  "toStreams()": async (connection) => {
    const { readable } = connection.toStreams();
    await readable.cancel();
  },
};

for (const [name, end] of Object.entries(ways)) {
  test(`after ${name} fd is -1, close() does nothing, and everything else throws`, () =>
    leavingNoSocket(async () => {
      await using server = await serve();
      const connection = await connect(`127.0.0.1:${server.port}`);
      const { fd, localAddress, remoteAddress } = connection;
      assert(isSocket(fd));
      // The link names the socket itself: its number may go to the server's end at once.
      const socket = fds().get(fd);
      await end(connection);
      assertEquals(connection.fd, -1);
      await until(() => fds().get(fd) !== socket, "the descriptor's end");
      connection.close();
      connection[Symbol.dispose]();
      for (const use of ["info", "toSocket", "toStreams", "detach"] as const) {
        assertThrows(() => connection[use](), Error, "closed or handed on");
      }
      assertEquals([connection.localAddress, connection.remoteAddress], [localAddress, remoteAddress]);
    }));

  test(`after ${name} a second close() spares whoever has the number now`, () =>
    leavingNoSocket(async () => {
      await using server = await serve();
      const connection = await connect(`127.0.0.1:${server.port}`);
      const { fd } = connection;
      // First, or the server's end would take the number.
      await until(() => server.accepted.length === 1, "the server has accepted");
      await end(connection);
      await until(() => !isSocket(fd), "the descriptor's end");
      // The lowest free number is the next one's: open until that one is taken.
      const files: number[] = [];
      do files.push(openSync("/dev/null", "r")); while (!fds().has(fd) && files.length < 64);
      assertEquals(fds().get(fd), "/dev/null", "the number has a new owner");
      connection.close();
      connection[Symbol.dispose]();
      assertThrows(() => connection.detach());
      assertEquals(fds().get(fd), "/dev/null", "and keeps it");
      for (const file of files) closeSync(file);
    }));
}

test("using closes at the end of the block, and not before", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    let fd: number;
    {
      using connection = await connect(`127.0.0.1:${server.port}`);
      fd = connection.fd;
      assert(isSocket(fd));
    }
    assert(!isSocket(fd));
  }));

test("detach() gives a descriptor that works and is the caller's", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => void socket.pipe(socket));
    const connection = await connect(`127.0.0.1:${server.port}`);
    const fd = connection.detach();
    connection.close();
    assert(isSocket(fd));
    assertEquals(libc.send(fd, Uint8Array.of(1, 2, 3), 0), 3);
    const buffer = new Uint8Array(8);
    await until(() => libc.recv(fd, buffer, constants.MSG_PEEK) === 3, "the echo");
    assertEquals([...buffer.subarray(0, 3)], [1, 2, 3]);
    assertEquals(libc.close(fd), 0);
    assertEquals(libc.close(fd), -errnos.EBADF);
  }));

test("info() tells a fresh loopback connection as the kernel has it", async () => {
  await using server = await serve();
  using connection = await connect(`127.0.0.1:${server.port}`);
  const info = connection.info();
  assertEquals(info.state, "ESTABLISHED");
  assertEquals([info.retransmits, info.totalRetransmits, info.unacked, info.lost], [0, 0, 0, 0]);
  assert(info.rtt > 0 && info.rtt < 100_000, `rtt ${info.rtt} µs`);
  assert(info.rttVar > 0 && info.rttVar < 100_000, `rttVar ${info.rttVar} µs`);
  assert(info.minRtt !== null && info.minRtt > 0 && info.minRtt <= info.rtt, `minRtt ${info.minRtt} µs`);
  assert(info.rto >= 200_000 && info.rto < 1_000_000, `rto ${info.rto} µs`);
  assertEquals(info.cwnd, 10, "the kernel's initial window");
  assertEquals(info.sndMss, sockopt(connection.fd, constants.IPPROTO_TCP, constants.TCP_MAXSEG));
  assertEquals(info.pmtu, sockopt(connection.fd, constants.IPPROTO_IP, constants.IP_MTU!));
  assertNotEquals(info.ssthresh, 0);
});

test("info() follows the connection: after the peer's FIN it is in CLOSE_WAIT", async () => {
  await using server = await serve((socket) => void socket.end());
  using connection = await connect(`127.0.0.1:${server.port}`);
  await until(() => connection.info().state === "CLOSE_WAIT", "CLOSE_WAIT");
});

test("info() on a Unix socket throws with the kernel's errno", () =>
  leavingNoSocket(async () => {
    using folder = tempFolder();
    const path = join(folder.path, "s");
    await using _server = await serve(() => {}, { path });
    using connection = await connect({ path });
    const error = assertThrows(() => connection.info(), Error);
    assertInstanceOf(error, Error);
    const { code, errno, syscall } = error as NodeJS.ErrnoException;
    assertEquals({ code, errno, syscall }, { code: "EOPNOTSUPP", errno: -errnos.EOPNOTSUPP, syscall: "getsockopt" });
  }));
