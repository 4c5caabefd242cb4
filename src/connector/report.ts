/**
 * What a dial tells of itself afterwards: its timeline, and the fields of its errors.
 *
 * @module
 */
import { type Address, decodeSockaddr, encodeSockaddr, errnoName, type IpAddress } from "../ffi/mod.ts";
import type { Attempt, Failure } from "./attempt.ts";
import type { ConnectErrorInit } from "./errors.ts";
import { hintFor } from "./hints.ts";
import type { Target } from "./target.ts";
import type { AttemptTimeline, Timeline } from "./timeline.ts";

/** What has happened so far. Times are µs since the call began, -1 for what has not happened. */
export interface Progress {
  readonly resolvedAt: number;
  readonly attempts: readonly Attempt[];
}

/** The timeline of a dial, in ms since it began. */
export function timelineOf({ resolvedAt, attempts }: Progress): Timeline {
  const since = (at: number) => at < 0 ? null : at / 1000;
  const told = attempts.map((attempt): AttemptTimeline => {
    const { address, port } = named(attempt.end);
    return {
      address,
      port,
      socket: since(attempt.socketAt),
      connect: since(attempt.connectAt),
      writable: since(attempt.writableAt),
      verified: since(attempt.verifiedAt),
      code: attempt.failure && errnoName(attempt.failure.errno),
    };
  });
  const last = told.at(-1) ?? { socket: null, connect: null, writable: null, verified: null };
  const { socket, connect, writable, verified } = last;
  return { resolved: since(resolvedAt), socket, connect, writable, verified, attempts: told };
}

/** What an error tells of an attempt. */
export function describeAttempt(
  attempt: Attempt,
  failure: Failure,
  progress: Progress,
  timeout?: number,
): ConnectErrorInit {
  const family = "path" in attempt.end ? "unix" : attempt.end.hostname.includes(":") ? 6 : 4;
  const abstract = "path" in attempt.end && attempt.end.path.startsWith("@");
  const hint = hintFor({ ...failure, code: errnoName(failure.errno), family, abstract, timeout });
  const remote = named(attempt.end);
  return { ...failure, ...remote, ...namedLocal(attempt.local), hint, timeline: timelineOf(progress) };
}

/** What an error tells before there is an address. */
export function describeName(
  target: Target,
  code: string,
  failure: Failure,
  progress: Progress,
  timeout?: number,
): ConnectErrorInit {
  const { hostname, port } = target as { hostname: string; port: number };
  const hint = hintFor({ ...failure, code, family: 4, timeout });
  return { ...failure, code, address: hostname, port, hint, timeline: timelineOf(progress) };
}

/** Node's names for a remote end: a path is an address without a port. An IP address is written as the kernel would. */
function named(end: Address): { address: string; port?: number } {
  if ("path" in end) return { address: end.path };
  const [literal, zone] = end.hostname.split("%", 2);
  const { hostname, port } = decodeSockaddr(encodeSockaddr({ hostname: literal, port: end.port })) as IpAddress;
  return { address: zone === undefined ? hostname : `${hostname}%${zone}`, port };
}

/** A port of 0 means that the kernel had not chosen one yet; with the wildcard address there is nothing to tell. */
function namedLocal(local: Uint8Array | null): { localAddress?: string; localPort?: number } {
  const end = local && decodeSockaddr(local);
  if (end === null || "path" in end) return {};
  if (end.port !== 0) return { localAddress: end.hostname, localPort: end.port };
  return end.hostname === "0.0.0.0" || end.hostname === "::" ? {} : { localAddress: end.hostname };
}
