/**
 * errno.ts WAY CLOSED_PORT: failures that a connect can meet here without privileges, and whether the error tells the
 * right name (`code`) and the right number (`errno`). Loopback and Unix sockets only; nothing leaves the machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectNode, type NetConnectOpts } from "node:net";
import { constants as osConstants, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { constants, encodeSockaddr, libc } from "../../src/ffi/mod.ts";

const [name, port] = process.argv.slice(2);
type Target = { hostname: string; port: number } | { path: string };
type Open = (target: Target) => Promise<unknown>;

const folder = mkdtempSync(join(tmpdir(), "einprogress-bench-"));
const path = (name: string) => join(folder, name);

/** A Unix socket bound to `path`; listens where a backlog is given. */
function unix(path: string, type: number, backlog = -1): number {
  const fd = libc.socket(constants.AF_UNIX, type, 0);
  if (libc.bind(fd, encodeSockaddr({ path })) < 0) throw new Error(`bind ${path}`);
  if (backlog >= 0) libc.listen(fd, backlog);
  return fd;
}
libc.close(unix(path("stale"), constants.SOCK_STREAM));
unix(path("datagram"), 2);
unix(path("full"), constants.SOCK_STREAM, 0);
libc.connect(libc.socket(constants.AF_UNIX, constants.SOCK_STREAM, 0), encodeSockaddr({ path: path("full") }));

const cases: [code: string, target: Target][] = [
  ["ECONNREFUSED", { hostname: "127.0.0.1", port: Number(port) }],
  ["ENETUNREACH", { hostname: "127.255.255.255", port: Number(port) }], // a broadcast address: refused by connect(2) itself
  ["EINVAL", { hostname: "fe80::1", port: Number(port) }], // link-local without a scope, likewise
  ["ENOENT", { path: path("absent") }],
  ["ECONNREFUSED", { path: path("stale") }],
  ["EPROTOTYPE", { path: path("datagram") }],
  ["EAGAIN", { path: path("full") }],
];

const { Deno, Bun } = globalThis as unknown as Record<"Deno" | "Bun", { connect(options: unknown): Promise<unknown> }>;

async function openerOf(): Promise<Open> {
  if (name === "ours") return (await import("../../mod.ts")).connect;
  if (name === "deno") return (target) => Deno.connect("path" in target ? { ...target, transport: "unix" } : target);
  if (name === "bun") {
    const socket = { data: () => {} };
    return (target) => Bun.connect("path" in target ? { unix: target.path, socket } : { ...target, socket });
  }
  return (target) =>
    new Promise((resolve, reject) => {
      const options = "path" in target ? target : { host: target.hostname, port: target.port };
      connectNode(options as NetConnectOpts).on("error", reject).on("connect", resolve);
    });
}

const open = await openerOf();
const told: string[] = [];
let names = 0;
let both = 0;
for (const [code, target] of cases) {
  let error: { code?: unknown; errno?: unknown; name?: string } = {};
  const late = new Promise((_, reject) => setTimeout(() => reject({ code: "(silence for 2 s)" }), 2_000));
  try {
    await Promise.race([open(target), late]);
    error = { code: "(connected)" };
  } catch (reason) {
    error = reason as typeof error;
  }
  const named = error.code === code;
  const numbered = Math.abs(Number(error.errno)) === osConstants.errno[code as keyof typeof osConstants.errno];
  if (named) names++;
  if (named && numbered) both++;
  told.push(`${code}: ${error.code ?? error.name} ${error.errno ?? "-"}`);
}
rmSync(folder, { recursive: true });
console.log(JSON.stringify({ names, both, of: cases.length, told }));
process.exit(0);
