/**
 * A client that stays connected: it backs off while the server is away, and comes back when the connection has ended.
 * Ctrl-C stops it, wherever it stands.
 *
 *     deno run --allow-ffi --allow-net examples/reconnecting_client.ts 127.0.0.1:6379
 *     bun examples/reconnecting_client.ts 127.0.0.1:6379
 *
 * Without a target it has a server of its own, which hangs up after a greeting and is away every now and then.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { Connector } from "@einprogress/connect";

const target = process.argv[2] ?? await moodyServer();

let socket: Socket | undefined;
let again: NodeJS.Timeout | undefined;

const connector = new Connector(target, {
  retry: { initial: 200, max: 10_000, jitter: 0.5 }, // jitter: not all clients come back at the same moment
  onConnection(connection) {
    console.log("connected to", target);
    socket = connection.toSocket();
    socket.on("data", (chunk) => console.log("received", String(chunk).trimEnd()));
    socket.on("error", (error) => console.log(error.message)); // "close" follows
    socket.on("close", () => {
      console.log("the connection has ended");
      // restart() tries at once. Not so fast: a server that hangs up on everybody must not be hammered.
      again = setTimeout(() => connector.restart(), 200);
    });
  },
  onRetry: (error, delay) => console.log(`${error.message}; again in ${Math.round(delay)} ms`),
  onFailure: (error) => console.error(`giving up: ${error.message}\n${error.hint}`),
});
connector.start();

// Nothing is left then that would keep the process alive: it ends by itself.
process.once("SIGINT", () => {
  console.log("stopping");
  connector.stop();
  clearTimeout(again);
  socket?.removeAllListeners("close").destroy();
});

/** Greets and hangs up; after every second client it is away for a while. It does not keep the process alive. */
async function moodyServer(): Promise<string> {
  let clients = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {}).end(`hello, client ${++clients}\n`); // it may have gone already
    if (clients % 2 === 0) server.close();
  });
  await once(server.listen(0, "127.0.0.1").unref(), "listening");
  const { port } = server.address() as AddressInfo;
  server.on("close", () => setTimeout(() => server.listen(port, "127.0.0.1").unref(), 600).unref());
  return `127.0.0.1:${port}`;
}
