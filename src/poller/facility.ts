/**
 * What a kernel's way to wait for many descriptors (poll(2), epoll(7), kqueue(2)) looks like to the poller.
 *
 * @module
 */
import type { Job } from "./turn.ts";

/** Somebody who waits for a descriptor. The object is the token: an event finds its waiter, never just a number. */
export interface Interest extends Job {
  /** The descriptor. */
  readonly fd: number;
  /** What to wait for: `POLLIN`, `POLLOUT`, or both. `POLLERR` and `POLLHUP` come unasked. */
  readonly events: number;
  /** What came, when {@link Job.run} is called. */
  revents: number;
  /** Where it stands. Owned by the poller. */
  place: number;
}

/** One kernel facility. Interests are one-shot: one that is told of is out. */
export interface Facility {
  /** How many interests are in. */
  readonly size: number;
  /** Takes one in; wakes the waiting thread only if this facility needs that to notice. */
  add(interest: Interest): void;
  /** Takes one out. True if a thread may be inside the kernel with its descriptor, so that close() alone won't end it. */
  remove(interest: Interest): boolean;
  /** Waits on another thread until something is ready or {@link Facility.wake} is called, and tells each that is. */
  wait(tell: (interest: Interest, revents: number) => void): Promise<void>;
  /** Ends the wait that is under way, if one is. */
  wake(): void;
  /** Gives its descriptors back. It opens new ones when it is used again. */
  close(): void;
}
