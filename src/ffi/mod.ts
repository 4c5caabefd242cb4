/**
 * The libc floor: the socket calls of libc, one function each, with errno tables, constants and socket addresses.
 * Write your own socket tools on it; `connect()` and its kin stand on it too.
 *
 * Nothing is opened at import. The first call finds libc (`EINPROGRESS_LIBC` overrides where) and loads it; under Deno
 * that needs `--allow-ffi=<path of libc>` and nothing else.
 *
 * @example What an errno means
 * ```ts
 * import { errnoMeaning, errnoName, libc } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * const result = libc.close(-1);
 * strictEqual(errnoName(result), "EBADF");
 * console.log(errnoMeaning(result));
 * ```
 *
 * @module
 */
export type { Memory } from "./backend.ts";
export type { Libc } from "./calls.ts";
export { errnoMeaning, errnoName, errnoNumber } from "./errno.ts";
export { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from "./ip.ts";
export { libc } from "./libc.ts";
export { type Constants, constants, errnos } from "./platform.ts";
export { constants as darwinConstants, errnos as darwinErrnos } from "./platform/darwin.ts";
export { constants as freebsdConstants, errnos as freebsdErrnos } from "./platform/freebsd.ts";
export { constants as linuxConstants, errnos as linuxErrnos } from "./platform/linux.ts";
export {
  type Address,
  decodeSockaddr,
  encodeSockaddr,
  familyOf,
  type IpAddress,
  sameEnd,
  setPort,
  UNIX_PATH_MAX,
  type UnixAddress,
} from "./sockaddr.ts";
export { UnsupportedPlatformError } from "./unsupported.ts";
