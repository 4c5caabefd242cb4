/**
 * One connect(), and what came of it as a row of the table.
 *
 * @module
 */
import { type Address, connect, ConnectError, type Connection, type ConnectOptions } from "@einprogress/connect";
import type { Row } from "./table.ts";

/** Tries once, closes what was connected, and tells how it went. Never rejects. */
export async function attempt(target: string, options?: ConnectOptions): Promise<Row> {
  const began = performance.now();
  try {
    using connection = await connect(target, options);
    return connected(target, began, connection);
  } catch (error) {
    return failed(target, began, error);
  }
}

/** The row of a connection. */
export function connected(target: string, began: number, { localAddress, remoteAddress }: Connection): Row {
  const note = "path" in remoteAddress ? undefined : `${endpoint(remoteAddress)} from ${endpoint(localAddress)}`;
  return { target, errno: "0", verdict: "connected", source: "so_error", ms: since(began), note };
}

/** The row of a failure. */
export function failed(target: string, began: number, error: unknown): Row {
  const ms = since(began);
  if (error instanceof ConnectError) {
    const { code, errno, verdict, source, hint, errors } = error;
    // A name that was not resolved has the resolver's code, whose number is no errno.
    const number = source === "resolve" ? "" : ` ${-errno}`;
    const each = errors.map(({ code, address }) => `; ${address}: ${code}`).join("");
    return { target, errno: code + number, verdict, source, ms, note: hint + each };
  }
  // Not the kernel's doing: an argument refused before any syscall, or a permission that Deno was not given.
  const { name, message } = error as Error;
  const source = error instanceof TypeError || error instanceof RangeError ? "argument" : "runtime";
  return { target, errno: name, verdict: "refused", source, ms, note: message };
}

/** Milliseconds since `began`. */
export function since(began: number): string {
  return (performance.now() - began).toFixed(1);
}

function endpoint(address: Address): string {
  if ("path" in address) return address.path;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
