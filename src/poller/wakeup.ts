/**
 * A pipe to wake a thread that waits in poll(2) or epoll_wait(2): a byte in it makes its reading end ready.
 *
 * @module
 */
import type { Libc } from "../ffi/mod.ts";

/** A wake-up, open while somebody waits. */
export interface Wakeup {
  /** The descriptor to wait for with the others; -1 when no pipe could be had (EMFILE). */
  readonly fd: number;
  /** Opens the pipe, unless it is open. False if the system refuses. */
  open(): boolean;
  /** Makes `fd` readable. */
  ring(): void;
  /** Makes `fd` quiet again. */
  silence(): void;
  /** Closes the pipe. */
  close(): void;
}

/** A new wake-up, not yet open. */
export function createWakeup(libc: Libc): Wakeup {
  const ends = new Int32Array(new ArrayBuffer(8)).fill(-1);
  const bytes = new Uint8Array(new ArrayBuffer(8));
  let rung = false;
  return {
    get fd() {
      return ends[0];
    },
    open() {
      if (ends[0] < 0 && libc.pipe(ends) < 0) ends.fill(-1);
      return ends[0] >= 0;
    },
    ring() {
      if (rung || ends[1] < 0) return;
      rung = true;
      libc.write(ends[1], bytes.subarray(0, 1));
    },
    silence() {
      if (rung) libc.read(ends[0], bytes);
      rung = false;
    },
    close() {
      if (ends[0] < 0) return;
      libc.close(ends[0]);
      libc.close(ends[1]);
      ends.fill(-1);
      rung = false;
    },
  };
}
