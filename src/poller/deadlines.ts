/**
 * Many deadlines on one timer.
 *
 * @module
 */
import { type Clock, LONGEST_TIMEOUT } from "./clock.ts";

/** Something that ends at a time. */
export interface Deadline {
  /** When, on the clock's scale. */
  readonly at: number;
  /** Where it stands in the heap; -1 when it is in none. Owned by {@link Deadlines}. */
  rank: number;
  /** Called once, at that time or soon after. */
  expire(): void;
}

/** The deadlines that are running. */
export interface Deadlines {
  /** Starts one. */
  add(deadline: Deadline): void;
  /** Stops one; nothing happens if it isn't running. */
  remove(deadline: Deadline): void;
}

/** A binary heap, earliest first, and a timer for its top: thousands of deadlines cost one timer. */
export function createDeadlines(clock: Clock): Deadlines {
  const heap: Deadline[] = [];
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

  /** The timer is for the top. One that fires early finds nothing due and is set again; with an empty heap it goes. */
  function arm(): void {
    const at = heap.length === 0 ? Infinity : heap[0].at;
    if (at === timerAt) return;
    if (timer !== null) clock.clear(timer);
    timerAt = at;
    timer = null;
    if (at === Infinity) return;
    // Timers count whole milliseconds and may round down: a deadline is never told before its time.
    const delay = Math.max(0, Math.ceil(at - clock.now()));
    timer = clock.timeout(fire, Math.min(delay, LONGEST_TIMEOUT));
  }

  function take(deadline: Deadline): void {
    const { rank } = deadline;
    const last = heap.pop()!;
    deadline.rank = -1;
    if (last === deadline) return;
    if (rank > 0 && last.at < heap[(rank - 1) >> 1].at) rise(last, rank);
    else sink(last, rank);
  }

  function fire(): void {
    timer = null;
    timerAt = Infinity;
    const due: Deadline[] = [];
    const now = clock.now();
    while (heap.length > 0 && heap[0].at <= now) {
      due.push(heap[0]);
      take(heap[0]);
    }
    arm();
    for (const deadline of due) deadline.expire();
  }

  return {
    add(deadline) {
      rise(deadline, heap.length);
      arm();
    },
    remove(deadline) {
      if (deadline.rank < 0) return;
      take(deadline);
      arm();
    },
  };
}
