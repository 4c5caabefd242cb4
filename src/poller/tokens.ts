/**
 * Tokens for a facility whose kernel hands back a number with each event.
 *
 * @module
 */
import type { Interest } from "./facility.ts";

/** The facility's own event, its wake-up, has this token; interests count from 1. */
export const WAKEUP = 0;

/**
 * Interests by token. Unlike a descriptor's number, a token is not used again while its interest is in, so that a late
 * event finds nobody, never a new owner.
 */
export class Tokens {
  readonly #interests = new Map<number, Interest>();
  #next = WAKEUP + 1;

  /** How many are in. */
  get size(): number {
    return this.#interests.size;
  }

  /** The token that {@link add} will give. */
  get next(): number {
    return this.#next;
  }

  /** Takes an interest in; its place is its token. */
  add(interest: Interest): void {
    interest.place = this.#next;
    this.#interests.set(this.#next, interest);
    do this.#next = this.#next === 0x7fffffff ? WAKEUP + 1 : this.#next + 1; while (this.#interests.has(this.#next));
  }

  /** Whose token it is, if anybody's. */
  get(token: number): Interest | undefined {
    return this.#interests.get(token);
  }

  /** Takes an interest out. */
  remove(interest: Interest): void {
    this.#interests.delete(interest.place);
    interest.place = -1;
  }
}
