/**
 * Non-blocking connect for Deno and Bun, on libc itself: the errno sorted, the wait off the thread, SO_ERROR asked,
 * self-connects ruled out, the socket handed over.
 *
 * @example One connection
 * ```ts
 * import { connect } from "@einprogress/connect";
 * import { createServer, type AddressInfo } from "node:net";
 * import { once } from "node:events";
 *
 * const server = createServer((socket) => socket.end("hello\n")).listen(0, "127.0.0.1");
 * await once(server, "listening");
 *
 * const connection = await connect(`127.0.0.1:${(server.address() as AddressInfo).port}`, { timeout: 3000 });
 * for await (const chunk of connection.toSocket()) console.log(String(chunk));
 * server.close();
 * ```
 *
 * @module
 */
export type { Backoff } from "./src/connector/backoff.ts";
export { connect } from "./src/connector/connect.ts";
export { Connection } from "./src/connector/connection.ts";
export { Connector } from "./src/connector/connector.ts";
export { ConnectError, type ConnectErrorInit, ConnectTimeoutError, type Source } from "./src/connector/errors.ts";
export type { ConnectOptions, KeepAlive } from "./src/connector/options.ts";
export type { ConnectorOptions, ConnectorState, RetryOptions } from "./src/connector/run.ts";
export { probe, type ProbeOptions } from "./src/connector/probe.ts";
export type { ProbeResult } from "./src/connector/probe_task.ts";
export type { PortState } from "./src/connector/port_state.ts";
export type { Streams } from "./src/connector/streams.ts";
export type { Target } from "./src/connector/target.ts";
export type { TcpInfo } from "./src/connector/tcp_info.ts";
export type { AttemptTimeline, Timeline } from "./src/connector/timeline.ts";
export { classify, type Verdict } from "./src/connector/verdict.ts";
export { type Address, type IpAddress, type UnixAddress, UnsupportedPlatformError } from "./src/ffi/mod.ts";
