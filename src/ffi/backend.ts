/**
 * What a back end (Deno's FFI, Bun's, one day Node's) gives to libc.ts.
 *
 * @module
 */
import type { CallName, LocalName, PosixName, Prototypes, WaitName } from "./prototypes.ts";

/** Memory that JavaScript owns and a C function may read or fill during a call. */
export type Memory = Uint8Array | Int32Array;

/** One bound C function. Arguments and results are plain numbers or {@link Memory}. */
export type Call = (...args: (number | Memory | null)[]) => number;

/** The bound functions by name. */
export type Calls = Record<PosixName, Call> & Partial<Record<LocalName, Call>>;

/** One bound C function, called on another thread. */
export type ThreadCall = (...args: (number | Memory | null)[]) => Promise<number>;

/** A loaded libc. */
export interface Library {
  /** Synchronous calls on this thread. */
  readonly calls: Calls;
  /** This thread's errno, which only means something on the line after a failed call. */
  errno(): number;
  /**
   * The calls that wait, on another thread, so that this one is free meanwhile. A call keeps the process alive and its
   * memory in place until it returns. Only its result is known then: errno belongs to the other thread.
   */
  readonly offThread: Partial<Record<WaitName, ThreadCall>>;
}

/** What a first connect needs. */
const NEEDED_AT_ONCE: ReadonlySet<string> = new Set<CallName>([
  "socket",
  "connect",
  "poll",
  "getsockopt",
  "getpeername",
  "getsockname",
  "close",
  "memcpy",
  "errnoLocation",
]);

/**
 * Binds the functions in two goes, for each takes 0.1 ms: those that a first connect needs now, the others when the first
 * of them is called.
 */
export function bindInTwo(prototypes: Prototypes, bind: (some: Partial<Prototypes>) => Calls): Calls {
  const part = (atOnce: boolean) =>
    Object.fromEntries(
      Object.entries(prototypes).filter(([name]) => NEEDED_AT_ONCE.has(name) === atOnce),
    ) as Partial<Prototypes>;
  const calls = bind(part(true));
  const later = part(false);
  for (const name of Object.keys(later) as CallName[]) {
    calls[name] = (...args) => {
      Object.assign(calls, bind(later));
      return calls[name]!(...args);
    };
  }
  return calls;
}

/** Opens the libc at `path` with the given prototypes. */
export type OpenLibrary = (path: string, prototypes: Prototypes) => Library;
