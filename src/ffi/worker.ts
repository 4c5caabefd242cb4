/**
 * poll(2) on a worker thread, for a runtime whose FFI can only block.
 *
 * A worker is spawned the first time something is really pending, kept for the next call, and ended when it has
 * had nothing to do for a second. It is ref'd only during a call: an idle one never keeps the process alive.
 *
 * @module
 */

/** How long a worker without work is kept, in ms: a new one costs some 4 ms, an idle one some 7 MB. */
const KEEP_IDLE = 1_000;

/**
 * The worker's program. It lives in a string and starts from a Blob, so that there is no second file for a
 * package, a bundler or a compiled binary to lose.
 */
const program = (libcPath: string): string => `
const { poll } = process.getBuiltinModule("bun:ffi").dlopen(${JSON.stringify(libcPath)}, {
  poll: { args: ["u64", "u32", "i32"], returns: "i32" },
}).symbols;
self.onmessage = ({ data: { cell, fds, nfds, timeout } }) => {
  const shared = new Int32Array(cell);
  shared[1] = poll(fds, nfds, timeout);
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

interface Idle {
  readonly worker: WorkerThread;
  readonly retirement: { unref(): void };
}

/** A poll(2) that blocks a worker instead of this thread. `addressOf` tells where a piece of memory is. */
export function createWorkerPoll(
  libcPath: string,
  addressOf: (memory: Uint8Array) => number,
): (fds: Uint8Array, nfds: number, timeout: number) => Promise<number> {
  const { Worker } = globalThis as unknown as { Worker: new (url: string) => WorkerThread };
  const idle: Idle[] = [];
  // One for all, and never revoked: a worker loads it some time after it was constructed.
  let url: string | null = null;

  function take(): WorkerThread {
    const last = idle.pop();
    if (last === undefined) {
      url ??= URL.createObjectURL(new Blob([program(libcPath)], { type: "text/javascript" }));
      return new Worker(url);
    }
    clearTimeout(last.retirement as unknown as number);
    last.worker.ref();
    return last.worker;
  }

  function giveBack(worker: WorkerThread): void {
    worker.unref();
    const retirement = setTimeout(() => {
      idle.splice(idle.findIndex((one) => one.worker === worker), 1);
      worker.terminate();
    }, KEEP_IDLE) as unknown as Idle["retirement"];
    retirement.unref();
    idle.push({ worker, retirement });
  }

  return async (fds, nfds, timeout) => {
    const worker = take();
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const failed = new Promise<never>((_, reject) => {
      worker.onerror = (event) => reject(new Error(`The poll worker failed: ${event.message}`));
    });
    worker.postMessage({ cell: shared.buffer, fds: addressOf(fds), nfds, timeout });
    await Promise.race([Atomics.waitAsync(shared, 0, 0).value, failed]);
    giveBack(worker);
    // The worker knew an address only. Naming the memory here is what has kept it alive until now.
    return fds.length < nfds ? -1 : shared[1];
  };
}
