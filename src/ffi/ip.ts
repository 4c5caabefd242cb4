/**
 * IP addresses as text and as bytes: strict in what is read, RFC 5952 in what is written.
 *
 * @module
 */

/**
 * The four bytes of a dotted-decimal IPv4 address, or null if `text` is none. Strict, as inet_pton(3) is: four
 * decimal numbers, no leading zeros, no shorthand.
 *
 * @example Usage
 * ```ts
 * import { parseIPv4 } from "@einprogress/connect/ffi";
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 *
 * deepStrictEqual(parseIPv4("127.0.0.1"), Uint8Array.of(127, 0, 0, 1));
 * strictEqual(parseIPv4("127.1"), null);
 * ```
 */
export function parseIPv4(text: string): Uint8Array<ArrayBuffer> | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    if (!/^(0|[1-9]\d{0,2})$/.test(parts[i]) || Number(parts[i]) > 255) return null;
    bytes[i] = Number(parts[i]);
  }
  return bytes;
}

/**
 * The sixteen bytes of an IPv6 address (RFC 4291 text, no zone, no brackets), or null if `text` is none.
 *
 * @example Usage
 * ```ts
 * import { parseIPv6 } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(parseIPv6("::1")?.[15], 1);
 * strictEqual(parseIPv6("::ffff:192.0.2.1")?.[12], 192);
 * strictEqual(parseIPv6("1::2::3"), null);
 * ```
 */
export function parseIPv6(text: string): Uint8Array<ArrayBuffer> | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = words(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? words(halves[1], true) : [];
  if (head === null || tail === null) return null;
  const gap = 8 - head.length - tail.length;
  // "::" stands for at least one group of zeros.
  if (halves.length === 2 ? gap < 1 : gap !== 0) return null;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  head.forEach((word, i) => view.setUint16(2 * i, word));
  tail.forEach((word, i) => view.setUint16(2 * (head.length + gap + i), word));
  return bytes;
}

/** The 16-bit groups of one side of "::"; the last may be an IPv4 address if `mayEndInIPv4`. */
function words(text: string, mayEndInIPv4: boolean): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const result: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      result.push(parseInt(part, 16));
    } else {
      const v4 = mayEndInIPv4 && i === parts.length - 1 ? parseIPv4(part) : null;
      if (v4 === null) return null;
      result.push(v4[0] << 8 | v4[1], v4[2] << 8 | v4[3]);
    }
  }
  return result.length <= 8 ? result : null;
}

/**
 * Four bytes as dotted decimal.
 *
 * @example Usage
 * ```ts
 * import { formatIPv4 } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(formatIPv4(Uint8Array.of(192, 0, 2, 1)), "192.0.2.1");
 * ```
 */
export function formatIPv4(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

/**
 * Sixteen bytes as RFC 5952 text: lower case, no leading zeros, the longest run of zero groups (the first of equals,
 * never a single group) as `::`, an IPv4-mapped address in its mixed form.
 *
 * @example Usage
 * ```ts
 * import { formatIPv6, parseIPv6 } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(formatIPv6(parseIPv6("2001:DB8:0:0:1:0:0:1")!), "2001:db8::1:0:0:1");
 * ```
 */
export function formatIPv6(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIPv4(bytes.subarray(12, 16))}`;
  }
  let start = 0;
  let longest = 0;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > longest) [start, longest] = [i, end - i];
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (longest < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + longest))}`;
}
