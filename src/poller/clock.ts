/**
 * Time as the floors above see it, so that a test can put its own underneath.
 *
 * @module
 */
import { isDeno } from "../ffi/host.ts";

/** A clock, and the ways to run something later. */
export interface Clock {
  /** Milliseconds, monotonic, with fractions. */
  now(): number;
  /** Runs `callback` once, `delay` ms from now, and keeps the process alive until then. Answers what `clear` takes. */
  timeout(callback: () => void, delay: number): unknown;
  /** The same, but it does not keep the process alive. */
  background(callback: () => void, delay: number): unknown;
  /** Forgets a timeout. */
  clear(handle: unknown): void;
  /** Runs `callback` when the code that is running now is done, before any timer or I/O. */
  microtask(callback: () => void): void;
  /** Runs `callback` in the next turn of the event loop. */
  immediate(callback: () => void): void;
  /** Runs `callback` when timers and all other I/O have had their turn. */
  afterOthers(callback: () => void): void;
}

/** setTimeout(3)'s reach in every runtime; a longer delay would fire at once. */
export const LONGEST_TIMEOUT: number = 2 ** 31 - 1;

/** As many turns as Deno lets pass between two looks at its sockets (tokio's event interval, 61), and a few more. */
const DENO_TURNS = 64;

/**
 * A Deno that always has something to run looks at its sockets only each 61st turn of its event loop, and with turns as
 * long as our slices that would be each 200 ms. Empty turns take 1 µs, so we let that many pass.
 */
function afterOthersInDeno(callback: () => void): void {
  let left = DENO_TURNS;
  const pass = () => void setImmediate(--left > 0 ? pass : callback);
  pass();
}

/** The real clock. */
export const clock: Clock = {
  now: () => performance.now(),
  timeout: (callback, delay) => setTimeout(callback, delay),
  background: (callback, delay) => {
    const timer = setTimeout(callback, delay) as unknown as number | { unref(): void };
    // A number in older Denos, which has a function of its own for it.
    if (typeof timer === "object") timer.unref();
    else (globalThis as unknown as { Deno: { unrefTimer(timer: number): void } }).Deno.unrefTimer(timer);
    return timer;
  },
  clear: (handle) => clearTimeout(handle as number),
  microtask: (callback) => queueMicrotask(callback),
  immediate: (callback) => void setImmediate(callback),
  afterOthers: isDeno ? afterOthersInDeno : (callback) => void setImmediate(callback),
};
