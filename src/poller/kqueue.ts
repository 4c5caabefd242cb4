/**
 * macOS's and FreeBSD's facility: kqueue(2). Like epoll the kernel keeps the set; unlike epoll it can be rung without
 * a pipe, by an event of its own (EVFILT_USER).
 *
 * @module
 */
import { os } from "../ffi/host.ts";
import { constants, type Libc } from "../ffi/mod.ts";
import type { Clock } from "./clock.ts";
import { type Facility, type Interest, pauseAfterFailure } from "./facility.ts";
import { Tokens, WAKEUP } from "./tokens.ts";

const { POLLIN, POLLOUT, POLLHUP } = constants;
// Asked for only where they exist.
const { EVFILT_READ = 0, EVFILT_WRITE = 0, EVFILT_USER = 0, EV_EOF = 0, NOTE_TRIGGER = 0 } = constants;
const { EV_ADD = 0, EV_DELETE = 0, EV_ONESHOT = 0, EV_CLEAR = 0 } = constants;

/** `sizeof (struct kevent)`: FreeBSD's carries four more words. */
const SIZE = os === "freebsd" ? 64 : 32;
/** Where its fields lie, on both. */
const IDENT = 0, FILTER = 8, FLAGS = 10, FFLAGS = 12, UDATA = 24;

/** How many events one wake harvests at most; the rest come with the next. */
const HARVEST = 512;

/** Waits with kqueue(2). */
export function createKqueueFacility(libc: Libc, clock: Clock): Facility {
  const interests = new Tokens();
  let kq = -1;
  let waiting = false;
  const change = new DataView(new ArrayBuffer(SIZE));
  // Another thread writes it: an ArrayBuffer from the start, for JavaScriptCore may move a lone typed array.
  const harvest = new DataView(new ArrayBuffer(SIZE * HARVEST));

  function control(ident: number, filter: number, flags: number, fflags: number, low: number, high: number): number {
    change.setUint32(IDENT, ident, true);
    change.setInt16(FILTER, filter, true);
    change.setUint16(FLAGS, flags, true);
    change.setUint32(FFLAGS, fflags, true);
    change.setUint32(UDATA, low, true);
    change.setUint32(UDATA + 4, high, true);
    return libc.kevent(kq, new Uint8Array(change.buffer), 1, null, 0, null);
  }

  function filterOf(interest: Interest): number {
    return interest.events === POLLIN ? EVFILT_READ : EVFILT_WRITE;
  }

  function close(): void {
    if (kq >= 0) libc.close(kq);
    kq = -1;
  }

  return {
    get size() {
      return interests.size;
    },
    open() {
      if (kq >= 0) return true;
      kq = libc.kqueue();
      if (kq >= 0 && control(0, EVFILT_USER, EV_ADD | EV_CLEAR, 0, WAKEUP, 0) >= 0) return true;
      close();
      return false;
    },
    add(interest) {
      const before = interest.place;
      interests.add(interest);
      const [low, high] = [interests.low(interest), interests.high(interest)];
      if (control(interest.fd, filterOf(interest), EV_ADD | EV_ONESHOT, 0, low, high) >= 0) return true;
      interests.remove(interest);
      interest.place = before;
      return false;
    },
    remove(interest) {
      interests.remove(interest);
      control(interest.fd, filterOf(interest), EV_DELETE, 0, 0, 0);
      if (waiting && interests.size === 0) control(0, EVFILT_USER, 0, NOTE_TRIGGER, WAKEUP, 0);
      return false;
    },
    async wait(tell) {
      waiting = true;
      const count = await libc.keventOffThread(kq, new Uint8Array(harvest.buffer), HARVEST, null);
      waiting = false;
      if (count < 0) await pauseAfterFailure(clock);
      for (let at = 0; at < count * SIZE; at += SIZE) {
        const interest = interests.get(harvest.getUint32(at + UDATA, true), harvest.getUint32(at + UDATA + 4, true));
        if (interest === null) continue; // the wake-up, or too late
        interests.remove(interest); // EV_ONESHOT: the kernel has forgotten it already
        const over = harvest.getUint16(at + FLAGS, true) & EV_EOF ? POLLHUP : 0;
        tell(interest, (harvest.getInt16(at + FILTER, true) === EVFILT_READ ? POLLIN : POLLOUT) | over);
      }
    },
    close,
  };
}
