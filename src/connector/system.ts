/**
 * What the connector stands on, as one value, so that a test can put a simulated kernel underneath.
 *
 * @module
 */
import { type Libc, libc } from "../ffi/mod.ts";
import { type Clock, clock } from "../poller/clock.ts";
import { type Poller, poller } from "../poller/poller.ts";
import { type Lookup, lookup } from "./resolve.ts";

/** The kernel, the readiness, the time and the names. */
export interface System {
  readonly libc: Libc;
  readonly poller: Poller;
  readonly clock: Clock;
  readonly lookup: Lookup;
}

/** The real ones. */
export const system: System = { libc, poller, clock, lookup };
