/** probe(): how a connection that was made is closed. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { constants, errnos, libc } from "@einprogress/connect/ffi";
import { must, until } from "../support.ts";
import { collect, listening, times } from "./probing.ts";

const linux = { skip: process.platform === "linux" ? false : "only Linux has /proc/net/tcp" };
const COUNT = 20;
const FIN_WAIT2 = "05", TIME_WAIT = "06";

/** An address that nobody else uses: a port alone may stand in the kernel's table for another's old connections. */
const HOST = "127.46.1.8";
const IN_TABLE = "0801" + "2E7F";

/** The states of the sockets that are, or were, connected to this port there: the kernel's own table. */
function statesOf(port: number): string[] {
  const remote = `${IN_TABLE}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/self/net/tcp", "utf8").trim().split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2] === remote)
    .map((fields) => fields[3]);
}

/** Accepts everybody, and answers what the first recv(2) on each said. */
function heard(server: number): number[] {
  const said: number[] = [];
  for (let fd = libc.accept(server); fd >= 0; fd = libc.accept(server)) {
    said.push(libc.recv(fd, new Uint8Array(1), 0));
    must(libc.close(fd));
  }
  return said;
}

for (const options of [{}, { reset: true }, { reset: true, linger: 5 }]) {
  test(`${JSON.stringify(options)}: the server sees ECONNRESET, and no port is left in TIME_WAIT`, linux, async () => {
    using server = listening(COUNT, HOST);
    await collect(times(COUNT, `${HOST}:${server.port}`), options);
    assertEquals(statesOf(server.port), []);
    assertEquals(heard(server.fd), times(COUNT, -errnos.ECONNRESET));
    assertEquals(statesOf(server.port), []);
  });
}

test("reset: false: the server sees a clean end, and the ports are left in TIME_WAIT", linux, async () => {
  using server = listening(COUNT, HOST);
  await collect(times(COUNT, `${HOST}:${server.port}`), { reset: false });
  await until(() => statesOf(server.port).every((state) => state === FIN_WAIT2), "our FINs are acknowledged");
  assertEquals(statesOf(server.port).length, COUNT);
  assertEquals(heard(server.fd), times(COUNT, 0));
  await until(() => statesOf(server.port).every((state) => state === TIME_WAIT), "the server's FIN has come");
  assertEquals(statesOf(server.port), times(COUNT, TIME_WAIT));
});

test("reset: false with linger: 0: what was asked for by name is done", linux, async () => {
  using server = listening(COUNT, HOST);
  await collect(times(COUNT, `${HOST}:${server.port}`), { reset: false, linger: 0 });
  assertEquals(statesOf(server.port), []);
  assertEquals(heard(server.fd), times(COUNT, -errnos.ECONNRESET));
});

test("the socket is an ordinary one until then: `control` and the options apply", async () => {
  using server = listening(COUNT, HOST);
  const seen: number[] = [];
  await collect(times(3, `${HOST}:${server.port}`), {
    noDelay: true,
    control(fd) {
      const value = new Int32Array(1);
      must(libc.getsockopt(fd, constants.IPPROTO_TCP, constants.TCP_NODELAY, value));
      seen.push(value[0]);
    },
  });
  assertEquals(seen, [1, 1, 1]);
});
