/**
 * One call's way: name to addresses, addresses to attempts, until one is connected, all have failed, or it is ended.
 *
 * @module
 */
import { type Address, constants, decodeSockaddr, encodeSockaddr, errnoName, errnos, familyOf } from "../ffi/mod.ts";
import type { Deadline } from "../poller/deadlines.ts";
import type { Job } from "../poller/turn.ts";
import { Attempt, type AttemptOwner, type Failure } from "./attempt.ts";
import { Connection } from "./connection.ts";
import { ConnectError, type ConnectErrorInit, ConnectTimeoutError } from "./errors.ts";
import { hintFor } from "./hints.ts";
import type { Prepared } from "./options.ts";
import { checkAddress, checkTarget, lookupDenied } from "./permission.ts";
import type { LookupError } from "./resolve.ts";
import type { System } from "./system.ts";
import type { Target } from "./target.ts";
import type { AttemptTimeline, Timeline } from "./timeline.ts";

const { AF_INET6, AF_UNIX } = constants;

/** Who dials, and is told once how it ended. */
export interface DialOwner {
  /** The connection is the owner's. */
  connected(connection: Connection): void;
  /** A {@link ConnectError}, the signal's reason, what `control` threw, or a permission that is not granted. */
  failed(reason: unknown): void;
}

/** A dial under way. Until it ends, whatever it holds is closed by {@link Dial.cancel}. */
export class Dial implements Job, Deadline, AttemptOwner {
  readonly at: number;
  rank = -1;
  #over = false;
  readonly #began: number;
  #resolvedAt = -1;
  #addresses: Uint8Array[] = [];
  #attempts: Attempt[] = [];
  #errors: ConnectError[] = [];

  /** `address` is the encoded target, or null for a name; `timeout` is what is left of it in ms, if there is one. */
  constructor(
    private readonly system: System,
    private readonly target: Target,
    private readonly address: Uint8Array | null,
    private readonly options: Prepared,
    private readonly timeout: number | undefined,
    private readonly owner: DialOwner,
  ) {
    this.#began = system.clock.now();
    this.at = this.#began + (timeout ?? Infinity);
  }

  /** Begins on a later turn: ten thousand calls in one tick must not hold the thread. */
  begin(): void {
    const { poller } = this.system;
    if (this.timeout !== undefined) poller.deadlines.add(this);
    this.options.signal?.addEventListener("abort", this);
    poller.enqueue(this);
  }

  /** Its turn has come. */
  run(): void {
    if (this.#over) return;
    const { target, address } = this;
    try {
      checkTarget(target);
    } catch (denied) {
      return this.#fail(denied);
    }
    if (address !== null) return this.#resolved([address]);
    const { hostname, port } = target as { hostname: string; port: number };
    this.system.lookup(hostname, this.options.family, (error, literals) => {
      if (this.#over) return;
      if (error) return this.#fail(lookupDenied(hostname, error.code) ?? this.#lookupError(error));
      try {
        for (const literal of literals) checkAddress(literal, port);
      } catch (denied) {
        return this.#fail(denied);
      }
      this.#resolved(literals.map((literal) => encodeSockaddr({ hostname: literal, port })));
    });
  }

  #resolved(addresses: Uint8Array[]): void {
    this.#resolvedAt = this.system.clock.now();
    this.#addresses = addresses;
    this.#next();
  }

  /** A new socket for the next address. */
  #next(): void {
    const address = this.#addresses[this.#attempts.length];
    const attempt = new Attempt(this.system, address, this.options, this);
    this.#attempts.push(attempt);
    attempt.start();
  }

  connected(attempt: Attempt): void {
    this.#end();
    const { local, remote } = attempt;
    this.owner.connected(new Connection(this.system.libc, attempt.handOver(), local!, remote!, this.#timeline()));
  }

  failed(attempt: Attempt, failure: Failure): void {
    this.#errors.push(new ConnectError(this.#describe(attempt, failure)));
    if (this.#attempts.length < this.#addresses.length) return this.#next();
    const errors = this.#errors;
    // The first address is the one the system would rather have used: its error leads, the others are listed.
    if (errors.length === 1) return this.#fail(errors[0]);
    const first = this.#attempts[0];
    this.#fail(new ConnectError({ ...this.#describe(first, first.failure!), errors }));
  }

  threw(_attempt: Attempt, reason: unknown): void {
    this.#fail(reason);
  }

  /** The deadline passed: look once more, then call it a timeout. */
  expire(): void {
    this.#attempts.at(-1)?.lookAgain();
    if (this.#over) return;
    const attempt = this.#attempts.at(-1); // another one, if the look told the end of the first
    const failure = {
      source: "deadline",
      syscall: attempt ? "connect" : "getaddrinfo",
      errno: -errnos.ETIMEDOUT,
      verdict: "retry",
    } as const;
    attempt?.abandon();
    const init = attempt ? this.#describe(attempt, failure) : this.#describeName(failure, "ETIMEDOUT");
    this.#fail(new ConnectTimeoutError({ ...init, errors: this.#errors }, this.options.timeout!));
  }

  /** The signal was aborted. */
  handleEvent(): void {
    this.#fail(this.options.signal!.reason);
  }

  /** Ends it without a word to its owner. Nothing happens if it is over. */
  cancel(): void {
    if (this.#over) return;
    this.#end();
    this.#attempts.at(-1)?.abandon();
  }

  #fail(reason: unknown): void {
    if (this.#over) return;
    this.cancel();
    this.owner.failed(reason);
  }

  #end(): void {
    this.#over = true;
    this.system.poller.deadlines.remove(this);
    this.options.signal?.removeEventListener("abort", this);
  }

  /** What an error tells of an attempt. */
  #describe(attempt: Attempt, failure: Failure): ConnectErrorInit {
    const remote = decodeSockaddr(attempt.address);
    const family = familyOf(attempt.address);
    const hint = hintFor({
      ...failure,
      code: errnoName(failure.errno),
      family: family === AF_UNIX ? "unix" : family === AF_INET6 ? 6 : 4,
      timeout: this.options.timeout,
    });
    return { ...failure, ...named(remote), ...namedLocal(attempt.local), hint, timeline: this.#timeline() };
  }

  /** What an error tells before there is an address. */
  #describeName(failure: Failure, code: string): ConnectErrorInit {
    const hint = hintFor({ ...failure, code, family: 4, timeout: this.options.timeout });
    const { hostname, port } = this.target as { hostname: string; port: number };
    return { ...failure, code, address: hostname, port, hint, timeline: this.#timeline() };
  }

  #lookupError(error: LookupError): ConnectError {
    const code = error.code ?? "EAI_FAIL";
    // Only "try again" is worth it: a name that does not exist will not, next time either.
    const verdict = code === "EAI_AGAIN" ? "retry" : "fatal";
    const failure = { source: "resolve", syscall: "getaddrinfo", errno: error.errno ?? 0, verdict } as const;
    return new ConnectError({ ...this.#describeName(failure, code), cause: error });
  }

  #timeline(): Timeline {
    const since = (at: number) => at < 0 ? null : at - this.#began;
    const attempts = this.#attempts.map((attempt): AttemptTimeline => {
      const { address, port } = named(decodeSockaddr(attempt.address));
      return {
        address,
        port,
        socket: since(attempt.socketAt),
        connect: since(attempt.connectAt),
        writable: since(attempt.writableAt),
        verified: since(attempt.verifiedAt),
        code: attempt.failure && errnoName(attempt.failure.errno),
      };
    });
    const last = attempts.at(-1) ?? { socket: null, connect: null, writable: null, verified: null };
    const { socket, connect, writable, verified } = last;
    return { resolved: since(this.#resolvedAt), socket, connect, writable, verified, attempts };
  }
}

/** Node's names for a remote end: a path is an address without a port. */
function named(end: Address): { address: string; port?: number } {
  return "path" in end ? { address: end.path } : { address: end.hostname, port: end.port };
}

/** A port of 0 means that the kernel had not chosen our end yet: nothing to tell. */
function namedLocal(local: Uint8Array | null): { localAddress?: string; localPort?: number } {
  const end = local && decodeSockaddr(local);
  return end === null || "path" in end || end.port === 0 ? {} : { localAddress: end.hostname, localPort: end.port };
}
