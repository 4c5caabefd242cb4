/** The ways to begin a connect that stays pending, with as little around it as a program can have. */
import { connect as connectNode } from "node:net";
import type { Target } from "./ways.ts";

/** Begins a connect and answers what the runtime gives for it. */
export type Starter = (target: Target, signal?: AbortSignal) => unknown;

const { Deno, Bun } = globalThis as unknown as {
  Deno: { connect(target: Target): Promise<unknown> };
  Bun: { connect(options: Target & { socket: Record<string, () => void> }): Promise<unknown> };
};
const nothing = () => {};
const bunHandlers = { open: nothing, data: nothing, close: nothing, end: nothing, error: nothing };

/** A starter by its way's name. */
export async function starterOf(name: string): Promise<Starter> {
  switch (name) {
    case "ours": {
      const { connect } = await import("../../mod.ts");
      return (target, signal) => signal ? connect(target, { signal }) : connect(target);
    }
    case "deno":
      return (target) => Deno.connect(target);
    case "bun":
      return (target) => Bun.connect({ ...target, socket: bunHandlers });
    case "net":
      return ({ hostname, port }) => connectNode({ host: hostname, port });
    case "listener": // connects nothing: what a signal costs by itself
      return (_, signal) => new Promise((resolve) => signal!.addEventListener("abort", resolve));
  }
  throw new Error(`No such way: ${name}`);
}
