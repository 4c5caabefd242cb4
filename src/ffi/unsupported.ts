/**
 * Thrown on a system, processor or runtime that this module has no tables for. It refuses to guess.
 *
 * @example Usage
 * ```ts
 * import { UnsupportedPlatformError } from "@einprogress/connect";
 * import { match } from "node:assert/strict";
 *
 * match(new UnsupportedPlatformError("win32", "x64").message, /WSL/);
 * ```
 */
export class UnsupportedPlatformError extends Error {
  /** Always `"UnsupportedPlatformError"`. */
  override name = "UnsupportedPlatformError";

  /** Says what was found (`os` and `arch` in Node's words) and what is supported. */
  constructor(os: string, arch: string) {
    const advice = os === "win32" ? ": on Windows, run it inside WSL" : "";
    super(
      `Cannot bind libc on ${os} ${arch}${advice}. ` +
        "Supported: Linux (glibc or musl), macOS and FreeBSD, each on x64 and arm64, under Deno or Bun",
    );
  }
}
