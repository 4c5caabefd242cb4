/**
 * One attempt: one socket, one address, one try. This file is the article.
 *
 * @module
 */
import { type Address, constants, errnos, familyOf, type Libc, sameEnd } from "../ffi/mod.ts";
import type { Interest } from "../poller/facility.ts";
import type { Source } from "./errors.ts";
import { applySockopts, bindLocal, type Prepared } from "./options.ts";
import { forgetGrant } from "./permission.ts";
import type { System } from "./system.ts";
import { encodeEnd } from "./target.ts";
import { classify, type Verdict } from "./verdict.ts";

const { SOCK_STREAM, SOL_SOCKET, SO_ERROR, SO_LINGER, SHUT_RDWR } = constants;
const { MSG_ERRQUEUE, MSG_DONTWAIT, POLLOUT, POLLHUP } = constants;
const { EINTR, ENOTCONN, ECONNREFUSED } = errnos;

/** Why an attempt failed. A plain record: bulk paths make no Error. */
export interface Failure {
  readonly source: Source;
  readonly syscall: string;
  /** Negative. */
  readonly errno: number;
  readonly verdict: Verdict;
  readonly option?: string;
}

/** Who made an attempt, and is told once how it ended. */
export interface AttemptOwner {
  /** Connected and verified. The descriptor is the owner's now: `attempt.handOver()`. */
  connected(attempt: Attempt): void;
  /** Failed. The socket is closed. */
  failed(attempt: Attempt, failure: Failure): void;
  /** `control` threw. The socket is closed. */
  threw(attempt: Attempt, reason: unknown): void;
  /** Whether it wants to know both ends' addresses, as the kernel has them. Bulk paths don't. */
  readonly keepsEnds: boolean;
  /** The time, for the attempt's own record: whole µs since the call began, or 0 where nobody will ask. */
  stamp(): number;
}

// Read and filled within one call, over and over. ArrayBuffers from the start: JavaScriptCore may move a lone typed array.
const word = new Int32Array(new ArrayBuffer(4));
const pollfd = new Int32Array(new ArrayBuffer(8));
const localEnd = new Uint8Array(new ArrayBuffer(128));
const remoteEnd = new Uint8Array(new ArrayBuffer(128));
const drained = new Uint8Array(new ArrayBuffer(1));
/** `struct linger { 1, 0 }`: close() answers with a RST and leaves nothing in TIME_WAIT. */
const RESET = Int32Array.of(1, 0);

/** Closes a connected socket with a RST: the peer is told at once, and no port is left in TIME_WAIT. */
export function closeWithReset(libc: Libc, fd: number): void {
  libc.setsockopt(fd, SOL_SOCKET, SO_LINGER, RESET);
  libc.close(fd);
}

/** The state of one attempt. Between start() and its end, the socket is this object's alone, and every exit closes it. */
export class Attempt implements Interest {
  fd = -1;
  revents = 0;
  place = -1;
  /** When each step was done, by the owner's stamps; -1 for one not reached. */
  socketAt = -1;
  connectAt = -1;
  writableAt = -1;
  verifiedAt = -1;
  /** The local end, as the kernel encodes it, once the attempt is over and it had one. */
  local: Uint8Array | null = null;
  /** The peer's end, once connected. */
  remote: Uint8Array | null = null;
  /** Why it failed, once it has. */
  failure: Failure | null = null;
  /** connect(2) said EINTR. */
  #interrupted = false;
  /** The last wake told nothing: see {@link #notConnected}. */
  #lookedTwice = false;

  constructor(
    private readonly system: System,
    readonly end: Address,
    private readonly options: Prepared,
    private readonly owner: AttemptOwner,
  ) {}

  /** Connected, or failed: POSIX tells both by "writable". */
  get events(): number {
    return POLLOUT;
  }

  /** socket, options, bind, control, connect; then the switch. */
  start(): void {
    const { libc } = this.system;
    const { options } = this;
    let address: Uint8Array;
    try {
      address = encodeEnd(this.end);
    } catch (reason) {
      return this.owner.threw(this, reason); // its zone is no interface of this machine
    }
    const fd = libc.socket(familyOf(address), SOCK_STREAM, 0);
    if (fd < 0) return this.#fail("socket", "socket", fd);
    this.fd = fd;
    this.socketAt = this.owner.stamp();

    const refusal = applySockopts(libc, fd, options) ?? bindLocal(libc, fd, options, address);
    this.local = refusal?.local ?? null;
    if (refusal) return this.#fail(refusal.source, refusal.syscall, refusal.errno, refusal.option);
    if (options.control) {
      try {
        options.control(fd);
        forgetGrant();
      } catch (reason) {
        this.abandon();
        return this.owner.threw(this, reason);
      }
      if (this.fd < 0) return; // control() called the whole thing off
    }

    const result = libc.connect(fd, address);
    this.connectAt = this.owner.stamp();
    switch (classify(-result)) {
      case "connecting":
        this.#interrupted = result === -EINTR;
        this.system.poller.watch(this);
        break;
      case "retry":
      case "fatal":
      case "unexpected":
        this.#fail("connect", "connect", result);
        break;
    }
  }

  /**
   * The socket is writable, or in error. Three answers: connected, failed, or not yet.
   *
   * "Readable and writable" does not mean failure, whatever POSIX's list suggests: a server that greets or closes at
   * once looks the same. SO_ERROR decides, and then the peer, for SO_ERROR is 0 on a socket that never began as well.
   */
  run(): void {
    const { libc } = this.system;
    this.writableAt = this.owner.stamp();

    word[0] = 0;
    const asked = libc.getsockopt(this.fd, SOL_SOCKET, SO_ERROR, word); // the one place that reads it: reading clears it
    const error = asked < 0 ? asked : -word[0];
    if (error < 0) return this.#fail("so_error", "connect", error);

    const remoteLength = libc.getpeername(this.fd, remoteEnd);
    if (remoteLength === -ENOTCONN) return this.#notConnected();
    if (remoteLength < 0) return this.#fail("so_error", "getpeername", remoteLength);

    const localLength = libc.getsockname(this.fd, localEnd);
    if (localLength < 0) return this.#fail("so_error", "getsockname", localLength);
    if (this.owner.keepsEnds) {
      this.local = localEnd.slice(0, localLength);
      this.remote = remoteEnd.slice(0, remoteLength);
    }
    if (sameEnd(localEnd, remoteEnd)) return this.#selfConnect();
    this.verifiedAt = this.owner.stamp();
    this.owner.connected(this);
  }

  /**
   * No error, yet no peer. POLLHUP: the kernel has closed it without a reason, or nothing ever began (a signal or a
   * filter ended connect(2) early). Else a soft ICMP error woke us while the attempt lives on: its entry in the error
   * queue keeps POLLERR high, so an undrained wait would spin. Where there was nothing to drain, one more look is all:
   * it may have been reset between the two questions, but what goes on saying "writable" without a peer (as a deferred
   * TCP Fast Open does) would spin as well.
   */
  #notConnected(): void {
    const { libc, poller } = this.system;
    if (this.revents & POLLHUP) {
      const [syscall, errno] = this.#interrupted ? ["connect", -EINTR] as const : ["getpeername", -ENOTCONN] as const;
      return this.#fail("so_error", syscall, errno);
    }
    let wasSoft = false;
    while (MSG_ERRQUEUE !== undefined && libc.recv(this.fd, drained, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) wasSoft = true;
    if (!wasSoft && this.#lookedTwice) return this.#fail("so_error", "getpeername", -ENOTCONN);
    this.#lookedTwice = !wasSoft;
    poller.watch(this);
  }

  /**
   * The kernel gave our end the target's own address and port, and the two SYNs met. Closed with a RST: it would
   * block the real server's bind(2) otherwise, and TIME_WAIT would keep the port. To anybody else that port refuses.
   */
  #selfConnect(): void {
    this.system.libc.setsockopt(this.fd, SOL_SOCKET, SO_LINGER, RESET);
    this.#fail("self-connect", "connect", -ECONNREFUSED);
  }

  /** Looks once more, without waiting: true if that ended the attempt. A busy event loop is no dead peer. */
  lookAgain(): boolean {
    const { libc, poller } = this.system;
    if (this.connectAt < 0 || this.fd < 0) return false;
    pollfd[0] = this.fd;
    pollfd[1] = this.events;
    if (libc.poll(pollfd, 1, 0) <= 0) return false;
    poller.unwatch(this);
    this.revents = pollfd[1] >>> 16;
    this.run();
    return this.fd < 0;
  }

  /** Gives the descriptor away. */
  handOver(): number {
    const { fd } = this;
    this.fd = -1;
    return fd;
  }

  /** Ends the attempt without a word to its owner. Nothing happens if it is over. */
  abandon(): void {
    const { libc, poller } = this.system;
    const { fd } = this;
    if (fd < 0) return;
    // What a firewall's log would call us: real from the SYN on, gone with the socket.
    if (this.owner.keepsEnds && this.local === null && this.connectAt >= 0) {
      const length = libc.getsockname(fd, localEnd);
      if (length >= 0) this.local = localEnd.slice(0, length);
    }
    // A thread inside poll(2) holds the socket: close(2) alone would leave it alive, retransmitting, until that returns.
    if (poller.unwatch(this)) libc.shutdown(fd, SHUT_RDWR);
    this.fd = -1; // not before: unwatch takes the number out of the kernel's set
    libc.close(fd);
  }

  #fail(source: Source, syscall: string, errno: number, option?: string): void {
    // In the article every SO_ERROR is worth another try; the switch is for what the calls themselves return.
    const verdict = source === "so_error" || source === "self-connect" ? "retry" : classify(-errno);
    this.failure = { source, syscall, errno, verdict, option };
    this.abandon();
    this.owner.failed(this, this.failure);
  }
}
