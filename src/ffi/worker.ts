/**
 * Calls that block, on a worker thread, for a runtime whose FFI can only block.
 *
 * A worker is spawned the first time something is really pending, kept for the next call, and ended when it has
 * had nothing to do for a second. It is ref'd only during a call: an idle one never keeps the process alive.
 *
 * @module
 */

import type { Memory, ThreadCall } from "./backend.ts";

/** How long a worker without work is kept, in ms: a new one costs some 4 ms, an idle one some 7 MB. */
const KEEP_IDLE = 1_000;

/** How long a call lasts, in ms, when there are no descriptors for a worker: what is ready is then noticed that much later. */
const WITHOUT_WORKER = 10;

/** A C function in `bun:ffi`'s words. */
type Signature = { args: string[]; returns: string };

/**
 * The worker's program. It lives in a string and starts from a Blob, so that there is no second file for a
 * package, a bundler or a compiled binary to lose.
 */
const program = (libcPath: string, signatures: Record<string, Signature>): string => `
const { symbols } = process.getBuiltinModule("bun:ffi").dlopen(
  ${JSON.stringify(libcPath)},
  ${JSON.stringify(signatures)},
);
self.onmessage = ({ data: { cell, name, args } }) => {
  const shared = new Int32Array(cell);
  shared[1] = symbols[name](...args);
  Atomics.store(shared, 0, 1);
  Atomics.notify(shared, 0);
};`;

/** Bun's Worker, as far as it is used here. */
interface WorkerThread {
  postMessage(message: unknown): void;
  terminate(): void;
  ref(): void;
  unref(): void;
  onerror: ((event: { message: string }) => void) | null;
}

/** A worker that waits for its next call. */
interface Idle {
  readonly worker: WorkerThread;
  /** The timer that will end it; null while it has only just finished and is still ref'd. */
  retirement: { unref(): void } | null;
}

/**
 * Calls that block a worker instead of this thread. `addressOf` tells where a piece of memory is, `hasRoom`
 * whether there are descriptors left for a worker.
 */
export function createThreadCalls(
  libcPath: string,
  signatures: Record<string, Signature>,
  addressOf: (memory: Memory) => number,
  hasRoom: () => boolean,
): Record<string, ThreadCall> {
  const { Worker } = globalThis as unknown as { Worker: new (url: string) => WorkerThread };
  // A worker can't be given memory, only where it is.
  const byAddress = Object.fromEntries(
    Object.entries(signatures).map(([name, { args, returns }]) => [
      name,
      { args: args.map((type) => type === "ptr" ? "u64" : type), returns },
    ]),
  );
  const idle: Idle[] = [];
  // One for all, and never revoked: a worker loads it some time after it was constructed.
  let url: string | null = null;

  /** Null if none is idle and there are no descriptors for a new one: Bun does not survive that. */
  function take(): WorkerThread | null {
    const last = idle.pop();
    if (last === undefined) {
      if (!hasRoom()) return null;
      url ??= URL.createObjectURL(new Blob([program(libcPath, byAddress)], { type: "text/javascript" }));
      return new Worker(url);
    }
    if (last.retirement !== null) {
      clearTimeout(last.retirement as unknown as number);
      last.worker.ref();
    }
    return last.worker;
  }

  /** It may be wanted again at once; if not, it is let go when whoever waited for it has gone on. */
  function giveBack(worker: WorkerThread): void {
    const entry: Idle = { worker, retirement: null };
    idle.push(entry);
    setImmediate(() => {
      if (!idle.includes(entry)) return;
      worker.unref();
      entry.retirement = setTimeout(() => {
        idle.splice(idle.indexOf(entry), 1);
        worker.terminate();
      }, KEEP_IDLE) as unknown as Idle["retirement"];
      entry.retirement!.unref();
    });
  }

  async function call(name: string, args: Parameters<ThreadCall>): Promise<number> {
    const worker = take();
    if (worker === null) {
      await new Promise((resolve) => setTimeout(resolve, WITHOUT_WORKER));
      return -1; // the caller asks again on this thread, without waiting
    }
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const failed = new Promise<never>((_, reject) => {
      worker.onerror = (event) => reject(new Error(`The waiting thread failed: ${event.message}`));
    });
    const plain = args.map((arg) => arg === null ? 0 : typeof arg === "number" ? arg : addressOf(arg));
    worker.postMessage({ cell: shared.buffer, name, args: plain });
    await Promise.race([Atomics.waitAsync(shared, 0, 0).value, failed]);
    giveBack(worker);
    // The worker knew addresses only. Naming the memory here is what has kept it alive until now.
    return args.length > 0 ? shared[1] : -1;
  }

  return Object.fromEntries(
    Object.keys(signatures).map((name) => [name, (...args: Parameters<ThreadCall>) => call(name, args)]),
  );
}
