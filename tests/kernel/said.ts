/** What an error must tell of what the kernel said. */
import { constants } from "node:os";
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { Failure, Outcome } from "./scenarios/report.ts";

/** What is expected, the rest being the same each time: the number is the system's for `code`, the class is ConnectError. */
export interface Expected {
  code: keyof typeof constants.errno;
  source: string;
  verdict: string;
  /** `"connect"` unless given. */
  syscall?: string;
  /** A word that the hint must not do without. */
  hint?: RegExp;
  /** Bounds of the time it took, in ms. */
  between?: [number, number];
}

/** Asserts that it failed, and in just these words. */
export function assertSaid(outcome: Outcome, expected: Expected): Failure {
  const { code, source, verdict, syscall = "connect", hint = /\w/, between } = expected;
  const { failure, elapsed } = outcome;
  assert(failure !== null, `connected, instead of ${code}`);
  const { errno, address, port, message } = failure;
  assertEquals(
    { class: failure.class, code: failure.code, errno, syscall: failure.syscall, source: failure.source },
    { class: "ConnectError", code, errno: -constants.errno[code], syscall, source },
    message,
  );
  assertEquals(failure.verdict, verdict, message);
  assertEquals(message, `${syscall} ${code} ${address}:${port}`);
  assert(hint.test(failure.hint) && !/unknown error/.test(failure.hint), `${code}'s hint: ${failure.hint}`);
  assertGreater(failure.hint.split(" ").length, 3, `${code}'s hint is no sentence: ${failure.hint}`);
  if (between) assert(elapsed >= between[0] && elapsed <= between[1], `${message} after ${elapsed} ms`);
  return failure;
}

/** A value that is made when it is first asked for. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
