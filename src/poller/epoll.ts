/**
 * Linux's facility: epoll(7). The kernel keeps the set, so that adding to it wakes nobody and waiting costs the same
 * with one descriptor in it as with ten thousand.
 *
 * @module
 */
import { arch } from "../ffi/host.ts";
import { constants, type Libc } from "../ffi/mod.ts";
import type { Clock } from "./clock.ts";
import { type Facility, type Interest, pauseAfterFailure } from "./facility.ts";
import { Tokens, WAKEUP } from "./tokens.ts";
import { createWakeup } from "./wakeup.ts";

// Asked for only on Linux, where they exist. EPOLLIN and its kin are poll(2)'s bits.
const { POLLIN, EPOLL_CLOEXEC = 0, EPOLL_CTL_ADD = 0, EPOLL_CTL_DEL = 0 } = constants;

/**
 * `struct epoll_event` in 32-bit words: events, then 64 bits of data, our token. It is packed on x86-64, padded on arm64.
 */
const WORDS = arch === "x64" ? 3 : 4;
const LOW = WORDS - 2, HIGH = WORDS - 1;

/** How many events one wake harvests at most; the rest come with the next. */
const HARVEST = 512;

/** Waits with epoll(7). */
export function createEpollFacility(libc: Libc, clock: Clock): Facility {
  const interests = new Tokens();
  const wakeup = createWakeup(libc);
  let epfd = -1;
  let waiting = false;
  const event = new Int32Array(new ArrayBuffer(4 * WORDS));
  // Another thread writes it: an ArrayBuffer from the start, for JavaScriptCore may move a lone typed array.
  const harvest = new Int32Array(new ArrayBuffer(4 * WORDS * HARVEST));

  function control(operation: number, fd: number, events: number, low: number, high: number): number {
    event[0] = events;
    event[LOW] = low;
    event[HIGH] = high;
    return libc.epoll_ctl(epfd, operation, fd, event);
  }

  function close(): void {
    if (epfd >= 0) libc.close(epfd);
    epfd = -1;
    wakeup.close();
  }

  function remove(interest: Interest): boolean {
    interests.remove(interest);
    control(EPOLL_CTL_DEL, interest.fd, 0, 0, 0);
    // Only the last one wakes the thread: it has nothing to wait for any more.
    if (waiting && interests.size === 0) wakeup.ring();
    return false; // epoll_wait(2) holds no descriptor: close() alone ends a socket
  }

  return {
    get size() {
      return interests.size;
    },
    open() {
      if (epfd >= 0) return true;
      epfd = libc.epoll_create1(EPOLL_CLOEXEC);
      if (epfd >= 0 && wakeup.open() && control(EPOLL_CTL_ADD, wakeup.fd, POLLIN, WAKEUP, 0) >= 0) return true;
      close();
      return false;
    },
    add(interest) {
      const { fd, events } = interest;
      const before = interest.place;
      interests.add(interest);
      if (control(EPOLL_CTL_ADD, fd, events, interests.low(interest), interests.high(interest)) >= 0) return true;
      interests.remove(interest);
      interest.place = before;
      return false;
    },
    remove,
    async wait(tell) {
      waiting = true;
      const count = await libc.epoll_waitOffThread(epfd, harvest, HARVEST, -1);
      waiting = false;
      wakeup.silence();
      if (count < 0) await pauseAfterFailure(clock);
      for (let word = 0; word < count * WORDS; word += WORDS) {
        const interest = interests.get(harvest[word + LOW], harvest[word + HIGH]);
        if (interest === null) continue; // the wake-up, or too late
        remove(interest);
        tell(interest, harvest[word]);
      }
    },
    close,
  };
}
