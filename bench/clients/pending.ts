/**
 * pending.ts WAY PORT SIZE…: connects that stay pending, so many at each step (sizes rise): the process' anonymous
 * memory, its processor time over a second or two of waiting, and its threads. The first entry is with none.
 */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { starterOf } from "./starters.ts";
import { collect, pause, wayOf } from "./ways.ts";

const [name, port, ...sizes] = process.argv.slice(2);
const target = { hostname: "127.0.0.1", port: Number(port) };
const start = await starterOf(name);
const kept: unknown[] = new Array(Number(sizes.at(-1))).fill(null);

/** KB. RSS without the pages of files: those come and go with the code that runs. */
function anonymous(): number {
  return Number(readFileSync("/proc/self/status", "utf8").match(/RssAnon:\s+(\d+)/)![1]);
}

/** % of a core over `ms`. */
async function processor(ms: number): Promise<number> {
  const before = process.cpuUsage();
  const began = performance.now();
  await pause(ms);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 10 / (performance.now() - began);
}

const steps: unknown[] = [];
async function step(pending: number): Promise<void> {
  await pause(200 + pending / 20); // until they are on their way
  collect();
  await pause(100);
  const threads = readdirSync("/proc/self/task").length;
  steps.push({ pending, memory: anonymous(), processor: await processor(pending === 100 ? 2_000 : 300), threads });
}

// The library is loaded and one connect made and refused before the first step: that is not what is measured.
await (await wayOf(name))({ hostname: "127.0.0.1", port: 1 }).catch(() => {});
await step(0);
let started = 0;
for (const size of sizes.map(Number)) {
  while (started < size) kept[started++] = start(target);
  await step(size);
}
console.log(JSON.stringify({ steps }));
process.exit(kept.length === 0 ? 1 : 0);
