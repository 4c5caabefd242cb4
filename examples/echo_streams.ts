/**
 * Web streams: a connection as a readable and a writable side, piped like any others.
 *
 *     deno run --allow-ffi --allow-net examples/echo_streams.ts 127.0.0.1:7
 *     bun examples/echo_streams.ts 127.0.0.1:7
 *
 * Without a target it has an echo server of its own.
 *
 * @module
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { connect } from "@einprogress/connect";

const connection = await connect(process.argv[2] ?? await echoServer(), { timeout: 5000 });
const { readable, writable } = connection.toStreams();

// pipeTo() closes `writable` at its end, which sends a FIN: the echo server then ends its side, and so does `readable`.
const lines = new Blob(["one\n", "two\n", "three\n"]).stream();
const sent = lines.pipeTo(writable);

const decoder = new TextDecoder();
let echo = "";
for await (const chunk of readable) echo += decoder.decode(chunk, { stream: true });
await sent;
console.log(echo.trimEnd());

/** A server that sends back what it hears, to one client, and is gone. */
async function echoServer(): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.pipe(socket);
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
