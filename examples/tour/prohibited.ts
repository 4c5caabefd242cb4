/**
 * EACCES from connect(2), by what this machine allows: a Unix socket without any permission bits; for root, whom those
 * do not stop, a route of type "prohibit" in a network namespace of its own.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { attempt } from "./attempt.ts";
import { bindUnix } from "./listener.ts";
import type { Row } from "./table.ts";

/** The tour's flag for its other self, inside the namespace. */
export const INSIDE = "--inside-namespace";

/** RFC 5737 sets these addresses aside for examples. The route below prohibits them, so that no packet leaves. */
const TARGET = "198.51.100.1:80";
const SETUP = `ip route add prohibit 198.51.100.0/24 && exec "$@"`;

/** The row for "prohibited". */
export async function prohibited(): Promise<Row> {
  using server = bindUnix("shut");
  server.listen(1);
  chmodSync(server.target.slice("unix:".length), 0o000);
  const row = await attempt(server.target);
  return row.verdict === "connected" ? await inNamespace() : row;
}

/** What the tour does inside the namespace: the attempt, and its row as JSON. */
export async function inside(): Promise<void> {
  console.log(JSON.stringify(await attempt(TARGET, { timeout: 1000 })));
}

/** Runs this program again in a new user and network namespace: what it changes there, nobody else can see. */
async function inNamespace(): Promise<Row> {
  const tour = fileURLToPath(import.meta.resolve("../tour.ts"));
  const runtime = "Bun" in globalThis ? [process.execPath] : [process.execPath, "run", "--allow-ffi", "--allow-net"];
  const args = ["-Urn", "sh", "-c", SETUP, "sh", ...runtime, tour, INSIDE];
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }; // `ip` is not on every user's
  try {
    const { stdout } = await promisify(execFile)("unshare", args, { env, timeout: 10_000 });
    return JSON.parse(stdout);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return skipped(stderr?.trim() || message);
  }
}

function skipped(why: string): Row {
  const note = `file permissions do not stop root, and a network namespace can't be made here: ${why}`;
  return { target: TARGET, errno: "–", verdict: "skipped", source: "–", ms: "–", note };
}
