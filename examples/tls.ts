/**
 * TLS over our socket: node:tls takes the connected socket and checks the certificate.
 *
 *     deno run --allow-ffi --allow-net examples/tls.ts example.com:443
 *     bun examples/tls.ts example.com:443
 *
 * Without a target it talks to a server of its own, whose self-signed certificate it trusts by `ca`.
 *
 * @module
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import process from "node:process";
import * as tls from "node:tls";
import { connect } from "@einprogress/connect";
import { certificate, key } from "./tls/localhost.ts";

const target = process.argv[2];
const { port, close } = target ? { port: 0, close() {} } : await localServer();
try {
  const connection = await connect(target ?? { hostname: "127.0.0.1", port }, { timeout: 5000 });
  const socket = tls.connect({
    socket: connection.toSocket(),
    servername: target?.slice(0, target.lastIndexOf(":")) ?? "localhost", // the name that the certificate must bear
    ca: target ? undefined : certificate, // undefined: the authorities that the system trusts
  });
  await once(socket, "secureConnect"); // or "error", which this turns into a throw
  console.log(socket.getProtocol(), "authorized:", socket.authorized);
  socket.end("GET / HTTP/1.0\r\n\r\n");
  for await (const chunk of socket) console.log(String(chunk).split("\r\n")[0]);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
close();

/** A TLS server that answers whatever it hears. */
async function localServer(): Promise<{ port: number; close(): void }> {
  const server = tls.createServer({ key, cert: certificate }, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\n"));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
