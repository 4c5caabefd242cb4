/** What a ConnectError tells, failure by failure, on a real kernel. */
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertFalse, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import { connect, ConnectError, type ConnectOptions, ConnectTimeoutError, type Target } from "@einprogress/connect";
import { constants, encodeSockaddr, errnos, libc } from "@einprogress/connect/ffi";
import {
  bound,
  closedPort,
  fullBacklog,
  leavingNoSocket,
  must,
  rejection,
  socketFds,
  spawnSelf,
  tempFolder,
  until,
} from "../support.ts";

const { AF_UNIX, SOCK_STREAM, SOCK_DGRAM } = constants;

interface Expected {
  readonly code: string;
  readonly syscall?: string;
  readonly verdict: string;
  readonly source: string;
  readonly hint: RegExp;
  readonly option?: string;
}

/** Connects, expects to fail so, leaves no socket, and gives the error for more. */
async function fails(target: Target, expected: Expected, options?: ConnectOptions): Promise<ConnectError> {
  const error = await leavingNoSocket(() => rejection(connect(target, options)));
  assertInstanceOf(error, ConnectError);
  assertFalse(error instanceof ConnectTimeoutError);
  const { hint, syscall = "connect", option, ...rest } = expected;
  const { name, code, errno, verdict, source } = error;
  assertEquals({ name, code, verdict, source }, { name: "ConnectError", ...omit(rest) });
  assertEquals(errno, -errnos[expected.code]);
  assertEquals(error.syscall, syscall);
  assertEquals(error.option, option);
  assertMatch(error.hint, hint);
  const [address, port, where] = "path" in target
    ? [target.path, undefined, target.path]
    : [target.hostname, target.port, `${target.hostname}:${target.port}`];
  assertEquals([error.address, error.port], [address, port]);
  assertEquals(error.message, `${syscall} ${expected.code}${option ? ` ${option}` : ""} ${where}`);
  assertEquals(error.errors, []);
  assertEquals(error.timeline.verified, null);
  assertEquals(error.timeline.attempts.map((one) => [one.address, one.port, one.code]), [[
    address,
    port,
    expected.code,
  ]]);
  return error;
}

function omit({ code, verdict, source }: Omit<Expected, "hint">): Record<string, string> {
  return { code, verdict, source };
}

for (const hostname of ["127.0.0.1", "::1"]) {
  test(`${hostname}, nobody listens: ECONNREFUSED from SO_ERROR, with the local end`, async () => {
    using closed = closedPort(hostname);
    const error = await fails({ hostname, port: closed.port }, {
      code: "ECONNREFUSED",
      verdict: "retry",
      source: "so_error",
      hint: /nothing listens on this port/,
    });
    assertEquals(error.errno, -111);
    assertEquals(error.localAddress, hostname);
    assert(error.localPort! > 0 && error.localPort !== closed.port);
    const { resolved, socket, connect, writable } = error.timeline;
    assert(resolved! <= socket! && socket! <= connect! && connect! <= writable!);
  });
}

test("a name whose addresses all refuse: the first one's error, and every one in errors", () =>
  leavingNoSocket(async () => {
    using closed = closedPort();
    using _both = bound("::1", closed.port);
    const error = await rejection(connect(`localhost:${closed.port}`));
    assertInstanceOf(error, ConnectError);
    assertEquals(error.code, "ECONNREFUSED");
    const tried = error.timeline.attempts.map(({ address }) => address);
    assertEquals(error.address, tried[0]);
    if (tried.length > 1) assertEquals(error.errors.map(({ address }) => address), tried);
    assertEquals(tried.toSorted(), [...new Set(tried)].toSorted(), "each once");
  }));

test("a name that does not exist: ENOTFOUND or EAI_AGAIN from the resolver, no attempt", () =>
  leavingNoSocket(async () => {
    const error = await rejection(connect("no-such-name.invalid:80"));
    assertInstanceOf(error, ConnectError);
    assert(["ENOTFOUND", "EAI_AGAIN"].includes(error.code), error.code);
    assertEquals(error.verdict, error.code === "EAI_AGAIN" ? "retry" : "fatal");
    const { source, syscall, address, port, message } = error;
    assertEquals({ source, syscall, address, port, message }, {
      source: "resolve",
      syscall: "getaddrinfo",
      address: "no-such-name.invalid",
      port: 80,
      message: `getaddrinfo ${error.code} no-such-name.invalid:80`,
    });
    assertMatch(error.hint, /name/);
    assertEquals(error.timeline.attempts, []);
    assertInstanceOf(error.cause, Error);
  }));

test("a path where nothing is: ENOENT, at once", async () => {
  using folder = tempFolder();
  const expected = { code: "ENOENT", verdict: "unexpected", source: "connect", hint: /no socket at this path/ };
  await fails({ path: join(folder.path, "none") }, expected);
});

test("an abstract name that nobody holds: ECONNREFUSED", async () => {
  const expected = { code: "ECONNREFUSED", verdict: "retry", source: "connect", hint: /nobody listens|server is gone/ };
  await fails({ path: `@einprogress-${Math.random()}` }, expected);
});

test("a stale socket file: ECONNREFUSED, at once, and the hint says that its server is gone", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "stale");
  const fd = must(libc.socket(AF_UNIX, SOCK_STREAM, 0));
  must(libc.bind(fd, encodeSockaddr({ path })));
  libc.close(fd); // the file stays
  await fails({ path }, { code: "ECONNREFUSED", verdict: "retry", source: "connect", hint: /server is gone/ });
});

test("a plain file: ECONNREFUSED", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "file");
  writeFileSync(path, "");
  await fails({ path }, { code: "ECONNREFUSED", verdict: "retry", source: "connect", hint: /./ });
});

test("a path through a file: ENOTDIR; a loop of links: ELOOP", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "file");
  writeFileSync(file, "");
  const path = join(file, "s");
  await fails({ path }, { code: "ENOTDIR", verdict: "unexpected", source: "connect", hint: /not a directory/ });
  const loop = join(folder.path, "loop");
  symlinkSync(loop, loop);
  await fails({ path: loop }, { code: "ELOOP", verdict: "unexpected", source: "connect", hint: /symbolic links/ });
});

test("a datagram socket's path: EPROTOTYPE", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "dgram");
  const fd = must(libc.socket(AF_UNIX, SOCK_DGRAM, 0));
  must(libc.bind(fd, encodeSockaddr({ path })));
  await fails({ path }, { code: "EPROTOTYPE", verdict: "unexpected", source: "connect", hint: /not a stream socket/ });
  libc.close(fd);
});

test("a Unix listener's backlog is full: EAGAIN is a retry, never a success", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "full");
  const listener = must(libc.socket(AF_UNIX, SOCK_STREAM, 0));
  must(libc.bind(listener, encodeSockaddr({ path })));
  must(libc.listen(listener, 0));
  const clients: number[] = [];
  for (let result = 0; result >= 0;) {
    const client = must(libc.socket(AF_UNIX, SOCK_STREAM, 0));
    clients.push(client);
    result = libc.connect(client, encodeSockaddr({ path }));
  }
  await fails({ path }, { code: "EAGAIN", verdict: "retry", source: "connect", hint: /backlog is full/ });
  for (const fd of [...clients, listener]) libc.close(fd);
});

test("a socket that one may not write to: EACCES is fatal", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "private");
  const listener = must(libc.socket(AF_UNIX, SOCK_STREAM, 0));
  must(libc.bind(listener, encodeSockaddr({ path })));
  must(libc.listen(listener, 1));
  chmodSync(path, 0);
  chmodSync(folder.path, 0o755);
  const expected: Expected = { code: "EACCES", verdict: "fatal", source: "connect", hint: /no permission to write/ };
  if (process.getuid?.() !== 0) {
    await fails({ path }, expected);
  } else {
    // No mode keeps root out: one capability less does.
    const { stdout, stderr } = await spawnSelf(
      `import { connect } from "@einprogress/connect";
       const error = await connect(${JSON.stringify({ path })}).catch((error) => error);
       console.log(JSON.stringify({ ...error, message: error.message }));`,
      { prefix: ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] },
    );
    assertStringIncludes(stdout, "{", stderr);
    const { code, errno, verdict, source, message, hint, address } = JSON.parse(stdout);
    assertEquals({ code, errno, verdict, source, message, address }, {
      code: "EACCES",
      errno: -13,
      verdict: "fatal",
      source: "connect",
      message: `connect EACCES ${path}`,
      address: path,
    });
    assertMatch(hint, expected.hint);
  }
  libc.close(listener);
});

test("the broadcast address: ENETUNREACH, at once", async () => {
  const hint = /no route .*broadcast/;
  await fails({ hostname: "255.255.255.255", port: 9 }, {
    code: "ENETUNREACH",
    verdict: "retry",
    source: "connect",
    hint,
  });
});

test("a link-local address without its zone: EINVAL, and the hint shows how to write one", async () => {
  const hint = /zone \(fe80::1%/;
  await fails({ hostname: "fe80::1", port: 9 }, { code: "EINVAL", verdict: "unexpected", source: "connect", hint });
});

test("a local port that is taken: EADDRINUSE from bind", async () => {
  using taken = bound("127.0.0.1");
  using closed = closedPort();
  const error = await fails({ hostname: "127.0.0.1", port: closed.port }, {
    code: "EADDRINUSE",
    syscall: "bind",
    verdict: "retry",
    source: "bind",
    hint: /another socket holds this local port/,
  }, { localAddress: "127.0.0.1", localPort: taken.port });
  assertEquals(error.timeline.connect, null);
});

test("a local address that is not this machine's: EADDRNOTAVAIL from bind", async () => {
  await fails({ hostname: "127.0.0.1", port: 9 }, {
    code: "EADDRNOTAVAIL",
    syscall: "bind",
    verdict: "retry",
    source: "bind",
    hint: /no interface of this machine has that local address/,
  }, { localAddress: "192.0.2.1" });
});

test("a local address of the other family: refused by bind, and the hint says so", async () => {
  for (
    const [hostname, localAddress, code, verdict] of [
      ["127.0.0.1", "::1", "EAFNOSUPPORT", "fatal"],
      ["::1", "127.0.0.1", "EINVAL", "unexpected"],
    ]
  ) {
    const hint = /not of the remote address' family/;
    await fails({ hostname, port: 9 }, { code, syscall: "bind", verdict, source: "bind", hint }, { localAddress });
  }
});

test("an option that the kernel refuses: its own name, the step, and no attempt", async () => {
  // Nothing that passes the checks is refused by this kernel: strace plays one that knows less.
  const { stdout, stderr } = await spawnSelf(
    `import { connect } from "@einprogress/connect";
     const error = await connect("127.0.0.1:9", { noDelay: true }).catch((error) => error);
     console.log(JSON.stringify({ ...error, name: error.name, message: error.message }));`,
    { prefix: ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=setsockopt:error=ENOPROTOOPT"] },
  );
  assertStringIncludes(stdout, "{", stderr);
  const { name, code, errno, syscall, verdict, source, option, message, hint, timeline } = JSON.parse(stdout);
  assertEquals({ name, code, errno, syscall, verdict, source, option, message, connect: timeline.connect }, {
    name: "ConnectError",
    code: "ENOPROTOOPT",
    errno: -92,
    syscall: "setsockopt",
    verdict: "unexpected",
    source: "option",
    option: "TCP_NODELAY",
    message: "setsockopt ENOPROTOOPT TCP_NODELAY 127.0.0.1:9",
    connect: null,
  });
  assertStringIncludes(hint, "this kernel does not know TCP_NODELAY");
});

test("a peer that accepts and resets before we look: ECONNRESET from SO_ERROR is worth a retry", () =>
  leavingNoSocket(async () => {
    using full = fullBacklog();
    const before = socketFds();
    const failed = rejection(connect(`127.0.0.1:${full.port}`));
    await until(() => socketFds() > before, "the pending socket");
    full.accept();
    // The dropped SYN is sent again a second later. This thread stands still until the reset is there.
    assertEquals(libc.poll(Int32Array.of(full.fd, constants.POLLIN), 1, 4_000), 1);
    const peer = must(libc.accept(full.fd));
    must(libc.setsockopt(peer, constants.SOL_SOCKET, constants.SO_LINGER, Int32Array.of(1, 0)));
    libc.close(peer);
    const error = await failed;
    assertInstanceOf(error, ConnectError);
    assertEquals([error.code, error.errno, error.source, error.verdict], ["ECONNRESET", -104, "so_error", "retry"]);
    assertMatch(error.hint, /reset the connection at once/);
  }));
