/**
 * connect(): one call, one connection or one error.
 *
 * @module
 */
import type { Connection } from "./connection.ts";
import { Dial } from "./dial.ts";
import { type ConnectOptions, prepareOptions } from "./options.ts";
import { system } from "./system.ts";
import type { Target } from "./target.ts";

/**
 * Connects without blocking: to an IP address, to a name's addresses in turn, or to a Unix socket.
 *
 * Sort the errno of connect(2), wait until the socket is writable, ask SO_ERROR, rule out a connection to oneself, hand
 * the socket over. There is no retry: that is {@link Connector}'s work.
 *
 * @param target `"host:port"`, `"1.2.3.4:80"`, `"[::1]:80"`, `"[fe80::1%eth0]:80"`, `"unix:/run/x.sock"`,
 * `"unix:@abstract"`, or an object.
 * @param options How. All optional.
 * @returns The connection, which the caller owns.
 * @throws {TypeError | RangeError} Bad arguments, before any syscall, naming the value.
 * @throws {ConnectError} It failed; `code`, `source` and `hint` say why.
 * @throws {ConnectTimeoutError} `timeout` passed.
 * @throws {UnsupportedPlatformError} There are no tables for this system.
 * @throws `signal.reason` when the signal is aborted; what `control` threw; `Deno.errors.NotCapable`.
 *
 * @example Usage
 * ```ts
 * import { connect } from "@einprogress/connect";
 * import { createServer, type AddressInfo } from "node:net";
 * import { once } from "node:events";
 *
 * const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
 * await once(server, "listening");
 * const { port } = server.address() as AddressInfo;
 *
 * using connection = await connect(`127.0.0.1:${port}`, { timeout: 1000, noDelay: true });
 * console.log(connection.remoteAddress);
 * server.close();
 * ```
 */
export function connect(target: Target | string, options?: ConnectOptions): Promise<Connection> {
  return new Promise((connected, failed) => {
    // The caller may change his object before this dial's turn comes.
    const own = typeof target === "object" && target !== null ? { ...target } : target;
    new Dial(system, own, prepareOptions(options), { connected, failed });
  });
}
