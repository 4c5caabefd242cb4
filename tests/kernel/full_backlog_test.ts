/** A full backlog: the kernel drops our SYN, and it is the retransmit that finds room. */
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { connect, ConnectError, ConnectTimeoutError } from "@einprogress/connect";
import { fullBacklog, leavingNoSocket, rejection } from "../support.ts";

test("a backlog that is freed after 0.2 s: connected by the retransmit, at about 1 s", () =>
  leavingNoSocket(async () => {
    using listener = fullBacklog();
    const began = performance.now();
    setTimeout(() => listener.accept(), 200);
    using connection = await connect(`127.0.0.1:${listener.port}`, { timeout: 5_000 });
    const elapsed = performance.now() - began;
    assert(elapsed > 900 && elapsed < 2_500, `connected after ${elapsed} ms`);
    assertEquals(connection.info().totalRetransmits, 1);
    const { connect: connected, writable, verified } = connection.timeline;
    assert(connected! < 100 && writable! > 900 && verified! >= writable!, JSON.stringify(connection.timeline));
  }));

test("a backlog that stays full: our deadline, in time", () =>
  leavingNoSocket(async () => {
    using listener = fullBacklog();
    const began = performance.now();
    const error = await rejection(connect(`127.0.0.1:${listener.port}`, { timeout: 300 }));
    const elapsed = performance.now() - began;
    assertInstanceOf(error, ConnectTimeoutError);
    assertInstanceOf(error, ConnectError);
    assertEquals([error.code, error.source, error.timeout], ["ETIMEDOUT", "deadline", 300]);
    assert(/backlog/.test(error.hint), error.hint);
    assert(elapsed >= 299 && elapsed < 800, `after ${elapsed} ms`);
  }));
