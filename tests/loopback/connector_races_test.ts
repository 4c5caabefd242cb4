/**
 * stop() and abort at 500 random moments each: exactly one outcome, no callback after it, no socket left, and nothing
 * closed that is not ours. A failure names its seed: `SEED=… npm test -- tests/loopback/connector_races_test.ts`.
 */
import { test } from "node:test";
import process from "node:process";
import { assert, assertEquals, assertGreater, assertStrictEquals } from "@std/assert";
import { connect, ConnectError, type Connection, Connector } from "@einprogress/connect";
import { constants, libc } from "@einprogress/connect/ffi";
import { bound, closedPort, fds, fullBacklog, type Held, leavingNoSocket, must, pause, until } from "../support.ts";

const RACES = 500;
/** So many at once: races among each other too, and enough variety in what a freed descriptor's number is used for. */
const AT_ONCE = 20;

/** mulberry32: small, and the same in every runtime. */
function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Names the seed when `body` fails. */
async function seeded(body: (random: () => number) => Promise<void>): Promise<void> {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
  try {
    await body(generator(seed));
  } catch (cause) {
    throw new Error(`With SEED=${seed}: ${(cause as Error).message}`, { cause });
  }
}

function pick<T>(random: () => number, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)];
}

/**
 * A descriptor opened right after one of ours was closed, which has its number now. Whoever closed that number twice
 * would close this one.
 */
class Canary {
  readonly #fd = must(libc.socket(constants.AF_INET, constants.SOCK_DGRAM, 0));
  readonly #link = fds().get(this.#fd);

  /** Closes it, if it is still the one that was opened. */
  release(race: string): void {
    assertEquals(fds().get(this.#fd), this.#link, `${race}: descriptor ${this.#fd}, somebody else's, was closed`);
    must(libc.close(this.#fd));
  }
}

/** A listener that accepts nothing, with room for all. */
function listening(): Held {
  const held = bound();
  must(libc.listen(held.fd, 4_096));
  return held;
}

/** Where the connects go, each in another state for most of its life: connected at once, refused, pending. */
function targets() {
  const held = { open: listening(), closed: closedPort(), full: fullBacklog() };
  return { ...held, [Symbol.dispose]: () => Object.values(held).forEach((one) => one[Symbol.dispose]()) };
}

/** Moments told by a clock. Others are the connect's own, told by its callbacks. */
const clocked = ["at once", "microtask", "microtasks", "immediate", "timer"] as const;

/** Calls `strike` at a moment of the given kind; at none of the clock's, nothing happens. */
function schedule(moment: string, random: () => number, strike: () => void): void {
  if (moment === "at once") strike();
  if (moment === "microtask") queueMicrotask(strike);
  if (moment === "immediate") setImmediate(strike);
  if (moment === "timer") setTimeout(strike, random() * 6);
  if (moment === "microtasks") {
    let left = 1 + Math.floor(random() * 12);
    const next = () => left-- > 0 ? queueMicrotask(next) : strike();
    next();
  }
}

/** When a race is stopped at the latest: what its moment does not reach (no onRetry at an open port) ends here. */
const LATEST = 8;
/** Long enough for a late callback, timer or event to come. */
const AFTERMATH = 4;

/** Runs the races, some at a time, and counts how they ended. Each end must come up now and then, and no other. */
async function runRaces(race: (i: number) => Promise<string>, expected: string[]): Promise<void> {
  const ends = new Map(expected.map((end) => [end, 0]));
  for (let i = 0; i < RACES; i += AT_ONCE) {
    const batch = await Promise.all(Array.from({ length: AT_ONCE }, (_, j) => race(i + j)));
    for (const end of batch) ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  const counts = JSON.stringify([...ends]);
  assertEquals([...ends.keys()], expected, counts);
  for (const count of ends.values()) assertGreater(count, RACES / 100, `too few of a kind: ${counts}`);
}

/** How a promise ended, awaited at once, so that no rejection is ever unhandled. */
type Settled = { connection: Connection } | { reason: unknown };
const settled = (promise: Promise<Connection>): Promise<Settled> =>
  promise.then((connection) => ({ connection }), (reason) => ({ reason }));

test(`stop() at ${RACES} random moments: one outcome, silence, every socket closed once`, () =>
  leavingNoSocket(() =>
    seeded(async (random) => {
      using ports = targets();
      const moments = [...clocked, "control", "when", "onRetry", "onConnection"];
      const kinds = ["open", "closed", "full"] as const;

      await runRaces(async (i) => {
        const kind = pick(random, kinds);
        const moment = pick(random, moments);
        const race = `race ${i}, ${kind}, ${moment}`;
        const handed: Connection[] = [];
        const afterwards: string[] = [];
        let canary: Canary | null = null;
        const strike = () => {
          if (canary !== null) return;
          connector.stop();
          canary = new Canary();
          assertEquals(connector.state, "disconnected", race);
        };
        const heard = (callback: string) => {
          if (canary !== null) afterwards.push(callback);
          if (moment === callback) strike();
        };
        const connector = new Connector(`127.0.0.1:${ports[kind].port}`, {
          control: () => heard("control"),
          retry: {
            initial: random() * 3,
            when: (error) => {
              heard("when");
              return error.verdict === "retry";
            },
          },
          onRetry: () => heard("onRetry"),
          onFailure: () => heard("onFailure"),
          onConnection: (connection) => {
            handed.push(connection);
            heard("onConnection");
          },
        });
        const promise = settled(connector.start());
        schedule(moment, random, strike);
        await pause(LATEST);
        strike();
        await pause(AFTERMATH);

        const result = await promise;
        for (const connection of handed) connection.close();
        canary!.release(race);
        assertEquals(afterwards, [], `${race}: called after stop()`);
        if ("connection" in result) {
          assertEquals(handed.length, 1, race);
          assertStrictEquals(handed[0], result.connection, race);
          return `${kind} handed over`;
        }
        assertEquals([(result.reason as Error).name, handed.length], ["AbortError", 0], `${race}: ${result.reason}`);
        return `${kind} stopped`;
      }, ["open handed over", "open stopped", "closed stopped", "full stopped"]);
    })
  ));

test("stop() in the same turn as the verdict, before it is told: neither connection nor retry nor failure", () =>
  leavingNoSocket(() =>
    seeded(async (random) => {
      using ports = targets();
      for (let i = 0; i < 100; i++) {
        const kind = pick(random, ["open", "closed"] as const);
        const calls: string[] = [];
        const target = new Connector(`127.0.0.1:${ports[kind].port}`, {
          onConnection: () => void calls.push("connection"),
          onRetry: () => void calls.push("retry"),
          onFailure: () => void calls.push("failure"),
        });
        let canary: Canary | null = null;
        // Begun first: both are looked at in the same turn, and this one is told first.
        const striker = new Connector(`127.0.0.1:${ports.open.port}`, {
          onConnection: () => {
            target.stop();
            canary = new Canary();
          },
        });
        const struck = striker.start();
        const promise = settled(target.start());
        (await struck).close();
        const result = await promise;
        await pause(1);
        canary!.release(`race ${i}, ${kind}`);
        assert("reason" in result, `race ${i}, ${kind}: connected after stop()`);
        assertEquals([(result.reason as Error).name, target.state, ...calls], ["AbortError", "disconnected"]);
      }
    })
  ));

test(`abort of connect() at ${RACES} random moments: one outcome, every socket closed once`, () =>
  leavingNoSocket(() =>
    seeded(async (random) => {
      using ports = targets();
      // A sibling is begun just before, so that both verdicts come in one turn, and aborts when it is connected.
      const moments = [...clocked, "control", "sibling"];
      const kinds = ["open", "closed", "full"] as const;

      await runRaces(async (i) => {
        const kind = pick(random, kinds);
        const moment = pick(random, moments);
        const race = `race ${i}, ${kind}, ${moment}`;
        const controller = new AbortController();
        const reason = { race };
        let over = false;
        let canary: Canary | null = null;
        const strike = () => {
          if (canary !== null) return;
          controller.abort(reason);
          canary = new Canary();
        };
        const sibling = moment === "sibling" && new Connector(`127.0.0.1:${ports.open.port}`, { onConnection: strike });
        const siblings = sibling ? settled(sibling.start()) : null;
        const promise = settled(connect(`127.0.0.1:${ports[kind].port}`, {
          signal: controller.signal,
          control: () => void (moment === "control" && strike()),
        }));
        promise.then(() => over = true);
        schedule(moment, random, strike);
        await (kind === "full" ? pause(LATEST) : until(() => over, `the end of ${race}`));
        strike();
        await pause(AFTERMATH);

        const result = await promise;
        const other = await siblings;
        if (other !== null && "connection" in other) other.connection.close();
        canary!.release(race);
        if ("connection" in result) {
          assert(result.connection.fd >= 0, race);
          result.connection.close();
          return `${kind} connected`;
        }
        if (result.reason instanceof ConnectError) {
          assertEquals(result.reason.code, "ECONNREFUSED", race);
          return `${kind} failed`;
        }
        assertStrictEquals(result.reason, reason, race);
        return `${kind} aborted`;
      }, ["open connected", "open aborted", "closed failed", "closed aborted", "full aborted"]);
    })
  ));
