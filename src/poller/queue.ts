/**
 * First in, first out.
 *
 * @module
 */

/** How many that have gone are kept at most before those that remain move up. */
const SLACK = 1024;

/** A queue on an array: an element is moved once at most, and one that has gone is not held on to. */
export class Queue<T> {
  #items: T[] = [];
  #next = 0;

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#next;
  }

  /** Puts one at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the first one, if there is one. */
  shift(): T | undefined {
    const item = this.#items[this.#next++];
    // Also under a load that never lets it run empty.
    if (this.#next >= this.#items.length || (this.#next >= SLACK && 2 * this.#next >= this.#items.length)) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    return item;
  }
}
