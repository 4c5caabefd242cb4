/**
 * What a dial tells of itself afterwards: its timeline, and the fields of its errors.
 *
 * @module
 */
import { type Address, constants, decodeSockaddr, errnoName, familyOf } from "../ffi/mod.ts";
import type { Attempt, Failure } from "./attempt.ts";
import type { ConnectErrorInit } from "./errors.ts";
import { hintFor } from "./hints.ts";
import type { Target } from "./target.ts";
import type { AttemptTimeline, Timeline } from "./timeline.ts";

const { AF_INET6, AF_UNIX } = constants;

/** What has happened so far. Times are on the clock's scale, -1 for what has not happened. */
export interface Progress {
  readonly began: number;
  readonly resolvedAt: number;
  readonly attempts: readonly Attempt[];
}

/** The timeline of a dial, in ms since it began. */
export function timelineOf({ began, resolvedAt, attempts }: Progress): Timeline {
  const since = (at: number) => at < 0 ? null : at - began;
  const told = attempts.map((attempt): AttemptTimeline => {
    const { address, port } = named(decodeSockaddr(attempt.address));
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
  const sa_family = familyOf(attempt.address);
  const family = sa_family === AF_UNIX ? "unix" : sa_family === AF_INET6 ? 6 : 4;
  const hint = hintFor({ ...failure, code: errnoName(failure.errno), family, timeout });
  const remote = named(decodeSockaddr(attempt.address));
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

/** Node's names for a remote end: a path is an address without a port. */
function named(end: Address): { address: string; port?: number } {
  return "path" in end ? { address: end.path } : { address: end.hostname, port: end.port };
}

/** A port of 0 means that the kernel had not chosen our end yet: nothing to tell. */
function namedLocal(local: Uint8Array | null): { localAddress?: string; localPort?: number } {
  const end = local && decodeSockaddr(local);
  return end === null || "path" in end || end.port === 0 ? {} : { localAddress: end.hostname, localPort: end.port };
}
