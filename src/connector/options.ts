/**
 * The options of a connect: checked before any syscall, turned into setsockopt(2) calls that are made before the SYN.
 *
 * @module
 */
import { constants, encodeSockaddr, familyOf, type Libc } from "../ffi/mod.ts";
import { checkPort, isLiteral, show, type Target } from "./target.ts";

/** How to connect. Everything is optional; what is left out is the kernel's default. */
export interface ConnectOptions {
  /** Milliseconds for the whole call, names included; more than 0. Without it the kernel's own limit rules: 134 s on a default Linux. */
  timeout?: number;
  /** Aborts the call, which rejects with `signal.reason`. A look-up under way can't be taken back from the resolver: it may keep the process alive a little longer. */
  signal?: AbortSignal;
  /** Only addresses of this family. Both by default. */
  family?: 4 | 6;
  /** The local IP address to connect from. With it alone the port is chosen at connect (IP_BIND_ADDRESS_NO_PORT, ip(7)), so that the same one can serve many peers. */
  localAddress?: string;
  /** The local port to connect from, 0 to 65535; 0 lets the kernel choose. */
  localPort?: number;
  /** TCP_NODELAY, tcp(7): send small segments at once. */
  noDelay?: boolean;
  /** SO_KEEPALIVE, socket(7), and if given, in whole seconds or probes (1 and up): TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, tcp(7). */
  keepAlive?: boolean | KeepAlive;
  /** SO_LINGER, socket(7): seconds (0 to 32767) that close waits for unsent data; 0 makes close send a RST; false turns it off. */
  linger?: number | false;
  /** Runs between socket(2) and connect(2) with the new descriptor, to set what no option covers. It must not close it. A throw aborts: the socket is closed and the call rejects with what was thrown. */
  control?: (fd: number) => void;
}

/** When an idle connection is probed. What is left out is the system's default. */
export interface KeepAlive {
  /** Seconds of silence before the first probe, 1 to 32767. */
  idle?: number;
  /** Seconds between probes, 1 to 32767. */
  interval?: number;
  /** Probes without an answer before the connection is dropped, 1 to 127. */
  count?: number;
}

/** One setsockopt(2): where, and what. `name` is C's, for the error. */
interface SocketOption {
  readonly name: string;
  readonly level: number;
  readonly option: number;
  readonly value: Int32Array;
}

/** Options as an attempt uses them. */
export interface Prepared {
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly family: 0 | 4 | 6;
  readonly sockopts: readonly SocketOption[];
  /** What to bind to, if anything: encoded, for either family's sockets. */
  readonly local?: { readonly ipv4: Uint8Array; readonly ipv6: Uint8Array; readonly port: number };
  readonly control?: (fd: number) => void;
  /** An option that was given and means nothing to a Unix socket. */
  readonly tcpOnly?: string;
}

const { SOL_SOCKET, IPPROTO_TCP, SO_KEEPALIVE, SO_LINGER, SO_LINGER_SEC } = constants;
const { TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPALIVE, TCP_KEEPINTVL, TCP_KEEPCNT } = constants;

const NOTHING: Prepared = { family: 0, sockopts: [] };

/**
 * Checks the options and prepares the calls.
 *
 * @throws {TypeError} A value of the wrong type.
 * @throws {RangeError} A number outside its range.
 */
export function prepareOptions(options?: ConnectOptions): Prepared {
  if (options === undefined) return NOTHING;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot use options ${show(options)}: expected an object`);
  }
  const { timeout, signal, family, control } = options;
  if (timeout !== undefined) {
    checkNumber("timeout", timeout, Number.MIN_VALUE, Number.MAX_VALUE, "a positive number of ms");
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot use signal ${show(signal)}: expected an AbortSignal`);
  }
  if (family !== undefined && family !== 4 && family !== 6) {
    throw new RangeError(`Cannot use family ${show(family)}: expected 4 or 6`);
  }
  if (control !== undefined && typeof control !== "function") {
    throw new TypeError(`Cannot use control ${show(control)}: expected a function`);
  }
  return {
    timeout,
    signal,
    family: family ?? 0,
    sockopts: socketOptions(options),
    local: localEnd(options),
    control,
    tcpOnly: TCP_ONLY.find((name) => options[name] !== undefined),
  };
}

const TCP_ONLY = ["family", "localAddress", "localPort", "noDelay", "keepAlive"] as const;

/**
 * Refused, not ignored: a caller who names a source address or a family must not believe that it was used.
 *
 * @throws {TypeError} An option of TCP for a Unix socket, or a family that the address is not of.
 */
export function refuseMismatch(target: Target, { tcpOnly, family }: Prepared): void {
  if ("path" in target) {
    if (tcpOnly !== undefined) throw new TypeError(`Cannot use ${tcpOnly} with a Unix socket: it belongs to TCP`);
  } else if (family !== 0 && isLiteral(target.hostname) && family !== (target.hostname.includes(":") ? 6 : 4)) {
    throw new TypeError(`Cannot use family ${family} with the address "${target.hostname}": it is of the other family`);
  }
}

/** A number within a range, or an error that names it. */
export function checkNumber(name: string, value: unknown, from: number, to: number, expected: string): number {
  if (typeof value !== "number") throw new TypeError(`Cannot use ${name} ${show(value)}: expected ${expected}`);
  if (!(value >= from && value <= to)) throw new RangeError(`Cannot use ${name} ${value}: expected ${expected}`);
  return value;
}

/** An integer within a range, or an error that names it. */
export function checkInteger(name: string, value: unknown, from: number, to: number): number {
  const expected = `an integer from ${from} to ${to}`;
  checkNumber(name, value, from, to, expected);
  if (!Number.isInteger(value)) throw new RangeError(`Cannot use ${name} ${value}: expected ${expected}`);
  return value as number;
}

function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError(`Cannot use ${name} ${show(value)}: expected true or false`);
  return value;
}

function localEnd({ localAddress, localPort }: ConnectOptions): Prepared["local"] {
  if (localAddress === undefined && localPort === undefined) return undefined;
  if (localAddress !== undefined && (typeof localAddress !== "string" || !isLiteral(localAddress))) {
    throw new TypeError(`Cannot use localAddress ${show(localAddress)}: expected an IP address`);
  }
  const port = localPort === undefined ? 0 : checkPort("localPort", localPort, 0);
  // Only a port: each family's own wildcard address.
  const encoded = (wildcard: string) => encodeSockaddr({ hostname: localAddress ?? wildcard, port });
  return { ipv4: encoded("0.0.0.0"), ipv6: encoded("::"), port };
}

function socketOptions({ noDelay, keepAlive, linger }: ConnectOptions): SocketOption[] {
  const list: SocketOption[] = [];
  const set = (name: string, level: number, option: number | undefined, ...words: number[]) => {
    if (option === undefined) throw new TypeError(`Cannot set ${name}: this system does not have it`);
    list.push({ name, level, option, value: Int32Array.from(words) });
  };
  if (noDelay !== undefined) set("TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, Number(checkBoolean("noDelay", noDelay)));
  if (typeof keepAlive === "object" && keepAlive !== null) {
    const { idle, interval, count } = keepAlive;
    set("SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1);
    // macOS calls the idle time TCP_KEEPALIVE.
    if (idle !== undefined) {
      set("TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE ?? TCP_KEEPALIVE, checkInteger("keepAlive.idle", idle, 1, 32767));
    }
    if (interval !== undefined) {
      set("TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, checkInteger("keepAlive.interval", interval, 1, 32767));
    }
    if (count !== undefined) {
      set("TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, checkInteger("keepAlive.count", count, 1, 127));
    }
  } else if (keepAlive !== undefined) {
    set("SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, Number(checkBoolean("keepAlive", keepAlive)));
  }
  if (linger !== undefined) {
    // macOS counts SO_LINGER in clock ticks; SO_LINGER_SEC is in seconds everywhere it exists.
    const seconds = linger === false ? 0 : checkInteger("linger", linger, 0, 32767);
    set("SO_LINGER", SOL_SOCKET, SO_LINGER_SEC ?? SO_LINGER, linger === false ? 0 : 1, seconds);
  }
  return list;
}

/** What refused, when setting up a socket failed. */
export interface Refusal {
  readonly source: "option" | "bind";
  readonly syscall: "setsockopt" | "bind";
  /** Negative. */
  readonly errno: number;
  /** The option's name in C. */
  readonly option?: string;
  /** The local end that bind(2) refused. */
  readonly local?: Uint8Array;
}

/** Makes the setsockopt(2) calls. Null when all were taken. */
export function applySockopts(libc: Libc, fd: number, { sockopts }: Prepared): Refusal | null {
  for (const { name, level, option, value } of sockopts) {
    const errno = libc.setsockopt(fd, level, option, value);
    if (errno < 0) return { source: "option", syscall: "setsockopt", errno, option: name };
  }
  return null;
}

const ON = Int32Array.of(1);
const { IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT } = constants;

/** Binds to the local end that was asked for. Null when it is bound, or nothing was asked. */
export function bindLocal(libc: Libc, fd: number, { local }: Prepared, remote: Uint8Array): Refusal | null {
  if (local === undefined) return null;
  // Without this, bind(2) with port 0 takes a port at once, for itself alone: a machine runs out after 28,232 of them.
  if (local.port === 0 && IP_BIND_ADDRESS_NO_PORT !== undefined) {
    const errno = libc.setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, ON);
    if (errno < 0) return { source: "option", syscall: "setsockopt", errno, option: "IP_BIND_ADDRESS_NO_PORT" };
  }
  const end = familyOf(remote) === constants.AF_INET6 ? local.ipv6 : local.ipv4;
  const errno = libc.bind(fd, end);
  return errno < 0 ? { source: "bind", syscall: "bind", errno, local: end } : null;
}
