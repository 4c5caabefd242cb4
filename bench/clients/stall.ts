/**
 * stall.ts MODE WAY HOST PORT COUNT: the longest time, in ms, that a 1 ms interval timer had to wait meanwhile.
 *
 * - tick: COUNT connects issued in one tick, until all are done
 * - abort: COUNT pending connects aborted in one tick by one signal (node:net: destroy() each)
 * - aborts: the same, each with a signal of its own
 * - chain: one connect after the other for a second
 * - nothing: nothing for a second; what machine and runtime do by themselves
 */
import type { Socket } from "node:net";
import process from "node:process";
import { starterOf } from "./starters.ts";
import { pause, targetsFrom, wayOf } from "./ways.ts";

const [mode, name, host, port, count] = process.argv.slice(2);
const targets = name === "-" ? [] : targetsFrom(host, Number(port));
const n = Number(count);

let longest = 0;
let last = 0;
let counting = false;
setInterval(() => {
  const now = performance.now();
  if (counting) longest = Math.max(longest, now - last);
  last = now;
}, 1);

/** Measures from a moment when the timer is running to one when the work is over and the timer has been on again. */
async function measure(work: () => Promise<unknown>): Promise<void> {
  await pause(100);
  counting = true;
  const began = performance.now();
  const done = await work();
  const took = performance.now() - began;
  await pause(20);
  console.log(JSON.stringify({ longest, took, done }));
  process.exit(0);
}

const way = name === "-" || name === "listener" ? null : await wayOf(name);
// The library is loaded: that is not what is measured.
if (way !== null) await way({ hostname: host, port: 1 }).catch(() => {});

switch (mode) {
  case "tick":
    await measure(async () => {
      const all = Array.from({ length: n }, (_, i) => way!(targets[i % targets.length]));
      return (await Promise.allSettled(all)).filter(({ status }) => status === "fulfilled").length;
    });
    break;
  case "abort":
  case "aborts": {
    const start = await starterOf(name);
    const one = new AbortController();
    const controllers = Array.from({ length: n }, () => mode === "abort" ? one : new AbortController());
    const started = controllers.map(({ signal }) => start({ hostname: host, port: Number(port) }, signal));
    await pause(1_500);
    await measure(() => {
      const ended = started.map((one) =>
        one instanceof Promise ? one.catch(() => {}) : new Promise((resolve) => (one as Socket).on("close", resolve))
      );
      if (name === "net") { for (const socket of started as Socket[]) socket.destroy(); }
      else for (const controller of new Set(controllers)) controller.abort();
      return Promise.all(ended).then((all) => all.length);
    });
    break;
  }
  case "chain":
    await measure(async () => {
      let done = 0;
      for (const end = performance.now() + 1_000; performance.now() < end; done++) {
        await way!(targets[done % targets.length]).catch(() => {});
      }
      return done;
    });
    break;
  case "nothing":
    await measure(() => pause(1_000));
}
