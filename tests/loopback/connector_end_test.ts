/** How a Connector ends: stop(), its signal, its deadline, a callback that throws. One outcome, and no socket left. */
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertLess, assertStrictEquals } from "@std/assert";
import {
  ConnectError,
  type Connection,
  Connector,
  type ConnectorOptions,
  ConnectTimeoutError,
} from "@einprogress/connect";
import { libc } from "@einprogress/connect/ffi";
import { closedPort, fullBacklog, leavingNoSocket, pause, rejection, serve, until } from "../support.ts";
import { spawnSelf } from "../support.ts";

/** Long enough for a forgotten timer or event to come. */
const LATER = 40;

/** The callbacks, each noting that it was called. */
function noting(calls: string[]): ConnectorOptions {
  return {
    onConnection: (connection) => {
      calls.push("connection");
      connection.close();
    },
    onRetry: () => void calls.push("retry"),
    onFailure: () => void calls.push("failure"),
  };
}

test("stop() before start(), and twice, and after a failure: nothing happens", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const calls: string[] = [];
    const connector = new Connector(`127.0.0.1:${port.port}`, { ...noting(calls), retry: { attempts: 1 } });
    connector.stop();
    const promise = connector.start();
    connector.stop();
    connector.stop();
    assertEquals((await rejection(promise) as Error).name, "AbortError");
    assertInstanceOf(await rejection(connector.start()), ConnectError);
    connector.stop();
    await pause(LATER);
    assertEquals([connector.state, ...calls], ["disconnected", "failure"]);
  }));

test("stop() while a try is pending closes its socket at once", async () => {
  using listener = fullBacklog();
  const calls: string[] = [];
  let fd = -1;
  const options = { ...noting(calls), control: (made: number) => void (fd = made) };
  const connector = new Connector(`127.0.0.1:${listener.port}`, options);
  const promise = connector.start();
  await until(() => fd >= 0, "a socket");
  await pause(LATER); // until the poller waits for it
  connector.stop();
  assertLess(libc.getsockname(fd, new Uint8Array(128)), 0);
  const reason = await rejection(promise);
  assertInstanceOf(reason, DOMException);
  assertEquals(reason.name, "AbortError");
  listener.accept();
  await pause(LATER);
  assertEquals([connector.state, ...calls], ["disconnected"]);
});

test("stop() during a back-off: the timer is gone", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const calls: string[] = [];
    const connector = new Connector(`127.0.0.1:${port.port}`, { ...noting(calls), retry: { initial: LATER / 2 } });
    const promise = connector.start();
    await until(() => calls.length === 1, "a back-off");
    connector.stop();
    await rejection(promise);
    await pause(LATER);
    assertEquals([connector.state, ...calls], ["disconnected", "retry"]);
  }));

for (const answer of [true, false]) {
  test(`stop() within \`when\`, which answers ${answer}: no callback comes after it`, () =>
    leavingNoSocket(async () => {
      using port = closedPort();
      const calls: string[] = [];
      const connector = new Connector(`127.0.0.1:${port.port}`, {
        ...noting(calls),
        retry: {
          initial: 1,
          when() {
            connector.stop();
            return answer;
          },
        },
      });
      assertEquals((await rejection(connector.start()) as Error).name, "AbortError");
      await pause(LATER);
      assertEquals([connector.state, ...calls], ["disconnected"]);
    }));
}

test("stop() within onRetry: no further try", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    let retries = 0;
    const connector = new Connector(`127.0.0.1:${port.port}`, {
      retry: { initial: 0 },
      onRetry: () => {
        if (++retries === 3) connector.stop();
      },
    });
    assertEquals((await rejection(connector.start()) as Error).name, "AbortError");
    await pause(LATER);
    assertEquals(retries, 3);
  }));

test("stop() within onConnection: the connection is already handed over, and stays", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const connector = new Connector(`127.0.0.1:${server.port}`, { onConnection: () => connector.stop() });
    using connection = await connector.start();
    assertEquals(connector.state, "disconnected");
    assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port: server.port });
  }));

test("stop() within `control`: that socket is closed, and nothing is called back", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const calls: string[] = [];
    const connector = new Connector(`127.0.0.1:${server.port}`, { ...noting(calls), control: () => connector.stop() });
    assertEquals((await rejection(connector.start()) as Error).name, "AbortError");
    await pause(LATER);
    assertEquals([connector.state, server.accepted.length, ...calls], ["disconnected", 0]);
  }));

test("the deadline passes between two tries: ConnectTimeoutError, with the last failure as its cause", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const calls: string[] = [];
    const began = performance.now();
    const connector = new Connector(`127.0.0.1:${port.port}`, {
      ...noting(calls),
      timeout: 60,
      retry: { initial: 1, multiplier: 1_000, max: 60_000 },
    });
    const error = await rejection(connector.start());
    const elapsed = performance.now() - began;
    assertInstanceOf(error, ConnectTimeoutError);
    assertEquals([error.code, error.source, error.timeout], ["ETIMEDOUT", "deadline", 60]);
    assertInstanceOf(error.cause, ConnectError);
    assertEquals((error.cause as ConnectError).code, "ECONNREFUSED");
    assert(error.hint.includes((error.cause as ConnectError).hint), error.hint);
    assert(elapsed >= 59 && elapsed < 500, `after ${elapsed} ms`);
    assertEquals([connector.state, ...calls], ["disconnected", "retry", "retry", "failure"]);
  }));

test("the deadline covers all tries together, not each", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const connector = new Connector(`127.0.0.1:${port.port}`, { timeout: 80, retry: { initial: 10, multiplier: 1 } });
    const began = performance.now();
    assertInstanceOf(await rejection(connector.start()), ConnectTimeoutError);
    assertLess(performance.now() - began, 500);
  }));

test("the deadline passes in a try that is pending: ConnectTimeoutError, no retry", () =>
  leavingNoSocket(async () => {
    using listener = fullBacklog();
    const calls: string[] = [];
    const connector = new Connector(`127.0.0.1:${listener.port}`, { ...noting(calls), timeout: 50 });
    assertInstanceOf(await rejection(connector.start()), ConnectTimeoutError);
    await pause(LATER);
    assertEquals([connector.state, ...calls], ["disconnected", "failure"]);
  }));

test("a delay longer than a timer can count does not pass at once", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const calls: string[] = [];
    const connector = new Connector(`127.0.0.1:${port.port}`, { ...noting(calls), retry: { initial: 2 ** 32 } });
    const promise = connector.start();
    await until(() => calls.length > 0, "the first failure");
    await pause(LATER);
    connector.stop();
    await rejection(promise);
    assertEquals(calls, ["retry"]);
  }));

for (const phase of ["before start()", "in the same turn", "while pending", "in a back-off", "in onRetry"] as const) {
  test(`its signal, aborted ${phase}: rejects with the signal's reason, and nothing is called after that`, () =>
    leavingNoSocket(async () => {
      using closed = closedPort();
      using full = fullBacklog();
      const port = phase.includes("Retry") || phase.includes("back-off") ? closed.port : full.port;
      const reason = { why: phase };
      const controller = new AbortController();
      const calls: string[] = [];
      const after: string[] = [];
      const abort = () => {
        controller.abort(reason);
        after.push(...calls);
      };
      if (phase === "before start()") abort();
      const connector = new Connector(`127.0.0.1:${port}`, {
        ...noting(calls),
        signal: controller.signal,
        retry: { initial: LATER / 2 },
        onRetry() {
          calls.push("retry");
          if (phase === "in onRetry") abort();
        },
      });
      const rejected = rejection(connector.start());
      if (phase === "in the same turn") abort();
      if (phase === "while pending") await pause(LATER).then(abort);
      if (phase === "in a back-off") await until(() => calls.length === 1, "a back-off").then(abort);
      assertStrictEquals(await rejected, reason);
      await pause(LATER);
      assertEquals({ state: connector.state, calls }, { state: "disconnected", calls: after });
    }));
}

test("its signal, aborted after the hand-over: the connection stays", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const controller = new AbortController();
    const connector = new Connector(`127.0.0.1:${server.port}`, { signal: controller.signal });
    using connection = await connector.start();
    controller.abort();
    await pause(LATER);
    assertEquals(connector.state, "connected");
    assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port: server.port });
  }));

test("onConnection throws: the connection is closed, and the promise rejects with what was thrown", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => void socket.resume());
    const thrown = { not: "an Error" };
    let handed: Connection | undefined;
    const connector = new Connector(`127.0.0.1:${server.port}`, {
      onConnection(connection) {
        handed = connection;
        throw thrown;
      },
    });
    assertStrictEquals(await rejection(connector.start()), thrown);
    assertEquals([handed?.fd, connector.state], [-1, "disconnected"]);
    await until(() => server.accepted[0]?.readableEnded, "the server sees the end");
  }));

for (const name of ["onRetry", "onFailure", "when"] as const) {
  test(`${name} throws: the promise rejects with what was thrown, and no try follows`, () =>
    leavingNoSocket(async () => {
      using port = closedPort();
      let tries = 0;
      const throws = (): never => {
        throw new RangeError(name);
      };
      const connector = new Connector(`127.0.0.1:${port.port}`, {
        control: () => void tries++,
        retry: { initial: 1, attempts: name === "onFailure" ? 1 : 5, when: name === "when" ? throws : undefined },
        [name]: name === "when" ? undefined : throws,
      });
      const error = await rejection(connector.start());
      assertInstanceOf(error, RangeError);
      assertEquals(error.message, name);
      await pause(LATER);
      assertEquals([connector.state, tries], ["disconnected", 1]);
    }));
}

test("onRetry restarts and then throws: the new run is not touched by the old one's end", async () => {
  // In a child, for what was thrown may well end up as an uncaught exception: the old run's outcome was told already.
  const { stdout, stderr } = await spawnSelf(`
    import { Connector } from "@einprogress/connect";
    import { createServer } from "node:net";
    import { once } from "node:events";
    process.on("uncaughtException", () => {});
    const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    server.close();
    await once(server, "close");
    const connector = new Connector("127.0.0.1:" + port, {
      retry: { initial: 1 },
      onRetry() {
        if (server.listening) return;
        server.listen(port, "127.0.0.1");
        void connector.restart();
        throw new RangeError("too late");
      },
    });
    try {
      (await connector.start()).close();
      console.log(connector.state);
    } catch (error) {
      console.log("rejected with " + error.message);
    }
    server.close();
  `);
  assertEquals(stdout.trim(), "connected", stderr);
});

/** A child that starts a Connector at a port where nobody listens, and awaits nothing. */
const unheard = (options: string, then: string) =>
  spawnSelf(`
    import { Connector } from "@einprogress/connect";
    const connector = new Connector("127.0.0.1:1", ${options});
    connector.start();
    ${then}
  `);

test("nobody awaits start(): no unhandled rejection after stop(), nor with onFailure set, and the process ends", async () => {
  const children = await Promise.all([
    unheard("{}", "connector.stop();"),
    unheard("{ retry: { initial: 60_000 } }", "setTimeout(() => connector.stop(), 50);"),
    unheard("{ retry: { initial: 60_000 }, onRetry: () => connector.stop() }", ""),
    unheard("{ retry: { attempts: 1 }, onFailure: (error) => console.log(error.code) }", ""),
  ]);
  const ends = children.map(({ code, stdout, stderr }) => ({ code, stdout: stdout.trim(), stderr }));
  const clean = { code: 0, stdout: "", stderr: "" };
  assertEquals(ends, [clean, clean, clean, { ...clean, stdout: "ECONNREFUSED" }]);
});

test("nobody awaits start() and there is no onFailure: the failure is not lost", async () => {
  const { code, stderr } = await unheard("{ retry: { attempts: 1 } }", "");
  assertEquals(code, 1);
  assert(stderr.includes("ECONNREFUSED"), stderr);
});
