/**
 * The Bun back end. Its FFI can only block, so waiting happens on a worker thread: see worker.ts.
 *
 * @module
 */
import { bindInTwo, type Calls, type Library, type Memory } from "./backend.ts";
import { builtin } from "./host.ts";
import { type CType, type PosixName, type Prototype, type Prototypes, waitNames } from "./prototypes.ts";
import { createThreadCalls } from "./worker.ts";

/** The part of `bun:ffi` that is used here, so that this file type-checks without Bun's types. */
interface BunFfi {
  dlopen(
    path: string,
    symbols: Record<string, { args: string[]; returns: string }>,
  ): { symbols: Record<string, (...args: unknown[]) => unknown> };
  ptr(memory: Memory): number;
  toArrayBuffer(address: number, offset: number, length: number): ArrayBuffer;
}

/** Bun's words for an argument. `ptr` takes memory; an address is a number like any other. */
const argument: Record<CType, string> = { i32: "i32", u32: "u32", usize: "u64", buffer: "ptr", void: "void" };
/** As a result, `ptr` is an address as a plain number; `u64` would be a bigint. */
const result: Record<CType, string> = { ...argument, usize: "ptr" };

/** {@link OpenLibrary} for Bun. */
export function openLibrary(path: string, prototypes: Prototypes): Library {
  const ffi = builtin("bun:ffi") as BunFfi;
  const calls = bindInTwo(prototypes, (some) => {
    const bound = {} as Calls;
    for (const [name, prototype] of Object.entries(some) as [PosixName, Prototype][]) {
      // One dlopen(3) a function: Bun has no way to bind one symbol under two names, and the library is loaded once.
      const symbol = prototype.symbol ?? name;
      bound[name] = ffi.dlopen(path, { [symbol]: inBunsWords(prototype) }).symbols[symbol] as Calls[PosixName];
    }
    return bound;
  });

  // errno is mapped: reading it is one load. Its address is one per thread and never moves.
  const value = new Int32Array(ffi.toArrayBuffer(calls.errnoLocation(), 0, 4));
  const waiting = waitNames(prototypes).map((name) => [name, inBunsWords(prototypes[name]!)] as const);
  const offThread = createThreadCalls(path, Object.fromEntries(waiting), ffi.ptr, () => hasRoom(calls));
  return { calls, errno: () => value[0], offThread };
}

/** What a worker's event loop takes, and a little more for the files that it opens to start. */
const WORKER_DESCRIPTORS = 8;

/** Whether that many descriptors are to be had, shown by having them. */
function hasRoom(calls: Calls): boolean {
  const AF_UNIX = 1, SOCK_STREAM = 1; // on every system
  const fds: number[] = [];
  while (fds.length < WORKER_DESCRIPTORS) {
    const fd = calls.socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) break;
    fds.push(fd);
  }
  for (const fd of fds) calls.close(fd);
  return fds.length === WORKER_DESCRIPTORS;
}

function inBunsWords(prototype: Prototype): { args: string[]; returns: string } {
  return { args: prototype.args.map((type) => argument[type]), returns: result[prototype.result] };
}
