/**
 * The shape of the libc floor.
 *
 * @module
 */
import type { Memory } from "./backend.ts";

/**
 * libc's socket calls, one function each. Each returns what the C function returns (>= 0), or **-errno**, never
 * throws for an errno, and never blocks but for what `timeout` says. A descriptor made here is non-blocking and
 * close-on-exec from birth and belongs to the caller, who closes it once.
 *
 * @example One connect, by hand
 * ```ts
 * import { constants, decodeSockaddr, encodeSockaddr, libc } from "@einprogress/connect/ffi";
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 *
 * const { AF_INET, POLLOUT, SOCK_STREAM, SOL_SOCKET, SO_ERROR } = constants;
 * const server = libc.socket(AF_INET, SOCK_STREAM, 0);
 * libc.bind(server, encodeSockaddr({ hostname: "127.0.0.1", port: 0 }));
 * libc.listen(server, 1);
 * const name = new Uint8Array(128);
 * const address = name.subarray(0, libc.getsockname(server, name));
 *
 * const client = libc.socket(AF_INET, SOCK_STREAM, 0);
 * const connected = libc.connect(client, address); // 0, or -EINPROGRESS
 * const pollfd = new Int32Array(2); // { int fd; short events; short revents }
 * pollfd.set([client, POLLOUT]);
 * strictEqual(libc.poll(pollfd, 1, 1000), 1);
 * const error = new Int32Array(1);
 * libc.getsockopt(client, SOL_SOCKET, SO_ERROR, error);
 * strictEqual(error[0], 0);
 * deepStrictEqual(decodeSockaddr(name, libc.getpeername(client, name)), decodeSockaddr(address));
 * libc.close(client);
 * libc.close(server);
 * ```
 */
export interface Libc {
  /** socket(2): a new non-blocking, close-on-exec descriptor. `type` is `SOCK_STREAM`, `SOCK_DGRAM`, …, without flags. */
  socket(domain: number, type: number, protocol: number): number;
  /** bind(2) to an encoded socket address. */
  bind(fd: number, address: Uint8Array): number;
  /** connect(2) to an encoded socket address: 0, or -errno, of which -EINPROGRESS means that it has begun. */
  connect(fd: number, address: Uint8Array): number;
  /** listen(2) with room for `backlog` connections that nobody has accepted yet. */
  listen(fd: number, backlog: number): number;
  /** accept4(2), accept(2) on macOS: a new non-blocking, close-on-exec descriptor, or -EAGAIN when none waits. */
  accept(fd: number): number;
  /** getsockname(2) into `address` (128 bytes hold any): the address' length. */
  getsockname(fd: number, address: Uint8Array): number;
  /** getpeername(2) into `address` (128 bytes hold any): the address' length, or -ENOTCONN. */
  getpeername(fd: number, address: Uint8Array): number;
  /** getsockopt(2) into `value`: the length in bytes that the kernel wrote. */
  getsockopt(fd: number, level: number, option: number, value: Memory): number;
  /** setsockopt(2) from `value`. */
  setsockopt(fd: number, level: number, option: number, value: Memory): number;
  /** fcntl(2) with an integer argument. */
  fcntl(fd: number, command: number, argument: number): number;
  /** poll(2) over the first `nfds` pollfds of `fds` (8 bytes each). `timeout` in ms; 0 looks without waiting, -1 waits for ever, **blocking this thread**. */
  poll(fds: Memory, nfds: number, timeout: number): number;
  /** poll(2) on another thread. `fds` must stay referenced and unchanged until it returns; meanwhile it keeps the process alive. */
  pollOffThread(fds: Memory, nfds: number, timeout: number): Promise<number>;
  /** epoll_create1(2), Linux; `EPOLL_CLOEXEC` is the one flag. On other systems -ENOSYS. */
  epoll_create1(flags: number): number;
  /** epoll_ctl(2), Linux. `event` is a `struct epoll_event`: 12 bytes on x86-64, 16 on arm64. */
  epoll_ctl(epfd: number, operation: number, fd: number, event: Memory | null): number;
  /** epoll_wait(2), Linux; `timeout` in ms as in {@link poll}. */
  epoll_wait(epfd: number, events: Memory, maxevents: number, timeout: number): number;
  /** epoll_wait(2) on another thread, as {@link pollOffThread}. */
  epoll_waitOffThread(epfd: number, events: Memory, maxevents: number, timeout: number): Promise<number>;
  /** kqueue(2), macOS and FreeBSD. On other systems -ENOSYS. */
  kqueue(): number;
  /** kevent(2), macOS and FreeBSD; `timeout` is a `struct timespec`, or null to wait for ever, **blocking this thread**. */
  kevent(
    kq: number,
    changes: Memory | null,
    nchanges: number,
    events: Memory | null,
    nevents: number,
    timeout: Memory | null,
  ): number;
  /** kevent(2) without changes on another thread, as {@link pollOffThread}. */
  keventOffThread(kq: number, events: Memory, nevents: number, timeout: Memory | null): Promise<number>;
  /** send(2) from `buffer`; `MSG_NOSIGNAL` is added where it exists. The number of bytes taken. */
  send(fd: number, buffer: Uint8Array, flags: number): number;
  /** recv(2) into `buffer`: the number of bytes, 0 at the end of the stream. */
  recv(fd: number, buffer: Uint8Array, flags: number): number;
  /** write(2) from `buffer`. The number of bytes taken. */
  write(fd: number, buffer: Uint8Array): number;
  /** read(2) into `buffer`: the number of bytes, 0 at the end. */
  read(fd: number, buffer: Uint8Array): number;
  /** pipe2(2), pipe(2) on macOS: puts a reading and a writing end into `fds`, both non-blocking and close-on-exec. */
  pipe(fds: Int32Array): number;
  /** shutdown(2); `how` is `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`. */
  shutdown(fd: number, how: number): number;
  /** close(2). Never again for the same number, whatever it returns: the kernel hands the number to the next open(). */
  close(fd: number): number;
  /** getrlimit(2) of RLIMIT_NOFILE: how many descriptors this process may have open (the soft limit). */
  descriptorLimit(): number;
  /** if_nametoindex(3): an interface's index, or -ENODEV. */
  if_nametoindex(name: string): number;
  /** if_indextoname(3): an interface's name, or null where no interface has that index. */
  if_indextoname(index: number): string | null;
}
