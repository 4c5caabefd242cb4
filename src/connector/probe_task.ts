/**
 * One target of a probe.
 *
 * @module
 */
import { decodeSockaddr, encodeSockaddr, errnoName, errnos, type IpAddress } from "../ffi/mod.ts";
import type { Deadline } from "../poller/deadlines.ts";
import { Attempt, type AttemptOwner, closeWithReset, type Failure } from "./attempt.ts";
import type { Prepared } from "./options.ts";
import { checkAddress, checkTarget } from "./permission.ts";
import { isLocalFault, type PortState, stateOf } from "./port_state.ts";
import type { System } from "./system.ts";
import { encodeTarget, parseTarget, show, type Target } from "./target.ts";
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
  /** `control` threw: a fault of the caller, not of a target. */
  fail(reason: unknown): void;
}

/** A local fault is tried again this often, after 10, 20, 40 … ms, before the target is reported as failed. */
const LOCAL_RETRIES = 8;
const LOCAL_DELAY = 10;

/** One target: its addresses in turn until one is open. The first address' failure speaks for the others. */
export class ProbeTask implements AttemptOwner, Deadline {
  readonly at: number;
  rank = -1;
  readonly detailed = false;
  readonly #began: number;
  #parsed: Target | null = null;
  /** The target is a name, so that the address tried says more. */
  #named = false;
  #addresses: Uint8Array[] = [];
  #index = 0;
  #attempt: Attempt | null = null;
  #failure: { errno: number; state: PortState; code: string } | null = null;
  #localRetries = 0;
  #timer: unknown = null;
  #over = false;

  constructor(
    private readonly system: System,
    private readonly target: Target | string,
    private readonly options: Prepared,
    private readonly reset: boolean,
    private readonly owner: ProbeOwner,
  ) {
    this.#began = system.clock.now();
    this.at = this.#began + options.timeout!;
  }

  start(): void {
    let target: Target;
    let address: Uint8Array | null;
    try {
      target = parseTarget(this.target);
      address = encodeTarget(target);
    } catch {
      return this.#fail(-errnos.EINVAL, "failed", "EINVAL");
    }
    this.#parsed = target;
    this.#named = address === null;
    try {
      checkTarget(target, this.system.poller.slice);
    } catch {
      return this.#fail(-errnos.EACCES, "failed", "EACCES");
    }
    this.system.poller.deadlines.add(this);
    if (address !== null) return this.#try([address]);
    const { hostname, port } = target as { hostname: string; port: number };
    this.system.lookup(hostname, this.options.family, (error, literals) => {
      if (this.#over) return;
      if (error) return this.#fail(error.errno ?? 0, "failed", error.code ?? "EAI_FAIL");
      try {
        for (const literal of literals) checkAddress(literal, port);
      } catch {
        return this.#fail(-errnos.EACCES, "failed", "EACCES");
      }
      this.#try(literals.map((literal) => encodeSockaddr({ hostname: literal, port })));
    });
  }

  #try(addresses: Uint8Array[]): void {
    this.#addresses = addresses;
    this.#attempt = new Attempt(this.system, addresses[this.#index], this.options, this);
    this.#attempt.start();
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
    if (!told && isLocalFault(-errno) && this.#localRetries < LOCAL_RETRIES) {
      // Resting here keeps this target's place taken: that is how the concurrency sinks to what the system can bear.
      const delay = LOCAL_DELAY * 2 ** this.#localRetries++;
      this.#timer = this.system.clock.timeout(() => this.#try(this.#addresses), delay);
      return;
    }
    const state = told || !isLocalFault(-errno) ? stateOf(-errno) : "failed";
    this.#failure ??= { errno, state, code: errnoName(errno) };
    if (++this.#index < this.#addresses.length) return this.#try(this.#addresses);
    this.#index = 0;
    this.#fail(this.#failure.errno, this.#failure.state, this.#failure.code);
  }

  threw(_attempt: Attempt, reason: unknown): void {
    this.owner.fail(reason);
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
    if (this.#timer !== null) this.system.clock.clear(this.#timer);
    this.#attempt?.abandon();
  }

  #fail(errno: number, state: PortState, code: string): void {
    this.#finish(errno, state, code, null);
  }

  #finish(errno: number, state: PortState, code: string | null, rtt: number | null): void {
    const elapsed = this.system.clock.now() - this.#began;
    const [address, port] = this.#where();
    this.cancel();
    this.owner.finished(this, { target: this.target, address, port, state, code, errno, elapsed, rtt });
  }

  #where(): [address: string, port: number | undefined] {
    const { target } = this;
    if (this.#parsed === null) return [typeof target === "string" ? target : show(target), undefined];
    if ("path" in this.#parsed) return [this.#parsed.path, undefined];
    const { hostname, port } = this.#parsed;
    if (this.#addresses.length === 0 || !this.#named) return [hostname, port];
    const tried = decodeSockaddr(this.#addresses[this.#index]) as IpAddress;
    return [tried.hostname, port];
  }
}
