import { constants } from "node:os";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { errnoMeaning, errnoName, errnoNumber } from "../../src/ffi/errno.ts";
import { meanings } from "../../src/ffi/meanings.ts";
import { errnos } from "../../src/ffi/platform.ts";
import { errnos as darwin } from "../../src/ffi/platform/darwin.ts";
import { errnos as freebsd } from "../../src/ffi/platform/freebsd.ts";
import { errnos as linux } from "../../src/ffi/platform/linux.ts";

const tables: Record<string, Readonly<Record<string, number>>> = { linux, darwin, freebsd };

test("the runtime's own errno numbers are in this system's table", () => {
  const theirs = Object.entries(constants.errno);
  assert(theirs.length > 70, `node:os knows only ${theirs.length} errnos`);
  const ours = theirs.map(([name]) => [name, errnos[name]]);
  assertEquals(ours, theirs);
});

test("each name leads to its number and back, positive or negative", () => {
  for (const [name, number] of Object.entries(errnos)) {
    assertEquals(errnoNumber(name), number, name);
    const usual = errnoName(number);
    assertEquals(errnoNumber(usual), number, name);
    assertEquals(errnoName(-number), usual, name);
  }
});

for (const [os, table] of Object.entries(tables)) {
  test(`${os}: a number's second name comes after its usual one`, () => {
    const first = new Map<number, string>();
    const second: Record<string, string> = {};
    for (const [name, number] of Object.entries(table)) {
      const usual = first.get(number);
      if (usual === undefined) first.set(number, name);
      else second[name] = usual;
    }
    const everywhere = { EWOULDBLOCK: "EAGAIN" };
    const expected: Record<string, Record<string, string>> = {
      linux: { ...everywhere, EDEADLOCK: "EDEADLK", ENOTSUP: "EOPNOTSUPP" },
      darwin: { ...everywhere, ELAST: "EQFULL" },
      freebsd: { ...everywhere, ENOTSUP: "EOPNOTSUPP", ELAST: "EINTEGRITY" },
    };
    assertEquals(second, expected[os]);
  });

  test(`${os}: the table is in the order of the numbers`, () => {
    const numbers = Object.values(table);
    assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  });

  test(`${os}: every name has a meaning`, () => {
    assertEquals(Object.keys(table).filter((name) => !Object.hasOwn(meanings, name)), []);
  });
}

test("every meaning belongs to a name of some system", () => {
  const known = new Set(Object.values(tables).flatMap((table) => Object.keys(table)));
  assertEquals(Object.keys(meanings).filter((name) => !known.has(name)), []);
});

test("the meanings are short, fit behind a colon, and no two are the same", () => {
  for (const [name, meaning] of Object.entries(meanings)) {
    assert(meaning.length > 0 && meaning.length <= 90, `${name}: ${meaning.length} characters`);
    assert(/^[a-z].*[^.\s]$/.test(meaning), `${name}: ${meaning}`);
  }
  const all = Object.values(meanings);
  assertEquals(all.filter((meaning, index) => all.indexOf(meaning) !== index), []);
});

test("what this system has no name for is unknown, not guessed", () => {
  for (const number of [0, 9999, -9999, 1.5, NaN, Infinity]) {
    assertEquals(errnoName(number), "UNKNOWN");
    assertEquals(errnoMeaning(number), "unknown error");
  }
  for (const name of ["", "ENOSUCHNAME", "econnrefused", "constructor", "toString", "__proto__"]) {
    assertEquals(errnoNumber(name), undefined, name);
  }
});

test("the meaning is that of the number here", () => {
  assertEquals(errnoMeaning(errnos.ECONNREFUSED), meanings.ECONNREFUSED);
  assertEquals(errnoMeaning(-errnos.ECONNREFUSED), meanings.ECONNREFUSED);
  assertEquals(errnoMeaning(errnos.EWOULDBLOCK), meanings.EAGAIN);
});
