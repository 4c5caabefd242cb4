/**
 * What a kernel's way to wait for many descriptors (poll(2), epoll(7), kqueue(2)) looks like to the poller.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { Job } from "./turn.ts";

/** Somebody who waits for a descriptor. The object is the token: an event finds its waiter, never just a number. */
export interface Interest extends Job {
  /** The descriptor. */
  readonly fd: number;
  /** What to wait for: `POLLIN`, `POLLOUT`, or both. `POLLERR` and `POLLHUP` come unasked. */
  readonly events: number;
  /** What came, when {@link Job.run} is called: poll(2)'s bits, whatever the facility. */
  revents: number;
  /** Where it stands: 0 and up in a facility, negative elsewhere. Owned by the poller. */
  place: number;
}

/** One kernel facility. Interests are one-shot: one that is told of is out. */
export interface Facility {
  /** How many interests are in. */
  readonly size: number;
  /** Gets the descriptors it needs. False if the kernel refuses: then another facility has to do. */
  open(): boolean;
  /** Takes one in, and wakes the waiting thread only if this facility needs that to notice. False if the kernel refuses. */
  add(interest: Interest): boolean;
  /** Takes one out. True if a thread may be inside the kernel with its descriptor, so that close() alone won't end it. */
  remove(interest: Interest): boolean;
  /** Waits on another thread until something is ready or the last interest has gone, and tells of each that is ready. */
  wait(tell: (interest: Interest, revents: number) => void): Promise<void>;
  /** Gives its descriptors back. */
  close(): void;
}

/** In ms. */
const AFTER_FAILURE = 10;

/** What a facility does when the kernel's wait itself fails (ENOMEM): to ask again at once would spin. */
export function pauseAfterFailure(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.timeout(resolve, AFTER_FAILURE));
}
