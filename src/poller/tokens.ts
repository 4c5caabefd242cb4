/**
 * Tokens for a facility whose kernel hands back 64 bits of our choice with each event.
 *
 * @module
 */
import type { Interest } from "./facility.ts";

/** The low word of the facility's own event, its wake-up. Interests have theirs from 1 up. */
export const WAKEUP = 0;

/**
 * Interests by token: a slot, and how often the slot has been used before. A descriptor's number goes to a new owner at
 * once, a token never does, so that a late event finds nobody.
 */
export class Tokens {
  readonly #interests: (Interest | null)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];

  /** How many are in. */
  get size(): number {
    return this.#interests.length - this.#free.length;
  }

  /** Takes an interest in; its place is its slot. */
  add(interest: Interest): void {
    const slot = this.#free.pop() ?? this.#interests.length;
    this.#interests[slot] = interest;
    this.#generations[slot] ??= 0;
    interest.place = slot;
  }

  /** The low word of an interest's token. */
  low({ place }: Interest): number {
    return place + 1;
  }

  /** The high word of an interest's token. */
  high({ place }: Interest): number {
    return this.#generations[place];
  }

  /** Whose token it is, if anybody's. */
  get(low: number, high: number): Interest | null {
    return this.#generations[low - 1] === high ? this.#interests[low - 1] : null;
  }

  /** Takes an interest out. */
  remove(interest: Interest): void {
    const { place } = interest;
    this.#interests[place] = null;
    this.#generations[place] = (this.#generations[place] + 1) & 0x7fffffff;
    this.#free.push(place);
    interest.place = -1;
  }
}
