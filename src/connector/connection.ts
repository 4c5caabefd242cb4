/**
 * A connected socket: ours, until it is closed or handed on.
 *
 * @module
 */
import type { Socket } from "node:net";
import { builtin, isBun } from "../ffi/host.ts";
import { type Address, decodeSockaddr, errnoName, errnos, type Libc } from "../ffi/mod.ts";
import { socketStreams, type Streams } from "./streams.ts";
import { type Progress, timelineOf } from "./report.ts";
import { readTcpInfo, type TcpInfo } from "./tcp_info.ts";
import type { Timeline } from "./timeline.ts";

/**
 * One connected descriptor. It is closed exactly once, by {@link close}, `using`, or whoever it was handed on to.
 *
 * @example Usage
 * ```ts
 * import { connect } from "@einprogress/connect";
 * import { createServer, type AddressInfo } from "node:net";
 * import { once } from "node:events";
 *
 * const server = createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1");
 * await once(server, "listening");
 * const { port } = server.address() as AddressInfo;
 *
 * const connection = await connect({ hostname: "127.0.0.1", port });
 * console.log(connection.remoteAddress, connection.info().rtt, "µs");
 * for await (const chunk of connection.toSocket()) console.log(String(chunk));
 * server.close();
 * ```
 */
export class Connection implements Disposable {
  readonly #libc: Libc;
  readonly #local: Uint8Array;
  readonly #remote: Uint8Array;
  #fd: number;
  readonly #progress: Progress;

  /** Made by `connect()` and `Connector`. `local` and `remote` are encoded socket addresses. */
  constructor(libc: Libc, fd: number, local: Uint8Array, remote: Uint8Array, progress: Progress) {
    this.#libc = libc;
    this.#fd = fd;
    this.#local = local;
    this.#remote = remote;
    this.#progress = progress;
  }

  /** The descriptor; -1 when it was closed or handed on, for by then its number may be somebody else's. */
  get fd(): number {
    return this.#fd;
  }

  /** Our end. */
  get localAddress(): Address {
    return decodeSockaddr(this.#local);
  }

  /** The peer's end. */
  get remoteAddress(): Address {
    return decodeSockaddr(this.#remote);
  }

  /** When each step was done. */
  get timeline(): Timeline {
    return timelineOf(this.#progress);
  }

  /**
   * What the kernel knows of this connection (TCP_INFO, tcp(7)). Linux only.
   *
   * @throws {Error} It was closed or handed on, or has no such information: a Unix socket, another system.
   */
  info(): TcpInfo {
    const info = readTcpInfo(this.#libc, this.#own(), -errnos.ENOPROTOOPT);
    if (typeof info !== "number") return info;
    throw Object.assign(new Error(`getsockopt ${errnoName(info)} TCP_INFO`), {
      code: errnoName(info),
      errno: info,
      syscall: "getsockopt",
    });
  }

  /**
   * Hands the connection to the runtime: a `node:net` Socket, connected, that owns the descriptor from now on. TLS,
   * `http.Agent` and everything else that takes a Socket work on top.
   *
   * @throws {Error} It was closed or handed on.
   */
  toSocket(): Socket {
    const fd = this.#own();
    const net = builtin("node:net");
    // Each runtime's own way to adopt a descriptor: `new Socket({ fd })` is inert in Bun, `connect({ fd })` absent in Deno.
    const adopt = net.connect as unknown as (options: { fd: number }) => Socket;
    const socket = isBun ? adopt({ fd }) : new net.Socket({ fd, readable: true, writable: true });
    this.#fd = -1;
    return socket;
  }

  /**
   * Hands the connection to the runtime, as web streams. Closing `writable` sends a FIN, and what the peer still has to
   * say can be read. When the peer ends first, so does `writable`, as with any `node:net` Socket. The descriptor is
   * closed when both are done, or one is aborted or cancelled.
   *
   * @throws {Error} It was closed or handed on.
   */
  toStreams(): Streams {
    return socketStreams(this.toSocket());
  }

  /**
   * Hands the descriptor to the caller, who closes it once.
   *
   * @throws {Error} It was closed or handed on.
   */
  detach(): number {
    const fd = this.#own();
    this.#fd = -1;
    return fd;
  }

  /** Closes it. The second time, and after it was handed on, nothing happens. */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.#libc.close(fd);
  }

  /** {@link close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #own(): number {
    if (this.#fd < 0) throw new Error("Cannot use a connection that was closed or handed on");
    return this.#fd;
  }
}
