/**
 * The portable facility: poll(2), on every system. The whole set is handed to the kernel at each wait, so each change
 * wakes the waiting thread.
 *
 * @module
 */
import { constants, type Libc } from "../ffi/mod.ts";
import type { Clock } from "./clock.ts";
import { type Facility, type Interest, pauseAfterFailure } from "./facility.ts";
import { createWakeup } from "./wakeup.ts";

const { POLLIN } = constants;

/** How long one wait lasts, in ms, when no pipe could be had (EMFILE): a change is then noticed that much later. */
const WITHOUT_WAKEUP = 20;

/** A pollfd is two 32-bit words here: the descriptor, and events with revents above them (all systems are little-endian). */
export function pollfdRevents(word: number): number {
  return word >>> 16;
}

/** Waits with poll(2). */
export function createPollFacility(libc: Libc, clock: Clock): Facility {
  const interests: Interest[] = [];
  const wakeup = createWakeup(libc);
  let waiting = false;
  // Another thread reads and writes it: an ArrayBuffer from the start, for JavaScriptCore may move a lone typed array.
  let pollfds = new Int32Array(new ArrayBuffer(64));

  /** Writes the whole set into `pollfds`, the wake-up first. */
  function submit(): Interest[] {
    const submitted = interests.slice();
    const needed = 2 * (submitted.length + 1);
    if (pollfds.length < needed) pollfds = new Int32Array(new ArrayBuffer(8 * needed));
    pollfds[0] = wakeup.fd; // poll(2) passes over a negative descriptor
    pollfds[1] = POLLIN;
    for (let i = 0; i < submitted.length; i++) {
      pollfds[2 * i + 2] = submitted[i].fd;
      pollfds[2 * i + 3] = submitted[i].events;
    }
    return submitted;
  }

  function remove(interest: Interest): boolean {
    const last = interests.pop()!;
    if (last !== interest) {
      interests[interest.place] = last;
      last.place = interest.place;
    }
    interest.place = -1;
    if (waiting) wakeup.ring();
    return waiting;
  }

  return {
    get size() {
      return interests.length;
    },
    open() {
      wakeup.open();
      return true; // it also works without, only slower to notice a change
    },
    add(interest) {
      interest.place = interests.length;
      interests.push(interest);
      if (waiting) wakeup.ring();
      return true;
    },
    remove,
    async wait(tell) {
      const submitted = submit();
      waiting = true;
      const timeout = wakeup.fd < 0 ? WITHOUT_WAKEUP : -1;
      const count = await libc.pollOffThread(pollfds, submitted.length + 1, timeout);
      waiting = false;
      wakeup.silence();
      if (count < 0) await pauseAfterFailure(clock);
      if (count <= 0) return;
      for (let i = 0; i < submitted.length; i++) {
        const interest = submitted[i];
        const revents = pollfdRevents(pollfds[2 * i + 3]);
        // One that was taken out meanwhile hears nothing, whoever owns the descriptor's number by now.
        if (revents === 0 || interests[interest.place] !== interest) continue;
        remove(interest);
        tell(interest, revents);
      }
    },
    close: wakeup.close,
  };
}
