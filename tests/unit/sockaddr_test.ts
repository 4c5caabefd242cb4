/** Socket addresses: the structures byte for byte, and the kernel's own opinion. */
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { assert, assertEquals, assertFalse, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Address,
  constants,
  decodeSockaddr,
  encodeSockaddr,
  familyOf,
  libc,
  sameEnd,
  UNIX_PATH_MAX,
} from "@einprogress/connect/ffi";
import { must } from "../support.ts";

const { AF_INET, AF_INET6, AF_UNIX, SOCK_STREAM } = constants;
const linux = UNIX_PATH_MAX === 108;

const port = fc.integer({ min: 0, max: 65535 });
const v4 = fc.ipV4().map((text) => ipaddr.parse(text).toByteArray());
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const name = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 107 }).filter((text) =>
  !text.startsWith("@") && !text.includes("\0")
);

test(
  "IPv4: the structure's bytes are family, port and address in network order, and eight zeros",
  { skip: !linux },
  () => {
    fc.assert(fc.property(v4, port, (address, port) => {
      const expected = [AF_INET, 0, port >> 8, port & 0xff, ...address, 0, 0, 0, 0, 0, 0, 0, 0];
      assertEquals([...encodeSockaddr({ hostname: address.join("."), port })], expected);
    }));
  },
);

test("IPv6: the structure's bytes are family, port, flow, address and scope", { skip: !linux }, () => {
  fc.assert(fc.property(v6, port, fc.integer({ min: 0, max: 0x7fffffff }), (address, port, scope) => {
    const view = new DataView(new ArrayBuffer(28));
    view.setUint16(0, AF_INET6, true);
    view.setUint16(2, port);
    address.forEach((byte, i) => view.setUint8(8 + i, byte));
    view.setUint32(24, scope, true);
    const hostname = new ipaddr.IPv6([...address]).toString() + (scope === 0 ? "" : `%${scope}`);
    assertEquals(encodeSockaddr({ hostname, port }), new Uint8Array(view.buffer));
  }));
});

test("IP: encoded and decoded, an address is itself", () => {
  fc.assert(fc.property(fc.oneof(v4, v6.map((bytes) => [...bytes])), port, (bytes, port) => {
    const decoded = decodeSockaddr(encodeSockaddr({ hostname: ipaddr.fromByteArray(bytes).toString(), port }));
    assert("hostname" in decoded);
    assertEquals(decoded.port, port);
    assertEquals(ipaddr.parse(decoded.hostname).toByteArray(), bytes);
  }));
});

test("Unix: encoded and decoded, a path or an abstract name is itself", () => {
  fc.assert(fc.property(name, fc.boolean(), (name, abstract) => {
    const address = { path: abstract ? `@${name}` : name };
    const encoded = encodeSockaddr(address);
    assertEquals(familyOf(encoded), AF_UNIX);
    assertEquals(encoded.length, 2 + 1 + name.length, "the length counts the NUL, before or after");
    assertEquals(encoded[2] === 0, abstract);
    assertEquals(decodeSockaddr(encoded), address);
  }));
});

test("the kernel reads the address that was meant and answers with the same", () => {
  const bind = (address: Address): Address => {
    const fd = must(
      libc.socket("path" in address ? AF_UNIX : address.hostname.includes(":") ? AF_INET6 : AF_INET, SOCK_STREAM, 0),
    );
    try {
      must(libc.bind(fd, encodeSockaddr(address)));
      const name = new Uint8Array(128);
      return decodeSockaddr(name, must(libc.getsockname(fd, name)));
    } finally {
      libc.close(fd);
    }
  };
  for (const hostname of ["127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"]) {
    const seen = bind({ hostname, port: 0 });
    assert("hostname" in seen);
    assertEquals(seen.hostname, hostname);
    assert(seen.port > 0);
  }
  if (!linux) return;
  const path = `@einprogress-test-${Math.random()}-ü`;
  assertEquals(bind({ path }), { path });
  const longest = "@" + "x".repeat(107 - 17) + String(Math.random()).padEnd(17, "0").slice(0, 17);
  assertEquals(bind({ path: longest }), { path: longest });
});

test("a path of 107 bytes fits, one of 108 doesn't, and bytes are counted, not characters", () => {
  const longest = "/" + "x".repeat(UNIX_PATH_MAX - 2);
  assertEquals(decodeSockaddr(encodeSockaddr({ path: longest })), { path: longest });
  const error = assertThrows(() => encodeSockaddr({ path: longest + "x" }), RangeError);
  assertStringIncludes(error.message, longest + "x");
  assertThrows(() => encodeSockaddr({ path: "ü".repeat(UNIX_PATH_MAX / 2) }), RangeError);
  assertThrows(() => encodeSockaddr({ path: "@" + "x".repeat(UNIX_PATH_MAX) }), RangeError);
});

test("a socket that was never bound has an empty path", () => {
  assertEquals(decodeSockaddr(Uint8Array.of(AF_UNIX, 0)), { path: "" });
});

test("a path ends at its NUL, or where the address ends", () => {
  const bytes = Uint8Array.of(AF_UNIX, 0, 0x61, 0x62, 0, 0x63);
  if (!linux) return;
  assertEquals(decodeSockaddr(bytes), { path: "ab" });
  assertEquals(decodeSockaddr(bytes, 4), { path: "ab" });
  assertEquals(decodeSockaddr(bytes, 3), { path: "a" });
});

test("a zone is an interface's name or number, and is told by its name", () => {
  const lo = linux ? "lo" : "lo0";
  const index = libc.if_nametoindex(lo);
  assert(index > 0);
  const byName = encodeSockaddr({ hostname: `fe80::1%${lo}`, port: 1 });
  assertEquals(byName, encodeSockaddr({ hostname: `fe80::1%${index}`, port: 1 }));
  assertEquals(decodeSockaddr(byName), { hostname: `fe80::1%${lo}`, port: 1 });
  const nobody = { hostname: "fe80::1%123456", port: 1 };
  assertEquals(decodeSockaddr(encodeSockaddr(nobody)), nobody);
});

test("what is no address is refused by name", () => {
  const refused: [Address, typeof TypeError | typeof RangeError, string][] = [
    [{ hostname: "example.com", port: 1 }, TypeError, `"example.com"`],
    [{ hostname: "fe80::1%nosuchif", port: 1 }, TypeError, `"nosuchif"`],
    [{ hostname: "fe80::1%", port: 1 }, TypeError, `"fe80::1%"`],
    [{ hostname: "127.0.0.1%lo", port: 1 }, TypeError, `"127.0.0.1%lo"`],
    [{ hostname: "127.0.0.1", port: 65536 }, RangeError, "65536"],
    [{ hostname: "127.0.0.1", port: -1 }, RangeError, "-1"],
    [{ hostname: "127.0.0.1", port: 1.5 }, RangeError, "1.5"],
    [{ path: "a\0b" }, TypeError, "a\\u0000b"],
  ];
  for (const [address, kind, named] of refused) {
    assertStringIncludes(assertThrows(() => encodeSockaddr(address), kind as typeof Error).message, named);
  }
  assertThrows(() => decodeSockaddr(new Uint8Array(16)), TypeError, "family 0");
});

test("two ends are the same if family, address, port and scope are", () => {
  const ends: Address[] = [
    { hostname: "127.0.0.1", port: 1 },
    { hostname: "127.0.0.1", port: 2 },
    { hostname: "127.0.0.2", port: 1 },
    { hostname: "::1", port: 1 },
    { hostname: "::1", port: 2 },
    { hostname: "::ffff:127.0.0.1", port: 1 },
    { hostname: "fe80::1%1", port: 1 },
    { hostname: "fe80::1%2", port: 1 },
  ];
  for (const [i, a] of ends.entries()) {
    for (const [j, b] of ends.entries()) {
      assertEquals(sameEnd(encodeSockaddr(a), encodeSockaddr(b)), i === j, `${JSON.stringify(a)} ${JSON.stringify(b)}`);
    }
  }
});

test("the flow label and what lies behind the structure don't matter to sameness", () => {
  const a = encodeSockaddr({ hostname: "fe80::1%1", port: 80 });
  const b = new Uint8Array(128).fill(7);
  b.set(a);
  b[5] = 9; // sin6_flowinfo
  assert(sameEnd(a, b));
  assertFalse(sameEnd(encodeSockaddr({ path: "@a" }), encodeSockaddr({ path: "@a" })), "a Unix socket is never itself");
});
