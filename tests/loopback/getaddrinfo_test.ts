/** getaddrinfo(3) by FFI, beside what node:dns says. */
import { assert, assertEquals } from "@std/assert";
import { lookup } from "node:dns/promises";
import { test } from "node:test";
import { getaddrinfo } from "../../src/ffi/getaddrinfo.ts";

test("localhost has the addresses that node:dns tells, in the same order", async () => {
  const theirs = await lookup("localhost", { all: true, verbatim: true });
  assertEquals(await getaddrinfo("localhost", 0), { addresses: theirs.map(({ address }) => address) });
});

test("a literal is its own address, in either family", async () => {
  assertEquals(await getaddrinfo("127.0.0.1", 0), { addresses: ["127.0.0.1"] });
  assertEquals(await getaddrinfo("::1", 6), { addresses: ["::1"] });
});

test("a family that the name has no address of: node:dns's code", async () => {
  const answer = await getaddrinfo("::1", 4);
  assert("code" in answer);
  assertEquals(answer.code, "ENOTFOUND");
});

test("fifty look-ups at once don't get into each other's memory", async () => {
  const names = Array.from({ length: 50 }, (_, i) => `127.0.0.${i + 1}`);
  const answers = await Promise.all(names.map((name) => getaddrinfo(name, 4)));
  assertEquals(answers, names.map((name) => ({ addresses: [name] })));
});
