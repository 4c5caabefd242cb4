/** What users get: the published files by URL, the npm packages, bundles and single binaries. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runtime, spawnSelf } from "../support.ts";

const root = fileURLToPath(import.meta.resolve("../../"));

const deno = join(root, "node_modules/.bin/deno");
const onDeno = runtime === "deno";
const work = mkdtempSync(join(tmpdir(), "einprogress-package-"));
after(() => rmSync(work, { recursive: true, force: true }));

/**
 * A user's program: a connection that is made, a refused one, one that stays pending until its deadline, and one that
 * is pending for a second before it is made, of which only the waiting thread can tell. The listener's backlog is full
 * meanwhile, so that the kernel drops the SYN.
 */
const program = (entry: string, ffi: string) => `
import { connect, ConnectTimeoutError } from ${JSON.stringify(entry)};
import { constants as C, encodeSockaddr, errnoName, libc } from ${JSON.stringify(ffi)};

const { AF_INET, SOCK_STREAM } = C;
const listener = libc.socket(AF_INET, SOCK_STREAM, 0);
libc.bind(listener, encodeSockaddr({ hostname: "127.0.0.1", port: 0 }));
libc.listen(listener, 0);
const name = new Uint8Array(128);
libc.getsockname(listener, name);
const port = new DataView(name.buffer).getUint16(2);

const connection = await connect({ hostname: "127.0.0.1", port }, { timeout: 5000 }); // fills the backlog
const { remoteAddress } = connection;
console.log("connected", "port" in remoteAddress && remoteAddress.port === port);
await connect("127.0.0.1:1").catch((error) => console.log(error.message));
await connect({ hostname: "127.0.0.1", port }, { timeout: 200 })
  .catch((error) => console.log(error.name, error instanceof ConnectTimeoutError, error.code));
const late = connect({ hostname: "127.0.0.1", port }, { timeout: 10_000 });
setTimeout(() => libc.close(libc.accept(listener)), 100); // makes room: the kernel's second SYN, after 1 s, is let in
console.log("late", (await late).timeline.writable! > 500);
(await late).close();
connection.close();
console.log(errnoName(libc.close(-1)));
`;
const printed =
  "connected true\nconnect ECONNREFUSED 127.0.0.1:1\nConnectTimeoutError true ETIMEDOUT\nlate true\nEBADF\n";

/** Runs a command to its end; throws with what it wrote if that is not a good one. */
function run(file: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const env = { ...process.env, NO_COLOR: "1", ...options.env } as NodeJS.ProcessEnv;
  return new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    execFile(file, args, { cwd: work, timeout: 90_000, ...options, env }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${file} ${args.join(" ")}: ${error.message}\n${stdout}\n${stderr}`));
      else resolve({ stdout: String(stdout), stderr: String(stderr) });
    });
  });
}

/** A folder of its own with `main.ts`, which imports the sources unless told otherwise. */
function folder(
  name: string,
  entry = join(root, "mod.ts"),
  ffi = join(root, "src/ffi/mod.ts"),
): string {
  const path = join(work, name);
  mkdirSync(path);
  writeFileSync(join(path, "main.ts"), program(entry, ffi));
  return path;
}

/** A folder with the package in its node_modules, as an installer would put it there. */
async function installed(name: string, tarball: string): Promise<string> {
  const path = folder(name, "@einprogress/connect", "@einprogress/connect/ffi");
  const target = join(path, "node_modules/@einprogress/connect");
  mkdirSync(target, { recursive: true });
  writeFileSync(join(path, "package.json"), `{"type":"module"}`); // where Deno looks for a node_modules beside it
  await run("tar", ["xzf", tarball, "-C", target, "--strip-components=1"]);
  return path;
}

/** Runs `main` from within a folder that has nothing to do with the project. */
async function works(path: string, main: string): Promise<void> {
  const args = onDeno ? ["run", "-A", main] : ["run", main];
  assertEquals((await run(process.execPath, args, { cwd: path })).stdout, printed);
}

test("the import alone opens nothing", async () => {
  const source = `
    import { readdirSync } from "node:fs";
    const count = () => "Deno" in globalThis ? 0 : readdirSync("/proc/self/fd").length;
    count(); // what the first look itself opens, stays open
    const before = count();
    const { connect } = await import("@einprogress/connect");
    const { libc } = await import("@einprogress/connect/ffi");
    console.log(typeof connect, typeof libc.socket, count() - before);`;
  const { code, stdout, stderr } = await spawnSelf(source, { flags: ["--no-prompt"] });
  assertEquals([code, stdout, stderr], [0, "function function 0\n", ""]);
});

test("deno pack's tarball, JavaScript with declarations, works from node_modules", async () => {
  const tarball = join(work, "deno-pack.tgz");
  await run(deno, ["pack", "--quiet", "--allow-dirty", "--output", tarball], { cwd: root });
  await works(await installed("from-deno-pack", tarball), "main.ts");
});

if (onDeno) {
  test("the files that deno publish would upload are all that an import by URL needs", async () => {
    const { stderr } = await run(deno, ["publish", "--dry-run", "--allow-dirty"], { cwd: root });
    const files = [...stderr.matchAll(/^ +(file:.*) \(.*B\)$/gm)].map(([, url]) =>
      fileURLToPath(url).slice(root.length)
    );
    assert(files.includes("mod.ts") && files.includes("README.md"), stderr);

    const missing: string[] = [];
    using server = await serveFiles(files, missing);
    const base = `http://127.0.0.1:${server.port}`;
    const { code, stdout, stderr: said } = await spawnSelf(program(`${base}/mod.ts`, `${base}/src/ffi/mod.ts`), {
      flags: ["--no-prompt", "--allow-import=127.0.0.1", "--allow-net=127.0.0.1", "--allow-ffi"],
      env: { DENO_DIR: join(work, "deno-dir") }, // an empty cache
    });
    assertEquals([code, stdout, missing], [0, printed, []], said);
  });

  const build = (what: string, ...args: string[]) => {
    const path = folder(what);
    const options = { cwd: path, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } } as const;
    const { status, stderr } = spawnSync(deno, [what, "--quiet", ...args, "main.ts"], options);
    assertEquals(status, 0, stderr);
    return path;
  };

  test("deno bundle makes one file that works", async () => {
    const path = build("bundle", "--output", "bundle.js");
    rmSync(join(path, "main.ts"));
    await works(path, "bundle.js");
  });

  // `deno compile` needs denort, the runtime that goes into the binary. It is in no registry, and a test downloads
  // nothing by itself: who has it says where.
  if (process.env.DENORT_BIN) {
    test("deno compile makes a binary that works when moved", async () => {
      await worksMoved(build("compile", "-A", "--output", "program"));
    });
  } else {
    console.warn("import_test: NOT TESTED: deno compile. Set DENORT_BIN to the path of this Deno's denort");
  }
} else {
  test("npm pack's tarball, TypeScript sources, works from node_modules", async () => {
    await run("npm", ["pack", "--silent", "--pack-destination", work], { cwd: root });
    const tarball = readdirSync(work).find((name) => /^einprogress-connect-.*\.tgz$/.test(name))!;
    const path = await installed("from-npm-pack", join(work, tarball));
    await works(path, "main.ts");

    const listed = (await run("tar", ["tzf", join(work, tarball)])).stdout.trim().split("\n");
    const strange = listed.filter((name) => !/^package\/(mod\.ts|src\/.*\.ts|package\.json|[A-Z]+(\.md)?)$/.test(name));
    assertEquals(strange, []);
  });

  test("the package exports its two entry points and nothing else", () => {
    const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    assertEquals(exports, JSON.parse(readFileSync(join(root, "deno.json"), "utf8")).exports);
    assertEquals(Object.keys(exports), [".", "./ffi"]);
  });

  test("bun build makes one file that works", async () => {
    const path = folder("bundle");
    await run(process.execPath, ["build", "--target=bun", "--outfile=bundle.js", "main.ts"], { cwd: path });
    rmSync(join(path, "main.ts"));
    await works(path, "bundle.js");
  });

  test("bun build --compile makes a binary that works when moved, minified too", async () => {
    for (const flags of [[], ["--minify"]]) {
      const path = folder(`compile${flags.join("")}`);
      await run(process.execPath, ["build", "--compile", ...flags, "--outfile=program", "main.ts"], { cwd: path });
      await worksMoved(path);
    }
  });
}

/** Takes the binary `program` out of the folder where it was made, removes that folder, and runs it from elsewhere. */
async function worksMoved(path: string): Promise<void> {
  const elsewhere = mkdtempSync(join(work, "elsewhere-"));
  const binary = join(elsewhere, "renamed");
  renameSync(join(path, "program"), binary);
  rmSync(path, { recursive: true });
  const { stdout, stderr } = await run(binary, [], { cwd: elsewhere });
  assertEquals(stdout, printed, stderr);
  rmSync(elsewhere, { recursive: true }); // it is 100 MB
}

/** Serves these files of the project over HTTP, and notes what else is asked for. */
async function serveFiles(files: string[], missing: string[]): Promise<Disposable & { port: number }> {
  const server = createServer((request, response) => {
    const name = request.url!.slice(1);
    if (!files.includes(name)) {
      missing.push(name);
      return void response.writeHead(404).end();
    }
    assertMatch(name, /^[\w./-]+$/);
    response.setHeader("content-type", name.endsWith(".ts") ? "application/typescript" : "text/plain");
    response.end(readFileSync(join(root, name)));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}
