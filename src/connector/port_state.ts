/**
 * nmap's words for what a port said.
 *
 * @module
 */
import { errnos } from "../ffi/mod.ts";

/**
 * What a target is.
 *
 * - `open`: it was connected.
 * - `closed`: it answered that nobody listens.
 * - `filtered`: no answer, or an administrative prohibition.
 * - `unreachable`: a router, or our own routing table, says that it can't be reached.
 * - `failed`: a fault on this side: no descriptor, no port, a name that does not resolve, a target that can't be read.
 */
export type PortState = "open" | "closed" | "filtered" | "unreachable" | "failed";

const states: Record<string, PortState> = {
  // ENOENT is a Unix socket that nobody has made; EPIPE a FIN and then a reset.
  ECONNREFUSED: "closed",
  ECONNRESET: "closed",
  EPIPE: "closed",
  ENOENT: "closed",
  ETIMEDOUT: "filtered",
  EACCES: "filtered",
  EPERM: "filtered",
  ENOPROTOOPT: "filtered",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETDOWN: "unreachable",
  ENONET: "unreachable",
};

const byErrno = new Map(Object.entries(states).map(([name, state]) => [errnos[name], state]));

/** The state that a positive errno of connect(2) or SO_ERROR means. */
export function stateOf(errno: number): PortState {
  return byErrno.get(errno) ?? "failed";
}

const localFaults = new Set(
  ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EADDRINUSE", "EAGAIN"].map((name) => errnos[name]),
);

/** Whether this positive errno blames this side, and may pass with fewer attempts at a time. */
export function isLocalFault(errno: number): boolean {
  return localFaults.has(errno);
}
