/**
 * Which runtime, system and processor this is.
 *
 * Deno tells by `Deno.build`. Node's `process` is not imported: loading it takes Deno 10 ms, which a program that makes
 * one connect need not wait for.
 *
 * @module
 */

interface DenoHost {
  build: { os: string; arch: string };
  env: { get(name: string): string | undefined };
}

interface NodeProcess {
  platform: string;
  arch: string;
  env: Record<string, string | undefined>;
  getBuiltinModule(name: string): unknown;
}

const host = globalThis as unknown as { Deno?: DenoHost; Bun?: unknown; process: NodeProcess };

/** Whether this is Deno, or Bun. */
export const isDeno: boolean = host.Deno !== undefined, isBun: boolean = host.Bun !== undefined;

/** Node's words for what Deno calls otherwise. */
const inNodesWords: Record<string, string> = { windows: "win32", x86_64: "x64", aarch64: "arm64" };

function tell(deno: "os" | "arch", node: "platform" | "arch"): string {
  if (host.Deno === undefined) return host.process[node];
  const word = host.Deno.build[deno];
  return inNodesWords[word] ?? word;
}

/** The operating system, in Node's words: `linux`, `darwin`, `freebsd`, `win32`, … */
export const os: string = tell("os", "platform");
/** The processor, in Node's words: `x64`, `arm64`, … */
export const arch: string = tell("arch", "arch");

/** An environment variable. Under Deno it takes a permission: ask first. */
export function environmentVariable(name: string): string | undefined {
  return host.Deno ? host.Deno.env.get(name) : host.process.env[name];
}

/** The runtime's built-in modules that are used here. */
interface Builtins {
  "bun:ffi": unknown;
  "node:dns": typeof import("node:dns");
  "node:net": typeof import("node:net");
  "node:path": typeof import("node:path");
}

/**
 * A built-in module of the runtime, loaded when it is first needed, and synchronously. Not an import: that would load it
 * at start, and bundlers, Deno and TypeScript need not know `bun:ffi`.
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return host.process.getBuiltinModule(name) as Builtins[Name];
}
