/**
 * The turn budget: our work never holds the thread for long.
 *
 * Work is queued, first in, first out, and begins when the code that queued it is done. When 4 ms have passed since
 * the event loop last had its say, the rest waits until timers and other I/O have had theirs. Without that, 10,000
 * connects issued at once, or an endless loop of instant loopback connects chained by microtasks, would freeze
 * everything else.
 *
 * @module
 */
import type { Clock } from "./clock.ts";

/** The longest stretch of our own work, in ms. */
export const TURN_BUDGET = 4;

/** Something to do later. An object and not a closure: there may be ten thousand of them. */
export interface Job {
  /** Does it. */
  run(): void;
}

/** A queue of jobs under the turn budget. */
export interface Turn {
  /** Puts a job at the end of the queue. */
  enqueue(job: Job): void;
  /** Makes sure that a slice follows, even with nothing in the queue. */
  schedule(): void;
  /** Which slice this is: a stretch of jobs, one after the other, with no other code in between. */
  readonly slice: number;
}

/**
 * A new queue. `idle` runs when the queue is empty and at the end of each slice; what it enqueues goes on in the same
 * slice.
 */
export function createTurn(clock: Clock, idle: () => void): Turn {
  let queue: Job[] = [];
  let next = 0;
  let scheduled = false;
  let count = 0;
  /** When the event loop last had its say, or -1 when nothing has been done since. */
  let began = -1;

  function slice(): void {
    count++;
    if (began < 0) {
      began = clock.now();
      clock.immediate(() => began = -1);
    }
    try {
      do {
        while (next < queue.length && clock.now() - began < TURN_BUDGET) queue[next++].run();
        idle();
      } while (next < queue.length && clock.now() - began < TURN_BUDGET);
    } finally {
      // Also after a job that threw: the others still get their turn.
      if (next < queue.length) {
        clock.immediate(afterYield);
      } else {
        queue = [];
        next = 0;
        scheduled = false;
      }
    }
  }

  function afterYield(): void {
    began = -1;
    slice();
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    clock.microtask(slice);
  }

  return {
    enqueue(job) {
      queue.push(job);
      schedule();
    },
    schedule,
    get slice() {
      return count;
    },
  };
}
