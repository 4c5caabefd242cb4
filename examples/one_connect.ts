/**
 * One connection: connect, say who is there, read what the server says, and tell a failure from a success.
 *
 *     deno run --allow-ffi --allow-net examples/one_connect.ts example.com:22
 *     bun examples/one_connect.ts example.com:22
 *
 * Without a target it connects to a little server of its own.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { connect, ConnectError } from "@einprogress/connect";

const target = process.argv[2] ?? await greeter();
try {
  const connection = await connect(target, { timeout: 5000, noDelay: true });
  console.log("connected to", connection.remoteAddress, "from", connection.localAddress);
  // An ordinary node:net Socket; the runtime owns it from here on. Until then it would be ours to close.
  for await (const chunk of connection.toSocket()) console.log(String(chunk).trimEnd());
} catch (error) {
  if (!(error instanceof ConnectError)) throw error;
  console.error(`${error.message} (said by ${error.source}, verdict ${error.verdict})\n${error.hint}`);
  process.exitCode = 1;
}

/** A server that greets one client, hangs up, and is gone. */
async function greeter(): Promise<string> {
  const server = createServer((socket) => {
    socket.end("hello\n");
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
