/** Asks the C compiler what it thinks of our tables. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { constants, errnos } from "../../src/ffi/platform/linux.ts";

type Table = Readonly<Record<string, number>>;

/** libc's headers and the kernel's define the same things and can't be included together: a program for each. */
const headers = {
  libc: [
    "errno.h",
    "fcntl.h",
    "limits.h",
    "netdb.h",
    "netinet/in.h",
    "netinet/tcp.h",
    "poll.h",
    "signal.h",
    "sys/epoll.h",
    "sys/eventfd.h",
    "sys/ioctl.h",
    "sys/socket.h",
    "sys/timerfd.h",
    "sys/uio.h",
    "time.h",
    "linux/mptcp.h",
    "linux/sockios.h",
    "linux/vm_sockets.h",
  ],
  kernel: [
    "asm/errno.h",
    "asm/ioctls.h",
    "asm/poll.h",
    "asm/socket.h",
    "linux/eventpoll.h",
    "linux/fcntl.h",
    "linux/in.h",
    "linux/in6.h",
    "linux/sockios.h",
    "linux/tcp.h",
  ],
};

/** Declared by every libc, but by glibc as enumerators, which `#ifdef` does not see. */
const states = /^TCP_(ESTABLISHED|SYN_SENT|SYN_RECV|FIN_WAIT[12]|TIME_WAIT|CLOSE|CLOSE_WAIT|LAST_ACK|LISTEN|CLOSING)$/;

/** The names that these headers define, with the compiler's values. */
function compile(table: Table, kind: keyof typeof headers): Map<string, number> {
  const source = [
    "#define _GNU_SOURCE",
    "#include <stdio.h>",
    ...headers[kind].map((header) => `#if __has_include(<${header}>)\n#include <${header}>\n#endif`),
    "int main(void) {",
    ...Object.keys(table).map((name) => {
      const print = `  printf("%s %lld\\n", "${name}", (long long)(${name}));`;
      return kind === "libc" && states.test(name) ? print : `#ifdef ${name}\n${print}\n#endif`;
    }),
    "}\n",
  ].join("\n");

  const directory = mkdtempSync(join(tmpdir(), "einprogress-"));
  try {
    const file = join(directory, "print.c");
    const program = join(directory, "print");
    writeFileSync(file, source);
    const compiler = spawnSync("cc", ["-w", "-o", program, file], { encoding: "utf8" });
    assertEquals(compiler.status, 0, `cc: ${compiler.error ?? compiler.stderr}`);
    const { stdout } = spawnSync(program, { encoding: "utf8" });
    return new Map(
      stdout.trim().split("\n").map((line) => {
        const [name, value] = line.split(" ");
        return [name, Number(value)];
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Compares the table with both sets of headers and returns how many of its names they have between them. */
function compare(table: Table): number {
  const compared = new Set<string>();
  for (const kind of ["libc", "kernel"] as const) {
    for (const [name, value] of compile(table, kind)) {
      if (name === "SOMAXCONN") assert([4096, 128].includes(value), `glibc's or musl's SOMAXCONN, not ${value}`);
      else assertEquals(table[name], value, `${name} in the headers of the ${kind}`);
      compared.add(name);
    }
  }
  return compared.size;
}

function reasonToSkip(): string | undefined {
  if (process.platform !== "linux") return "the table is Linux's, the headers here are not";
  // Under CI a missing compiler is a failure: a skip would go unseen there.
  if (process.env.CI || spawnSync("cc", ["--version"]).status === 0) return undefined;
  return "no C compiler (cc) here: the constants were NOT compared with the headers";
}

const skip = reasonToSkip();
// Neither runtime prints the reason of a skip.
if (skip) console.warn(`constants_test: ${skip}`);

test("linux: the constants are those of the C headers", { skip }, () => {
  const compared = compare(constants);
  // The newest names are missing from older headers.
  assert(compared >= 250, `only ${compared} constants were compared`);
});

test("linux: the errno numbers are those of the C headers", { skip }, () => {
  const compared = compare(errnos);
  assert(compared >= 130, `only ${compared} errnos were compared`);
});
