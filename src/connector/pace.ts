/**
 * So many a second, evenly.
 *
 * @module
 */
import type { Clock } from "../poller/clock.ts";

/** How far a late caller may catch up, in ms: a stalled event loop must not be followed by a burst. */
const CATCH_UP = 20;

/** Tells when the next one may go. */
export class Pace {
  readonly #interval: number;
  #next = -Infinity;

  /** `rate` per second; Infinity for no limit. */
  constructor(rate: number) {
    this.#interval = 1000 / rate;
  }

  /** 0 if one may go now (and it counts as gone), else how many ms to wait. */
  take(clock: Clock): number {
    if (this.#interval === 0) return 0;
    const now = clock.now();
    // The first one has nothing to catch up with.
    const due = this.#next === -Infinity ? now : Math.max(this.#next, now - CATCH_UP);
    if (due > now) return due - now;
    this.#next = due + this.#interval;
    return 0;
  }
}
