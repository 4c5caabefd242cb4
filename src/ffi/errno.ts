/**
 * Error numbers, their names and their meanings, on the system that this runs on.
 *
 * @module
 */
import { meanings } from "./meanings.ts";
import { errnos } from "./platform.ts";

/** A number may have two names (EAGAIN, EWOULDBLOCK). The tables have the usual one first: reversed, it is set last. */
const names: ReadonlyMap<number, string> = new Map(
  Object.entries(errnos).reverse().map(([name, errno]) => [errno, name]),
);

/**
 * The C name of an error number, or `"UNKNOWN"` where this system has none for it.
 *
 * Where a number has two names, it is the usual one: `EAGAIN` rather than `EWOULDBLOCK`, and `EOPNOTSUPP` rather than
 * `ENOTSUP`.
 *
 * @param errno The number as in C (`111`), or negative as Node and the calls of this library give it (`-111`).
 *
 * @example Usage
 * ```ts
 * import { errnoName } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(errnoName(32), "EPIPE");
 * strictEqual(errnoName(-32), "EPIPE");
 * strictEqual(errnoName(9999), "UNKNOWN");
 * ```
 */
export function errnoName(errno: number): string {
  return names.get(Math.abs(errno)) ?? "UNKNOWN";
}

/**
 * The number that an error name has on this system, positive as in C, or `undefined` where the system lacks the name.
 *
 * The same name often has another number elsewhere: `ECONNREFUSED` is 111 on Linux and 61 on macOS and FreeBSD.
 *
 * @param name The C name, in capitals.
 *
 * @example Usage
 * ```ts
 * import { errnoName, errnoNumber } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(errnoNumber("EPIPE"), 32);
 * strictEqual(errnoName(errnoNumber("ECONNREFUSED")!), "ECONNREFUSED");
 * strictEqual(errnoNumber("ENOSUCHNAME"), undefined);
 * ```
 */
export function errnoNumber(name: string): number | undefined {
  // hasOwn, because every object answers to "constructor".
  return Object.hasOwn(errnos, name) ? errnos[name] : undefined;
}

/**
 * What an error number means, in one line that fits behind a colon; `"unknown error"` where this system has none for it.
 *
 * The words are this library's and the same on every system. For the errors that a socket can meet they say what
 * happened to the socket.
 *
 * @param errno The number as in C (`111`), or negative as Node and the calls of this library give it (`-111`).
 *
 * @example Usage
 * ```ts
 * import { errnoMeaning, errnoNumber } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * const errno = errnoNumber("ECONNREFUSED")!;
 * strictEqual(errnoMeaning(errno), "the peer answered with a reset: nothing listens on that port");
 * strictEqual(errnoMeaning(9999), "unknown error");
 * ```
 */
export function errnoMeaning(errno: number): string {
  return meanings[errnoName(errno)] ?? "unknown error";
}
