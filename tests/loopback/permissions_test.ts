/** Least privilege: FFI is no hole in Deno's permissions, and libc is found where it may be. */
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { constants, encodeSockaddr, libc } from "@einprogress/connect/ffi";
import { libcPaths } from "../../src/ffi/load.ts";
import { must, rejection, runtime, serve, spawnSelf, tempFolder } from "../support.ts";

const libcPath = libcPaths(process.platform, process.arch).find(existsSync)!;
const grant = `--allow-ffi=${libcPath}`;

/** Connects once, and says how that ended: `["connected"]`, or the error's name and message. */
const told = `const told = (promise) => promise.then(
  (connection) => (connection.close(), ["connected"]),
  (error) => [error.name, error.message],
);`;

/** What connect() and then Deno.connect() say of a target in a process with these flags. */
async function both(target: string, deno: string, flags: string[]): Promise<{ ours: string[]; theirs: string[] }> {
  const { stdout, stderr } = await spawnSelf(
    `import { connect } from "@einprogress/connect";
     ${told}
     const ours = await told(connect(${target}));
     const theirs = await told(Deno.connect(${deno}));
     console.log(JSON.stringify({ ours, theirs }));`,
    { flags: ["--no-prompt", grant, ...flags] },
  );
  assertStringIncludes(stdout, "{", stderr);
  return JSON.parse(stdout);
}

/** The port stands for the listener's, and \`other\` for one that is closed. */
const net: [flags: string, hostname: string, outcome: "connected" | "NotCapable"][] = [
  ["--allow-net", "127.0.0.1:port", "connected"],
  ["--allow-net=127.0.0.1:port", "127.0.0.1:port", "connected"],
  ["--allow-net=127.0.0.1:port", "127.0.0.1:other", "NotCapable"],
  ["--allow-net=127.0.0.1:port", "127.0.0.2:port", "NotCapable"],
  ["--allow-net=127.0.0.1:port", "localhost:port", "NotCapable"],
  ["--allow-net=127.0.0.1", "127.0.0.1:port", "connected"],
  ["--allow-net=[::1]:port", "127.0.0.1:port", "NotCapable"],
  ["--allow-net=localhost", "localhost:port", "connected"],
  ["--allow-net=localhost:port", "localhost:port", "connected"], // though node:dns may not look it up
  ["--allow-net=localhost:port", "localhost:other", "NotCapable"],
  ["--allow-net --deny-net=127.0.0.1:port", "127.0.0.1:port", "NotCapable"],
  ["--allow-net --deny-net=127.0.0.1", "127.0.0.1:port", "NotCapable"],
  ["--allow-net --deny-net=127.0.0.1:other", "127.0.0.1:port", "connected"],
  ["--allow-net --deny-net", "127.0.0.1:port", "NotCapable"],
  ["--allow-net --deny-net=localhost", "localhost:port", "NotCapable"],
  ["--allow-net=localhost --deny-net=127.0.0.1,[::1]", "localhost:port", "NotCapable"],
  ["", "127.0.0.1:port", "NotCapable"],
  ["", "localhost:port", "NotCapable"],
];

if (runtime === "deno") {
  for (const [flags, host, outcome] of net) {
    test(`${flags || "no net"}: ${host} is ${outcome}, as by Deno.connect`, async () => {
      await using server = await serve();
      const fill = (text: string) => text.replace("port", `${server.port}`).replace("other", `${server.port ^ 1}`);
      const [hostname, port] = fill(host).split(":");
      const { ours, theirs } = await both(
        JSON.stringify(fill(host)),
        JSON.stringify({ hostname, port: Number(port) }),
        // The word "port" is no part of any flag's name.
        flags.split(" ").filter(Boolean).map(fill),
      );
      assertEquals(ours[0], outcome, ours[1]);
      assertEquals(ours, theirs, "the same outcome in the same words");
    });
  }

  // Deno asks for reading and writing the path and, since some 2.x, for net access to "unix:path".
  const unix: [flags: string, outcome: "connected" | "NotCapable"][] = [
    ["--allow-net --allow-read --allow-write", "connected"],
    ["--allow-net=unix:path --allow-read=path --allow-write=path", "connected"],
    ["--allow-net --allow-read", "NotCapable"],
    ["--allow-net --allow-write", "NotCapable"],
    ["--allow-net", "NotCapable"],
    ["--allow-read --allow-write", "NotCapable"],
    ["--allow-net=127.0.0.1 --allow-read --allow-write", "NotCapable"],
    ["--allow-net --deny-net=unix:path --allow-read --allow-write", "NotCapable"],
    ["--allow-net --allow-read --allow-write --deny-write=path", "NotCapable"],
  ];
  for (const [flags, outcome] of unix) {
    test(`${flags}: a Unix path is ${outcome}, as by Deno.connect`, async () => {
      using folder = tempFolder();
      const path = join(folder.path, "s");
      await using _server = await serve(() => {}, { path });
      const { ours, theirs } = await both(
        JSON.stringify({ path }),
        JSON.stringify({ transport: "unix", path }),
        flags.split(" ").map((flag) => flag.replace("path", path)),
      );
      assertEquals(theirs[0], outcome, `Deno.connect: ${theirs[1]}`);
      assertEquals(ours, theirs, "the same outcome in the same words");
    });
  }

  test("a relative Unix path is asked for by its absolute one, as by Deno.connect", async () => {
    const flags = ["--allow-net=127.0.0.1", "--allow-read", "--allow-write"];
    const path = "./none";
    const { ours, theirs } = await both(JSON.stringify({ path }), JSON.stringify({ transport: "unix", path }), flags);
    assertEquals(theirs[0], "NotCapable", theirs[1]);
    assertEquals(ours, theirs, "the same outcome in the same words");
  });

  // An abstract name is no file: net access alone.
  const abstract: [flags: string, outcome: "connected" | "NotCapable"][] = [
    ["--allow-net", "connected"],
    ["--allow-net --deny-net=127.0.0.1", "connected"],
    ["--allow-read --allow-write", "NotCapable"],
    ["--allow-net=127.0.0.1", "NotCapable"],
  ];
  for (const [flags, outcome] of abstract) {
    test(`${flags}: an abstract name is ${outcome}, as by Deno.connect`, async () => {
      const path = `@einprogress-${Math.random()}`;
      const listener = must(libc.socket(constants.AF_UNIX, constants.SOCK_STREAM, 0));
      must(libc.bind(listener, encodeSockaddr({ path })));
      must(libc.listen(listener, 8));
      const deno = JSON.stringify({ transport: "unix", path: path.replace("@", "\0") });
      const { ours, theirs } = await both(JSON.stringify({ path }), deno, flags.split(" "));
      libc.close(listener);
      assertEquals(theirs[0], outcome, `Deno.connect: ${theirs[1]}`);
      // Deno's words hold a raw NUL there; ours need not.
      assertEquals(ours[0], outcome, ours[1]);
      if (outcome === "NotCapable") assertStringIncludes(ours[1], "Requires net access to");
    });
  }

  test("without an FFI grant it is one NotCapable that names the exact flag, and that flag does", async () => {
    await using server = await serve();
    const source = `import { connect } from "@einprogress/connect"; ${told}
      console.log((await told(connect("127.0.0.1:${server.port}"))).join(": "));
      console.log((await told(connect("127.0.0.1:${server.port}"))).join(": "));`;
    const { stdout, stderr, code } = await spawnSelf(source, { flags: ["--no-prompt", "--allow-net"], limit: 5_000 });
    const [first, second] = stdout.split("\n");
    assertMatch(first, /^NotCapable: Requires ffi access to "\/.*", run again with the --allow-ffi=\/\S+ flag/, stderr);
    assertEquals(second, first, "also the second time");
    assertEquals(code, 0);
    const flags = ["--no-prompt", "--allow-net", grant];
    const again = await spawnSelf(source, { flags });
    assertEquals(again.stdout, "connected\nconnected\n", again.stderr);
  });

  test("nobody is prompted for a guess at libc's path, even at a terminal", async () => {
    // script(1) gives the child a terminal. To see that a prompt would show there, ask for one.
    const terminal = ["env", "sh", "-c", 'exec script -qec "$*" /dev/null', "sh"];
    const source = `Deno.permissions.requestSync({ name: "net", host: "192.0.2.1" });`;
    const asked = await rejection(spawnSelf(source, { flags: [], prefix: terminal, limit: 1_000 }));
    assertMatch(String(asked), /Deno requests/); // and nobody answers
    const { stdout } = await spawnSelf(
      `import { connect } from "@einprogress/connect"; ${told}
       console.log((await told(connect("127.0.0.1:9"))).join(": "));`,
      { flags: ["--allow-net"], prefix: terminal, limit: 5_000 },
    );
    assertNotMatch(stdout, /Deno requests/);
    assertMatch(stdout, /NotCapable: Requires ffi access/);
  });

  test("import alone needs no permission and opens no descriptor", async () => {
    const { stdout, stderr } = await spawnSelf(
      `await import("@einprogress/connect"); await import("@einprogress/connect/ffi"); console.log("fine");`,
      { flags: ["--no-prompt"] },
    );
    assertEquals(stdout, "fine\n", stderr);
    const counted = await spawnSelf(
      `const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
       count();
       const before = count();
       await import("@einprogress/connect");
       console.log(count() - before);`,
    );
    assertEquals(counted.stdout, "0\n", counted.stderr);
  });

  test("EINPROGRESS_LIBC that may not be read is ignored", async () => {
    await using server = await serve();
    const { stdout, stderr } = await spawnSelf(
      `import { connect } from "@einprogress/connect"; ${told}
       console.log((await told(connect("127.0.0.1:${server.port}"))).join(": "));`,
      { flags: ["--no-prompt", grant, "--allow-net"], env: { EINPROGRESS_LIBC: "/nowhere/libc.so" } },
    );
    assertEquals(stdout, "connected\n", stderr);
  });
}

// Bun has no permissions, but it has EINPROGRESS_LIBC.
test("EINPROGRESS_LIBC says where libc is, and only that path has to be granted", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "elsewhere.so");
  symlinkSync(libcPath, path);
  await using server = await serve();
  const { stdout, stderr } = await spawnSelf(
    `import { connect } from "@einprogress/connect"; ${told}
     console.log((await told(connect("127.0.0.1:${server.port}"))).join(": "));`,
    {
      flags: ["--no-prompt", `--allow-ffi=${path}`, "--allow-env=EINPROGRESS_LIBC", "--allow-net"],
      env: { EINPROGRESS_LIBC: path },
    },
  );
  assertEquals(stdout, "connected\n", stderr);
});

test("EINPROGRESS_LIBC that leads nowhere is one clear error, not a guess and not a crash", async () => {
  await using server = await serve();
  const { stdout, stderr, code } = await spawnSelf(
    `import { connect, Connector } from "@einprogress/connect"; ${told}
     const target = "127.0.0.1:${server.port}";
     console.log((await told(connect(target))).join(": ").replaceAll("\\n", " "));
     console.log((await told(connect("localhost:${server.port}"))).join(": ").replaceAll("\\n", " "));
     console.log((await told(new Connector(target).start())).join(": ").replaceAll("\\n", " "));`,
    { env: { EINPROGRESS_LIBC: "/nowhere/libc.so" }, limit: 5_000 },
  );
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, 3, stderr);
  for (const line of lines) assertMatch(line, /^Error: Cannot open libc: set EINPROGRESS_LIBC .*\/nowhere\/libc\.so/);
  assertEquals(code, 0);
  assert(!stderr.includes("Uncaught"), stderr);
});
