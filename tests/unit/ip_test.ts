/** IP text, with ipaddr.js and node:net as oracles. */
import { isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "@einprogress/connect/ffi";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Random groups seldom hold runs of zeros, which is where the text form has its rules. */
const v6 = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff })), {
  minLength: 8,
  maxLength: 8,
}).map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

const isMapped = (address: Uint8Array) =>
  address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff;

test("IPv4: four bytes to text and back, as ipaddr.js has it", () => {
  fc.assert(fc.property(bytes(4), (address) => {
    const text = formatIPv4(address);
    assertEquals(text, ipaddr.fromByteArray([...address]).toString());
    assertEquals(parseIPv4(text), new Uint8Array(address));
  }));
});

test("IPv6: sixteen bytes to RFC 5952 text and back, as ipaddr.js has it", () => {
  fc.assert(
    fc.property(v6, (address) => {
      const text = formatIPv6(address);
      if (!isMapped(address)) assertEquals(text, new ipaddr.IPv6([...address]).toRFC5952String());
      assertEquals(parseIPv6(text), new Uint8Array(address));
      assertEquals(ipaddr.IPv6.parse(text).toByteArray(), [...address]);
    }),
    { numRuns: 2_000 },
  );
});

const hex = (byte: number) => byte.toString(16).padStart(2, "0");

test("IPv6: every spelling of an address is read as the same bytes", () => {
  fc.assert(fc.property(v6, (address) => {
    const parsed = new ipaddr.IPv6([...address]);
    const full = [0, 2, 4, 6, 8, 10, 12, 14].map((i) => hex(address[i]) + hex(address[i + 1])).join(":");
    const spellings = [parsed.toNormalizedString(), full, parsed.toString()];
    for (const text of spellings.flatMap((one) => [one, one.toUpperCase()])) {
      assertEquals(parseIPv6(text), new Uint8Array(address), text);
    }
    const tail = formatIPv4(address.subarray(12));
    const mixed = parsed.toNormalizedString().split(":").slice(0, 6).join(":") + ":" + tail;
    assertEquals(parseIPv6(mixed), new Uint8Array(address), mixed);
  }));
});

test("an IPv4-mapped address is written in its mixed form", () => {
  fc.assert(fc.property(bytes(4), (tail) => {
    const address = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...tail);
    assertEquals(formatIPv6(address), `::ffff:${formatIPv4(tail)}`);
    assertEquals(parseIPv6(`::ffff:${formatIPv4(tail)}`), address);
  }));
});

/** Text that is nearly an address: pieces of addresses in any order. */
const nearly = fc.array(
  fc.constantFrom(
    "::",
    ":",
    ".",
    "0",
    "1",
    "00",
    "01",
    "12",
    "255",
    "256",
    "ffff",
    "FFFF",
    "10000",
    "g",
    "1.2.3.4",
    "-",
  ),
  { maxLength: 16 },
).map((pieces) => pieces.join(""));
const joined = (separator: string, parts: string[], maxLength: number) =>
  fc.array(fc.constantFrom(...parts), { maxLength }).map((pieces) => pieces.join(separator));

test("what is no IPv4 address is refused: node:net agrees", () => {
  const dotted = joined(".", ["0", "1", "9", "10", "255", "256", "01", "1e1", "", " 1", "0x1", "+1"], 5);
  fc.assert(
    fc.property(fc.oneof(dotted, nearly), (text) => {
      assertStrictEquals(parseIPv4(text) !== null, isIPv4(text), text);
    }),
    { numRuns: 5_000 },
  );
});

test("what is no IPv6 address is refused: node:net agrees", () => {
  const colons = joined(":", ["0", "1", "abcd", "", "", "12345", "1.2.3.4", "1.2.3", "01.2.3.4", "x"], 10);
  fc.assert(
    fc.property(fc.oneof(colons, nearly), (text) => {
      assertStrictEquals(parseIPv6(text) !== null, isIPv6(text), text);
    }),
    { numRuns: 5_000 },
  );
});

test("one group of zeros is never shortened, and of two runs the first is", () => {
  const rewritten = (text: string) => formatIPv6(parseIPv6(text)!);
  assertEquals(rewritten("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
  assertEquals(rewritten("1:0:0:2:0:0:3:4"), "1::2:0:0:3:4");
  assertEquals(rewritten("1:0:0:2:0:0:0:4"), "1:0:0:2::4");
  assertEquals(rewritten("0:0:0:0:0:0:0:0"), "::");
  assertEquals(rewritten("0:0:0:0:0:0:0:1"), "::1");
  assertEquals(rewritten("1:0:0:0:0:0:0:0"), "1::");
});

test("zones, brackets, shorthand and blanks are no part of an address", () => {
  for (const text of ["", " ", "::1%lo", "[::1]", "::1 ", " ::1", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7::8"]) {
    assertStrictEquals(parseIPv6(text), null, text);
  }
  for (const text of ["", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.01", "1.2.3.4 ", "1.2.3.4.", "1.2.3.256"]) {
    assertStrictEquals(parseIPv4(text), null, text);
  }
});
