/**
 * Many deadlines on one timer.
 *
 * @module
 */
import { type Clock, LONGEST_TIMEOUT } from "./clock.ts";
import { Queue } from "./queue.ts";
import type { Job } from "./turn.ts";

/** Something that ends at a time. */
export interface Deadline {
  /** When, on the clock's scale. */
  readonly at: number;
  /** Where it stands in the heap, negative when it is in none; begins as -1. Owned by {@link Deadlines}. */
  rank: number;
  /** Called once, at that time or soon after, as a job. */
  expire(): void;
}

/** The deadlines that are running. */
export interface Deadlines {
  /** Starts one. */
  add(deadline: Deadline): void;
  /** Stops one; nothing happens if it isn't running. */
  remove(deadline: Deadline): void;
}

/** A deadline's rank when it is in no heap, and when it has passed and its turn to be told is coming. */
const NOWHERE = -1, DUE = -2;

/**
 * A binary heap, earliest first, and a timer for its top: thousands of deadlines cost one timer. Those that pass together
 * are told one by one, as jobs.
 */
export function createDeadlines(clock: Clock, enqueue: (job: Job) => void): Deadlines {
  const heap: Deadline[] = [];
  const due = new Queue<Deadline>();
  let timer: unknown = null;
  let timerAt = Infinity;

  function place(deadline: Deadline, rank: number): void {
    heap[rank] = deadline;
    deadline.rank = rank;
  }

  function rise(deadline: Deadline, rank: number): void {
    while (rank > 0) {
      const parent = (rank - 1) >> 1;
      if (heap[parent].at <= deadline.at) break;
      place(heap[parent], rank);
      rank = parent;
    }
    place(deadline, rank);
  }

  function sink(deadline: Deadline, rank: number): void {
    for (;;) {
      let child = 2 * rank + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
      if (deadline.at <= heap[child].at) break;
      place(heap[child], rank);
      rank = child;
    }
    place(deadline, rank);
  }

  /**
   * Makes sure that the timer fires no later than the top is due. One that fires early finds nothing due and is set
   * again: cheaper than a new timer whenever a deadline is met. It keeps no process alive; what it guards does.
   */
  function arm(): void {
    if (heap.length === 0 || heap[0].at >= timerAt) return;
    if (timer !== null) clock.clear(timer);
    timerAt = heap[0].at;
    // Timers count whole milliseconds and may round down: a deadline is never told before its time.
    const delay = Math.max(0, Math.ceil(timerAt - clock.now()));
    timer = clock.background(fire, Math.min(delay, LONGEST_TIMEOUT));
  }

  function take(deadline: Deadline): void {
    const { rank } = deadline;
    const last = heap.pop()!;
    deadline.rank = NOWHERE;
    if (last === deadline) return;
    if (rank > 0 && last.at < heap[(rank - 1) >> 1].at) rise(last, rank);
    else sink(last, rank);
  }

  function fire(): void {
    timer = null;
    timerAt = Infinity;
    const now = clock.now();
    while (heap.length > 0 && heap[0].at <= now) {
      const deadline = heap[0];
      take(deadline);
      deadline.rank = DUE;
      due.push(deadline);
      enqueue(telling);
    }
    arm();
  }

  const telling: Job = {
    run() {
      const deadline = due.shift()!;
      if (deadline.rank !== DUE) return; // met or called off meanwhile
      deadline.rank = NOWHERE;
      deadline.expire();
    },
  };

  return {
    add(deadline) {
      rise(deadline, heap.length);
      arm();
    },
    remove(deadline) {
      if (deadline.rank >= 0) take(deadline);
      deadline.rank = NOWHERE;
    },
  };
}
