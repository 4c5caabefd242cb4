/**
 * wake.ts ours|stdin COUNT: another process writes the time (CLOCK_MONOTONIC, ns) into a pipe, which is our stdin, at
 * moments of its own choosing. How long after each of them does JavaScript that awaits it go on? In µs, the median.
 *
 * - ours: our poller watches the pipe, as it does a pending socket
 * - stdin: the runtime's own stream, for comparison
 */
import process from "node:process";
import { monotonic } from "./monotonic.ts";
import { median } from "./ways.ts";

const [way, count] = process.argv.slice(2);
const clock = monotonic();
const WARM = 20;
const late: number[] = [];

function take(now: number, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.byteLength - 8, 8);
  late.push(now - (view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32) / 1_000);
}

if (way === "ours") {
  const { poller } = await import("../../src/poller/poller.ts");
  const { constants, libc } = await import("../../src/ffi/mod.ts");
  const bytes = new Uint8Array(new ArrayBuffer(8));
  while (late.length < Number(count)) {
    await new Promise<void>((run) => poller.watch({ fd: 0, events: constants.POLLIN, revents: 0, place: -1, run }));
    const now = clock();
    if (libc.read(0, bytes) !== 8) break;
    take(now, bytes);
  }
} else {
  for await (const chunk of process.stdin) {
    const now = clock();
    take(now, chunk as Uint8Array);
    if (late.length >= Number(count)) break;
  }
}
console.log(JSON.stringify({ p50: median(late.slice(WARM)), samples: late.length - WARM }));
process.exit(0);
