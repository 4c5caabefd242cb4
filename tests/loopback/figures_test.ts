/** Figures that hold still, so that a test can watch them: syscalls, memory, threads, idle processor time. Never times. */
import { assert } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { closedPort, fullBacklog, runtime, serve, spawnSelf, tempFolder } from "../support.ts";

const linux = process.platform === "linux";
const onLinux = linux ? {} : { skip: "needs Linux's /proc" };

const strace = linux && spawnSync("strace", ["-V"], { stdio: "ignore" }).status === 0;
if (linux && !strace) console.error("\n*** NO STRACE: syscalls per connect are NOT checked ***\n");
// Where nobody looks, a skip would go unnoticed: there it fails instead.
const withStrace = strace || (linux && process.env.CI) ? {} : { skip: "needs strace" };

/** Ten thousand pending sockets want a descriptor each. */
const MANY_DESCRIPTORS = ["sh", "-c", 'ulimit -n 16384 2>/dev/null; exec "$@"', "sh"];
const WITH_GC = ["-A", "--v8-flags=--expose-gc"];

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Runs `source` and answers the JSON it prints. */
async function json<T>(source: string, prefix = MANY_DESCRIPTORS): Promise<T> {
  const { code, stdout, stderr } = await spawnSelf(source, { prefix, flags: WITH_GC, limit: 60_000 });
  assert(code === 0, `${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/**
 * What a connect of ours can call. Not counted: the runtime's own (its loop's waits, futex, madvise), which under
 * strace come and go with the clock, for a slice ends by time; `npm run bench` counts all of them.
 */
const OURS =
  "socket,setsockopt,bind,connect,poll,ppoll,epoll_ctl,getsockopt,getpeername,getsockname,fcntl,shutdown,close,read,write,pipe2";

/** Those syscalls of all threads of a process that runs `source`. */
async function syscalls(source: string): Promise<number> {
  using folder = tempFolder();
  const report = join(folder.path, "calls");
  const prefix = ["strace", "-f", "-c", "-qq", "-U", "calls,name", "-e", `trace=${OURS}`, "-o", report];
  const { code, stderr } = await spawnSelf(source, { prefix, limit: 60_000 });
  assert(code === 0, `${code}: ${stderr}`);
  const total = readFileSync(report, "utf8").match(/^\s*(\d+) total$/m);
  assert(total, `strace told no total: ${stderr}`);
  return Number(total[1]);
}

const FEW = 1_000, MANY = 8_000;

/** Syscalls per connect: the difference of two counts, so that a process' start and its compilers fall out. */
async function syscallsEach(source: (count: number) => string): Promise<number> {
  const each: number[] = [];
  for (let i = 0; i < 3; i++) {
    const few = await syscalls(source(FEW));
    each.push((await syscalls(source(MANY)) - few) / (MANY - FEW));
  }
  return median(each);
}

/** An address of their own, so that what these leave in TIME_WAIT bothers no other test. */
const HOST = "127.0.0.33";

describe("syscalls", withStrace, () => {
  it("makes at most 6.2 per connect and close, 64 in flight", async () => {
    assert(strace, "CI has no strace");
    await using server = await serve((socket) => socket.destroy(), { host: HOST, port: 0 });
    const each = await syscallsEach((count) => `
      import { connect } from "@einprogress/connect";
      let left = ${count};
      async function lane() {
        while (left-- > 0) (await connect({ hostname: "${HOST}", port: ${server.port} })).close();
      }
      await Promise.all(Array.from({ length: 64 }, lane));`);
    assert(each <= 6.2, `${each} syscalls per connect and close`);
    assert(each > 5, `${each} syscalls per connect and close can't be true`);
  });

  it("makes at most 5.2 per refused probe, 64 in flight", async () => {
    assert(strace, "CI has no strace");
    using closed = closedPort(HOST);
    const each = await syscallsEach((count) => `
      import { probe } from "@einprogress/connect";
      function* targets() {
        for (let i = 0; i < ${count}; i++) yield { hostname: "${HOST}", port: ${closed.port} };
      }
      for await (const { state } of probe(targets(), { concurrency: 64 })) if (state !== "closed") throw state;`);
    assert(each <= 5.2, `${each} syscalls per refused probe`);
    assert(each > 3.5, `${each} syscalls per refused probe can't be true`);
  });
});

describe("while connects are pending", onLinux, () => {
  it("holds at most 1 KB of memory for each", async () => {
    using full = fullBacklog();
    // The heap after a collection, not RSS: the same to a few bytes each time. From 2,000 to 10,000, so that what is
    // there once (the library, the waiting thread) falls out.
    const each: number[] = [];
    for (let i = 0; i < 3; i++) {
      const [few, many] = await json<[number, number]>(`
        import { connect } from "@einprogress/connect";
        import process from "node:process";
        const kept = new Array(10_000).fill(null);
        let started = 0;
        async function heapWith(pending) {
          while (started < pending) kept[started++] = connect({ hostname: "127.0.0.1", port: ${full.port} });
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          for (let i = 0; i < 3; i++) globalThis.gc ? globalThis.gc() : Bun.gc(true);
          const { heapUsed, external } = process.memoryUsage();
          return heapUsed + external;
        }
        console.log(JSON.stringify([await heapWith(2_000), await heapWith(10_000)]));
        process.exit(0);`);
      each.push((many - few) / 8_000);
    }
    assert(median(each) <= 1_024, `${each.map(Math.round).join(", ")} bytes for each`);
    assert(median(each) > 100, `${each.map(Math.round).join(", ")} bytes for each can't be true`);
  });

  it("adds at most 2 threads, and none for loopback connects that end at once", async () => {
    using full = fullBacklog();
    await using server = await serve((socket) => socket.destroy(), { host: HOST, port: 0 });
    const [before, after, pending] = await json<[string[], string[], string[]]>(`
      import { connect } from "@einprogress/connect";
      import { readdirSync, readFileSync } from "node:fs";
      import process from "node:process";
      // Not JavaScriptCore's compilers and collectors: they come when code gets warm.
      const own = (thread) => !/^(JIT|Heap)/.test(readFileSync("/proc/self/task/" + thread + "/comm", "utf8"));
      const threads = () => readdirSync("/proc/self/task").filter(own);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const before = threads();
      for (let i = 0; i < 100; i++) (await connect({ hostname: "${HOST}", port: ${server.port} })).close();
      const after = threads();
      for (let i = 0; i < 100; i++) connect({ hostname: "127.0.0.1", port: ${full.port} });
      await new Promise((resolve) => setTimeout(resolve, 500));
      console.log(JSON.stringify([before, after, threads()]));
      process.exit(0);`);
    const added = (to: string[], from: string[]) => to.filter((thread) => !from.includes(thread)).length;
    assert(added(after, before) === 0, `${added(after, before)} threads added by loopback connects`);
    assert(added(pending, after) <= 2, `${added(pending, after)} threads added by pending connects`);
    assert(added(pending, after) >= 1, "no thread waits: then who does?");
  });

  it("takes less than 0.5 % of a core", async () => {
    using full = fullBacklog();
    const percent: number[] = [];
    for (let i = 0; i < 3; i++) {
      percent.push(
        await json<number>(`
        import { connect } from "@einprogress/connect";
        import process from "node:process";
        for (let i = 0; i < 100; i++) connect({ hostname: "127.0.0.1", port: ${full.port} });
        await new Promise((resolve) => setTimeout(resolve, 500));
        const before = process.cpuUsage();
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        const { user, system } = process.cpuUsage(before);
        console.log((user + system) / 1_000 / 3_000 * 100);
        process.exit(0);`),
      );
      if (percent[i] < 0.5) break; // what others do to the machine can only add to it
    }
    assert(Math.min(...percent) < 0.5, `${percent.join(", ")} % of a core in ${runtime}`);
  });
});
