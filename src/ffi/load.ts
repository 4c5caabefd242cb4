/**
 * Finds this machine's libc and opens it, once, on the first call.
 *
 * @module
 */
import type { Library } from "./backend.ts";
import * as bun from "./bun.ts";
import * as deno from "./deno.ts";
import { arch, environmentVariable, isBun, os } from "./host.ts";
import { isSupported } from "./platform.ts";
import { prototypesOf } from "./prototypes.ts";
import { UnsupportedPlatformError } from "./unsupported.ts";

/** The part of Deno's API that is used here. */
interface DenoPermissions {
  permissions: {
    querySync(descriptor: { name: "ffi"; path: string } | { name: "env"; variable: string }): { state: string };
  };
  errors: { NotCapable: new (message: string) => Error };
}

/** GNU's and musl's names for the processors. */
const machine: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

/** What the dynamic loader knows libc by. musl's loader answers to glibc's name too. */
export function libcSoname(os: string): string {
  return os === "darwin" ? "libSystem.B.dylib" : os === "freebsd" ? "libc.so.7" : "libc.so.6";
}

/** The files where libc usually is, likeliest first. */
export function libcPaths(os: string, arch: string): string[] {
  if (os === "darwin") return ["/usr/lib/libSystem.B.dylib"];
  if (os === "freebsd") return ["/lib/libc.so.7"];
  return [
    `/lib/${machine[arch]}-linux-gnu/libc.so.6`, // Debian, Ubuntu
    "/lib64/libc.so.6", // Fedora, openSUSE
    "/usr/lib/libc.so.6", // Arch
    `/lib/ld-musl-${machine[arch]}.so.1`, // Alpine: musl's loader is its libc
  ];
}

/**
 * Opens libc: `EINPROGRESS_LIBC` if it is set and may be read, else the first candidate that loads.
 *
 * The loader's own answer to the soname is best, but Deno grants FFI by path: a bare name works only under an
 * unlimited `--allow-ffi`, so there the paths come first, and only those already granted, for a guess must not prompt.
 */
export function loadLibc(): Library {
  const { Deno } = globalThis as { Deno?: DenoPermissions };
  if (!isSupported) throw new UnsupportedPlatformError(os, arch);
  if (!Deno && !isBun) throw new UnsupportedPlatformError(`${os} under this runtime`, arch);

  const { openLibrary } = Deno ? deno : bun;
  const paths = libcPaths(os, arch);
  const override = environment("EINPROGRESS_LIBC", Deno);
  const candidates = override ? [override] : Deno ? [...paths, libcSoname(os)] : [libcSoname(os), ...paths];
  const failures: string[] = [];
  for (const path of candidates) {
    if (Deno && Deno.permissions.querySync({ name: "ffi", path }).state !== "granted") continue;
    try {
      return openLibrary(path, prototypesOf(os, arch));
    } catch (error) {
      failures.push(`\n  ${path}: ${(error as Error).message}`);
    }
  }
  if (Deno && failures.length === 0) throw notCapable(candidates, Deno);
  throw new Error(
    `Cannot open libc: set EINPROGRESS_LIBC to the path of this machine's libc. Tried:${failures.join("")}`,
  );
}

/** The error class and the words that Deno itself would use, with the exact flag. */
function notCapable(candidates: string[], Deno: DenoPermissions): Error {
  const [first, ...others] = candidates;
  const elsewhere = others.length > 0 ? ` (or, where libc is elsewhere: ${others.join(", ")})` : "";
  return new Deno.errors.NotCapable(
    `Requires ffi access to "${first}", run again with the --allow-ffi=${first} flag${elsewhere}`,
  );
}

/** Reading a variable without permission would prompt or throw: least privilege means not to insist. */
function environment(variable: string, Deno?: DenoPermissions): string | undefined {
  const readable = !Deno || Deno.permissions.querySync({ name: "env", variable }).state === "granted";
  return readable ? environmentVariable(variable) : undefined;
}
