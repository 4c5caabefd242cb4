/** Small helpers that the tests share. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type ListenOptions, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { constants, encodeSockaddr, libc } from "@einprogress/connect/ffi";
import type { Clock } from "../src/poller/clock.ts";

/** What the tests run under. */
export const runtime: "deno" | "bun" = "Bun" in globalThis ? "bun" : "deno";

/** The project's folder, as a URL that ends in a slash. */
export const root: URL = new URL("../", import.meta.url);

/** What each open descriptor of this process is: `/proc/self/fd` as number and link. */
export function fds(): Map<number, string> {
  const open = new Map<number, string>();
  for (const name of readdirSync("/proc/self/fd")) {
    try {
      open.set(Number(name), readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // the descriptor by which the directory was read
    }
  }
  return open;
}

/** How many sockets this process has open. */
export function socketFds(): number {
  return [...fds().values()].filter((link) => link.startsWith("socket:")).length;
}

/** Waits until `condition` holds; throws after `limit` ms, telling `what` was waited for. */
export async function until(condition: () => boolean, what: string, limit = 2_000): Promise<void> {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Not within ${limit} ms: ${what}`);
    await pause(2);
  }
}

/** Runs `body` and then waits until this process has no more sockets open than before it. */
export async function leavingNoSocket<T>(body: () => T | Promise<T>): Promise<T> {
  const before = socketFds();
  const result = await body();
  await until(() => socketFds() <= before, `no more sockets open than before (${before})`);
  return result;
}

/** Waits `ms`. To let time pass, never to hope that something has happened meanwhile. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a promise rejects with; throws if it doesn't. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (reason) {
    return reason;
  }
  throw new Error("Expected a rejection, but it resolved");
}

/** A local server, closed with all its connections by `await using`. */
export interface LocalServer extends AsyncDisposable {
  /** Its port; 0 on a Unix socket. */
  readonly port: number;
  /** The connections accepted so far, the closed ones included. */
  readonly accepted: readonly Socket[];
}

/** Listens on 127.0.0.1, or as `where` says (`{ host: "::1" }`, `{ path: "/…" }`), and gives each connection to `handler`. */
export async function serve(handler: (socket: Socket) => void = () => {}, where?: ListenOptions): Promise<LocalServer> {
  const accepted: Socket[] = [];
  // Half-open is allowed: the handler decides when its side ends.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on("error", () => {}); // resets are part of the game
    handler(socket);
  });
  server.listen(where ?? { host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === "string" ? 0 : address.port,
    accepted,
    async [Symbol.asyncDispose]() {
      for (const socket of accepted) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A bound TCP socket of our own. `using` closes it. */
export interface Held extends Disposable {
  readonly fd: number;
  readonly port: number;
}

/** Binds a socket to a loopback port (0: any) and does not listen. */
export function bound(hostname = "127.0.0.1", port = 0): Held {
  const family = hostname.includes(":") ? constants.AF_INET6 : constants.AF_INET;
  const fd = must(libc.socket(family, constants.SOCK_STREAM, 0));
  must(libc.bind(fd, encodeSockaddr({ hostname, port })));
  const name = new Uint8Array(128);
  must(libc.getsockname(fd, name));
  return { fd, port: new DataView(name.buffer).getUint16(2), [Symbol.dispose]: () => void libc.close(fd) };
}

/** A loopback port where surely nobody listens: a socket that is bound and never listens holds it. */
export function closedPort(hostname = "127.0.0.1"): Held {
  return bound(hostname);
}

/** A listener whose backlog is full, so that the kernel drops every further SYN: a connect to it stays pending. */
export function fullBacklog(): Held & { accept(): number } {
  const { fd, port } = bound();
  must(libc.listen(fd, 0)); // 0 takes one
  const client = must(libc.socket(constants.AF_INET, constants.SOCK_STREAM, 0));
  libc.connect(client, encodeSockaddr({ hostname: "127.0.0.1", port }));
  const pollfd = Int32Array.of(client, constants.POLLOUT);
  if (libc.poll(pollfd, 1, 1_000) !== 1) throw new Error("The backlog took no connection");
  return {
    fd,
    port,
    /** Accepts the connection that fills the backlog, and closes it: the next SYN is let in. */
    accept(): number {
      return must(libc.close(must(libc.accept(fd))));
    },
    [Symbol.dispose]() {
      libc.close(client);
      libc.close(fd);
    },
  };
}

/** A result of a libc call, which must not have failed. */
export function must(result: number): number {
  if (result < 0) throw new Error(`A libc call of the test's own failed: ${result}`);
  return result;
}

/** One `int` socket option. */
export function sockopt(fd: number, level: number, option: number): number {
  const value = new Int32Array(1);
  must(libc.getsockopt(fd, level, option, value));
  return value[0];
}

/** A temporary folder, removed with all its content by `using`. */
export function tempFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "einprogress-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** How a process ended. */
export interface Outcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** ms from spawn to exit. */
  readonly elapsed: number;
}

/** How to run a child. */
export interface SpawnOptions {
  /** Flags for Deno's `run`. Default `-A`. Bun has no such flags and ignores them. */
  flags?: string[];
  /** More environment variables; undefined removes one. */
  env?: Record<string, string | undefined>;
  /** Killed after this many ms, which rejects. Default 20,000. */
  limit?: number;
  /** Put before the command, such as `["setpriv", "--reuid=65534"]`. */
  prefix?: string[];
  /** Sent this signal as soon as it has written something to stdout. */
  signal?: NodeJS.Signals;
}

/**
 * Runs TypeScript source in a new process of the same runtime, from a file outside of the project.
 * `@einprogress/connect` and `@einprogress/connect/ffi` may be imported.
 */
export async function spawnSelf(source: string, options: SpawnOptions = {}): Promise<Outcome> {
  const { flags = ["-A"], env, limit = 20_000, prefix = [], signal } = options;
  using folder = tempFolder();
  const file = join(folder.path, "main.ts");
  const code = source
    .replaceAll(`"@einprogress/connect"`, JSON.stringify(new URL("mod.ts", root).href))
    .replaceAll(`"@einprogress/connect/ffi"`, JSON.stringify(new URL("src/ffi/mod.ts", root).href));
  writeFileSync(file, code);
  // Deno's node:child_process adds -A to a `deno run` that has no flag of permissions; this one takes nothing away.
  const none = flags.includes("-A") ? [] : ["--deny-run"];
  const run = runtime === "deno" ? ["run", "--no-config", ...none, ...flags, file] : ["run", file];
  const [command, ...args] = [...prefix, process.execPath, ...run];
  const began = performance.now();
  const child = spawn(command, args, {
    cwd: folder.path,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...env } as NodeJS.ProcessEnv,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (stdout === "" && signal) child.kill(signal);
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limit);
  const exited = once(child, "exit").then(() => performance.now() - began);
  const [code_, signal_] = await once(child, "close") as [number | null, string | null];
  clearTimeout(timer);
  if (late) throw new Error(`Not ended within ${limit} ms\nstdout: ${stdout}\nstderr: ${stderr}`);
  return { code: code_, signal: signal_, stdout, stderr, elapsed: await exited };
}

/** A clock that only moves when told: for timers, `advance`; for the event loop, `loop`. */
export class SimulatedClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];
  #microtasks: (() => void)[] = [];
  #immediates: (() => void)[] = [];
  /** What callbacks threw; a real event loop would report it as uncaught and go on. */
  readonly uncaught: unknown[] = [];

  now(): number {
    return this.#now;
  }
  timeout(callback: () => void, delay: number): unknown {
    const timer = { at: this.#now + delay, callback };
    this.#timers.push(timer);
    return timer;
  }
  background(callback: () => void, delay: number): unknown {
    return this.timeout(callback, delay);
  }
  clear(handle: unknown): void {
    this.#timers = this.#timers.filter((timer) => timer !== handle);
  }
  microtask(callback: () => void): void {
    this.#microtasks.push(callback);
  }
  immediate(callback: () => void): void {
    this.#immediates.push(callback);
  }
  afterOthers(callback: () => void): void {
    this.#immediates.push(callback);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.length;
  }

  /** The code that runs now takes `ms`. */
  spend(ms: number): void {
    this.#now += ms;
  }

  /** Lets `ms` pass, and runs each timer at its time and the microtasks it leaves. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.clear(next);
      this.#guard(next.callback);
      this.#drain();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** One round of the event loop: all microtasks, then the immediates set by now. False if there was nothing. */
  loop(): boolean {
    if (this.#microtasks.length + this.#immediates.length === 0) return false;
    this.#drain();
    const immediates = this.#immediates;
    this.#immediates = [];
    for (const callback of immediates) {
      this.#guard(callback);
      this.#drain();
    }
    return true;
  }

  #drain(): void {
    for (let callback = this.#microtasks.shift(); callback; callback = this.#microtasks.shift()) this.#guard(callback);
  }

  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.uncaught.push(error);
    }
  }
}
