/** The ways to connect that are measured, all with one face: connect, and close at once. */
import { connect as connectNode } from "node:net";

/** Where to. */
export interface Target {
  hostname: string;
  port: number;
}

/** Connects and closes; rejects when refused. */
export type Way = (target: Target) => Promise<void>;

interface Closable {
  close(): void;
}
interface BunSocket {
  end(): void;
}
const { Deno, Bun } = globalThis as unknown as {
  Deno: { connect(target: Target): Promise<Closable> };
  Bun: { connect(options: Target & { socket: Record<string, () => void> }): Promise<BunSocket> };
};

const nothing = () => {};
const bunHandlers = { open: nothing, data: nothing, close: nothing, end: nothing, error: nothing };

/** A way by its name. Ours is imported only when it is asked for, so that it costs the others nothing. */
export async function wayOf(name: string): Promise<Way> {
  switch (name) {
    case "ours": {
      const { connect } = await import("../../mod.ts");
      return (target) => connect(target).then((connection) => connection.close());
    }
    case "deno":
      return (target) => Deno.connect(target).then((connection) => connection.close());
    case "bun":
      return (target) => Bun.connect({ ...target, socket: bunHandlers }).then((socket) => socket.end());
    case "net":
      return ({ hostname, port }) =>
        new Promise((resolve, reject) => {
          const socket = connectNode({ host: hostname, port });
          socket.on("error", reject);
          socket.on("connect", () => {
            socket.destroy();
            resolve();
          });
        });
  }
  throw new Error(`No such way: ${name}`);
}

/** Addresses that the connects of one run go round: then ports in TIME_WAIT never run short. */
const SPREAD = 4;

/** The targets that the connects of one run go round. `host` is 127.0.0.x. */
export function targetsFrom(host: string, port: number): Target[] {
  const last = host.lastIndexOf(".") + 1;
  const base = Number(host.slice(last));
  return Array.from({ length: SPREAD }, (_, i) => ({ hostname: host.slice(0, last) + (base + i), port }));
}

/** Makes `count` connects by `way`, at most `flight` at a time; a refused one counts as well. */
export async function run(way: Way, targets: Target[], count: number, flight: number): Promise<void> {
  let started = 0;
  async function lane() {
    while (started < count) {
      const target = targets[started++ % targets.length];
      try {
        await way(target);
      } catch {
        // refused, as it should be
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(flight, count) }, lane));
}

/** The same by ours, in bulk: probe(). */
export async function runProbe(targets: Target[], count: number, flight: number): Promise<void> {
  const { probe } = await import("../../mod.ts");
  function* source() {
    for (let i = 0; i < count; i++) yield targets[i % targets.length];
  }
  let seen = 0;
  for await (const { state } of probe(source(), { concurrency: flight, reset: false })) {
    if (state !== "open" && state !== "closed") throw new Error(`A probe said ${state}`);
    seen++;
  }
  if (seen !== count) throw new Error(`${seen} results for ${count} targets`);
}

/** The middle one. */
export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Collects garbage, where the runtime lets us. */
export function collect(): void {
  const { gc, Bun } = globalThis as unknown as { gc?: () => void; Bun?: { gc(full: boolean): void } };
  for (let i = 0; i < 2; i++) gc?.() ?? Bun?.gc(true);
}
