/** rate.ts WAY HOST PORT COUNT FLIGHT [WARM]: the seconds that COUNT connects take, after WARM ones to warm up. */
import process from "node:process";
import { run, runProbe, targetsFrom, wayOf } from "./ways.ts";

const [name, host, port, count, flight, warm = "0"] = process.argv.slice(2);
const targets = targetsFrom(host, Number(port));
const way = name === "probe" ? null : await wayOf(name);

function go(count: number): Promise<void> {
  return way === null ? runProbe(targets, count, Number(flight)) : run(way, targets, count, Number(flight));
}

if (Number(warm) > 0) await go(Number(warm));
const began = performance.now();
await go(Number(count));
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1_000 }));
process.exit(0);
