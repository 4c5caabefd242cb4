/** connect(): success of every kind, the deadline, abort, control, and options that are really set. */
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertGreater, assertInstanceOf, assertLess, assertStrictEquals } from "@std/assert";
import { connect, type Connection, ConnectTimeoutError } from "@einprogress/connect";
import { constants, decodeSockaddr, encodeSockaddr, libc } from "@einprogress/connect/ffi";
import {
  bound,
  fullBacklog,
  leavingNoSocket,
  must,
  rejection,
  serve,
  socketFds,
  sockopt,
  tempFolder,
  until,
} from "../support.ts";

const { SOL_SOCKET, IPPROTO_TCP, SO_ERROR, SO_KEEPALIVE, SO_LINGER, TCP_NODELAY } = constants;
const { TCP_KEEPIDLE = 0, TCP_KEEPINTVL, TCP_KEEPCNT, F_GETFL, F_GETFD, O_NONBLOCK, FD_CLOEXEC } = constants;

/** The connection's two ends as the kernel tells them. */
function ends({ fd }: Connection): unknown[] {
  const name = new Uint8Array(128);
  return [
    decodeSockaddr(name, must(libc.getsockname(fd, name))),
    decodeSockaddr(name, must(libc.getpeername(fd, name))),
  ];
}

/** A connect whose SYN has been dropped. Not a bare promise: it would be waited for. */
async function pendingConnect(port: number): Promise<{ promise: Promise<Connection> }> {
  const before = socketFds();
  const promise = connect(`127.0.0.1:${port}`, { timeout: 5_000 });
  await until(() => socketFds() > before, "the pending socket");
  return { promise };
}

for (const hostname of ["127.0.0.1", "::1"]) {
  test(`${hostname}: a listener is reached, and both ends are told as the kernel has them`, () =>
    leavingNoSocket(async () => {
      await using server = await serve(() => {}, { host: hostname, port: 0 });
      using connection = await connect({ hostname, port: server.port });
      assertEquals(connection.remoteAddress, { hostname, port: server.port });
      assertEquals([connection.localAddress, connection.remoteAddress], ends(connection));
      assertEquals(sockopt(connection.fd, SOL_SOCKET, SO_ERROR), 0);
      await until(() => server.accepted.length === 1, "the server's accept");
      const { localAddress } = connection;
      assert("port" in localAddress);
      assertEquals(server.accepted[0].remotePort, localAddress.port);
    }));
}

test("the descriptor is non-blocking and close-on-exec", async () => {
  await using server = await serve();
  using connection = await connect(`127.0.0.1:${server.port}`);
  assert(libc.fcntl(connection.fd, F_GETFL, 0) & O_NONBLOCK);
  assertEquals(libc.fcntl(connection.fd, F_GETFD, 0), FD_CLOEXEC);
});

test("a name leads to one of its addresses", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    using connection = await connect(`localhost:${server.port}`, { family: 4 });
    assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port: server.port });
  }));

test("of a name's addresses the next is tried when one is refused", () =>
  leavingNoSocket(async () => {
    // Whichever order localhost's addresses have: there is a listener behind IPv4 only.
    await using server = await serve();
    using connection = await connect(`localhost:${server.port}`);
    assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port: server.port });
    const failed = connection.timeline.attempts.slice(0, -1);
    assertEquals(failed.map(({ address, code }) => [address, code]), failed.map(() => ["::1", "ECONNREFUSED"]));
  }));

test("a Unix path is reached", () =>
  leavingNoSocket(async () => {
    using folder = tempFolder();
    const path = join(folder.path, "s");
    await using _server = await serve((socket) => socket.end("x"), { path });
    using connection = await connect(`unix:${path}`);
    assertEquals(connection.remoteAddress, { path });
    assertEquals(connection.localAddress, { path: "" });
  }));

test("an abstract name is reached", () =>
  leavingNoSocket(async () => {
    const path = `@einprogress-${Math.random()}`;
    const listener = must(libc.socket(constants.AF_UNIX, constants.SOCK_STREAM, 0));
    must(libc.bind(listener, encodeSockaddr({ path })));
    must(libc.listen(listener, 1));
    using connection = await connect({ path });
    assertEquals(connection.remoteAddress, { path });
    libc.close(must(libc.accept(listener)));
    libc.close(listener);
  }));

test("the steps of the timeline are in order, and end no later than the call", async () => {
  await using server = await serve();
  const began = performance.now();
  using connection = await connect(`127.0.0.1:${server.port}`);
  const elapsed = performance.now() - began;
  const { resolved, socket, connect: connected, writable, verified, attempts } = connection.timeline;
  const steps = [resolved, socket, connected, writable, verified];
  for (const [i, step] of steps.entries()) {
    assert(step !== null && step >= 0 && step <= elapsed, `step ${i}: ${step} of ${elapsed}`);
    if (i > 0) assert(step >= steps[i - 1]!, `step ${i}: ${step} after ${steps[i - 1]}`);
  }
  assertEquals(attempts, [{
    address: "127.0.0.1",
    port: server.port,
    socket,
    connect: connected,
    writable,
    verified,
    code: null,
  }]);
});

test("a server that greets and closes at once is a success: readable and writable does not mean failure", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => socket.end("hello"));
    for (let i = 0; i < 20; i++) {
      const connection = await connect(`127.0.0.1:${server.port}`);
      const chunks: Uint8Array[] = [];
      for await (const chunk of connection.toSocket()) chunks.push(chunk as Uint8Array);
      assertEquals(chunks.map(String).join(""), "hello");
    }
  }));

test("a greeting and a FIN that are there before the first look don't count as failure", () =>
  leavingNoSocket(async () => {
    using full = fullBacklog();
    const connecting = await pendingConnect(full.port);
    full.accept();
    // The dropped SYN is sent again a second later. This thread stands still until all is done, so it can't look before.
    assertEquals(libc.poll(Int32Array.of(full.fd, constants.POLLIN), 1, 4_000), 1);
    const peer = must(libc.accept(full.fd));
    assertEquals(libc.send(peer, new TextEncoder().encode("hello"), 0), 5);
    libc.close(peer);
    using connection = await connecting.promise;
    const buffer = new Uint8Array(8);
    assertEquals(libc.recv(connection.fd, buffer, 0), 5);
    assertEquals(libc.recv(connection.fd, buffer, 0), 0, "and then the end");
  }));

test("timeout: ConnectTimeoutError at its time, not before, with every field", () =>
  leavingNoSocket(async () => {
    using full = fullBacklog();
    const began = performance.now();
    const error = await rejection(connect(`127.0.0.1:${full.port}`, { timeout: 150 }));
    const elapsed = performance.now() - began;
    assertInstanceOf(error, ConnectTimeoutError);
    assert(elapsed >= 150 && elapsed < 450, `${elapsed} ms`);
    const { name, code, errno, syscall, address, port, message, verdict, source, timeout, localAddress } = error;
    assertEquals({ name, code, errno, syscall, address, port, message, verdict, source, timeout, localAddress }, {
      name: "ConnectTimeoutError",
      code: "ETIMEDOUT",
      errno: -110,
      syscall: "connect",
      address: "127.0.0.1",
      port: full.port,
      message: `connect ETIMEDOUT 127.0.0.1:${full.port}`,
      verdict: "retry",
      source: "deadline",
      timeout: 150,
      localAddress: "127.0.0.1",
    });
    assertGreater(error.localPort!, 0);
    assert(error.hint.includes("150 ms") && error.hint.includes("backlog"), error.hint);
    assertEquals(error.timeline.writable, null);
    assert(error.timeline.connect !== null);
  }));

test("a busy event loop is no dead peer: the deadline looks once more", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const connecting = connect(`127.0.0.1:${server.port}`, { timeout: 20 });
    const end = performance.now() + 60;
    while (performance.now() < end); // the deadline passes, and nobody could look
    using connection = await connecting;
    assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port: server.port });
  }));

test("a pending connect goes through when the backlog has room again", () =>
  leavingNoSocket(async () => {
    using full = fullBacklog();
    const connecting = await pendingConnect(full.port);
    full.accept();
    using connection = await connecting.promise;
    assertGreater(connection.timeline.verified!, 500, "the SYN was sent again after a second");
  }));

const reasons: unknown[] = [new Error("mine"), "a string", { odd: true }, 0];
for (const reason of reasons) {
  test(`abort while pending rejects with the reason itself: ${String(reason)}`, () =>
    leavingNoSocket(async () => {
      using full = fullBacklog();
      const controller = new AbortController();
      const before = socketFds();
      const connecting = rejection(connect(`127.0.0.1:${full.port}`, { signal: controller.signal }));
      await until(() => socketFds() > before, "the pending socket");
      controller.abort(reason);
      assertStrictEquals(await connecting, reason);
      await until(() => socketFds() === before, "the socket's end");
    }));
}

test("abort in the same tick as the call rejects with the reason, and no socket is made", async () => {
  await using server = await serve();
  const controller = new AbortController();
  let controls = 0;
  const connecting = rejection(
    connect(`127.0.0.1:${server.port}`, { signal: controller.signal, control: () => controls++ }),
  );
  controller.abort();
  assertStrictEquals(await connecting, controller.signal.reason);
  assertEquals(controls, 0);
});

test("a signal that is aborted already rejects with its reason", async () => {
  const reason = new Error("long ago");
  assertStrictEquals(await rejection(connect("127.0.0.1:1", { signal: AbortSignal.abort(reason) })), reason);
});

test("abort during the look-up rejects with the reason", () =>
  leavingNoSocket(async () => {
    const controller = new AbortController();
    const connecting = rejection(connect("localhost:1", { signal: controller.signal }));
    queueMicrotask(() => queueMicrotask(() => controller.abort("during the look-up")));
    assertEquals(await connecting, "during the look-up");
  }));

test("abort after success changes nothing", async () => {
  await using server = await serve();
  const controller = new AbortController();
  using connection = await connect(`127.0.0.1:${server.port}`, { signal: controller.signal });
  controller.abort();
  assertGreater(connection.fd, -1);
  assertEquals(sockopt(connection.fd, SOL_SOCKET, SO_ERROR), 0);
});

test("control runs once, between socket(2) and connect(2), with options set and the end bound", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const seen: number[] = [];
    using connection = await connect(`127.0.0.1:${server.port}`, {
      noDelay: true,
      localAddress: "127.0.0.3",
      control(fd) {
        const name = new Uint8Array(128);
        seen.push(fd, sockopt(fd, IPPROTO_TCP, TCP_NODELAY), libc.getpeername(fd, name));
        must(libc.getsockname(fd, name));
        assertEquals(decodeSockaddr(name, 16), { hostname: "127.0.0.3", port: 0 });
      },
    });
    assertEquals(seen, [connection.fd, 1, -107]); // ENOTCONN
  }));

for (const thrown of [new Error("mine"), undefined, "text"]) {
  test(`what control throws is what connect rejects with: ${String(thrown)}`, () =>
    leavingNoSocket(async () => {
      await using server = await serve();
      const control = () => {
        throw thrown;
      };
      assertStrictEquals(await rejection(connect(`127.0.0.1:${server.port}`, { control })), thrown);
      assertEquals(server.accepted.length, 0);
    }));
}

test("options are really set", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    using connection = await connect(`127.0.0.1:${server.port}`, {
      noDelay: true,
      keepAlive: { idle: 61, interval: 11, count: 7 },
      linger: 5,
    });
    const { fd } = connection;
    assertEquals(sockopt(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assertEquals(sockopt(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assertEquals([TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((option) => sockopt(fd, IPPROTO_TCP, option)), [
      61,
      11,
      7,
    ]);
    const linger = new Int32Array(2);
    must(libc.getsockopt(fd, SOL_SOCKET, SO_LINGER, linger));
    assertEquals([...linger], [1, 5]);
  }));

test("what is not asked for is the kernel's default", async () => {
  await using server = await serve();
  using connection = await connect(`127.0.0.1:${server.port}`);
  assertEquals(sockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY), 0);
  assertEquals(sockopt(connection.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  assertEquals(sockopt(connection.fd, SOL_SOCKET, SO_LINGER), 0);
});

test("localAddress and localPort are the end that the peer sees", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    let port: number;
    {
      using free = bound("127.0.0.2");
      port = free.port;
    }
    using connection = await connect(`127.0.0.1:${server.port}`, {
      localAddress: "127.0.0.2",
      localPort: port,
      linger: 0,
    });
    assertEquals(connection.localAddress, { hostname: "127.0.0.2", port });
    assertEquals(ends(connection)[0], { hostname: "127.0.0.2", port });
    await until(() => server.accepted.length === 1, "the server's accept");
    assertEquals([server.accepted[0].remoteAddress, server.accepted[0].remotePort], ["127.0.0.2", port]);
  }));

test("300 at once over loopback all connect, and not one descriptor stays", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const began = performance.now();
    const all = await Promise.all(Array.from({ length: 300 }, () => connect(`127.0.0.1:${server.port}`)));
    assertLess(performance.now() - began, 5_000);
    assertEquals(new Set(all.map(({ fd }) => fd)).size, 300);
    for (const connection of all) connection.close();
  }));
