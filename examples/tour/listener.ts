/**
 * Listening sockets made with libc itself, for what node:net's server can't do: be bound and not listen yet, or listen
 * and never accept.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Address, connect, ConnectError, type Connection } from "@einprogress/connect";
import { constants, decodeSockaddr, encodeSockaddr, errnoName, familyOf, libc } from "@einprogress/connect/ffi";

/** A bound socket. Whoever connects is refused until listen(), and is never accepted after it. */
export interface Listener extends Disposable {
  /** How connect() finds it. */
  readonly target: string;
  /** listen(2): from now on the kernel itself answers, until `backlog` + 1 connections wait to be accepted. */
  listen(backlog: number): void;
}

/** A TCP socket on a loopback port that the kernel chooses. */
export function bindTcp(): Listener {
  return bind({ hostname: "127.0.0.1", port: 0 });
}

/** A Unix socket called `name` in a folder that is removed when the process ends. */
export function bindUnix(name: string): Listener {
  folder ??= makeFolder();
  return bind({ path: join(folder, name) });
}

/** Fills a listener's backlog. The connections stay open until `using` ends. */
export async function fill(listener: Listener): Promise<Disposable> {
  listener.listen(0);
  const held: Connection[] = [];
  try {
    // Linux holds one connection more than the backlog says; other systems round up.
    while (held.length < 100) held.push(await connect(listener.target, { timeout: 200 }));
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
  }
  return { [Symbol.dispose]: () => held.forEach((connection) => connection.close()) };
}

function bind(wanted: Address): Listener {
  const sockaddr = encodeSockaddr(wanted);
  const fd = must("socket", libc.socket(familyOf(sockaddr), constants.SOCK_STREAM, 0));
  must("bind", libc.bind(fd, sockaddr));
  const name = new Uint8Array(128);
  const bound = decodeSockaddr(name.slice(0, must("getsockname", libc.getsockname(fd, name))));
  return {
    target: "path" in bound ? `unix:${bound.path}` : `${bound.hostname}:${bound.port}`,
    listen: (backlog) => must("listen", libc.listen(fd, backlog)),
    [Symbol.dispose]: () => libc.close(fd),
  };
}

/** libc's calls return -errno; here none of them may fail. */
function must(call: string, result: number): number {
  if (result < 0) throw new Error(`${call} ${errnoName(result)}`);
  return result;
}

let folder: string | undefined;

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tour-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
