/**
 * Much work for the connector, and what the event loop's others see of it meanwhile: a 1 ms interval, an
 * immediate set by each of its ticks, and the I/O of another socket, which plays ping-pong with a server in the same
 * process. (An immediate that sets the next one for ever would starve Deno's I/O by itself.)
 */
import { once } from "node:events";
import { connect as connectNode, createServer } from "node:net";
import process from "node:process";
import { connect } from "../../../mod.ts";
import { libc } from "../../../src/ffi/mod.ts";
import { closedPort, fullBacklog } from "../../support.ts";
import { closeAll, listen, portOf } from "./ground.ts";
import { given, sockets, tell } from "./report.ts";

/** What to do. */
export interface Work {
  what: "closed" | "open" | "abort" | "chain";
  /** How many connects in one tick; of a chain, how many chains. */
  count: number;
  /** How long a chain goes on, in ms. */
  duration?: number;
}

/** What this scenario answers. */
export interface Seen {
  /** How many connects ended as they should, and how many otherwise. */
  right: number;
  wrong: number;
  /** Whether they ended in the order in which they were begun. */
  inOrder: boolean;
  /** From the end of the tick that issued them to the last outcome; ms. */
  elapsed: number;
  /** How long the tick itself took, which is the caller's own doing. */
  issuing: number;
  /** How often each of the others had its turn meanwhile, and the gaps between the interval's ticks, sorted. */
  ticks: number;
  immediates: number;
  pongs: number;
  gaps: number[];
  left: number;
}

const { what, count, duration = 0 } = given<Work>();
// Nobody accepts, and the kernel caps a backlog at 4,096.
const before = sockets();
const listeners = [1, 2, 3].map(() => listen(0, 4_096));
const closed = closedPort();
const full = fullBacklog();

const server = createServer((socket) => void socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
await once(server, "listening");
const peer = connectNode((server.address() as { port: number }).port, "127.0.0.1");
await once(peer, "connect");

// The first connect of a process opens libc; that is not what is looked at here.
await connect(`127.0.0.1:${closed.port}`).catch(() => {});

let running = false;
const seen: Seen = {
  right: 0,
  wrong: 0,
  inOrder: true,
  elapsed: 0,
  issuing: 0,
  ticks: 0,
  immediates: 0,
  pongs: 0,
  gaps: [],
  left: 0,
};
let last = 0;
function tick(): void {
  const now = performance.now();
  if (!running) return;
  seen.ticks++;
  seen.gaps.push(now - last);
  last = now;
  setImmediate(() => seen.immediates++);
}
const interval = setInterval(tick, 1);
let over = false;
peer.on("error", () => {}).on("data", () => {
  if (running) seen.pongs++;
  if (!over) peer.write("x");
});
peer.write("x");
await new Promise((resolve) => setTimeout(resolve, 50)); // everything of the runtime is warm

/** Lets the others count from now on. */
function begin(): number {
  running = true;
  return last = performance.now();
}

function target(port: number): string {
  return `127.0.0.1:${port}`;
}

let next = 0;
function ended(i: number, right: boolean): void {
  if (right) seen.right++;
  else seen.wrong++;
  if (i !== next++) seen.inOrder = false;
}

async function issue(): Promise<void> {
  const refused = (error: { code?: string }) => error.code === "ECONNREFUSED";
  const ports = what === "closed" ? [closed.port] : listeners.map(portOf);
  const began = performance.now();
  const all = Array.from({ length: count }, (_, i) =>
    connect(target(ports[i % ports.length]), { linger: 0 }).then(
      (connection) => (connection.close(), ended(i, what === "open")),
      (error) => ended(i, what === "closed" && refused(error)),
    ));
  seen.issuing = performance.now() - began;
  const from = begin();
  await Promise.all(all);
  seen.elapsed = performance.now() - from;
}

async function abort(): Promise<void> {
  const reason = new Error("enough");
  let begun = 0;
  const controllers = Array.from({ length: count }, () => new AbortController());
  const all = controllers.map(({ signal }, i) =>
    connect(target(full.port), { signal, control: () => void begun++ }).then(
      (connection) => (connection.close(), ended(i, false)),
      (error) => ended(i, error === reason),
    )
  );
  while (begun < count) await new Promise((resolve) => setTimeout(resolve, 20));
  const began = performance.now();
  for (const controller of controllers) controller.abort(reason);
  seen.issuing = performance.now() - began;
  const from = begin();
  await Promise.all(all);
  seen.elapsed = performance.now() - from;
}

/** Each connect is begun by the end of the one before, with nothing but microtasks between. */
async function chain(): Promise<void> {
  const [listener] = listeners;
  const port = portOf(listener);
  const from = begin();
  const end = from + duration;
  await Promise.all(Array.from({ length: count }, async () => {
    while (performance.now() < end) {
      const connection = await connect(target(port), { linger: 0 });
      connection.close();
      closeAll(libc.accept(listener)); // or its backlog would be full soon
      seen.right++;
    }
  }));
  seen.elapsed = performance.now() - from;
}

await (what === "chain" ? chain() : what === "abort" ? abort() : issue());
running = false;
over = true;
clearInterval(interval);
peer.destroy();
server.close();
closeAll(...listeners);
closed[Symbol.dispose]();
full[Symbol.dispose]();
seen.gaps = seen.gaps.map((gap) => Math.round(gap * 100) / 100).sort((a, b) => a - b);
// The runtime closes its own in its own time.
for (let i = 0; i < 100 && (seen.left = sockets() - before) > 0; i++) await new Promise((go) => setTimeout(go, 10));
tell(seen);
process.exit(0);
