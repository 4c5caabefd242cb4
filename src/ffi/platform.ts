/**
 * Which of the tables in platform/ is this system's.
 *
 * @module
 */
import { arch, os } from "./host.ts";
import { constants as darwin, errnos as darwinErrnos } from "./platform/darwin.ts";
import { constants as freebsd, errnos as freebsdErrnos } from "./platform/freebsd.ts";
import { constants as linux, errnos as linuxErrnos } from "./platform/linux.ts";

/** C's constants by their C names. One that not every system has may be `undefined` here: check before use. */
export type Constants = Readonly<
  & Record<keyof typeof linux & keyof typeof darwin & keyof typeof freebsd, number>
  & Partial<Record<keyof typeof linux | keyof typeof darwin | keyof typeof freebsd, number>>
>;

const tables: Record<string, { constants: Constants; errnos: Readonly<Record<string, number>> }> = {
  linux: { constants: linux, errnos: linuxErrnos },
  darwin: { constants: darwin, errnos: darwinErrnos },
  freebsd: { constants: freebsd, errnos: freebsdErrnos },
};

/** Whether there is a table for this system. Without one nothing is called: a guessed number is worse than none. */
export const isSupported: boolean = os in tables && (arch === "x64" || arch === "arm64");

const table = tables[os] ?? tables.linux;

/**
 * The constants of the system that this runs on, named as in C.
 *
 * @example Usage
 * ```ts
 * import { constants } from "@einprogress/connect/ffi";
 * import { strictEqual } from "node:assert/strict";
 *
 * strictEqual(constants.SOCK_STREAM, 1);
 * ```
 */
export const constants: Constants = table.constants;

/** errno name to number on the system that this runs on. */
export const errnos: Readonly<Record<string, number>> = table.errnos;

/** Whether socket addresses start with a length byte, as in 4.4BSD. */
export const hasSockaddrLength: boolean = os === "darwin" || os === "freebsd";
