/**
 * probe(): the state of many targets, as results instead of exceptions.
 *
 * @module
 */
import type { Job } from "../poller/turn.ts";
import { checkInteger, checkNumber, type ConnectOptions, type Prepared, prepareOptions } from "./options.ts";
import { Pace } from "./pace.ts";
import { type ProbeOwner, type ProbeResult, ProbeTask } from "./probe_task.ts";
import { type Abortable, offAbort, onAbort } from "./signals.ts";
import { type System, system } from "./system.ts";
import { show, type Target } from "./target.ts";

/** How to probe. `timeout` is per target, names included, and 5,000 ms by default. */
export interface ProbeOptions extends ConnectOptions {
  /** How many targets at a time, at least 1. Default 256, and never more than RLIMIT_NOFILE leaves room for. */
  concurrency?: number;
  /** How many targets a second are begun, evenly; more than 0. No limit by default. */
  rate?: number;
  /** Close what was connected with a RST, so that no port is left in TIME_WAIT. Default true. */
  reset?: boolean;
}

const TIMEOUT = 5_000;
const CONCURRENCY = 256;
/** Descriptors left to the rest of the process. */
const SPARE_DESCRIPTORS = 64;
/** After a local fault, ms to the next try if nothing of ours ends meanwhile; doubled each time, seven times at most. */
const LOCAL_DELAY = 10;

/**
 * Probes many targets at once: connects, takes note, closes.
 *
 * Targets are taken from the iterable as places become free, so it may be endless; results come in the order of
 * completion, and a slow consumer slows the probing. A target never throws. A fault on this side (EMFILE,
 * EADDRNOTAVAIL, …) lowers the concurrency and the target is tried again. Leaving the loop closes what is in flight.
 *
 * @param targets What to probe; each as for `connect()`.
 * @param options How.
 * @returns The results. Iterating it throws `signal.reason` when the signal is aborted, and what `targets` throws.
 * @throws {TypeError | RangeError} Bad options, naming the value.
 *
 * @example Usage
 * ```ts
 * import { probe } from "@einprogress/connect";
 *
 * function* ports() {
 *   for (let port = 1; port <= 1024; port++) yield { hostname: "127.0.0.1", port };
 * }
 * for await (const { port, state, rtt } of probe(ports(), { concurrency: 64, timeout: 1000 })) {
 *   if (state === "open") console.log(port, rtt, "µs");
 * }
 * ```
 */
export function probe(
  targets: Iterable<Target | string> | AsyncIterable<Target | string>,
  options: ProbeOptions = {},
): AsyncIterableIterator<ProbeResult> {
  return probeOn(system, targets, options);
}

/** {@link probe} on a given system. */
export function probeOn(
  system: System,
  targets: Iterable<Target | string> | AsyncIterable<Target | string>,
  options: ProbeOptions,
): AsyncIterableIterator<ProbeResult> {
  const iterator = iteratorOf(targets);
  const checked = prepareOptions(options);
  const prepared = { ...checked, timeout: checked.timeout ?? TIMEOUT };
  const { concurrency = CONCURRENCY, rate = Infinity, reset = true } = options;
  checkInteger("concurrency", concurrency, 1, 1_000_000);
  if (rate !== Infinity) checkNumber("rate", rate, Number.MIN_VALUE, Number.MAX_VALUE, "a number above 0");
  if (typeof reset !== "boolean") throw new TypeError(`Cannot use reset ${show(reset)}: expected true or false`);
  return new Probe(system, iterator, prepared, concurrency, new Pace(rate), reset);
}

type Source = Iterator<Target | string> | AsyncIterator<Target | string>;
type Next = IteratorResult<ProbeResult, undefined>;

function iteratorOf(targets: Iterable<Target | string> | AsyncIterable<Target | string>): Source {
  if (typeof targets === "object" && targets !== null) {
    if (Symbol.iterator in targets) return targets[Symbol.iterator]();
    if (Symbol.asyncIterator in targets) return targets[Symbol.asyncIterator]();
  }
  throw new TypeError(`Cannot probe ${show(targets)}: expected an iterable of targets`);
}

/** One run over the targets. As a job of the poller it begins one target, and comes back for the next. */
class Probe implements AsyncIterableIterator<ProbeResult, undefined>, Job, Abortable, ProbeOwner {
  readonly #system: System;
  readonly #source: Source;
  readonly #prepared: Prepared;
  readonly #pace: Pace;
  readonly #reset: boolean;
  #concurrency: number;
  /** Targets under way. */
  readonly #tasks = new Set<ProbeTask>();
  /** Results that nobody has asked for yet; they count against the concurrency, so that a slow consumer slows us. */
  #results: ProbeResult[] = [];
  /** Those who asked before there was a result. */
  #asking: PromiseWithResolvers<Next>[] = [];
  #begun = false;
  /** A job, a timer or a look at the source is on its way. */
  #pumping = false;
  #timer: unknown = null;
  /** Targets that met a local fault, the first to come first. While there are any, none is begun: so the concurrency sinks. */
  #resting: ProbeTask[] = [];
  #restTimer: unknown = null;
  /** How often in a row the timer has woken them, and nothing has ended since. */
  #rests = 0;
  /** Why it is over, until somebody asks. In an object: anything can be thrown. */
  #failure: { reason: unknown } | null = null;
  /** The source has been asked and has not answered yet. */
  #awaiting = false;
  /** The source has no more. */
  #exhausted = false;
  #over = false;

  constructor(system: System, source: Source, prepared: Prepared, concurrency: number, pace: Pace, reset: boolean) {
    this.#system = system;
    this.#source = source;
    this.#prepared = prepared;
    this.#concurrency = concurrency;
    this.#pace = pace;
    this.#reset = reset;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    if (!this.#begun) this.#begin();
    if (this.#failure !== null) {
      const { reason } = this.#failure;
      this.#failure = null;
      return Promise.reject(reason);
    }
    const value = this.#results.shift();
    if (value !== undefined) {
      this.#pump();
      return Promise.resolve({ value, done: false });
    }
    if (this.#over) return Promise.resolve({ value: undefined, done: true });
    const asked = Promise.withResolvers<Next>();
    this.#asking.push(asked);
    this.#pump();
    return asked.promise;
  }

  /** The consumer left the loop. */
  async return(): Promise<Next> {
    this.#begun = true;
    this.#results = [];
    this.#failure = null;
    this.#end();
    await this.#leave();
    return { value: undefined, done: true };
  }

  /** Tells the source that no more is wanted, once. An async generator that is waiting for something hears it later. */
  #leave(): unknown {
    if (this.#exhausted) return;
    this.#exhausted = true;
    const left = this.#source.return?.();
    if (!this.#awaiting) return left;
    Promise.resolve(left).catch(() => {});
  }

  #begin(): void {
    this.#begun = true;
    const { signal } = this.#prepared;
    if (signal?.aborted) return this.fail(signal.reason);
    if (signal) onAbort(signal, this);
    try {
      const room = this.#system.libc.descriptorLimit() - SPARE_DESCRIPTORS;
      this.#concurrency = Math.max(1, Math.min(this.#concurrency, room));
    } catch (reason) {
      this.fail(reason); // no libc, no permission to open it, no tables for this system
    }
  }

  #pump(): void {
    if (this.#pumping || this.#exhausted || this.#over) return;
    // With some resting and others under way, there are as many under way as can be.
    if (this.#resting.length > 0 && this.#tasks.size > this.#resting.length) return;
    if (this.#tasks.size + this.#results.length >= this.#concurrency) return;
    this.#pumping = true;
    this.#system.poller.enqueue(this);
  }

  /** Begins one target. */
  run(): void {
    if (this.#over) return;
    const { clock, poller } = this.#system;
    const wait = this.#pace.take(clock);
    if (wait > 0) {
      this.#timer = clock.timeout(() => poller.enqueue(this), wait);
      return;
    }
    let next: ReturnType<Source["next"]>;
    try {
      next = this.#source.next();
      if ("then" in next) {
        this.#awaiting = true;
        next.then((result) => this.#take(result)).catch((reason) => this.#sourceFailed(reason));
        return;
      }
      this.#take(next);
    } catch (reason) {
      this.#sourceFailed(reason);
    }
  }

  /** It has ended itself by that: it is not told to return. */
  #sourceFailed(reason: unknown): void {
    this.#awaiting = false;
    this.#exhausted = true;
    this.fail(reason);
  }

  #take(result: IteratorResult<Target | string>): void {
    this.#awaiting = false;
    this.#pumping = false;
    if (this.#over) return;
    if (Object(result) !== result) {
      throw new TypeError(`Cannot take ${show(result)} from the targets: expected an object`);
    }
    const { value, done } = result;
    if (done) {
      this.#exhausted = true;
      return this.#endIfDone();
    }
    const task = new ProbeTask(this.#system, value, this.#prepared, this.#reset, this);
    this.#tasks.add(task);
    task.start();
    this.#pump();
  }

  finished(task: ProbeTask, result: ProbeResult): void {
    this.#tasks.delete(task);
    if (result.state !== "failed") { // what it had is free now
      this.#rests = 0;
      this.#resting.shift()?.goOn();
    }
    const asked = this.#asking.shift();
    if (asked === undefined) this.#results.push(result);
    else asked.resolve({ value: result, done: false });
    this.#pump();
    this.#endIfDone();
  }

  rest(task: ProbeTask): void {
    this.#resting.push(task);
    // Others may have what is missing here: it is asked for again even if none of ours ends.
    this.#restTimer ??= this.#system.clock.timeout(() => this.#wake(), LOCAL_DELAY * 2 ** Math.min(this.#rests++, 7));
  }

  get alone(): boolean {
    return this.#tasks.size === this.#resting.length + 1;
  }

  #wake(): void {
    this.#restTimer = null;
    // One, to see whether it has passed; all, when there is none under way whose end would wake them.
    let count = this.#tasks.size === this.#resting.length ? this.#resting.length : 1;
    while (count-- > 0) this.#resting.shift()?.goOn();
    if (this.#resting.length > 0 && !this.#over) {
      this.#restTimer ??= this.#system.clock.timeout(() => this.#wake(), LOCAL_DELAY * 2 ** Math.min(this.#rests++, 7));
    }
    this.#pump();
  }

  /** The signal was aborted. */
  aborted(): void {
    this.fail(this.#prepared.signal!.reason);
  }

  fail(reason: unknown): void {
    if (this.#over) return;
    // Whoever asks next, if nobody is asking, learns the reason; then it is over.
    const asked = this.#asking.shift();
    if (asked === undefined) this.#failure = { reason };
    else asked.reject(reason);
    this.#results = [];
    this.#end();
    try {
      Promise.resolve(this.#leave()).catch(() => {});
    } catch {
      // the reason is what the loop throws
    }
  }

  #endIfDone(): void {
    if (this.#exhausted && this.#tasks.size === 0) this.#end();
  }

  /** Closes what is in flight. Results that came before are still there to be asked for. */
  #end(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#prepared.signal) offAbort(this.#prepared.signal, this);
    if (this.#timer !== null) this.#system.clock.clear(this.#timer);
    if (this.#restTimer !== null) this.#system.clock.clear(this.#restTimer);
    for (const task of this.#tasks) task.cancel();
    this.#tasks.clear();
    for (const asked of this.#asking.splice(0)) asked.resolve({ value: undefined, done: true });
  }
}
