/**
 * Every example as a user runs it: a process of its own, under the runtime that runs this test.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import * as tls from "node:tls";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { certificate, key } from "../../examples/tls/localhost.ts";

const root = fileURLToPath(import.meta.resolve("../../"));
const NOBODY = "127.0.0.1:1"; // tcpmux: nobody listens there

interface Result {
  status: number | null;
  out: string;
  err: string;
}

interface RunOptions {
  /** Sends SIGINT, as Ctrl-C does, once the output looks like this. */
  interruptAt?: RegExp;
  env?: Record<string, string>;
}

/** Runs a command in the project's folder to its end. */
async function run(command: string[], { interruptAt, env = {} }: RunOptions = {}): Promise<Result> {
  const inherited: Record<string, string | undefined> = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined };
  const child: ChildProcess = spawn(command[0], command.slice(1), {
    cwd: root,
    env: Object.fromEntries(Object.entries({ ...inherited, ...env }).filter(([, value]) => value !== undefined)),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  let out = "", err = "", interrupted = false;
  child.stdout!.on("data", (chunk) => {
    out += chunk;
    if (interrupted || !interruptAt?.test(out)) return;
    interrupted = true;
    process.kill(child.pid!, "SIGINT"); // after child.kill() Deno tells no exit status, whatever the child does
  });
  child.stderr!.on("data", (chunk) => err += chunk);
  const [status] = await once(child, "close");
  return { status, out, err };
}

/** An example, with the permissions that its header names. */
function example(name: string, args: string[] = [], options?: RunOptions): Promise<Result> {
  const grants = name === "tour" ? ["-A"] : ["--no-prompt", "--allow-ffi", "--allow-net"];
  const runtime = "Bun" in globalThis ? [process.execPath] : [process.execPath, "run", ...grants];
  return run([...runtime, `examples/${name}.ts`, ...args], options);
}

function assertStatus({ status, out, err }: Result, expected: number): void {
  assertEquals(status, expected, `exit status ${status}\n${out}\n${err}`);
}

/** Runs `body` with a folder for temporary files, which must be empty at the end. */
async function leavesNothing(body: (env: Record<string, string>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "examples-"));
  try {
    await body({ TMPDIR: folder });
    assertEquals(readdirSync(folder), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What each example must do, by its name. */
const checks: Record<string, Record<string, () => Promise<void>>> = {
  one_connect: {
    async "connects and reads"() {
      const result = await example("one_connect");
      assertStatus(result, 0);
      assertMatch(result.out, /connected to \{\s+hostname: "127\.0\.0\.1"[\s\S]*\nhello\n$/);
    },
    async "tells a failure"() {
      const result = await example("one_connect", [NOBODY]);
      assertStatus(result, 1);
      assertMatch(result.err, /^connect ECONNREFUSED 127\.0\.0\.1:1 \(said by so_error, verdict retry\)\n\w/);
    },
  },

  reconnecting_client: {
    async "reconnects, backs off, and Ctrl-C ends it"() {
      const thrice = /connected to(?=[\s\S]*again in)([\s\S]*connected to){2}/;
      const result = await example("reconnecting_client", [], { interruptAt: thrice });
      assertStatus(result, 0);
      assertMatch(result.out, /hello, client 1[\s\S]*hello, client 2[\s\S]*ECONNREFUSED .*; again in \d+ ms/);
      assertMatch(result.out, /\nstopping\n$/);
    },
    async "Ctrl-C ends it while the server is away"() {
      const result = await example("reconnecting_client", [NOBODY], { interruptAt: /again in/ });
      assertStatus(result, 0);
      assertNotMatch(result.out, /connected to/);
    },
  },

  http_agent: {
    async "fetches a page"() {
      const result = await example("http_agent");
      assertStatus(result, 0);
      assertEquals(result.out, "HTTP 200 text/plain\nyou asked for /\n");
    },
    async "passes a ConnectError on"() {
      const result = await example("http_agent", [NOBODY]);
      assertStatus(result, 1);
      assertStringIncludes(result.err, "connect ECONNREFUSED 127.0.0.1:1");
    },
  },

  tls: {
    async "checks the certificate and talks"() {
      const result = await example("tls");
      assertStatus(result, 0);
      assertEquals(result.out, "TLSv1.3 authorized: true\nHTTP/1.0 200 OK\n");
    },
    async "refuses a certificate that nobody vouches for"() {
      const server = tls.createServer({ key, cert: certificate });
      server.on("tlsClientError", () => {});
      await once(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as AddressInfo;
      const result = await example("tls", [`localhost:${port}`]);
      server.close();
      assertStatus(result, 1);
      assertEquals(result.out, "");
      assertMatch(result.err, /self.signed|certificate/i);
    },
  },

  health_check: {
    async "one up, one down: 1"() {
      const result = await example("health_check");
      assertStatus(result, 1);
      const [up, down] = result.out.split("\n");
      assertMatch(up, /^127\.0\.0\.1:\d+ +up +\d+\.\d ms$/);
      assertMatch(down, /^127\.0\.0\.1:1 +down +\d+\.\d ms {2}ECONNREFUSED: \w/);
      assertEquals(up.indexOf(" ms"), down.indexOf(" ms"));
    },
    async "all up: 0"() {
      const server = tls.createServer({ key, cert: certificate }); // any server will do: nothing is sent
      server.on("tlsClientError", () => {});
      await once(server.listen(0, "127.0.0.1"), "listening");
      const { port } = server.address() as AddressInfo;
      const result = await example("health_check", [`127.0.0.1:${port}`, `localhost:${port}`]);
      server.close();
      assertStatus(result, 0);
    },
  },

  echo_streams: {
    async "pipes both ways"() {
      const result = await example("echo_streams");
      assertStatus(result, 0);
      assertEquals(result.out, "one\ntwo\nthree\n");
    },
  },

  tour: {
    "shows every branch, in 80 columns, and leaves nothing behind": () =>
      leavesNothing(async (env) => {
        const result = await example("tour", [], { env });
        assertStatus(result, 0);
        assertTour(result.out);
        const [, heading] = result.out.split("\n");
        assertMatch(heading, "Bun" in globalThis ? /^Bun \d/ : /^Deno \d/);
      }),
    "Ctrl-C ends it, and leaves nothing behind": () =>
      leavesNothing(async (env) => {
        assertStatus(await example("tour", [], { env, interruptAt: /A full backlog/ }), 130);
      }),
    async "visits targets in their order"() {
      const result = await example("tour", [NOBODY, "unix:/nonexistent/socket", "[::1]:1"]);
      assertStatus(result, 1);
      assertMatch(result.out, /127\.0\.0\.1:1 +E[\s\S]*unix:\/nonexistent\/socket +ENOENT 2 [\s\S]*\[::1\]:1 +E/);
    },
    async "names a target that it can't read"() {
      for (const [target, why] of [["nonsense", 'expected "host:port"'], ["localhost:65536", "from 1 to 65535"]]) {
        const result = await example("tour", [NOBODY, target]);
        assertStatus(result, 2);
        assertEquals(result.out, "");
        assertStringIncludes(result.err, `Bad target "${target}": `);
        assertStringIncludes(result.err, why);
      }
    },
    async "helps"() {
      const result = await example("tour", ["--help"]);
      assertStatus(result, 0);
      assertMatch(result.out, /^Usage: npm start/);
    },
    async "is coloured on request"() {
      const result = await example("tour", [NOBODY], { env: { FORCE_COLOR: "1" } });
      assertStringIncludes(result.out, "\x1b[33mretry");
    },
  },
};

/** Each scene of the tour, and what it must have shown. */
function assertTour(out: string): void {
  const rows: [string, RegExp][] = [
    ["Connected", / 0 +connected +so_error .*\n +handed over, it answers HTTP\/1\.1 200 OK, "hello"/],
    ["Refused", / ECONNREFUSED \d+ +retry +so_error [\s\S]*; tried again in 50 ms[\s\S]* 0 +connected /],
    ["A full backlog", / ETIMEDOUT \d+ +retry +deadline [\s\S]* EAGAIN \d+ +retry +connect /],
    ["A self-connect", / ECONNREFUSED \d+ +retry +self-connect /],
    ["Unreachable", / ENETUNREACH \d+ +retry +connect /],
    ["Prohibited", / EACCES 13 +fatal +connect | skipped /],
    ["A bad address", / EINVAL 22 +unexpected +connect [\s\S]* RangeError +refused +argument /],
    ["stop\\(\\)", / AbortError +stopped +stop\(\) .*\n.*"connecting", and is "disconnected"/],
  ];
  for (const [title, pattern] of rows) {
    const scene = new RegExp(`^${title}.*\n((?:.+\n)*)`, "m").exec(out);
    assert(scene, `no scene ${title} in\n${out}`);
    assertMatch(scene[1], pattern);
  }
  for (const line of out.split("\n")) assert(line.length <= 80, line);
  assert(!out.includes("\x1b"), "coloured, but not a terminal");
}

for (const [name, cases] of Object.entries(checks)) {
  for (const [what, check] of Object.entries(cases)) test(`${name} ${what}`, check);
}

test("npm start shows the tour under both runtimes, with Deno's permissions as they are", () =>
  leavesNothing(async (env) => {
    const result = await run(["node", "scripts/start.mjs"], { env });
    assertStatus(result, 0);
    const [, deno, bun] = result.out.split(/^(?=(?:Deno|Bun) \d)/m);
    assertMatch(deno, /^Deno /);
    assertMatch(bun, /^Bun /);
    assertTour(deno);
    assertTour(bun);
  }));

test("npm start passes targets on, and its exit status is true to both runtimes", async () => {
  const failed = await run(["node", "scripts/start.mjs", NOBODY]);
  assertStatus(failed, 1);
  assertEquals(failed.out.match(/ECONNREFUSED/g)?.length, 2);
  const bad = await run(["node", "scripts/start.mjs", "nonsense"]);
  assertStatus(bad, 2);
  assertEquals(bad.err.match(/Bad target/g)?.length, 1, "once is enough");
});

test("every example has a check here, and every folder belongs to an example", () => {
  for (const entry of readdirSync(join(root, "examples"), { withFileTypes: true })) {
    const name = entry.isDirectory() ? entry.name : entry.name.replace(/\.ts$/, "");
    assert(name in checks, `examples/${entry.name} has no check`);
  }
});
