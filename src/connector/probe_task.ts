/**
 * One target of a probe.
 *
 * @module
 */
import { type Address, errnoName, errnos } from "../ffi/mod.ts";
import type { Deadline } from "../poller/deadlines.ts";
import { Attempt, type AttemptOwner, closeWithReset, type Failure } from "./attempt.ts";
import { type Prepared, refuseMismatch } from "./options.ts";
import { checkAddress, checkTarget } from "./permission.ts";
import { isLocalFault, type PortState, stateOf } from "./port_state.ts";
import { LookupError } from "./resolve.ts";
import type { System } from "./system.ts";
import { isLiteral, parseTarget, show, type Target } from "./target.ts";
import { readRtt } from "./tcp_info.ts";

/** What one target said. */
export interface ProbeResult {
  /** The target, as it was given. */
  readonly target: Target | string;
  /** The address that said so: a literal or a path; the name if it was not resolved. */
  readonly address: string;
  /** Its port; undefined for a Unix socket. */
  readonly port: number | undefined;
  /** nmap's word for it. */
  readonly state: PortState;
  /** The errno's name, the resolver's code, `EINVAL` for a target that can't be read; null when open. */
  readonly code: string | null;
  /** The errno, negative; 0 when open. */
  readonly errno: number;
  /** Milliseconds from the beginning of this target to its result. */
  readonly elapsed: number;
  /** The handshake's round trip as the kernel measured it (TCP_INFO), µs; null when not open, or not told. */
  readonly rtt: number | null;
}

/** Whose task it is. */
export interface ProbeOwner {
  /** There is a result. */
  finished(task: ProbeTask, result: ProbeResult): void;
  /** Calls `goOn()` when a place is free, or after a while. */
  rest(task: ProbeTask): void;
  /** No other task is under way: what is missing, nobody here has. */
  readonly alone: boolean;
  /** `control` threw: a fault of the caller, not of a target. */
  fail(reason: unknown): void;
}

/** A local fault that is met with no other target under way is tried again this often before the target has failed. */
const LOCAL_RETRIES = 8;

/** One target: its addresses in turn until one is open. The first address' failure speaks for the others. */
export class ProbeTask implements AttemptOwner, Deadline {
  rank = -1;
  readonly #began: number;
  /** What to try: the target itself, or its addresses. */
  #ends: Address[] = [];
  #index = 0;
  #attempt: Attempt | null = null;
  #failure: { errno: number; state: PortState; code: string } | null = null;
  #localRetries = 0;
  /** When its time began to run: it does not run while it rests. */
  #timed: number;
  #over = false;

  constructor(
    private readonly system: System,
    private readonly target: Target | string,
    private readonly options: Prepared,
    private readonly reset: boolean,
    private readonly owner: ProbeOwner,
  ) {
    this.#began = this.#timed = system.clock.now();
  }

  get at(): number {
    return this.#timed + this.options.timeout!;
  }

  get keepsEnds(): boolean {
    return false;
  }

  stamp(): number {
    return 0;
  }

  start(): void {
    let target: Target;
    try {
      target = parseTarget(this.target);
      refuseMismatch(target, this.options);
    } catch {
      return this.#fail(-errnos.EINVAL, "failed", "EINVAL");
    }
    this.#ends = [target];
    try {
      checkTarget(target, this.system.poller.slice);
    } catch {
      return this.#fail(-errnos.EACCES, "failed", "EACCES");
    }
    this.system.poller.deadlines.add(this);
    if ("path" in target || isLiteral(target.hostname)) return this.#try();
    try {
      this.#lookUp(target.hostname, target.port);
    } catch (reason) {
      this.owner.fail(reason);
    }
  }

  #lookUp(hostname: string, port: number): void {
    this.system.lookup(hostname, this.options.family, (error, literals) => {
      if (this.#over) return;
      // The resolver's numbers are positive in Bun and may be 0; a result's errno is negative unless it is open.
      if (error instanceof LookupError) return this.#fail(-Math.abs(error.errno || 1), "failed", error.code);
      if (error) return this.owner.fail(error);
      try {
        for (const literal of literals) checkAddress(literal, port);
      } catch {
        return this.#fail(-errnos.EACCES, "failed", "EACCES");
      }
      this.#ends = literals.map((literal) => ({ hostname: literal, port }));
      this.#try();
    });
  }

  #try(): void {
    this.#attempt = new Attempt(this.system, this.#ends[this.#index], this.options, this);
    try {
      this.#attempt.start();
    } catch (reason) {
      this.owner.fail(reason); // no libc, no permission to open it, no tables for this system
    }
  }

  connected(attempt: Attempt): void {
    const { libc } = this.system;
    const fd = attempt.handOver();
    const rtt = readRtt(libc, fd);
    if (this.reset) closeWithReset(libc, fd);
    else libc.close(fd);
    this.#finish(0, "open", null, rtt);
  }

  failed(_attempt: Attempt, { source, errno }: Failure): void {
    const told = source === "so_error" || source === "self-connect"; // by the network, so not a fault of ours
    const ours = source === "socket" || source === "option" || source === "bind"; // the target was never asked
    if (!told && isLocalFault(-errno) && (!this.owner.alone || this.#localRetries++ < LOCAL_RETRIES)) {
      this.system.poller.deadlines.remove(this);
      return this.owner.rest(this);
    }
    const state = ours || (!told && isLocalFault(-errno)) ? "failed" : stateOf(-errno);
    this.#failure ??= { errno, state, code: errnoName(errno) };
    if (++this.#index < this.#ends.length) return this.#try();
    this.#index = 0;
    this.#fail(this.#failure.errno, this.#failure.state, this.#failure.code);
  }

  /** After a rest. */
  goOn(): void {
    if (this.#over) return;
    this.#timed = this.system.clock.now();
    this.system.poller.deadlines.add(this);
    this.#try();
  }

  threw(attempt: Attempt, reason: unknown): void {
    if (attempt.socketAt < 0) this.#fail(-errnos.ENODEV, "failed", "ENODEV"); // no socket yet: its zone is no interface
    else this.owner.fail(reason);
  }

  /** The deadline passed: look once more, then call it silence. */
  expire(): void {
    this.#attempt?.lookAgain();
    if (!this.#over) this.#fail(-errnos.ETIMEDOUT, "filtered", "ETIMEDOUT");
  }

  /** Ends it without a result. */
  cancel(): void {
    this.#over = true;
    this.system.poller.deadlines.remove(this);
    this.#attempt?.abandon();
  }

  #fail(errno: number, state: PortState, code: string): void {
    this.#finish(errno, state, code, null);
  }

  #finish(errno: number, state: PortState, code: string | null, rtt: number | null): void {
    const elapsed = this.system.clock.now() - this.#began;
    this.cancel();
    const end = this.#ends[this.#index] ?? { path: typeof this.target === "string" ? this.target : show(this.target) };
    const [address, port] = "path" in end ? [end.path, undefined] : [end.hostname, end.port];
    this.owner.finished(this, { target: this.target, address, port, state, code, errno, elapsed, rtt });
  }
}
