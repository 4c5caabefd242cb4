/**
 * What the scenarios have in common: reading what they were given, trying, and telling how it went.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect, ConnectError, type ConnectOptions, ConnectTimeoutError } from "../../../mod.ts";
import { fds } from "../../support.ts";

/** What the test gave. */
export function given<T>(): T {
  return JSON.parse(process.argv.at(-1)!);
}

/** Prints the answer. */
export function tell(answer: unknown): void {
  console.log(JSON.stringify(answer));
}

/** A failure, as far as JSON carries it. */
export interface Failure {
  /** The class: `"ConnectError"`, `"ConnectTimeoutError"`, or another error's name. */
  class: string;
  message: string;
  code: string;
  errno: number;
  syscall: string;
  source: string;
  verdict: string;
  hint: string;
  address: string;
  port?: number;
  localAddress?: string;
  localPort?: number;
  timeout?: number;
}

/** How one connect went. */
export interface Outcome {
  /** Null if it was connected. */
  failure: Failure | null;
  /** Milliseconds from the call to the end. */
  elapsed: number;
}

/** What an error tells. */
export function describe(error: unknown): Failure {
  if (!(error instanceof ConnectError)) {
    return { class: (error as Error).name, message: (error as Error).message } as Failure;
  }
  const { message, code, errno, syscall, source, verdict, hint, address, port, localAddress, localPort } = error;
  const known = { message, code, errno, syscall, source, verdict, hint, address, port, localAddress, localPort };
  return error instanceof ConnectTimeoutError
    ? { class: "ConnectTimeoutError", ...known, timeout: error.timeout }
    : { class: "ConnectError", ...known };
}

/** Connects and closes, and tells how it went. */
export async function attempt(target: string, options?: ConnectOptions): Promise<Outcome> {
  const began = performance.now();
  let failure: Failure | null = null;
  try {
    (await connect(target, options)).close();
  } catch (error) {
    failure = describe(error);
  }
  return { failure, elapsed: performance.now() - began };
}

/** How many sockets this process holds, without those of the runtime itself, which are Unix sockets. */
export function sockets(): number {
  const unix = readFileSync("/proc/self/net/unix", "utf8");
  return [...fds().values()].filter((link) => {
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    return inode !== undefined && !unix.includes(` ${inode}`);
  }).length;
}

/** The time that this process has spent on a processor, in ms. */
export function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Every TCP socket that the namespace knows of, as the kernel's table has it: ends and state, TIME_WAIT (06) included. */
export function tcpSockets(): string[] {
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, "utf8").trimEnd().split("\n").slice(1)
  )
    .map((line) => line.trim().split(/\s+/).slice(1, 4).join(" "));
}
