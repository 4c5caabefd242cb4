/**
 * The article's switch: what an errno of connect(2) means for the attempt.
 *
 * @module
 */
import { errnos } from "../ffi/mod.ts";

/**
 * What to do about an errno.
 *
 * - `connecting`: it has begun, or is already done: wait until the socket is writable, then verify.
 * - `retry`: close this socket and try again later with a new one.
 * - `fatal`: trying again won't help: permission, or a mistake of the caller.
 * - `unexpected`: an errno that the article's switch does not list.
 */
export type Verdict = "connecting" | "retry" | "fatal" | "unexpected";

const { EINPROGRESS, EINTR, EISCONN } = errnos;
const { EAGAIN, EADDRINUSE, EADDRNOTAVAIL, ECONNREFUSED, ENETUNREACH } = errnos;
const { EACCES, EPERM, EAFNOSUPPORT, EALREADY, EBADF, EFAULT, ENOTSOCK } = errnos;

/**
 * Sorts what connect(2) returned.
 *
 * @param errno The positive errno; 0 for success.
 * @returns The verdict. An errno read from `SO_ERROR` later is always `retry`, whatever this says of it.
 *
 * @example Usage
 * ```ts
 * import { classify } from "@einprogress/connect";
 * import { constants } from "node:os";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(classify(constants.errno.EINPROGRESS), "connecting");
 * strictEqual(classify(constants.errno.ECONNREFUSED), "retry");
 * strictEqual(classify(constants.errno.EACCES), "fatal");
 * ```
 */
export function classify(errno: number): Verdict {
  switch (errno) {
    case 0:
    case EINPROGRESS:
    case EINTR: // POSIX: interrupted, but it goes on in the background
    case EISCONN:
      return "connecting";

    case EAGAIN: // a Unix listener's backlog is full: nothing has begun
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case ECONNREFUSED:
    case ENETUNREACH:
      return "retry";

    case EACCES:
    case EPERM:
    case EAFNOSUPPORT:
    case EALREADY:
    case EBADF:
    case EFAULT:
    case ENOTSOCK:
      return "fatal";

    default:
      return "unexpected";
  }
}
