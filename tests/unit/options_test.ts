/** Options: what is checked, and which setsockopt(2) calls they become. */
import { test } from "node:test";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { constants, decodeSockaddr } from "@einprogress/connect/ffi";
import { type ConnectOptions, prepareOptions, refuseMismatch } from "../../src/connector/options.ts";

const { SOL_SOCKET, IPPROTO_TCP, SO_KEEPALIVE, SO_LINGER, TCP_NODELAY } = constants;
const { TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, SO_LINGER_SEC } = constants;

/** The calls as lists: name, level, option, words. */
const calls = (options: ConnectOptions) =>
  prepareOptions(options).sockopts.map(({ name, level, option, value }) => [name, level, option, ...value]);

test("without options nothing is called and nothing bound", () => {
  for (const prepared of [prepareOptions(), prepareOptions({})]) {
    assertEquals([...prepared.sockopts], []);
    assertEquals(prepared.local, undefined);
    assertEquals(prepared.timeout, undefined);
  }
});

test("noDelay becomes TCP_NODELAY, also when it is false", () => {
  assertEquals(calls({ noDelay: true }), [["TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1]]);
  assertEquals(calls({ noDelay: false }), [["TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 0]]);
});

test("keepAlive becomes SO_KEEPALIVE, and its three numbers one option each", () => {
  const on = ["SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1];
  assertEquals(calls({ keepAlive: true }), [on]);
  assertEquals(calls({ keepAlive: {} }), [on]);
  assertEquals(calls({ keepAlive: false }), [["SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 0]]);
  assertEquals(
    calls({ keepAlive: { idle: 60, interval: 10, count: 5 } }).slice(1).map(([, , ...rest]): unknown => rest),
    [
      [TCP_KEEPIDLE ?? constants.TCP_KEEPALIVE, 60],
      [TCP_KEEPINTVL, 10],
      [TCP_KEEPCNT, 5],
    ],
  );
  assertEquals(calls({ keepAlive: { count: 127 } }).length, 2);
});

test("linger becomes SO_LINGER: seconds, 0 for a reset, false for off", () => {
  const option = SO_LINGER_SEC ?? SO_LINGER;
  assertEquals(calls({ linger: 3 }), [["SO_LINGER", SOL_SOCKET, option, 1, 3]]);
  assertEquals(calls({ linger: 0 }), [["SO_LINGER", SOL_SOCKET, option, 1, 0]]);
  assertEquals(calls({ linger: false }), [["SO_LINGER", SOL_SOCKET, option, 0, 0]]);
});

test("a local end is an address, a port, or both", () => {
  const local = (options: ConnectOptions) => {
    const { ipv4, ipv6, port } = prepareOptions(options).local!;
    return [decodeSockaddr(ipv4), decodeSockaddr(ipv6), port];
  };
  const end = (hostname: string, port: number) => ({ hostname, port });
  assertEquals(local({ localAddress: "127.0.0.2" }), [end("127.0.0.2", 0), end("127.0.0.2", 0), 0]);
  assertEquals(local({ localPort: 5000 }), [end("0.0.0.0", 5000), end("::", 5000), 5000]);
  assertEquals(local({ localPort: 0 }), [end("0.0.0.0", 0), end("::", 0), 0]);
  assertEquals(local({ localAddress: "::1", localPort: 65535 }), [end("::1", 65535), end("::1", 65535), 65535]);
});

type Wrong = [options: Record<string, unknown>, kind: typeof TypeError | typeof RangeError, named: string];
const wrong: Wrong[] = [
  ...[0, -1, NaN, Infinity, -Infinity].map((n): Wrong => [{ timeout: n }, RangeError, `timeout ${n}`]),
  [{ timeout: "100" }, TypeError, `timeout "100"`],
  [{ timeout: null }, TypeError, "timeout null"],
  [{ signal: {} }, TypeError, "signal {}"],
  [{ signal: new EventTarget() }, TypeError, "signal "],
  [{ signal: null }, TypeError, "signal null"],
  ...[0, 5, "4", null].map((f): Wrong => [{ family: f }, RangeError, `family ${JSON.stringify(f)}`]),
  [{ control: "x" }, TypeError, `control "x"`],
  [{ control: null }, TypeError, "control null"],
  ...[1, "yes", null].map((v): Wrong => [{ noDelay: v }, TypeError, `noDelay ${JSON.stringify(v)}`]),
  ...[1, "yes", null].map((v): Wrong => [{ keepAlive: v }, TypeError, `keepAlive ${JSON.stringify(v)}`]),
  ...["idle", "interval", "count"].flatMap((name): Wrong[] => [
    ...[0, -1, 1.5, NaN, Infinity, 32768].map((n): Wrong => [
      { keepAlive: { [name]: n } },
      RangeError,
      `keepAlive.${name} ${n}`,
    ]),
    [{ keepAlive: { [name]: "5" } }, TypeError, `keepAlive.${name} "5"`],
  ]),
  [{ keepAlive: { count: 128 } }, RangeError, "keepAlive.count 128"],
  ...[-1, 0.5, NaN, 32768].map((n): Wrong => [{ linger: n }, RangeError, `linger ${n}`]),
  [{ linger: true }, TypeError, "linger true"],
  ...["localhost", "", "127.1", 1, null, "[::1]"].map((v): Wrong => [
    { localAddress: v },
    TypeError,
    `localAddress ${JSON.stringify(v)}`,
  ]),
  ...[-1, 65536, NaN, 1.5].map((n): Wrong => [{ localPort: n }, RangeError, `localPort ${n}`]),
  [{ localPort: "1" }, TypeError, `localPort "1"`],
];

for (const [options, kind, named] of wrong) {
  test(`refused by name: ${named}`, () => {
    const error = assertThrows(() => prepareOptions(options as ConnectOptions), kind as typeof Error);
    assertStringIncludes(error.message, named);
    assertEquals(error.name, kind.name);
  });
}

for (const options of [null, 1, "x", true, () => {}]) {
  test(`options that are ${String(options)} are a TypeError`, () => {
    assertThrows(() => prepareOptions(options as unknown as ConnectOptions), TypeError, "Cannot use options");
  });
}

test("a family that the address is not of is refused, not ignored", () => {
  const v6 = prepareOptions({ family: 6 });
  const error = assertThrows(() => refuseMismatch({ hostname: "127.0.0.1", port: 80 }, v6), TypeError);
  assertEquals(error.message, 'Cannot use family 6 with the address "127.0.0.1": it is of the other family');
  refuseMismatch({ hostname: "::1", port: 80 }, v6);
  refuseMismatch({ hostname: "localhost", port: 80 }, v6);
});
