/**
 * The tour's scenes: each branch of the article, made to happen on this machine.
 *
 * @module
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type Connection, Connector } from "@einprogress/connect";
import { attempt, connected, failed, since } from "./attempt.ts";
import { bindTcp, bindUnix, fill } from "./listener.ts";
import { prohibited } from "./prohibited.ts";
import type { Row } from "./table.ts";

/** One branch of the article. */
export interface Scene {
  readonly title: string;
  /** The codes that must come on Linux, "0" for a connection: else the tour itself has failed. */
  readonly expected: readonly string[];
  /** Makes it happen, and tells each outcome as it comes. */
  show(tell: (row: Row) => void): Promise<void>;
}

/** In the order of the article. */
export const scenes: readonly Scene[] = [
  {
    title: "Connected: the socket is handed over, and HTTP is spoken on it",
    expected: ["0"],
    async show(tell) {
      // A Unix socket connects within connect(2). Over loopback TCP it says EINPROGRESS, and is writable at once.
      using unix = bindUnix("open");
      unix.listen(1);
      tell(await attempt(unix.target));

      const server = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
      await once(server, "listening");
      const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const began = performance.now();
      const connection = await connect(target);
      tell({ ...connected(target, began, connection), note: `handed over, it answers ${await fetchOver(connection)}` });
      server.close();
    },
  },
  {
    title: "Refused: tried again, a little later each time, until the server appears",
    expected: ["ECONNREFUSED", "0"],
    async show(tell) {
      using server = bindTcp(); // the port is ours, but nobody listens yet
      const began = performance.now();
      let tries = 0;
      const connector = new Connector(server.target, {
        retry: { initial: 50, multiplier: 3 },
        onRetry(error, delay) {
          const row = failed(server.target, began, error);
          tell({ ...row, note: `${row.note}; tried again in ${delay} ms` });
          if (++tries === 2) server.listen(1);
        },
      });
      using connection = await connector.start();
      tell({ ...connected(server.target, began, connection), note: "the server has appeared" });
    },
  },
  {
    title: "A full backlog: TCP is silent until the deadline, Unix says EAGAIN at once",
    expected: ["ETIMEDOUT", "EAGAIN"],
    async show(tell) {
      for (const listener of [bindTcp(), bindUnix("full")]) {
        using server = listener;
        using _waiting = await fill(server);
        tell(await attempt(server.target, { timeout: 300 }));
      }
    },
  },
  {
    title: "A self-connect: our end is given the target's own port, and the two SYNs meet",
    expected: ["ECONNREFUSED"],
    async show(tell) {
      const { target, port } = freePort();
      tell(await attempt(target, { localAddress: "127.0.0.1", localPort: port }));
    },
  },
  {
    title: "Unreachable: TCP has no broadcast, no packet leaves this machine",
    expected: ["ENETUNREACH"],
    show: async (tell) => tell(await attempt("255.255.255.255:80", { timeout: 1000 })),
  },
  {
    title: "Prohibited: a local rule says no",
    expected: ["EACCES"],
    show: async (tell) => tell(await prohibited()),
  },
  {
    title: "A bad address: refused by the kernel, or before it is asked",
    expected: ["EINVAL", "RangeError"],
    async show(tell) {
      tell(await attempt("[fe80::1]:80", { timeout: 1000 })); // link-local, and no word of the interface
      tell(await attempt("127.0.0.1:65536"));
    },
  },
  {
    title: "stop() in mid-flight: the socket is closed, and nobody is called back",
    expected: ["AbortError"],
    async show(tell) {
      using server = bindTcp();
      using _waiting = await fill(server);
      const connector = new Connector(server.target);
      const began = performance.now();
      const connection = connector.start();
      await delay(50);
      const before = connector.state;
      connector.stop();
      const after = connector.state;
      await connection.catch(({ name: errno }) => {
        const note = `its state was "${before}", and is "${after}"`;
        tell({ target: server.target, errno, verdict: "stopped", source: "stop()", ms: since(began), note });
      });
    },
  },
];

/** Asks for a page over a connection, and says what came: the status line and the body. */
async function fetchOver(connection: Connection): Promise<string> {
  const socket = connection.toSocket(); // from here on an ordinary node:net Socket, which the runtime owns
  socket.write("GET / HTTP/1.0\r\n\r\n");
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  const [headers, body] = answer.split("\r\n\r\n");
  return `${headers.split("\r\n")[0]}, ${JSON.stringify(body)}`;
}

/** A port that nobody uses: the kernel has just given it to us, and we have given it back. */
function freePort(): { target: string; port: number } {
  using listener = bindTcp();
  return { target: listener.target, port: Number(listener.target.split(":")[1]) };
}
