/** Target strings and objects. */
import { test } from "node:test";
import fc from "fast-check";
import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UNIX_PATH_MAX } from "@einprogress/connect/ffi";
import { checkPort, isLiteral, parseTarget, show, type Target } from "../../src/connector/target.ts";

const port = fc.integer({ min: 1, max: 65535 });
const refused = (target: unknown, kind: typeof TypeError | typeof RangeError): string =>
  assertThrows(() => parseTarget(target as Target), kind as typeof Error).message;

test("host:port, IPv4:port and [IPv6]:port are read as written", () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.domain()), port, (hostname, port) => {
    assertEquals(parseTarget(`${hostname}:${port}`), { hostname, port });
    assertEquals(parseTarget({ hostname, port }), { hostname, port });
  }));
  fc.assert(fc.property(fc.ipV6(), port, (hostname, port) => {
    assertEquals(parseTarget(`[${hostname}]:${port}`), { hostname, port });
    assertEquals(parseTarget({ hostname, port }), { hostname, port });
    assertEquals(parseTarget({ hostname: `[${hostname}]`, port }), { hostname, port }, "with a URL's brackets");
  }));
});

test("a zone stays with its address", () => {
  assertEquals(parseTarget("[fe80::1%eth0]:80"), { hostname: "fe80::1%eth0", port: 80 });
});

test("leading zeros of a port don't make it octal", () => {
  assertEquals(parseTarget("a:0080"), { hostname: "a", port: 80 });
});

test("unix: is followed by a path or an abstract name, which may hold anything", () => {
  assertEquals(parseTarget("unix:/run/x.sock"), { path: "/run/x.sock" });
  assertEquals(parseTarget("unix:./x:80"), { path: "./x:80" });
  assertEquals(parseTarget("unix:@abstract"), { path: "@abstract" });
  assertEquals(parseTarget({ path: "\0abstract" }), { path: "@abstract" }, "the kernel's own spelling");
  assertEquals(parseTarget({ path: "@a\0b" }), { path: "@a\0b" }, "a NUL ends no abstract name");
});

test("no string makes it do anything but answer with a target or throw a TypeError or RangeError that shows it", () => {
  const pieces = fc.array(
    fc.constantFrom(
      "[",
      "]",
      ":",
      "::1",
      "1.2.3.4",
      "host",
      "80",
      "0",
      "65536",
      "unix:",
      "@",
      "/",
      "%",
      " ",
      "-1",
      "\0",
    ),
    { maxLength: 6 },
  ).map((list) => list.join(""));
  fc.assert(
    fc.property(fc.oneof(pieces, fc.string()), (text) => {
      let target: Target;
      try {
        target = parseTarget(text);
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
        assertStringIncludes(error.message, "Cannot ");
        return;
      }
      assertEquals(parseTarget(target), target, "what was read is itself a target");
      if ("port" in target) assertEquals(checkPort("port", target.port, 1), target.port);
    }),
    { numRuns: 5_000 },
  );
});

for (
  const text of ["", "host", ":80", "[::1", "[::1]", "::1:80", "1.2.3.4", "host:", "host:http", "host:80:90", "[]:80"]
) {
  test(`the string ${JSON.stringify(text)} is a TypeError that shows it`, () => {
    assertStringIncludes(refused(text, TypeError), JSON.stringify(text));
  });
}

for (const text of ["[host]:80", "[1.2.3.4]:80", "host:-1", "host:1.5", "host:1e3", "host: 80", "a b:80", "a/b:80"]) {
  test(`the string ${JSON.stringify(text)} is a TypeError`, () => {
    assertStringIncludes(refused(text, TypeError), "Cannot ");
  });
}

test("port 0 and 65536 are a RangeError that shows them, whichever way they are given", () => {
  for (const port of [0, 65536, 99999, -1, 1.5, NaN, Infinity]) {
    assertStringIncludes(refused({ hostname: "a", port }, RangeError), String(port));
  }
  for (const text of ["a:0", "a:65536", "[::1]:0"]) refused(text, RangeError);
  for (const port of ["80", null, undefined, {}, 80n]) {
    assertStringIncludes(refused({ hostname: "a", port }, TypeError), show(port));
  }
});

test("what is neither a string nor such an object is a TypeError that shows it", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  for (const target of [undefined, null, 80, true, {}, [], { port: 80 }, () => {}, Symbol("s"), 1n, cycle]) {
    assertStringIncludes(refused(target, TypeError), `Cannot read target ${show(target)}`);
  }
  for (const hostname of [undefined, null, 1, {}, ""]) {
    assertStringIncludes(refused({ hostname, port: 1 }, TypeError), show(hostname));
  }
  for (const path of [undefined, null, 1, "", "@", "a\0b"]) refused({ path }, TypeError);
});

test("an abstract name without a name is a TypeError in either spelling: bind(2) would choose one", () => {
  for (const target of ["unix:@", { path: "@" }, "unix:\0", { path: "\0" }]) refused(target, TypeError);
});

test("a hostname that would end a C string, hold two hosts or a half address is a TypeError", () => {
  for (const hostname of ["a\0b", "a b", "a\nb", "a/b", "[::1", "::1]", "1:2", "::g", "[", "[]"]) {
    assertStringIncludes(refused({ hostname, port: 1 }, TypeError), JSON.stringify(hostname));
  }
});

test("a path may be as long as the kernel's structure holds with its NUL, in bytes", () => {
  const longest = UNIX_PATH_MAX - 1;
  // An abstract name's "@" stands for a NUL at the beginning, and there is none at its end.
  for (const path of ["x".repeat(longest), "@" + "x".repeat(longest)]) {
    assertEquals(parseTarget({ path }), { path });
    assertStringIncludes(refused({ path: path + "x" }, RangeError), path + "x");
    refused(`unix:${path}x`, RangeError);
  }
  refused({ path: "ü".repeat(UNIX_PATH_MAX / 2) }, RangeError);
});

test("a literal needs no look-up, a name does", () => {
  for (const literal of ["127.0.0.1", "::1", "fe80::1%lo", "::ffff:1.2.3.4"]) {
    assertStrictEquals(isLiteral(literal), true);
  }
  for (const name of ["localhost", "127.1", "1.2.3.4.5", "0x7f000001"]) {
    assertStrictEquals(isLiteral(name), false, name);
  }
});
