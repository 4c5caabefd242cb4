/**
 * One call's way: name to addresses, addresses to attempts, until one is connected, all have failed, or it is ended.
 *
 * @module
 */
import { type Address, errnos } from "../ffi/mod.ts";
import type { Deadline } from "../poller/deadlines.ts";
import type { Job } from "../poller/turn.ts";
import { Attempt, type AttemptOwner, type Failure } from "./attempt.ts";
import { Connection } from "./connection.ts";
import { ConnectError, ConnectTimeoutError } from "./errors.ts";
import { type Prepared, refuseMismatch } from "./options.ts";
import { checkAddress, checkTarget } from "./permission.ts";
import { describeAttempt, describeName, type Progress } from "./report.ts";
import { LookupError } from "./resolve.ts";
import { type Abortable, offAbort, onAbort } from "./signals.ts";
import type { System } from "./system.ts";
import { isLiteral, parseTarget, type Target } from "./target.ts";

/** Who dials, and is told once how it ended. */
export interface DialOwner {
  /** The connection is the owner's. */
  connected(connection: Connection): void;
  /** A {@link ConnectError}, the signal's reason, what `control` threw, or a permission that is not granted. */
  failed(reason: unknown): void;
}

/** Nothing yet: a dial that waits for its turn is to be small. */
const NONE: never[] = [];

/** A dial under way. Until it ends, whatever it holds is closed by {@link Dial.cancel}. */
export class Dial implements Job, Deadline, Abortable, AttemptOwner, Progress {
  rank = -1;
  #begun = false;
  #over = false;
  #aborted = false;
  readonly #began: number;
  resolvedAt = -1;
  attempts: Attempt[] = NONE;
  #ends: Address[] = NONE;
  #errors: ConnectError[] = NONE;

  /** Nothing is done before its turn, not even reading the target: ten thousand calls in one tick must not hold the thread. */
  constructor(
    private readonly system: System,
    private target: Target | string,
    private readonly options: Prepared,
    private readonly owner: DialOwner,
  ) {
    this.#began = system.clock.now();
    const { timeout, signal } = options;
    if (timeout !== undefined) system.poller.deadlines.add(this);
    if (signal !== undefined) {
      this.#aborted = signal.aborted;
      onAbort(signal, this);
    }
    system.poller.enqueue(this);
  }

  /** Its turn has come: to begin, or to be called off. */
  run(): void {
    if (this.#over) return;
    if (this.#aborted) return this.#fail(this.options.signal!.reason);
    this.#begun = true;
    try {
      const target = this.target = parseTarget(this.target);
      refuseMismatch(target, this.options);
      checkTarget(target, this.system.poller.slice);
      if ("path" in target || isLiteral(target.hostname)) return this.#resolved([target]);
      this.#lookUp(target.hostname, target.port);
    } catch (reason) {
      this.#fail(reason);
    }
  }

  #lookUp(hostname: string, port: number): void {
    this.system.lookup(hostname, this.options.family, (error, literals) => {
      if (this.#over) return;
      if (error) return this.#fail(error instanceof LookupError ? this.#lookupError(error) : error);
      try {
        for (const literal of literals) checkAddress(literal, port);
      } catch (denied) {
        return this.#fail(denied);
      }
      this.#resolved(literals.map((literal) => ({ hostname: literal, port })));
    });
  }

  #resolved(ends: Address[]): void {
    this.resolvedAt = this.stamp();
    this.#ends = ends;
    this.#errors = [];
    this.#next();
  }

  /** A new socket for the next end. */
  #next(): void {
    const attempt = new Attempt(this.system, this.#ends[this.attempts.length], this.options, this);
    if (this.attempts.length === 0) this.attempts = [attempt];
    else this.attempts.push(attempt);
    try {
      attempt.start();
    } catch (reason) {
      this.#fail(reason); // no libc, no permission to open it, no tables for this system
    }
  }

  get keepsEnds(): boolean {
    return true;
  }

  stamp(): number {
    return Math.round((this.system.clock.now() - this.#began) * 1000);
  }

  get at(): number {
    return this.#began + (this.options.timeout ?? Infinity);
  }

  connected(attempt: Attempt): void {
    if (this.#aborted) return this.#fail(this.options.signal!.reason);
    this.#end();
    const { local, remote } = attempt;
    this.owner.connected(new Connection(this.system.libc, attempt.handOver(), local!, remote!, this));
  }

  failed(attempt: Attempt, failure: Failure): void {
    if (this.#aborted) return this.#fail(this.options.signal!.reason);
    // With several ends, each error tells of its own attempt, and the one that leads of all.
    const { resolvedAt } = this;
    this.#errors.push(new ConnectError(describeAttempt(attempt, failure, { resolvedAt, attempts: [attempt] })));
    if (this.attempts.length < this.#ends.length) return this.#next();
    const errors = this.#errors;
    // The first address is the one the system would rather have used: its error leads, the others are listed.
    if (errors.length === 1) return this.#fail(errors[0]);
    const first = this.attempts[0];
    this.#fail(new ConnectError({ ...describeAttempt(first, first.failure!, this), errors }));
  }

  threw(_attempt: Attempt, reason: unknown): void {
    this.#fail(reason);
  }

  /** The deadline passed. */
  expire(): void {
    this.timeOut(this.options.timeout!);
  }

  /** Looks once more, then calls it a timeout of `timeout` ms. */
  timeOut(timeout: number): void {
    if (!this.#begun) this.run(); // its turn had not come: a busy event loop is no dead peer
    this.attempts.at(-1)?.lookAgain();
    if (this.#over) return;
    const attempt = this.attempts.at(-1); // another one, if the look told the end of the first
    const failure = {
      source: "deadline",
      syscall: attempt ? "connect" : "getaddrinfo",
      errno: -errnos.ETIMEDOUT,
      verdict: "retry",
    } as const;
    if (attempt) {
      attempt.failure = failure;
      attempt.abandon();
    }
    const init = attempt
      ? describeAttempt(attempt, failure, this, timeout)
      : describeName(this.target as Target, "ETIMEDOUT", failure, this, timeout);
    this.#fail(new ConnectTimeoutError({ ...init, errors: this.#errors }, timeout));
  }

  /** The signal was aborted. What is to be closed waits for its turn: one signal may stand for ten thousand dials. */
  aborted(): void {
    this.#aborted = true;
    this.system.poller.enqueueFirst(this);
  }

  /** Ends it without a word to its owner. Nothing happens if it is over. */
  cancel(): void {
    if (this.#over) return;
    this.#end();
    this.attempts.at(-1)?.abandon();
  }

  #fail(reason: unknown): void {
    if (this.#over) return;
    this.cancel();
    this.owner.failed(reason);
  }

  #end(): void {
    this.#over = true;
    this.system.poller.deadlines.remove(this);
    if (this.options.signal) offAbort(this.options.signal, this);
  }

  #lookupError(error: LookupError): ConnectError {
    const { code, errno } = error;
    // Only "try again" is worth it: a name that does not exist will not, next time either.
    const verdict = code === "EAI_AGAIN" ? "retry" : "fatal";
    const failure = { source: "resolve", syscall: "getaddrinfo", errno, verdict } as const;
    return new ConnectError({ ...describeName(this.target as Target, code, failure, this), cause: error });
  }
}
