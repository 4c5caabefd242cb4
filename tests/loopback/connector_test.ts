/** The Connector: its states, its schedule, its hand-over. How it is ended is in connector_end_test.ts. */
import { test } from "node:test";
import { assert, assertEquals, assertGreaterOrEqual, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ConnectError, type Connection, Connector, type ConnectorOptions } from "@einprogress/connect";
import { errnos, libc } from "@einprogress/connect/ffi";
import { checkBackoff, delayBefore } from "../../src/connector/backoff.ts";
import { bound, closedPort, fullBacklog, leavingNoSocket, must, pause, rejection, serve, until } from "../support.ts";

/** A Connector to `port` that notes what it calls back. */
function noting(port: number, options: ConnectorOptions = {}) {
  const calls: string[] = [];
  const delays: number[] = [];
  const errors: ConnectError[] = [];
  const connector = new Connector(`127.0.0.1:${port}`, {
    ...options,
    onConnection: (connection) => {
      calls.push("connection");
      options.onConnection?.(connection);
    },
    onRetry: (error, delay) => {
      calls.push("retry");
      delays.push(delay);
      errors.push(error);
      options.onRetry?.(error, delay);
    },
    onFailure: (error) => {
      calls.push("failure");
      errors.push(error);
      options.onFailure?.(error);
    },
  });
  return { connector, calls, delays, errors };
}

test("disconnected, connecting, connected, and disconnected again after stop()", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const seen: string[] = [];
    const connector = new Connector(`127.0.0.1:${server.port}`, { onConnection: () => seen.push(connector.state) });
    assertEquals(connector.state, "disconnected");
    const promise = connector.start();
    assertEquals(connector.state, "connecting");
    using connection = await promise;
    assertEquals([connector.state, ...seen], ["connected", "connected"]);
    connector.stop();
    assertEquals(connector.state, "disconnected");
    assert(connection.fd >= 0, "stop() closed a connection that was handed over");
    assertEquals(connection.remoteAddress, { hostname: "127.0.0.1", port: server.port });
  }));

test("the constructor does nothing: no socket, no callback, no state", async () => {
  using port = closedPort();
  const { connector, calls } = noting(port.port, { control: () => void calls.push("socket") });
  await pause(20);
  assertEquals([connector.state, ...calls], ["disconnected"]);
});

test("start() is never re-entrant: it makes no socket and calls nothing back before it returns", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const { connector, calls } = noting(server.port, { control: () => void calls.push("socket") });
    const promise = connector.start();
    assertEquals(calls, []);
    (await promise).close();
    assertEquals(calls, ["socket", "connection"]);
  }));

test("start() again answers with the same promise, while connecting and when connected", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const { connector, calls } = noting(server.port);
    const promise = connector.start();
    assertStrictEquals(connector.start(), promise);
    using connection = await promise;
    assertStrictEquals(connector.start(), promise);
    await pause(20);
    assertEquals(calls, ["connection"]);
    assertEquals(server.accepted.length, 1);
    assertStrictEquals(await connector.start(), connection);
  }));

test("start() after stop() begins anew, with another promise", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const { connector, calls } = noting(server.port);
    const first = connector.start();
    connector.stop();
    const second = connector.start();
    assert(first !== second);
    assertEquals((await rejection(first) as Error).name, "AbortError");
    (await second).close();
    assertEquals(calls, ["connection"]);
  }));

test("the delays double up to the maximum, and are really waited", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const at: number[] = [];
    const { connector, calls, delays, errors } = noting(port.port, {
      retry: { initial: 5, max: 40, attempts: 7 },
      control: () => void at.push(performance.now()),
    });
    await rejection(connector.start());
    assertEquals(delays, [5, 10, 20, 40, 40, 40]);
    assertEquals(calls, [...Array(6).fill("retry"), "failure"]);
    assertEquals(errors.map(({ code, verdict }) => `${code} ${verdict}`), Array(7).fill("ECONNREFUSED retry"));
    assertEquals(at.length, 7);
    // A timer may round down by a part of a millisecond.
    for (const [i, delay] of delays.entries()) assertGreaterOrEqual(at[i + 1] - at[i], delay - 1);
  }));

test("multiplier 3, and an initial delay of 0 that stays 0", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const triple = noting(port.port, { retry: { initial: 2, multiplier: 3, attempts: 4 } });
    await rejection(triple.connector.start());
    assertEquals(triple.delays, [2, 6, 18]);
    const zero = noting(port.port, { retry: { initial: 0, attempts: 4 } });
    await rejection(zero.connector.start());
    assertEquals(zero.delays, [0, 0, 0]);
  }));

test("by default 500 ms, doubled up to 30 s, without an end", () => {
  const backoff = checkBackoff();
  const delays = Array.from({ length: 9 }, (_, i) => delayBefore(i, backoff));
  assertEquals(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assertEquals(delayBefore(10_000, backoff), 30_000);
  assertEquals(backoff.attempts, Infinity);
});

test("jitter draws from a part of each delay, after the cap", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const { connector, delays } = noting(port.port, { retry: { initial: 4, max: 16, jitter: 0.5, attempts: 12 } });
    await rejection(connector.start());
    const full = [4, 8, 16, 16, 16, 16, 16, 16, 16, 16, 16];
    assertEquals(delays.length, full.length);
    for (const [i, delay] of delays.entries()) assert(delay >= full[i] / 2 && delay <= full[i], `${delays}`);
    assert(new Set(delays.slice(2)).size > 1, `no chance in it: ${delays}`);
  }));

test("attempts used up: onFailure once, and a rejection with the same error", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    for (const attempts of [1, 3]) {
      const { connector, calls, errors } = noting(port.port, { retry: { initial: 1, attempts } });
      const error = await rejection(connector.start());
      assertEquals(calls, [...Array(attempts - 1).fill("retry"), "failure"]);
      assertInstanceOf(error, ConnectError);
      assertStrictEquals(errors.at(-1), error);
      assertEquals(connector.state, "disconnected");
    }
  }));

test("after a failure start() tries again, with the initial delay", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const { connector, delays } = noting(port.port, { retry: { initial: 1, attempts: 3 } });
    await rejection(connector.start());
    await rejection(connector.start());
    assertEquals(delays, [1, 2, 1, 2]);
  }));

test("a fatal verdict ends it at once", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    // An IPv6 source for an IPv4 target: bind(2) says EAFNOSUPPORT.
    const { connector, calls } = noting(server.port, { localAddress: "::1" });
    const error = await rejection(connector.start()) as ConnectError;
    assertEquals([error.code, error.source, error.verdict], ["EAFNOSUPPORT", "bind", "fatal"]);
    assertEquals(calls, ["failure"]);
  }));

test("an unexpected verdict ends it at once, as in the article", () =>
  leavingNoSocket(async () => {
    const failures: ConnectError[] = [];
    const connector = new Connector("unix:/nonexistent/einprogress.sock", {
      onFailure: (error) => failures.push(error),
      onRetry: () => failures.push(undefined!),
    });
    const error = await rejection(connector.start()) as ConnectError;
    assertEquals([error.code, error.verdict], ["ENOENT", "unexpected"]);
    assertEquals(failures, [error]);
  }));

test("`when` decides instead of the verdict: a fatal one retried, a retry refused", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    using port = closedPort();
    const asked: string[] = [];
    const more = noting(server.port, {
      localAddress: "::1",
      retry: { initial: 1, attempts: 3, when: (error) => asked.push(error.code) > 0 },
    });
    await rejection(more.connector.start());
    assertEquals(more.calls, ["retry", "retry", "failure"]);
    const fewer = noting(port.port, { retry: { initial: 1, when: (error) => error.errno !== -errnos.ECONNREFUSED } });
    await rejection(fewer.connector.start());
    assertEquals(fewer.calls, ["failure"]);
    assertEquals(new Set(asked), new Set(["EAFNOSUPPORT"]));
  }));

test("a server that appears later: connected, once, with one and the same connection", () =>
  leavingNoSocket(async () => {
    using server = bound();
    const handed: Connection[] = [];
    const { connector, calls } = noting(server.port, {
      retry: { initial: 2, max: 10 },
      onConnection: (connection) => handed.push(connection),
      onRetry: () => {
        if (calls.length === 3) must(libc.listen(server.fd, 8));
      },
    });
    using connection = await connector.start();
    assertEquals(calls, ["retry", "retry", "retry", "connection"]);
    assertEquals(handed.length, 1);
    assertStrictEquals(handed[0], connection);
    await pause(30);
    assertEquals([calls.length, connector.state], [4, "connected"]);
  }));

test("restart() before start() is a start()", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const { connector, calls } = noting(server.port);
    (await connector.restart()).close();
    assertEquals([connector.state, ...calls], ["connected", "connection"]);
  }));

test("restart() while a try is pending: a new socket, and the waiting start() gets its connection", () =>
  leavingNoSocket(async () => {
    using listener = fullBacklog();
    const used: number[] = [];
    const { connector, calls } = noting(listener.port, { control: (fd) => void used.push(fd) });
    const first = connector.start();
    await until(() => used.length === 1, "the first socket");
    listener.accept();
    const second = connector.restart();
    assertEquals(connector.state, "connecting");
    using connection = await second;
    assertStrictEquals(await first, connection);
    assertEquals([used.length, ...calls], [2, "connection"]);
  }));

test("restart() during a back-off: at once, and back at the initial delay", () =>
  leavingNoSocket(async () => {
    using port = closedPort();
    const { connector, delays } = noting(port.port, { retry: { initial: 1, multiplier: 100, max: 60_000 } });
    const first = connector.start();
    await until(() => delays.length === 3, "a long delay"); // 1, 100, 10,000
    const second = connector.restart();
    await until(() => delays.length === 5, "two more tries");
    assertEquals(delays, [1, 100, 10_000, 1, 100]);
    connector.stop();
    assertEquals((await rejection(first) as Error).name, "AbortError");
    assertEquals((await rejection(second) as Error).name, "AbortError");
  }));

test("restart() within onRetry replaces the delay that was announced", () =>
  leavingNoSocket(async () => {
    using server = bound();
    const { connector, calls } = noting(server.port, {
      retry: { initial: 60_000 },
      onRetry: () => {
        must(libc.listen(server.fd, 8));
        connector.restart();
      },
    });
    using connection = await connector.start();
    assert(connection.fd >= 0);
    assertEquals(calls, ["retry", "connection"]);
  }));

test("restart() when connected: another connection, and the first is not touched", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const { connector, calls } = noting(server.port);
    using first = await connector.start();
    const promise = connector.restart();
    assertEquals(connector.state, "connecting");
    using second = await promise;
    assert(first.fd >= 0 && second.fd >= 0 && first.fd !== second.fd);
    assertEquals(calls, ["connection", "connection"]);
  }));

test("start() within onFailure begins a new run", () =>
  leavingNoSocket(async () => {
    using server = bound();
    let again: Promise<Connection> | undefined;
    const { connector, calls } = noting(server.port, {
      retry: { attempts: 1 },
      onFailure: () => {
        must(libc.listen(server.fd, 8));
        again = connector.start();
      },
    });
    assertInstanceOf(await rejection(connector.start()), ConnectError);
    (await again!).close();
    assertEquals([connector.state, ...calls], ["connected", "failure", "connection"]);
  }));
