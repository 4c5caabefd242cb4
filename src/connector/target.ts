/**
 * What to connect to: reading it from a string, and refusing what can't be meant.
 *
 * @module
 */
import { type Address, encodeSockaddr, parseIPv4, parseIPv6, setPort, UNIX_PATH_MAX } from "../ffi/mod.ts";

/** A TCP or Unix-domain endpoint. `hostname` is a name, or an IP literal with or without brackets. */
export type Target = { hostname: string; port: number } | { path: string };

const EXPECTED = 'expected "host:port", "1.2.3.4:80", "[::1]:80" or "unix:/path"';

/**
 * Reads and checks a target.
 *
 * @throws {TypeError} It is neither such a string nor such an object.
 * @throws {RangeError} The port is not within 1 to 65535, or the path is longer than a socket address holds.
 */
export function parseTarget(target: Target | string): Target {
  if (typeof target === "string") return parseString(target);
  if (typeof target === "object" && target !== null) {
    const { path, hostname } = target as { path?: string; hostname?: string };
    if (path !== undefined && hostname !== undefined) {
      throw new TypeError(`Cannot read target ${show(target)}: expected a hostname or a path, not both`);
    }
    if (path !== undefined) return checkPath(path);
    if ("hostname" in target) return checkEndpoint(target.hostname, target.port);
  }
  throw new TypeError(`Cannot read target ${show(target)}: ${EXPECTED}, or an object { hostname, port } or { path }`);
}

function parseString(text: string): Target {
  if (text.startsWith("unix:")) return checkPath(text.slice("unix:".length));
  const match = /^(?:\[([^\[\]]+)\]|([^\[\]:]+)):([^:]*)$/.exec(text);
  if (match === null) throw new TypeError(`Cannot read target ${show(text)}: ${EXPECTED}`);
  const [, bracketed, plain, port] = match;
  if (bracketed !== undefined && !isIPv6(bracketed)) {
    throw new TypeError(`Cannot read target ${show(text)}: expected an IPv6 address between the brackets`);
  }
  if (!/^\d+$/.test(port)) {
    throw new TypeError(`Cannot read target ${show(text)}: expected a port number after the colon`);
  }
  return checkEndpoint(bracketed ?? plain, Number(port));
}

function checkEndpoint(hostname: unknown, port: unknown): Target {
  if (last !== null && hostname === last.hostname) return { hostname, port: checkPort("port", port, 1) };
  if (typeof hostname !== "string") throw new TypeError(`Cannot use hostname ${show(hostname)}: expected a string`);
  const bare = hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
  // Not the grammar of DNS: a resolver may know other names. But nothing that would end a C string or hold two hosts.
  if (bare === "" || /[\s\0\/\[\]]/.test(bare) || (bare.includes(":") && !isIPv6(bare))) {
    throw new TypeError(`Cannot use hostname ${show(hostname)}: expected a name or an IP address`);
  }
  return { hostname: bare, port: checkPort("port", port, 1) };
}

/** `from` is 1 for a remote port and 0 for a local one, where 0 lets the kernel choose. */
export function checkPort(what: string, port: unknown, from: 0 | 1): number {
  if (typeof port !== "number") throw new TypeError(`Cannot use ${what} ${show(port)}: expected a number`);
  if (!Number.isInteger(port) || port < from || port > 65535) {
    throw new RangeError(`Cannot use ${what} ${port}: expected an integer from ${from} to 65535`);
  }
  return port;
}

function checkPath(path: unknown): Target {
  if (typeof path !== "string") throw new TypeError(`Cannot use path ${show(path)}: expected a string`);
  if (path === "" || path === "@" || path === "\0") {
    throw new TypeError(`Cannot use path ${show(path)}: expected a name`);
  }
  // A path takes a NUL at its end, an abstract name one at its beginning, where "@" stands here.
  const limit = /^[@\0]/.test(path) ? UNIX_PATH_MAX : UNIX_PATH_MAX - 1;
  if (new TextEncoder().encode(path).length > limit) {
    throw new RangeError(`Cannot use path ${show(path)}: expected at most ${limit} bytes`);
  }
  const normal = path.startsWith("\0") ? "@" + path.slice(1) : path;
  if (!normal.startsWith("@") && normal.includes("\0")) {
    throw new TypeError(`Cannot use path ${show(path)}: expected no NUL byte`);
  }
  return { path: normal };
}

function isIPv6(text: string): boolean {
  return parseIPv6(text.split("%", 1)[0]) !== null;
}

/** Whether this hostname is an IP address, so that there is nothing to look up. */
export function isLiteral(hostname: string): boolean {
  if (last !== null && last.hostname === hostname) return true;
  return parseIPv4(hostname) !== null || isIPv6(hostname);
}

/** The literal that was encoded last: many targets in a row often differ in the port alone. */
let last: { hostname: string; sockaddr: Uint8Array } | null = null;

/**
 * The kernel's form of an end. The memory is good until the next call: connect(2) reads it at once, and ten thousand
 * pending dials need not keep a copy each.
 */
export function encodeEnd(end: Address): Uint8Array {
  if ("path" in end) return encodeSockaddr(end);
  const { hostname, port } = end;
  if (last !== null && last.hostname === hostname) {
    setPort(last.sockaddr, port);
    return last.sockaddr;
  }
  const sockaddr = encodeSockaddr(end);
  // A zone names an interface, and interfaces come and go.
  if (!hostname.includes("%")) last = { hostname, sockaddr };
  return sockaddr;
}

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value);
    } catch {
      return Object.prototype.toString.call(value); // a cycle, or a bigint inside
    }
  }
  return String(value);
}
