/**
 * The turn budget: our work never holds the thread for long.
 *
 * Work is queued and begins when the code that queued it is done. When 4 ms have passed since
 * the event loop last had its say, the rest waits until timers and other I/O have had theirs. Without that, 10,000
 * connects issued at once, or an endless loop of instant loopback connects chained by microtasks, would freeze
 * everything else.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { Queue } from "./queue.ts";

/** How long a turn of the event loop may be ours, in ms, with what the caller does about the outcomes that it brings. */
export const TURN_BUDGET = 4;

/**
 * How many jobs run in one go. Then the promises that they settled run the caller's continuations, before the clock is
 * looked at again: a thousand of those can take longer than what led to them.
 */
const STRIDE = 64;

/** Something to do later. An object and not a closure: there may be ten thousand of them. */
export interface Job {
  /** Does it. */
  run(): void;
}

/** Jobs under the turn budget. */
export interface Turn {
  /** Puts a job at the end of the queue. */
  enqueue(job: Job): void;
  /**
   * Puts a job at the end of another queue, which goes first. It is for what ends work, not for what begins it: with
   * outcomes first, five thousand connects issued at once need a few descriptors at a time, not five thousand.
   */
  enqueueFirst(job: Job): void;
  /** Makes sure that a slice follows, even with nothing in the queue. */
  schedule(): void;
  /** How many jobs wait in the first queue. */
  readonly begins: number;
  /** Which slice this is: a stretch of jobs, one after the other, with no code in between but what they call back. */
  readonly slice: number;
}

/**
 * New queues. `idle` runs at the end of each slice; what it enqueues goes on in the next. The first slices, as many as
 * `unmeasured` says, don't look at the clock.
 */
export function createTurn(clock: Clock, idle: () => void, unmeasured: number = 0): Turn {
  const ends = new Queue<Job>();
  const begins = new Queue<Job>();
  let scheduled = false;
  let count = 0;
  /** When the event loop last had its say, or -1 when nothing has been done since. */
  let began = -1;

  function slice(): void {
    count++;
    const measured = unmeasured === 0;
    if (!measured) {
      unmeasured--;
    } else if (began < 0) {
      began = clock.now();
      clock.immediate(() => began = -1);
    }
    const inBudget = () => !measured || clock.now() - began < TURN_BUDGET;
    try {
      for (let left = STRIDE; left > 0 && inBudget(); left--) {
        const job = ends.length > 0 ? ends.shift() : begins.shift();
        if (job === undefined) break;
        job.run();
      }
    } finally {
      // Also after a job that threw: what it watches for is not forgotten, and the others still get their turn.
      idle();
      if (ends.length + begins.length === 0) {
        scheduled = false;
      } else if (inBudget()) {
        clock.microtask(slice);
      } else {
        clock.afterOthers(afterYield);
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
    clock.microtask(firstSlice);
  }

  /** Whoever has queued more than one go holds can do has held the thread for a while himself: timers go first. */
  function firstSlice(): void {
    if (began >= 0 || begins.length <= STRIDE) return slice();
    // An immediate may come before the timers of this turn; what comes after that comes after them.
    clock.immediate(() => clock.afterOthers(afterYield));
  }

  return {
    enqueue(job) {
      begins.push(job);
      schedule();
    },
    enqueueFirst(job) {
      ends.push(job);
      schedule();
    },
    schedule,
    get begins() {
      return begins.length;
    },
    get slice() {
      return count;
    },
  };
}
