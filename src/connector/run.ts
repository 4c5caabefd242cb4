/**
 * One run of a Connector, from start() to its one outcome: try, sort the failure, wait, try again.
 *
 * @module
 */
import { errnos } from "../ffi/mod.ts";
import { LONGEST_TIMEOUT } from "../poller/clock.ts";
import type { Deadline } from "../poller/deadlines.ts";
import { type Backoff, delayBefore } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { Dial, type DialOwner } from "./dial.ts";
import { ConnectError, type ConnectErrorInit, ConnectTimeoutError } from "./errors.ts";
import type { ConnectOptions, Prepared } from "./options.ts";
import { forgetGrant } from "./permission.ts";
import { type Abortable, offAbort, onAbort } from "./signals.ts";
import type { System } from "./system.ts";
import type { Target } from "./target.ts";

/** When to try again. */
export interface RetryOptions extends Backoff {
  /** Which failures deserve another try. By default those whose `verdict` is `"retry"`. */
  when?: (error: ConnectError) => boolean;
}

/** A Connector's options. `timeout` covers one `start()` or `restart()`: all tries and the delays between them. */
export interface ConnectorOptions extends ConnectOptions {
  /** When to try again, and how long to wait. */
  retry?: RetryOptions;
  /** The connection, handed over once; from then on it is the callee's. If this throws, the connection is closed. */
  onConnection?: (connection: Connection) => void;
  /** A try failed; the next one begins in `delay` ms. */
  onRetry?: (error: ConnectError, delay: number) => void;
  /** No further try will be made. */
  onFailure?: (error: ConnectError) => void;
}

/** Where a Connector stands. */
export type ConnectorState = "disconnected" | "connecting" | "connected";

/** How often a self-connect is tried again at once: another port is likely to do. Without a limit it could spin. */
const IMMEDIATE_RETRIES = 2;

/** A run. Whatever the Connector does meanwhile, late events reach the run they belong to, and a run that is over is deaf. */
export class Run implements DialOwner, Deadline, Abortable {
  readonly promise: Promise<Connection>;
  readonly at: number;
  rank = -1;
  readonly #resolvers: PromiseWithResolvers<Connection>;
  #over = false;
  #tries = 0;
  #backoffs = 0;
  #selfConnects = 0;
  #dial: Dial | null = null;
  #timer: unknown = null;
  #last: ConnectError | null = null;

  /** `former` is the run whose waiting promise this one takes over; `tell` hears of each change of state. */
  constructor(
    private readonly system: System,
    private readonly target: Target,
    private readonly options: ConnectorOptions,
    private readonly prepared: Prepared,
    private readonly backoff: Required<Backoff>,
    former: Run | null,
    private readonly tell: (state: ConnectorState) => void,
  ) {
    this.#resolvers = former === null ? Promise.withResolvers() : former.#resolvers;
    this.promise = this.#resolvers.promise;
    this.at = system.clock.now() + (prepared.timeout ?? Infinity);
  }

  /** The first try, on a later turn. */
  begin(): void {
    const { signal, timeout } = this.prepared;
    if (signal?.aborted) return this.#reject(signal.reason);
    if (signal) onAbort(signal, this);
    if (timeout !== undefined) this.system.poller.deadlines.add(this);
    this.#try();
  }

  #try(): void {
    this.#timer = null;
    this.#tries++;
    // The signal and the deadline are this run's: they hold between the tries as well.
    const options = { ...this.prepared, signal: undefined, timeout: undefined };
    this.#dial = new Dial(this.system, this.target, options, this);
  }

  connected(connection: Connection): void {
    this.#end();
    this.tell("connected");
    try {
      this.options.onConnection?.(connection);
    } catch (reason) {
      connection.close();
      this.tell("disconnected");
      return this.#resolvers.reject(reason);
    } finally {
      forgetGrant();
    }
    this.#resolvers.resolve(connection);
  }

  failed(reason: unknown): void {
    this.#dial = null;
    if (!(reason instanceof ConnectError)) return this.#reject(reason);
    this.#last = reason;
    // The deadline passed while it failed, perhaps because the event loop was busy.
    if (this.system.clock.now() >= this.at && !(reason instanceof ConnectTimeoutError)) return this.expire();
    try {
      const again = !this.#isLast(reason) && this.#deservesRetry(reason);
      if (this.#over) return; // called off by `when`
      if (!again) return this.#giveUp(reason);
      const delay = this.#nextDelay(reason);
      this.options.onRetry?.(reason, delay);
      if (this.#over) return;
      this.#timer = this.system.clock.timeout(() => this.#try(), Math.min(delay, LONGEST_TIMEOUT));
    } catch (thrown) {
      this.#reject(thrown); // by a callback
    } finally {
      forgetGrant();
    }
  }

  /** No try can follow: the deadline has passed, or the attempts are used up. */
  #isLast(error: ConnectError): boolean {
    return error instanceof ConnectTimeoutError || this.#tries >= this.backoff.attempts;
  }

  #deservesRetry(error: ConnectError): boolean {
    return this.options.retry?.when?.(error) ?? error.verdict === "retry";
  }

  #nextDelay(error: ConnectError): number {
    if (error.source === "self-connect" && this.#selfConnects++ < IMMEDIATE_RETRIES) return 0;
    return delayBefore(this.#backoffs++, this.backoff);
  }

  /** The deadline passed, in a try or between two. */
  expire(): void {
    if (this.#dial) return this.#dial.timeOut(this.prepared.timeout!);
    const last = this.#last!;
    const hint = `the deadline passed between two tries; of the last one: ${last.hint}`;
    const init: ConnectErrorInit = {
      ...last,
      code: undefined,
      errno: -errnos.ETIMEDOUT,
      source: "deadline",
      hint,
      cause: last,
    };
    this.failed(new ConnectTimeoutError(init, this.prepared.timeout!));
  }

  /** The signal was aborted. */
  aborted(): void {
    this.#reject(this.prepared.signal!.reason);
  }

  /** Ends it by its owner's wish. */
  stop(reason: unknown): void {
    if (this.#over) return;
    this.promise.catch(() => {}); // he knows
    this.cancel();
    this.#resolvers.reject(reason);
  }

  /** Ends it and leaves the promise to a later run. */
  cancel(): void {
    this.#end();
    this.#dial?.cancel();
  }

  #giveUp(error: ConnectError): void {
    const { onFailure } = this.options;
    this.cancel();
    this.tell("disconnected");
    try {
      onFailure?.(error);
    } catch (thrown) {
      return this.#resolvers.reject(thrown);
    }
    if (onFailure) this.promise.catch(() => {}); // he has been told, and need not catch the promise as well
    this.#resolvers.reject(error);
  }

  #reject(reason: unknown): void {
    // A callback that called it off and then threw: the outcome was told already, so this is nobody's to catch.
    if (this.#over) throw reason;
    this.cancel();
    this.tell("disconnected");
    this.#resolvers.reject(reason);
  }

  #end(): void {
    this.#over = true;
    this.system.poller.deadlines.remove(this);
    if (this.prepared.signal) offAbort(this.prepared.signal, this);
    if (this.#timer !== null) this.system.clock.clear(this.#timer);
    this.#timer = null;
  }
}
