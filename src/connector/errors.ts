/**
 * What a failed connect tells: Node's fields, which step said so, and what to look at.
 *
 * @module
 */
import { errnoName } from "../ffi/mod.ts";
import type { Timeline } from "./timeline.ts";
import type { Verdict } from "./verdict.ts";

/** The step that ended a connect. */
export type Source = "resolve" | "socket" | "option" | "bind" | "connect" | "so_error" | "self-connect" | "deadline";

/** What a {@link ConnectError} is made from: its fields, `code` being the errno's name unless given. */
export interface ConnectErrorInit {
  /** See {@link ConnectError.errno}. */
  readonly errno: number;
  /** See {@link ConnectError.code}. */
  readonly code?: string;
  /** See {@link ConnectError.syscall}. */
  readonly syscall: string;
  /** See {@link ConnectError.source}. */
  readonly source: Source;
  /** See {@link ConnectError.verdict}. */
  readonly verdict: Verdict;
  /** See {@link ConnectError.hint}. */
  readonly hint: string;
  /** See {@link ConnectError.timeline}. */
  readonly timeline: Timeline;
  /** See {@link ConnectError.address}. */
  readonly address: string;
  /** See {@link ConnectError.port}. */
  readonly port?: number;
  /** See {@link ConnectError.localAddress}. */
  readonly localAddress?: string;
  /** See {@link ConnectError.localPort}. */
  readonly localPort?: number;
  /** See {@link ConnectError.option}. */
  readonly option?: string;
  /** See {@link ConnectError.errors}. */
  readonly errors?: ConnectError[];
  /** What led to this error, as `Error` has it. */
  readonly cause?: unknown;
}

/**
 * A connect that failed. It carries Node's fields and more.
 *
 * @example Usage
 * ```ts
 * import { connect, ConnectError } from "@einprogress/connect";
 * import { ok, strictEqual } from "node:assert/strict";
 *
 * try {
 *   await connect("127.0.0.1:1");
 * } catch (error) {
 *   ok(error instanceof ConnectError);
 *   strictEqual(error.message, "connect ECONNREFUSED 127.0.0.1:1");
 *   strictEqual(error.source, "so_error");
 *   console.log(error.hint);
 * }
 * ```
 */
export class ConnectError extends Error {
  /** `"ConnectError"`, or a subclass' name. */
  override name = "ConnectError";
  /** The errno's name: `"ECONNREFUSED"`. For a name that was not resolved the resolver's code: `"ENOTFOUND"`. */
  readonly code: string;
  /** The errno, negative: -111. */
  readonly errno: number;
  /** The call that failed: `"connect"`, also when SO_ERROR told it; `"socket"`, `"setsockopt"`, `"bind"`, `"getaddrinfo"`. */
  readonly syscall: string;
  /** The remote address or path; the name when it could not be resolved. */
  readonly address: string;
  /** The remote port; undefined for a Unix socket. */
  declare readonly port?: number;
  /** The local address, where the socket had one. */
  declare readonly localAddress?: string;
  /** The local port, where the socket had one. */
  declare readonly localPort?: number;
  /** The socket option that was refused, in C's name, when `source` is `"option"`. */
  declare readonly option?: string;
  /** What it means for another try: see {@link classify}. */
  readonly verdict: Verdict;
  /** Which step said so. */
  readonly source: Source;
  /** One sentence: what this errno means here, and what to look at. */
  readonly hint: string;
  /** When each step was done, attempt by attempt. */
  readonly timeline: Timeline;
  /** One error per address, in the order tried, when several were; else empty. */
  readonly errors: ConnectError[];

  /** Made by this module; the message is Node's: `connect ECONNREFUSED 127.0.0.1:80`. */
  constructor(init: ConnectErrorInit) {
    const code = init.code ?? errnoName(init.errno);
    const where = init.port === undefined ? init.address : `${init.address}:${init.port}`;
    const what = init.option === undefined ? "" : ` ${init.option}`;
    super(`${init.syscall} ${code}${what} ${where}`, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.errno = init.errno;
    this.syscall = init.syscall;
    this.address = init.address;
    // Node's errors have the fields that mean something, and no others.
    if (init.port !== undefined) this.port = init.port;
    if (init.localAddress !== undefined) this.localAddress = init.localAddress;
    if (init.localPort !== undefined) this.localPort = init.localPort;
    if (init.option !== undefined) this.option = init.option;
    this.verdict = init.verdict;
    this.source = init.source;
    this.hint = init.hint;
    this.timeline = init.timeline;
    this.errors = init.errors ?? [];
  }
}

/**
 * Our own deadline passed. The kernel's ETIMEDOUT is a plain {@link ConnectError}.
 *
 * @example Usage
 * ```ts
 * import { connect, ConnectTimeoutError } from "@einprogress/connect";
 * import { rejects } from "node:assert/strict";
 * import { createServer } from "node:net";
 *
 * // A server that accepts is reached within any sensible deadline; one that is silent would give this error:
 * await rejects(connect("127.0.0.1:1", { timeout: 1000 }), (error) => !(error instanceof ConnectTimeoutError));
 * ```
 */
export class ConnectTimeoutError extends ConnectError {
  /** `"ConnectTimeoutError"`. */
  override name = "ConnectTimeoutError";
  /** The deadline that passed, in ms. */
  readonly timeout: number;

  /** Made by this module. */
  constructor(init: ConnectErrorInit, timeout: number) {
    super(init);
    this.timeout = timeout;
  }
}
