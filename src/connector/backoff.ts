/**
 * How long to wait before the next try.
 *
 * @module
 */
import { show } from "./target.ts";

/** The schedule of retries. */
export interface Backoff {
  /** The first delay in ms, at least 0. Default 500. */
  initial?: number;
  /** The longest delay in ms, at least `initial`. Default 30,000. */
  max?: number;
  /** What each delay is of the one before, at least 1. Default 2. */
  multiplier?: number;
  /** The part of each delay, 0 to 1, that is drawn by chance: 0.5 gives 50 to 100 % of it. Default 0. */
  jitter?: number;
  /** How many tries in all, at least 1. Default Infinity. */
  attempts?: number;
}

/**
 * Fills in the defaults.
 *
 * @throws {TypeError | RangeError} A value that is no number, or outside its range.
 */
export function checkBackoff(backoff: Backoff = {}): Required<Backoff> {
  const { initial = 500, max = 30_000, multiplier = 2, jitter = 0, attempts = Infinity } = backoff;
  const check = (name: string, value: unknown, from: number, to: number, expected: string) => {
    if (typeof value !== "number") throw new TypeError(`Cannot use retry.${name} ${show(value)}: expected ${expected}`);
    if (!(value >= from && value <= to)) {
      throw new RangeError(`Cannot use retry.${name} ${value}: expected ${expected}`);
    }
  };
  check("initial", initial, 0, Number.MAX_VALUE, "ms, at least 0");
  // A default may be overtaken by a larger `initial`; a `max` that was given may not.
  const ceiling = backoff.max === undefined ? Math.max(max, initial) : max;
  check("max", ceiling, initial, Number.MAX_VALUE, `ms, at least initial (${initial})`);
  check("multiplier", multiplier, 1, Number.MAX_VALUE, "a number of at least 1");
  check("jitter", jitter, 0, 1, "a number from 0 to 1");
  check("attempts", attempts, 1, Infinity, "a number of at least 1");
  return { initial, max: ceiling, multiplier, jitter, attempts };
}

/**
 * The delay before retry number `retry` (0 is the first): cap first, jitter after. The other way round, everyone who
 * has reached the cap would come back at the same moment.
 */
export function delayBefore(retry: number, backoff: Required<Backoff>, random: () => number = Math.random): number {
  const { initial, max, multiplier, jitter } = backoff;
  // 0 * Infinity is NaN: a delay of 0 stays 0.
  const delay = initial === 0 ? 0 : Math.min(max, initial * multiplier ** retry);
  return delay * (1 - jitter * random());
}
