/**
 * Socket addresses: an {@link Address} on one side, the kernel's `struct sockaddr_*` on the other.
 *
 * @module
 */
import { os } from "./host.ts";
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "./ip.ts";
import { libc } from "./libc.ts";
import { constants, hasSockaddrLength } from "./platform.ts";

/** One end of an IP connection. `hostname` is a literal, with a zone where the address needs one: `fe80::1%eth0`. */
export interface IpAddress {
  /** An IPv4 or IPv6 literal without brackets. */
  readonly hostname: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** One end of a Unix-domain connection. */
export interface UnixAddress {
  /** A path; `@name` for a name in Linux's abstract namespace; empty for a socket that was never bound. */
  readonly path: string;
}

/** One end of a connection. */
export type Address = IpAddress | UnixAddress;

const { AF_INET, AF_INET6, AF_UNIX } = constants;

/** `sizeof sun_path`: 108 on Linux, 104 on the BSDs. unix(7) wants room for a NUL, so a path has one byte less. */
export const UNIX_PATH_MAX: number = os === "linux" ? 108 : 104;

/** Where the parts of the structures lie; the same on every system but for what `head` writes. */
const PORT = 2, IN_ADDR = 4, IN6_ADDR = 8, IN6_SCOPE = 24, SUN_PATH = 2;

/** A zeroed structure that begins as the system wants it: a 16-bit family, or 4.4BSD's length and family bytes. */
function head(family: number, length: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(length));
  if (hasSockaddrLength) {
    view.setUint8(0, length);
    view.setUint8(1, family);
  } else {
    view.setUint16(0, family, true);
  }
  return view;
}

/**
 * The address family (`AF_INET`, `AF_INET6`, `AF_UNIX`) of an encoded address.
 *
 * @example Usage
 * ```ts
 * import { constants, encodeSockaddr, familyOf } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(familyOf(encodeSockaddr({ hostname: "::1", port: 80 })), constants.AF_INET6);
 * ```
 */
export function familyOf(sockaddr: Uint8Array): number {
  return hasSockaddrLength ? sockaddr[1] : sockaddr[0] | sockaddr[1] << 8;
}

/**
 * Encodes an address as the `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un` of this system.
 *
 * A zone (`fe80::1%eth0`, `fe80::1%2`) becomes the scope id; a zone's name is looked up by if_nametoindex(3).
 *
 * @throws {TypeError} `hostname` is no IP literal, its zone no interface, or a path holds a NUL byte.
 * @throws {RangeError} The port is not within 0 to 65535, or the path does not fit `sun_path`.
 *
 * @example Usage
 * ```ts
 * import { decodeSockaddr, encodeSockaddr } from "@einprogress/connect/ffi";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const address = { hostname: "192.0.2.1", port: 80 };
 * deepStrictEqual(decodeSockaddr(encodeSockaddr(address)), address);
 * ```
 */
export function encodeSockaddr(address: Address): Uint8Array<ArrayBuffer> {
  if ("path" in address) return encodeUnix(address.path);
  const { hostname, port } = address;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`Cannot encode port ${port}: expected an integer from 0 to 65535`);
  }
  const v4 = parseIPv4(hostname);
  if (v4 !== null) {
    const view = head(AF_INET, 16);
    view.setUint16(PORT, port);
    const bytes = new Uint8Array(view.buffer);
    bytes.set(v4, IN_ADDR);
    return bytes;
  }
  const [literal, zone] = splitZone(hostname);
  const v6 = parseIPv6(literal);
  if (v6 === null || zone === "") {
    throw new TypeError(`Cannot encode address "${hostname}": expected an IPv4 or IPv6 literal`);
  }
  const view = head(AF_INET6, 28);
  view.setUint16(PORT, port);
  view.setUint32(IN6_SCOPE, zone === undefined ? 0 : scopeOf(hostname, zone), true);
  const bytes = new Uint8Array(view.buffer);
  bytes.set(v6, IN6_ADDR);
  return bytes;
}

/** RFC 4007: `address%zone`. */
function splitZone(hostname: string): [literal: string, zone: string | undefined] {
  const at = hostname.indexOf("%");
  return at < 0 ? [hostname, undefined] : [hostname.slice(0, at), hostname.slice(at + 1)];
}

function scopeOf(hostname: string, zone: string): number {
  if (/^\d{1,10}$/.test(zone)) return Number(zone) >>> 0;
  const index = libc.if_nametoindex(zone);
  if (index < 0) throw new TypeError(`Cannot encode address "${hostname}": there is no interface "${zone}"`);
  return index;
}

function encodeUnix(path: string): Uint8Array<ArrayBuffer> {
  const abstract = path.startsWith("@") || path.startsWith("\0");
  const name = new TextEncoder().encode(abstract ? path.slice(1) : path);
  if (!abstract && name.includes(0)) {
    throw new TypeError(`Cannot encode path ${JSON.stringify(path)}: expected no NUL byte`);
  }
  if (name.length >= UNIX_PATH_MAX) {
    const limit = UNIX_PATH_MAX - 1;
    throw new RangeError(`Cannot encode path "${path}": expected at most ${limit} bytes, got ${name.length}`);
  }
  // A path is closed by a NUL. An abstract name is opened by one and ends where the address' length says (unix(7)).
  const bytes = new Uint8Array(head(AF_UNIX, SUN_PATH + name.length + 1).buffer);
  bytes.set(name, abstract ? SUN_PATH + 1 : SUN_PATH);
  return bytes;
}

/**
 * Changes the port of an encoded IP address in place.
 *
 * @example Usage
 * ```ts
 * import { decodeSockaddr, encodeSockaddr, setPort } from "@einprogress/connect/ffi";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const address = encodeSockaddr({ hostname: "127.0.0.1", port: 80 });
 * setPort(address, 443);
 * deepStrictEqual(decodeSockaddr(address), { hostname: "127.0.0.1", port: 443 });
 * ```
 */
export function setPort(sockaddr: Uint8Array, port: number): void {
  sockaddr[PORT] = port >> 8;
  sockaddr[PORT + 1] = port;
}

/**
 * Decodes what getsockname(2), getpeername(2) or accept(2) wrote.
 *
 * @param sockaddr The bytes.
 * @param length How many of them the kernel filled; all by default.
 * @throws {TypeError} The family is none of `AF_INET`, `AF_INET6`, `AF_UNIX`.
 *
 * @example Usage
 * ```ts
 * import { decodeSockaddr, encodeSockaddr } from "@einprogress/connect/ffi";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * deepStrictEqual(decodeSockaddr(encodeSockaddr({ path: "@name" })), { path: "@name" });
 * ```
 */
export function decodeSockaddr(sockaddr: Uint8Array, length: number = sockaddr.length): Address {
  const view = new DataView(sockaddr.buffer, sockaddr.byteOffset, length);
  switch (familyOf(sockaddr)) {
    case AF_INET:
      return { hostname: formatIPv4(sockaddr.subarray(IN_ADDR, IN_ADDR + 4)), port: view.getUint16(PORT) };
    case AF_INET6: {
      const scope = view.getUint32(IN6_SCOPE, true);
      const zone = scope === 0 ? "" : `%${libc.if_indextoname(scope) ?? scope}`;
      return { hostname: formatIPv6(sockaddr.subarray(IN6_ADDR, IN6_ADDR + 16)) + zone, port: view.getUint16(PORT) };
    }
    case AF_UNIX:
      return { path: decodePath(sockaddr.subarray(SUN_PATH, length)) };
    default:
      throw new TypeError(`Cannot decode an address of family ${familyOf(sockaddr)}`);
  }
}

function decodePath(path: Uint8Array): string {
  if (path.length === 0) return "";
  if (path[0] === 0) return path.length > 1 ? "@" + new TextDecoder().decode(path.subarray(1)) : "";
  const end = path.indexOf(0);
  return new TextDecoder().decode(end < 0 ? path : path.subarray(0, end));
}

/**
 * Whether two encoded IP addresses name the same end: address, port and scope. `sin6_flowinfo` is no part of that.
 *
 * @example Usage
 * ```ts
 * import { encodeSockaddr, sameEnd } from "@einprogress/connect/ffi";
 * import { ok } from "node:assert/strict";
 *
 * const end = { hostname: "::1", port: 80 };
 * ok(sameEnd(encodeSockaddr(end), encodeSockaddr(end)));
 * ```
 */
export function sameEnd(a: Uint8Array, b: Uint8Array): boolean {
  const family = familyOf(a);
  if (family !== familyOf(b)) return false;
  if (family === AF_INET) return sameBytes(a, b, PORT, IN_ADDR + 4);
  return family === AF_INET6 && sameBytes(a, b, PORT, PORT + 2) && sameBytes(a, b, IN6_ADDR, IN6_SCOPE + 4);
}

function sameBytes(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}
