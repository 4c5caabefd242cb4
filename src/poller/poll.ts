/**
 * The portable facility: poll(2), on every system. The whole set is handed to the kernel at each wait, so a change
 * wakes the waiting thread by a byte through a pipe.
 *
 * @module
 */
import { constants, type Libc } from "../ffi/mod.ts";
import type { Clock } from "./clock.ts";
import type { Facility, Interest } from "./facility.ts";

const { POLLIN } = constants;

/** How long one wait lasts, in ms, when no pipe could be had (EMFILE): a change is then noticed that much later. */
const WITHOUT_PIPE = 20;
/** How long to pause, in ms, when poll itself fails (ENOMEM): to ask again at once would spin. */
const AFTER_FAILURE = 10;

/** A pollfd is two 32-bit words here: the descriptor, and events with revents above them (all systems are little-endian). */
export function pollfdRevents(word: number): number {
  return word >>> 16;
}

/** Waits with poll(2). */
export function createPollFacility(libc: Libc, clock: Clock): Facility {
  const interests: Interest[] = [];
  /** The reading and the writing end, while anything is waited for. */
  let pipe: Int32Array | null = null;
  let waiting = false;
  let woken = false;
  /** What the waiting thread was given: these interests, in this memory. */
  let submitted: Interest[] = [];
  // Another thread reads and writes it: an ArrayBuffer from the start, for JavaScriptCore may move a lone typed array.
  let pollfds = new Int32Array(new ArrayBuffer(64));
  const scratch = new Uint8Array(new ArrayBuffer(8));

  function openPipe(): void {
    const ends = new Int32Array(new ArrayBuffer(8));
    if (libc.pipe(ends) >= 0) pipe = ends;
  }

  function submit(): void {
    submitted = interests.slice();
    const needed = 2 * (submitted.length + 1);
    if (pollfds.length < needed) pollfds = new Int32Array(new ArrayBuffer(8 * needed));
    pollfds[0] = pipe ? pipe[0] : -1; // poll(2) passes over a negative descriptor
    pollfds[1] = POLLIN;
    let word = 2;
    for (const { fd, events } of submitted) {
      pollfds[word++] = fd;
      pollfds[word++] = events;
    }
  }

  return {
    get size() {
      return interests.length;
    },
    add(interest) {
      interest.place = interests.length;
      interests.push(interest);
      this.wake();
    },
    remove(interest) {
      const last = interests.pop()!;
      if (last !== interest) {
        interests[interest.place] = last;
        last.place = interest.place;
      }
      interest.place = -1;
      this.wake();
      return waiting;
    },
    async wait(tell) {
      if (pipe === null) openPipe();
      submit();
      waiting = true;
      woken = false;
      const bytes = new Uint8Array(pollfds.buffer);
      const count = await libc.pollOffThread(bytes, submitted.length + 1, pipe ? -1 : WITHOUT_PIPE);
      waiting = false;
      if (count < 0) await new Promise<void>((resolve) => clock.timeout(resolve, AFTER_FAILURE));
      if (pipe !== null && pollfdRevents(pollfds[1]) !== 0) libc.read(pipe[0], scratch);
      if (count <= 0) return;
      for (let i = 0; i < submitted.length; i++) {
        const interest = submitted[i];
        const revents = pollfdRevents(pollfds[2 * i + 3]);
        // One that was taken out meanwhile hears nothing, whoever owns the descriptor's number by now.
        if (revents === 0 || interests[interest.place] !== interest) continue;
        this.remove(interest);
        tell(interest, revents);
      }
    },
    wake() {
      if (!waiting || woken || pipe === null) return;
      woken = true;
      libc.write(pipe[1], scratch.subarray(0, 1));
    },
    close() {
      if (pipe === null) return;
      libc.close(pipe[0]);
      libc.close(pipe[1]);
      pipe = null;
    },
  };
}
