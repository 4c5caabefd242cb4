/**
 * idle.ts WAY HOST PORT FULL PENDING: what a burst of 1,000 connects takes, in seconds (the median of several), with so
 * many idle pending ones beside it. A median of short bursts, for the kernel sends the pending ones' SYNs again every
 * second, and that is not ours.
 */
import process from "node:process";
import { starterOf } from "./starters.ts";
import { median, pause, run, targetsFrom, wayOf } from "./ways.ts";

const BURST = 1_000;
const BURSTS = 9;

const [name, host, port, full, pending] = process.argv.slice(2);
const targets = targetsFrom(host, Number(port));
const way = await wayOf(name);
const start = await starterOf(name);

await run(way, targets, 3 * BURST, 64); // warm
const target = { hostname: "127.0.0.1", port: Number(full) };
const kept = Array.from({ length: Number(pending) }, () => start(target));
await pause(500);
const took: number[] = [];
for (let i = 0; i < BURSTS; i++) {
  const began = performance.now();
  await run(way, targets, BURST, 64);
  took.push((performance.now() - began) / 1_000);
}
console.log(JSON.stringify({ seconds: median(took), pending: kept.length }));
process.exit(0);
