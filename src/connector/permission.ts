/**
 * Deno's permissions. FFI reaches past `--allow-net`, so this asks for it: a connect here has the same outcome as
 * `Deno.connect` would have (granted, prompt, or `Deno.errors.NotCapable`).
 *
 * @module
 */
import { builtin } from "../ffi/host.ts";
import type { Target } from "./target.ts";

type Descriptor = { name: "net"; host?: string } | { name: "read" | "write"; path: string };
/** `partial`: granted at large, but with exceptions (`--allow-net --deny-net=…`). */
interface Status {
  state: "granted" | "prompt" | "denied";
  partial?: boolean;
}
interface DenoPermissions {
  permissions: { querySync(descriptor: Descriptor): Status; requestSync(descriptor: Descriptor): Status };
  errors: { NotCapable: new (message: string) => Error };
}

const { Deno } = globalThis as { Deno?: DenoPermissions };

/** Whether net is granted without exceptions, so that no address needs a look of its own. */
function allNetGranted(Deno: DenoPermissions): boolean {
  const { state, partial } = Deno.permissions.querySync({ name: "net" });
  return state === "granted" && !partial;
}

/** The poller's slice in which net was last seen granted. Only callbacks run within one, and after each it is forgotten. */
let grantedIn = -1;

/** To be called after a callback: it may have revoked what was granted. */
export function forgetGrant(): void {
  grantedIn = -1;
}

function demand(Deno: DenoPermissions, descriptor: Descriptor, what: string): void {
  let { state } = Deno.permissions.querySync(descriptor);
  if (state === "prompt") state = Deno.permissions.requestSync(descriptor).state;
  if (state !== "granted") throw notCapable(Deno, descriptor.name, what);
}

function notCapable(Deno: DenoPermissions, name: string, what: string): Error {
  return new Deno.errors.NotCapable(
    `Requires ${name} access to "${what}", run again with the --allow-${name} flag`,
  );
}

/**
 * Under Deno, asks for what the target needs: net for `host:port`; for a Unix socket read and write for its path
 * and net for `unix:path`, or net at large for an abstract name. Elsewhere nothing. `slice` is the poller's: a query costs over 1 µs, so there is one for many targets.
 *
 * @throws {Deno.errors.NotCapable} It isn't granted, in Deno's words.
 */
export function checkTarget(target: Target, slice: number): void {
  if (Deno === undefined) return;
  if ("hostname" in target) {
    if (slice === grantedIn) return;
    if (allNetGranted(Deno)) {
      grantedIn = slice;
      return;
    }
    const host = hostPort(target.hostname, target.port);
    demand(Deno, { name: "net", host }, host);
    return;
  }
  const { path } = target;
  // No grant can name an abstract socket, so it takes net at large, as with `Deno.connect`.
  if (path.startsWith("@")) return demand(Deno, { name: "net" }, `unix:${path}`);
  demand(Deno, { name: "read", path }, path);
  demand(Deno, { name: "write", path }, path);
  const host = `unix:${builtin("node:path").resolve(path)}`;
  demand(Deno, { name: "net", host }, host);
}

/**
 * Under Deno, refuses an address that a granted name led to if that address itself is denied, as `Deno.connect` does.
 *
 * @throws {Deno.errors.NotCapable} It is denied.
 */
export function checkAddress(hostname: string, port: number): void {
  if (Deno === undefined || allNetGranted(Deno)) return;
  const host = hostPort(hostname, port);
  if (Deno.permissions.querySync({ name: "net", host }).state === "denied") throw notCapable(Deno, "net", host);
}

function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
