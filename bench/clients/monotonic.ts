/** CLOCK_MONOTONIC by libc: not every runtime's `process.hrtime` is on the scale that other processes see. */
import process from "node:process";

type Clock = (id: number, time: Uint32Array) => number;
const { Deno } = globalThis as unknown as {
  Deno?: { dlopen(path: string, symbols: unknown): { symbols: { clock_gettime: Clock } } };
};
const LIBC = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];
const CLOCK_MONOTONIC = 1;

function open(): Clock {
  for (const path of LIBC) {
    try {
      if (Deno !== undefined) {
        const symbols = { clock_gettime: { parameters: ["i32", "buffer"], result: "i32" } };
        return Deno.dlopen(path, symbols).symbols.clock_gettime;
      }
      const { dlopen } = process.getBuiltinModule("bun:ffi" as "node:net") as unknown as {
        dlopen(path: string, symbols: unknown): { symbols: { clock_gettime: Clock } };
      };
      return dlopen(path, { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } }).symbols.clock_gettime;
    } catch {
      // the next
    }
  }
  throw new Error("No libc found");
}

/** A function that tells the time in µs. */
export function monotonic(): () => number {
  const clock_gettime = open();
  const time = new Uint32Array(new ArrayBuffer(16)); // struct timespec
  return () => {
    clock_gettime(CLOCK_MONOTONIC, time);
    return (time[0] + time[1] * 2 ** 32) * 1e6 + time[2] / 1e3;
  };
}
