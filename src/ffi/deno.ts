/**
 * The Deno back end. It never dereferences a pointer in JavaScript (`Deno.UnsafePointerView`), so that
 * `--allow-ffi=<path of libc>` is all it needs.
 *
 * @module
 */
import type { Calls, Library, ThreadCall } from "./backend.ts";
import { type Prototypes, waitNames } from "./prototypes.ts";

/** The part of Deno's API that is used here, so that this file type-checks without Deno's types. */
interface DenoFfi {
  dlopen(
    path: string,
    symbols: Record<string, { name?: string; parameters: readonly string[]; result: string; nonblocking?: true }>,
  ): { symbols: Record<string, (...args: unknown[]) => unknown> };
}

/** {@link OpenLibrary} for Deno. */
export function openLibrary(path: string, prototypes: Prototypes): Library {
  const { Deno } = globalThis as unknown as { Deno: DenoFfi };
  const symbols: Parameters<DenoFfi["dlopen"]>[1] = {};
  for (const [name, { symbol, args, result }] of Object.entries(prototypes)) {
    symbols[name] = { name: symbol ?? name, parameters: args, result };
  }
  for (const name of waitNames(prototypes)) {
    symbols[`${name}OffThread`] = { ...symbols[name], nonblocking: true };
  }

  const bound = Deno.dlopen(path, symbols).symbols;
  const calls = bound as Calls;
  // A usize result is a bigint here.
  const if_indextoname = bound.if_indextoname;
  const calledByNumber = { ...calls, if_indextoname: (index, name) => Number(if_indextoname(index, name)) } as Calls;

  // The address of errno is one per thread and never moves: ask once, then copy the four bytes out on each need.
  const location = Number(calls.errnoLocation());
  const value = new Int32Array(new ArrayBuffer(4));
  return {
    calls: calledByNumber,
    errno: () => {
      calls.memcpy(value, location, 4);
      return value[0];
    },
    offThread: Object.fromEntries(
      waitNames(prototypes).map((name) => [name, keepingMemory(bound[`${name}OffThread`] as ThreadCall)]),
    ),
  };
}

/** Deno hands the other thread an address and keeps no reference: until the call is over, this does. */
function keepingMemory(call: ThreadCall): ThreadCall {
  return async (...args) => {
    const result = await call(...args);
    return args.length > 0 ? result : -1;
  };
}
