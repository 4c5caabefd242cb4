/**
 * The Deno back end. It never dereferences a pointer in JavaScript (`Deno.UnsafePointerView`), so that
 * `--allow-ffi=<path of libc>` is all it needs.
 *
 * @module
 */
import { bindInTwo, type Calls, type Library, type ThreadCall } from "./backend.ts";
import { type Prototype, type Prototypes, waitNames } from "./prototypes.ts";

/** One function in Deno's words. */
interface ForeignFunction {
  name: string;
  parameters: readonly string[];
  result: string;
  nonblocking?: true;
}

/** The part of Deno's API that is used here, so that this file type-checks without Deno's types. */
interface DenoFfi {
  dlopen(
    path: string,
    symbols: Record<string, ForeignFunction>,
  ): { symbols: Record<string, (...args: unknown[]) => unknown> };
}

/** {@link OpenLibrary} for Deno. */
export function openLibrary(path: string, prototypes: Prototypes): Library {
  const { Deno } = globalThis as unknown as { Deno: DenoFfi };
  const calls = bindInTwo(prototypes, (some) => {
    const symbols = Object.entries(some).map(([name, prototype]) => [name, inDenosWords(name, prototype)]);
    const bound = Deno.dlopen(path, Object.fromEntries(symbols)).symbols;
    const { if_indextoname } = bound;
    // A usize result is a bigint here.
    if (if_indextoname) return { ...bound, if_indextoname: (...args) => Number(if_indextoname(...args)) } as Calls;
    return { ...bound } as Calls;
  });

  // The address of errno is one per thread and never moves: ask once, then copy the four bytes out on each need.
  const location = Number(calls.errnoLocation());
  const value = new Int32Array(new ArrayBuffer(4));
  const offThread = waitNames(prototypes).map((name) => {
    const prototype = inDenosWords(name, prototypes[name]!);
    const call = Deno.dlopen(path, { [name]: { ...prototype, nonblocking: true } }).symbols[name];
    return [name, keepingMemory(call as ThreadCall)];
  });
  return {
    calls,
    errno: () => {
      calls.memcpy(value, location, 4);
      return value[0];
    },
    offThread: Object.fromEntries(offThread),
  };
}

function inDenosWords(name: string, { symbol, args, result }: Prototype): ForeignFunction {
  return { name: symbol ?? name, parameters: args, result };
}

/** Deno hands the other thread an address and keeps no reference: until the call is over, this does. */
function keepingMemory(call: ThreadCall): ThreadCall {
  return async (...args) => {
    const result = await call(...args);
    return args.length > 0 ? result : -1;
  };
}
