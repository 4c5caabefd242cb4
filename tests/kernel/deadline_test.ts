/** A deadline looks once more: a busy event loop is not a dead peer. */
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertLess } from "@std/assert";
import { connect, ConnectError, Connector, ConnectTimeoutError } from "@einprogress/connect";
import { closedPort, fullBacklog, leavingNoSocket, pause, rejection } from "../support.ts";

/** The retransmit that connects comes 1 s after the SYN, or some 60 ms later: the kernel's timers are coarse. */
const RETRANSMIT = 1_000;
/** A deadline soon after it. */
const TIMEOUT = RETRANSMIT + 250;

/** Holds the thread until `ms` after `began`. */
function busyUntil(began: number, ms: number): void {
  while (performance.now() < began + ms);
}

/** The first connect of a process opens libc, which takes its time: before the clock is started. */
async function warmUp(): Promise<void> {
  using port = closedPort();
  await rejection(connect(`127.0.0.1:${port.port}`));
}

/** Frees the backlog, and holds the thread from before the retransmit until after the deadline. */
async function hold(listener: { accept(): number }, began: number): Promise<void> {
  await pause(200);
  listener.accept();
  await pause(RETRANSMIT - 100 - (performance.now() - began));
  busyUntil(began, TIMEOUT + 150);
}

test("connected while the loop was busy and the deadline passed: a connection, not a timeout", () =>
  leavingNoSocket(async () => {
    await warmUp();
    using listener = fullBacklog();
    const began = performance.now();
    const promise = connect(`127.0.0.1:${listener.port}`, { timeout: TIMEOUT });
    await hold(listener, began);
    using connection = await promise;
    assert(connection.timeline.verified! > TIMEOUT, `verified at ${connection.timeline.verified} ms, no test of this`);
  }));

test("the same of a Connector's deadline", () =>
  leavingNoSocket(async () => {
    await warmUp();
    using listener = fullBacklog();
    const began = performance.now();
    const connector = new Connector(`127.0.0.1:${listener.port}`, { timeout: TIMEOUT });
    const promise = connector.start();
    await hold(listener, began);
    using connection = await promise;
    assert(connection.timeline.verified! > TIMEOUT, `verified at ${connection.timeline.verified} ms, no test of this`);
    assertEquals(connector.state, "connected");
  }));

test("refused while the loop was busy and a Connector's deadline passed: the end, not another try", () =>
  leavingNoSocket(async () => {
    await warmUp();
    const listener = fullBacklog();
    const began = performance.now();
    const calls: string[] = [];
    const connector = new Connector(`127.0.0.1:${listener.port}`, {
      timeout: TIMEOUT,
      retry: { initial: 20, multiplier: 1 },
      onRetry: () => void calls.push("retry"),
      onFailure: () => void calls.push("failure"),
    });
    const promise = rejection(connector.start());
    // Nobody listens when the retransmit comes: it is answered with a reset.
    await hold({ accept: () => (listener[Symbol.dispose](), 0) }, began);
    const late = pause(1_000).then(() => "still trying, 1 s after the deadline");
    const reason = await Promise.race([promise, late]);
    connector.stop();
    assertInstanceOf(reason, ConnectError, String(reason));
    assertEquals([connector.state, calls.at(-1)], ["disconnected", "failure"]);
  }));

test("a busy loop and a peer that stays silent: a timeout as soon as the loop is free", () =>
  leavingNoSocket(async () => {
    await warmUp();
    using listener = fullBacklog();
    const began = performance.now();
    const promise = rejection(connect(`127.0.0.1:${listener.port}`, { timeout: 100 }));
    await pause(50);
    busyUntil(began, 250);
    assertInstanceOf(await promise, ConnectTimeoutError);
    assertLess(performance.now() - began, 600);
  }));
