/** The article's switch, errno by errno. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { classify, type Verdict } from "@einprogress/connect";
import { errnos } from "@einprogress/connect/ffi";

/** The case labels of the article, word for word and in its order. */
const article: Record<Exclude<Verdict, "unexpected">, string[]> = {
  connecting: ["EINPROGRESS", "EINTR", "EISCONN"],
  retry: ["EAGAIN", "EADDRINUSE", "EADDRNOTAVAIL", "ECONNREFUSED", "ENETUNREACH"],
  fatal: ["EACCES", "EPERM", "EAFNOSUPPORT", "EALREADY", "EBADF", "EFAULT", "ENOTSOCK"],
};

for (const [verdict, names] of Object.entries(article)) {
  for (const name of names) {
    test(`${name} is ${verdict}`, () => {
      assert(Number.isInteger(errnos[name]), `${name} has no number here`);
      assertEquals(classify(errnos[name]), verdict as Verdict);
    });
  }
}

test("success is connecting: it still has to be verified", () => {
  assertEquals(classify(0), "connecting");
});

test("every other errno of this system is unexpected", () => {
  const listed = new Set(Object.values(article).flat().map((name) => errnos[name]));
  const others = Object.entries(errnos).filter(([, number]) => !listed.has(number));
  assert(others.length > 80, `only ${others.length} others`);
  assertEquals(others.filter(([, number]) => classify(number) !== "unexpected"), []);
});

test("at once, EHOSTUNREACH, ETIMEDOUT and ENOENT are not in the article's list", () => {
  for (const name of ["EHOSTUNREACH", "ETIMEDOUT", "ENOENT", "EINVAL", "EPROTOTYPE", "ENOBUFS"]) {
    assertEquals(classify(errnos[name]), "unexpected", name);
  }
});

test("EWOULDBLOCK is EAGAIN by another name", () => {
  assertEquals(classify(errnos.EWOULDBLOCK), "retry");
});

test("what is no errno is unexpected, never connecting", () => {
  for (const number of [-1, -115, 9999, NaN, Infinity, 0.5]) assertEquals(classify(number), "unexpected", `${number}`);
});
