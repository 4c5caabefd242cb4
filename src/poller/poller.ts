/**
 * Readiness: who waits for which descriptor, and when he is told.
 *
 * @module
 */
import { os } from "../ffi/host.ts";
import { type Libc, libc } from "../ffi/mod.ts";
import { type Clock, clock } from "./clock.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import type { Facility, Interest } from "./facility.ts";
import { createEpollFacility } from "./epoll.ts";
import { createKqueueFacility } from "./kqueue.ts";
import { createPollFacility, pollfdRevents } from "./poll.ts";
import { Queue } from "./queue.ts";
import { createTurn, type Job } from "./turn.ts";

/** Tells when descriptors are ready, and runs work within the turn budget. */
export interface Poller {
  /** Runs a job on a later turn, in order, never holding the thread for more than the budget. */
  enqueue(job: Job): void;
  /** The same for a job that ends work: it goes before those that begin some. See {@link Turn.enqueueFirst}. */
  enqueueFirst(job: Job): void;
  /** Which slice of jobs this is: see {@link Turn.slice}. */
  readonly slice: number;
  /** Runs `interest` once, on a later turn, when its descriptor is ready. Pending interests keep the process alive. */
  watch(interest: Interest): void;
  /**
   * Forgets `interest`: it is not run after this. True if a thread may be inside the kernel with its descriptor: then
   * shutdown(2) before close(2), for close alone leaves the socket alive until that thread comes back.
   */
  unwatch(interest: Interest): boolean;
  /** Deadlines, all on one timer. */
  readonly deadlines: Deadlines;
}

/** An interest's place when it is not in the facility. */
const NOWHERE = -1, FRESH = -2, TOLD = -3, LATER = -4;

/** How long until the kernel is asked again to register what it had no room for, in ms. */
const LOOK_AGAIN = 10;

/** How many are glanced at together at least, while more are being connected. */
const TOGETHER = 64;

/**
 * One to begin a first connect and one to end it. Deno takes 4 ms to load its timers when setImmediate is first called,
 * and a program that makes one connect need not wait for that.
 */
const UNMEASURED_SLICES = 2;

/**
 * A new poller on the given libc and clock. `facilities` are in the order of preference; the last one must always do.
 * Which one serves is decided when something is pending and nothing was before.
 */
export function createPoller(libc: Libc, clock: Clock, facilities: Facility[]): Poller {
  let facility = facilities[0];
  let fresh: Interest[] = [];
  let pollfds = new Int32Array(new ArrayBuffer(64));
  let waiting = false;
  /** Events on their way, in order; one job each. */
  const told = new Queue<Interest>();

  const telling: Job = {
    run() {
      const interest = told.shift()!;
      if (interest.place !== TOLD) return; // forgotten before its event arrived
      interest.place = NOWHERE;
      interest.run();
    },
  };

  function tell(interest: Interest, revents: number): void {
    interest.revents = revents;
    interest.place = TOLD;
    told.push(interest);
    turn.enqueueFirst(telling);
  }

  /**
   * Glance first: what was connected in this turn is checked together, without waiting. Over loopback the handshake is
   * done by then, so that nothing needs to be registered and no thread woken. Only stragglers are waited for.
   */
  function glance(): void {
    // While there is more to begin, a slice follows: then one look is for all of them.
    if (fresh.length === 0 || (fresh.length < TOGETHER && turn.begins > 0)) return;
    const interests = fresh;
    fresh = [];
    if (pollfds.length < 2 * interests.length) pollfds = new Int32Array(new ArrayBuffer(16 * interests.length));
    let count = 0;
    for (const interest of interests) {
      if (interest.place !== FRESH) continue; // forgotten, or here twice
      interest.place = NOWHERE;
      interests[count] = interest;
      pollfds[2 * count] = interest.fd;
      pollfds[2 * count + 1] = interest.events;
      count++;
    }
    const ready = count > 0 ? libc.poll(pollfds, count, 0) : 0;
    for (let i = 0; i < count; i++) {
      const revents = ready > 0 ? pollfdRevents(pollfds[2 * i + 1]) : 0;
      if (revents !== 0) tell(interests[i], revents);
      else waitFor(interests[i]);
    }
    if (waiting) return;
    if (facility.size > 0) void waitWhilePending();
    else facility.close();
  }

  /** A straggler: nothing came at the first glance. */
  function waitFor(interest: Interest): void {
    if (!waiting && facility.size === 0) facility = facilities.find((one) => one.open())!;
    // What the kernel can't register (ENOSPC, ENOMEM) is looked at again a little later.
    if (facility.add(interest)) return;
    interest.place = LATER;
    clock.timeout(() => interest.place === LATER && watch(interest), LOOK_AGAIN);
  }

  /** Waits as long as anything is pending, then gives the facility's descriptors back and lets the process end. */
  async function waitWhilePending(): Promise<void> {
    waiting = true;
    do {
      while (facility.size > 0) await facility.wait(tell);
      // Who was told goes first; and the next connect may be on its way.
      await new Promise<void>((resolve) => clock.immediate(resolve));
    } while (facility.size > 0);
    facility.close();
    waiting = false;
  }

  function watch(interest: Interest): void {
    interest.place = FRESH;
    fresh.push(interest);
    turn.schedule(); // the glance comes when the queue is empty
  }

  const turn = createTurn(clock, glance, UNMEASURED_SLICES);

  return {
    enqueue: turn.enqueue,
    enqueueFirst: turn.enqueueFirst,
    get slice() {
      return turn.slice;
    },
    watch,
    unwatch(interest) {
      const { place } = interest;
      if (place >= 0) return facility.remove(interest);
      interest.place = NOWHERE;
      return false;
    },
    deadlines: createDeadlines(clock, turn.enqueueFirst),
  };
}

/** What this system has, best first. */
export function facilitiesOf(libc: Libc, clock: Clock, system: string = os): Facility[] {
  const poll = createPollFacility(libc, clock);
  if (system === "linux") return [createEpollFacility(libc, clock), poll];
  return [createKqueueFacility(libc, clock), poll];
}

/** This thread's poller. */
export const poller: Poller = createPoller(libc, clock, facilitiesOf(libc, clock));
