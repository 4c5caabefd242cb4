/** A probe of more targets than this side has descriptors or local ports for. */
import process from "node:process";
import { probe } from "../../../mod.ts";
import { constants, libc } from "../../../src/ffi/mod.ts";
import { closedPort } from "../../support.ts";
import { closeAll, listen, portOf } from "./ground.ts";
import { cpu, given, sockets, tell } from "./report.ts";

/** What to probe, and with how little. */
export interface Shortage {
  /** How many targets: an open port, a closed one, and again; or one given port alone. */
  count: number;
  port?: number;
  timeout: number;
  /** How many descriptors can be had. The limit was set by whoever started this. All, if undefined. */
  free?: number;
  /** Give the descriptors back after this many ms. */
  relief?: number;
}

/** What this scenario answers. */
export interface Abundance {
  /** How many results there were of each kind: `"open null"`, `"closed ECONNREFUSED"`, … */
  states: Record<string, number>;
  /** How many results do not fit the target. */
  wrong: number;
  /** The longest that one target took, and the shortest, in ms. */
  longest: number;
  shortest: number;
  /** Of the whole, in ms. */
  elapsed: number;
  cpu: number;
  left: number;
}

const { count, port, timeout, free, relief } = given<Shortage>();
const listener = listen(0, 1_000);
const closed = closedPort();
const before = sockets();
const ports = port === undefined ? [portOf(listener), closed.port] : [port];
const targets = Array.from({ length: count }, (_, i) => `127.0.0.1:${ports[i % ports.length]}`);

const fillers: number[] = [];
if (free !== undefined) {
  // Deno readies itself for signals some 0.3 s after its start, and panics if it can't: let it do that first.
  const listen = () => {};
  process.on("SIGUSR2", listen);
  process.off("SIGUSR2", listen);
  for (let fd = filler(); fd >= 0; fd = filler()) fillers.push(fd);
  for (let i = 0; i < free; i++) libc.close(fillers.pop()!);
}
if (relief !== undefined) setTimeout(() => closeAll(...fillers.splice(0)), relief);

function filler(): number {
  return libc.socket(constants.AF_INET, constants.SOCK_DGRAM, 0);
}

const answer: Abundance = { states: {}, wrong: 0, longest: 0, shortest: Infinity, elapsed: 0, cpu: 0, left: 0 };
const began = performance.now();
const spent = cpu();
for await (const { target, state, code, elapsed } of probe(targets, { timeout })) {
  const kind = `${state} ${code}`;
  answer.states[kind] = (answer.states[kind] ?? 0) + 1;
  answer.longest = Math.max(answer.longest, elapsed);
  answer.shortest = Math.min(answer.shortest, elapsed);
  if (port === undefined && state !== (target === targets[0] ? "open" : "closed")) answer.wrong++;
}
answer.elapsed = performance.now() - began;
answer.cpu = cpu() - spent;
closeAll(...fillers);
answer.left = sockets() - before;
tell(answer);
