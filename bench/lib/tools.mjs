/** What every measurement stands on: programs to run, a server to run them against, and the middle of many numbers. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { bun, deno, root } from "../../scripts/tools.mjs";

const clients = join(root, "bench/clients");

/** The middle one. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length % 2 === 1
    ? sorted[sorted.length >> 1]
    : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
}

/** Runs a program to its end. `stdout`, and `seconds` from spawn to exit; throws if it fails. */
export function finish([file, ...args], { limit = 120_000, ignoreStatus = false } = {}) {
  return new Promise((resolve, reject) => {
    const began = process.hrtime.bigint();
    const child = spawn(file, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limit,
      killSignal: "SIGKILL",
      env: { ...process.env, NO_COLOR: "1" },
    });
    let seconds = 0;
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => stdout += text);
    child.stderr.on("data", (text) => stderr += text);
    child.on("error", reject);
    child.on("exit", () => seconds = Number(process.hrtime.bigint() - began) / 1e9);
    child.on("close", (code) => {
      if (code === 0 || ignoreStatus) resolve({ stdout, stderr, seconds });
      else reject(new Error(`${[file, ...args].join(" ")} ended with ${code}\n${stderr}`));
    });
  });
}

/** A command with as many descriptors as the machine grants: ten thousand pending sockets want one each. */
export function withDescriptors(command) {
  const script = 'ulimit -n 32768 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"';
  return ["sh", "-c", script, "sh", ...command];
}

const has = (file, ...args) => spawnSync(file, args, { stdio: "ignore" }).status === 0;

/** Everything that the rows need, made once. `close()` ends the server and removes the temporary folder. */
export async function prepare(say) {
  const folder = mkdtempSync(join(tmpdir(), "einprogress-bench-"));
  const missing = [];

  let floor = null;
  const compiler = ["cc", "gcc", "clang"].find((one) => has(one, "--version"));
  if (compiler === undefined) {
    missing.push("NO C COMPILER: every C row, the wake-up latency and all ratios against C are missing");
  } else {
    floor = join(folder, "floor");
    say(`building bench/c/floor.c with ${compiler} -O2`);
    const built = spawnSync(compiler, ["-O2", "-o", floor, join(root, "bench/c/floor.c")], { stdio: "inherit" });
    if (built.status !== 0) throw new Error("bench/c/floor.c could not be built");
  }
  if (!has("strace", "-V")) missing.push("NO STRACE: syscalls per connect are missing");
  if (!has("nmap", "--version")) missing.push("NO NMAP: the port scan has only C to compare with");

  // npm's command may be a script around the real program: start the program itself.
  const paths = {
    Deno: spawnSync(deno, ["eval", "console.log(Deno.execPath())"], { encoding: "utf8" }).stdout.trim(),
    Bun: spawnSync(bun, ["-e", "console.log(process.execPath)"], { encoding: "utf8" }).stdout.trim(),
    Node: process.execPath,
  };
  // Node, in the versions that are about, takes no TypeScript.
  const forNode = ["rate.ts", "stall.ts", "pending.ts", "first_net.ts", "first_none.ts"];
  const built = spawnSync(
    bun,
    ["build", "--target=node", "--splitting", `--outdir=${folder}`, "--entry-naming=[name].mjs"]
      .concat(forNode.map((file) => join(clients, file))),
    { encoding: "utf8" },
  );
  if (built.status !== 0) throw new Error(`The clients could not be built for Node\n${built.stderr}`);

  /** The command for a client in a runtime. */
  function client(runtime, file, ...args) {
    const path = join(clients, file);
    const strings = args.map(String);
    // Only where it is called for: with a V8 flag, Deno's code cache is not used.
    const gc = file === "pending.ts";
    if (runtime === "Deno") return [paths.Deno, "run", "-A", ...gc ? ["--v8-flags=--expose-gc"] : [], path, ...strings];
    if (runtime === "Bun") return [paths.Bun, "run", path, ...strings];
    return [paths.Node, ...gc ? ["--expose-gc"] : [], join(folder, file.replace(".ts", ".mjs")), ...strings];
  }

  const server = spawn(paths.Bun, ["run", join(clients, "serve.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  const ports = await new Promise((resolve, reject) => {
    server.on("exit", (code) => reject(new Error(`The server ended with ${code}`)));
    server.stdout.on("data", (line) => resolve(JSON.parse(line)));
  });

  let turn = 0;
  return {
    floor,
    missing,
    ports,
    client,
    strace: !missing.some((line) => line.startsWith("NO STRACE")),
    nmap: !missing.some((line) => line.startsWith("NO NMAP")),
    folder,
    /** An address of the server, another one each time: each run goes round four, and there are six groups. */
    host: () => `127.0.0.${1 + 4 * (turn++ % 6)}`,
    /** Runs a client and answers the JSON that it prints last. */
    async json(...command) {
      const { stdout, seconds } = await finish(withDescriptors(client(...command)));
      return { ...JSON.parse(stdout.trim().split("\n").at(-1)), seconds_in_all: seconds };
    },
    /** Runs the C floor and answers the numbers that it prints. */
    async floorSays(...args) {
      const { stdout } = await finish(withDescriptors([floor, ...args.map(String)]));
      return stdout.trim().split(/\s+/).map(Number);
    },
    close() {
      server.removeAllListeners("exit");
      server.stdin.end();
      server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What ran here: versions and the machine. */
export function facts() {
  const first = (file, ...args) =>
    (spawnSync(file, args, { encoding: "utf8" }).stdout ?? "").split("\n")[0].trim() || null;
  const cpu = existsSync("/proc/cpuinfo")
    ? readFileSync("/proc/cpuinfo", "utf8").match(/model name\s*: (.*)/)?.[1]
    : null;
  return {
    date: new Date().toISOString().slice(0, 16) + "Z",
    commit: first("git", "-C", root, "describe", "--always", "--dirty"),
    deno: first(deno, "--version"),
    bun: `bun ${first(bun, "--version")}`,
    node: `node ${process.version.slice(1)}`,
    cc: first("cc", "--version"),
    nmap: first("nmap", "--version"),
    kernel: first("uname", "-sr"),
    arch: process.arch,
    cores: Number(first("nproc")),
    cpu,
    load: readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" "),
  };
}
