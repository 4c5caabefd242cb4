/**
 * What a back end (Deno's FFI, Bun's, one day Node's) gives to libc.ts.
 *
 * @module
 */
import type { CallName, Prototype } from "./prototypes.ts";

/** Memory that JavaScript owns and a C function may read or fill during a call. */
export type Memory = Uint8Array | Int32Array;

/** One bound C function. Arguments and results are plain numbers or {@link Memory}. */
export type Call = (...args: (number | Memory | null)[]) => number;

/** The bound functions by name. */
export type Calls = Record<CallName, Call>;

/** A loaded libc. */
export interface Library {
  /** Synchronous calls on this thread. */
  readonly calls: Calls;
  /** This thread's errno, which only means something on the line after a failed call. */
  errno(): number;
  /**
   * poll(2) on another thread, so that this one is free while the kernel waits. Keeps the process alive until it
   * returns. Only the result is known afterwards: errno belongs to the other thread.
   */
  pollOffThread(fds: Uint8Array, nfds: number, timeout: number): Promise<number>;
}

/** Opens the libc at `path` with the given prototypes. */
export type OpenLibrary = (path: string, prototypes: Record<CallName, Prototype>) => Library;
