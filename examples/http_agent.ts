/**
 * HTTP over our sockets: an http.Agent whose connections come from connect(). Whatever takes an Agent can use it.
 *
 *     deno run --allow-ffi --allow-net examples/http_agent.ts example.com:80
 *     bun examples/http_agent.ts example.com:80
 *
 * Without a target it asks a server of its own.
 *
 * @module
 */
import { once } from "node:events";
import { Agent, type ClientRequestArgs, createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import { connect } from "@einprogress/connect";

class ConnectAgent extends Agent {
  override createConnection(
    { host, port }: ClientRequestArgs,
    done: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    connect({ hostname: host!, port: Number(port) }, { timeout: 5000, noDelay: true, keepAlive: { idle: 60 } })
      .then((connection) => done(null, connection.toSocket()), done as (error: Error) => void);
  }
}

const target = process.argv[2] ?? await server();
try {
  const request = get(`http://${target}/`, { agent: new ConnectAgent() });
  const [response] = await once(request, "response") as [IncomingMessage];
  console.log(`HTTP ${response.statusCode}`, response.headers["content-type"]);
  let body = "";
  for await (const chunk of response) body += chunk;
  console.log(body);
} catch (error) {
  console.error((error as Error).message); // a ConnectError comes through as it is, hint and all
  process.exitCode = 1;
}

/** A server that answers one request and is gone. */
async function server(): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/plain").end(`you asked for ${request.url}`);
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
