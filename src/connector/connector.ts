/**
 * Connector: keeps trying until there is a connection.
 *
 * @module
 */
import { type Backoff, checkBackoff } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { type Prepared, prepareOptions, refuseMismatch } from "./options.ts";
import { type ConnectorOptions, type ConnectorState, Run } from "./run.ts";
import { type System, system as realSystem } from "./system.ts";
import { parseTarget, show, type Target } from "./target.ts";

/**
 * The article's Connector: tries, sorts the errno, waits a little longer each time, and hands the connection over once.
 *
 * A failed attempt's socket is closed and never used again. The delay starts at 500 ms, doubles up to 30 s, and is back
 * at the start after `restart()`. A self-connect is tried again at once, twice.
 *
 * @example Usage
 * ```ts
 * import { Connector } from "@einprogress/connect";
 * import { createServer, type AddressInfo } from "node:net";
 * import { once } from "node:events";
 *
 * const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
 * await once(server, "listening");
 * const { port } = server.address() as AddressInfo;
 *
 * const connector = new Connector({ hostname: "127.0.0.1", port }, {
 *   retry: { initial: 100, jitter: 0.5 },
 *   onRetry: (error, delay) => console.log(`${error.message}; again in ${delay} ms`),
 * });
 * using connection = await connector.start();
 * console.log(connector.state, connection.remoteAddress);
 * server.close();
 * ```
 */
export class Connector {
  readonly #system: System;
  readonly #target: Target;
  readonly #options: ConnectorOptions;
  readonly #prepared: Prepared;
  readonly #backoff: Required<Backoff>;
  #state: ConnectorState = "disconnected";
  #run: Run | null = null;

  /**
   * Checks its arguments and does nothing else.
   *
   * @param target As for `connect()`.
   * @param options As for `connect()`, and more.
   * @param system Internal: what to stand on.
   * @throws {TypeError | RangeError} Bad arguments, naming the value.
   */
  constructor(target: Target | string, options: ConnectorOptions = {}, system: System = realSystem) {
    this.#target = parseTarget(target);
    this.#prepared = prepareOptions(options);
    refuseMismatch(this.#target, this.#prepared);
    this.#backoff = checkBackoff(options.retry);
    for (const name of ["onConnection", "onRetry", "onFailure"] as const) checkFunction(name, options[name]);
    checkFunction("retry.when", options.retry?.when);
    this.#options = options;
    this.#system = system;
  }

  /** `"disconnected"` before start(), after stop() and after a failure; `"connected"` once the connection is handed over. */
  get state(): ConnectorState {
    return this.#state;
  }

  /**
   * Begins to connect. Called again, it answers with the same promise until stop(), restart() or a failure.
   *
   * @returns The connection. Rejects with a {@link ConnectError} when no further try will be made, with an `AbortError`
   * after stop(), with `signal.reason` when the signal is aborted, or with what a callback threw.
   */
  start(): Promise<Connection> {
    return (this.#run ?? this.#begin()).promise;
  }

  /**
   * Ends it, from any state, at any moment: closes what is in flight and cancels the timer; no callback comes after
   * this. A connection that was handed over is not touched.
   */
  stop(): void {
    const run = this.#run;
    this.#run = null;
    this.#state = "disconnected";
    run?.stop(new DOMException("The connector was stopped", "AbortError"));
  }

  /**
   * Begins anew at once, from any state, and with the initial delay if that try fails. A start() that is still waiting
   * gets the new connection. A client that calls this whenever its connection ends should wait a little first: a server
   * that hangs up on everybody would be hammered.
   *
   * @returns As start() does.
   */
  restart(): Promise<Connection> {
    const former = this.#run;
    former?.cancel();
    return this.#begin(this.#state === "connecting" ? former : null).promise;
  }

  #begin(former: Run | null = null): Run {
    const run = new Run(this.#system, this.#target, this.#options, this.#prepared, this.#backoff, former, (state) => {
      if (this.#run !== run) return; // stopped or restarted meanwhile
      this.#state = state;
      if (state === "disconnected") this.#run = null;
    });
    this.#run = run;
    this.#state = "connecting";
    run.begin();
    return run;
  }
}

function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw new TypeError(`Cannot use ${name} ${show(value)}: expected a function`);
  }
}
