/** A connect with only `free` descriptors left to have. The limit was set by whoever started this. */
import process from "node:process";
import { constants, libc } from "../../../src/ffi/mod.ts";
import { fullBacklog } from "../../support.ts";
import { attempt, cpu, given, type Outcome, sockets, tell } from "./report.ts";

/** How many descriptors can be had, and how the pending connect shall end; "socket" is one that never begins. */
export interface Shortage {
  free: number;
  end: "timeout" | "abort" | "connection" | "socket";
}

/** What this scenario answers. */
export interface Scarce {
  outcome: Outcome;
  /** Milliseconds of processor time that it took. */
  cpu: number;
  /** A connect to the same port after descriptors were to be had again. */
  afterwards: Outcome;
  left: number;
}

const { free, end } = given<Shortage>();
const before = sockets();
const listener = fullBacklog();
const target = `127.0.0.1:${listener.port}`;

const fillers: number[] = [];
/** Takes all descriptors but `spare`. */
function fill(spare: number): void {
  for (;;) {
    const fd = libc.socket(constants.AF_INET, constants.SOCK_DGRAM, 0);
    if (fd < 0) break;
    fillers.push(fd);
  }
  for (let i = 0; i < spare; i++) libc.close(fillers.pop()!);
}

// Deno readies itself for signals some 0.3 s after its start, and panics if it can't: let it do that first.
const listen = () => {};
process.on("SIGUSR2", listen);
process.off("SIGUSR2", listen);

fill(free);
const spent = cpu();
const controller = new AbortController();
const options = { timeout: end === "timeout" ? 300 : 5_000, signal: controller.signal };
const promise = attempt(target, options);
if (end === "abort") setTimeout(() => controller.abort(new DOMException("enough", "AbortError")), 300);
if (end === "connection") {
  setTimeout(() => {
    libc.close(fillers.pop()!); // accept(2) needs one too
    listener.accept();
    fill(0);
  }, 300);
}
const first = await promise;
const used = cpu() - spent;
for (const fd of fillers) libc.close(fd);
listener.accept();
const afterwards = await attempt(target, { timeout: 5_000 });
listener[Symbol.dispose]();
tell({ outcome: first, cpu: used, afterwards, left: sockets() - before } satisfies Scarce);
