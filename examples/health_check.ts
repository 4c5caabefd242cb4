/**
 * A health check: several targets at once, a table, and an exit status: 0 if all are up, 1 if one is down.
 *
 *     deno run --allow-ffi --allow-net examples/health_check.ts example.com:443 10.0.0.5:22
 *     bun examples/health_check.ts example.com:443 10.0.0.5:22
 *
 * Without targets it looks at a server of its own, and at a port where nobody listens: 1.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { connect, ConnectError } from "@einprogress/connect";

const targets = process.argv.length > 2 ? process.argv.slice(2) : [await server(), "127.0.0.1:1"];
const checks = await Promise.all(targets.map(check));

const width = Math.max(...targets.map((target) => target.length));
for (const { target, state, ms, why } of checks) {
  console.log(`${target.padEnd(width)}  ${state.padEnd(4)}  ${ms.toFixed(1).padStart(7)} ms  ${why}`.trimEnd());
}
process.exitCode = checks.every(({ state }) => state === "up") ? 0 : 1;

async function check(target: string): Promise<{ target: string; state: "up" | "down"; ms: number; why: string }> {
  const began = performance.now();
  try {
    using _connection = await connect(target, { timeout: 3000 }); // `using` closes it
    return { target, state: "up", ms: performance.now() - began, why: "" };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error; // a target that can't be read is a mistake of ours
    return { target, state: "down", ms: performance.now() - began, why: `${error.code}: ${error.hint}` };
  }
}

/** A server that is up, and does not keep the process alive. */
async function server(): Promise<string> {
  const server = createServer((socket) => socket.end()).unref();
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
