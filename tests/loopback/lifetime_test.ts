/** The process ends when its work ends: neither sooner nor later. Each test is a process of its own. */
import { test } from "node:test";
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { fullBacklog, pause, runtime, serve, spawnSelf } from "../support.ts";

const imports = `import { connect, Connector } from "@einprogress/connect";`;
/** Source text of a connect that stays pending. */
const pending = (port: number, options = "{}") => `connect("127.0.0.1:${port}", ${options})`;

/** Runs the source, which prints Date.now() when its work is done, and tells how long it lived on after that. */
async function livedOn(source: string): Promise<number> {
  const { stdout, stderr, code } = await spawnSelf(`${imports}\n${source}`);
  const ended = Date.now();
  assertEquals(code, 0, stderr);
  const done = Number(stdout.trim());
  assertGreater(done, 1e12, `stdout: ${stdout} stderr: ${stderr}`);
  return ended - done;
}

test("a pending connect keeps the process alive, with nothing else to do, until it is connected", async () => {
  using full = fullBacklog();
  const child = spawnSelf(
    `${imports}
     ${pending(full.port)}.then((connection) => {
       console.log(connection.timeline.verified);
       connection.close();
     });`,
  );
  await pause(700); // well into its waiting; the SYN is sent again one second after the first
  full.accept();
  const { stdout, stderr, code } = await child;
  assertEquals(code, 0, stderr);
  assertGreater(Number(stdout), 500, "it was pending all that time");
});

test("a pending connect with a timeout keeps the process alive until then", async () => {
  using full = fullBacklog();
  const { stdout, stderr } = await spawnSelf(
    `${imports} ${pending(full.port, "{ timeout: 600 }")}.catch((error) => console.log(error.name));`,
  );
  assertEquals(stdout, "ConnectTimeoutError\n", stderr);
});

test("an aborted connect lets the process go at once", async () => {
  using full = fullBacklog();
  const after = await livedOn(`
    const controller = new AbortController();
    ${pending(full.port, "{ signal: controller.signal, timeout: 60_000 }")}.catch(() => console.log(Date.now()));
    setTimeout(() => controller.abort(), 200);`);
  assertLess(after, 1_000);
});

test("a connect that timed out lets the process go at once", async () => {
  using full = fullBacklog();
  const after = await livedOn(`${pending(full.port, "{ timeout: 200 }")}.catch(() => console.log(Date.now()));`);
  assertLess(after, 1_000);
});

test("a stopped connector lets the process go at once, from an attempt and from between two", async () => {
  using full = fullBacklog();
  const inFlight = await livedOn(`
    const connector = new Connector("127.0.0.1:${full.port}");
    connector.start().catch(() => console.log(Date.now()));
    setTimeout(() => connector.stop(), 200);`);
  assertLess(inFlight, 1_000);
  const between = await livedOn(`
    const connector = new Connector("127.0.0.1:1", { retry: { initial: 60_000 }, onRetry: () => setTimeout(() => connector.stop(), 50) });
    connector.start().catch(() => console.log(Date.now()));`);
  assertLess(between, 1_000);
});

test("when everything is done the process ends by itself", async () => {
  await using server = await serve((socket) => void socket.pipe(socket));
  using full = fullBacklog();
  const after = await livedOn(`
    const target = "127.0.0.1:${server.port}";
    { using connection = await connect(target, { timeout: 60_000, signal: new AbortController().signal }); connection.info(); }
    await Promise.allSettled([
      connect("127.0.0.1:1"), connect("localhost:1"), connect("unix:/nowhere"),
      ${pending(full.port, "{ timeout: 100 }")}, ${pending(full.port, "{ signal: AbortSignal.timeout(100) }")},
    ]);
    const connection = await new Connector(target).start();
    const socket = connection.toSocket();
    socket.end("hello");
    for await (const _ of socket);
    console.log(Date.now());`);
  assertLess(after, 1_000);
});

test("many pending ones, all aborted: the process ends at once", async () => {
  using full = fullBacklog();
  const after = await livedOn(`
    const controller = new AbortController();
    const all = Array.from({ length: 100 }, () => ${pending(full.port, "{ signal: controller.signal }")});
    Promise.allSettled(all).then(() => console.log(Date.now()));
    setTimeout(() => controller.abort(), 300);`);
  assertLess(after, 1_000);
});

const exits: [what: string, source: string, code: number][] = [
  ["an uncaught exception", `throw new Error("on purpose");`, 1],
  ["process.exit(7)", `process.exit(7);`, 7],
  ["an unhandled rejection", `Promise.reject(new Error("on purpose"));`, 1],
];
if (runtime === "deno") exits.push(["Deno.exit(8)", "Deno.exit(8);", 8]);

for (const [what, source, expected] of exits) {
  test(`${what} ends the process at once with its code, a connect pending or not`, async () => {
    using full = fullBacklog();
    const { stdout, code, signal } = await spawnSelf(
      `${imports}
       import process from "node:process";
       ${pending(full.port)}.catch(() => {});
       setTimeout(() => {
         console.log(Date.now());
         ${source}
       }, 300);`,
    );
    const after = Date.now() - Number(stdout);
    assertEquals([code, signal], [expected, null]);
    assertLess(after, 1_000);
  });
}

test("SIGINT ends a process whose connect is pending", async () => {
  using full = fullBacklog();
  const { code, signal, elapsed } = await spawnSelf(
    `${imports} ${pending(full.port)}.catch(() => {}); setTimeout(() => console.log("pending"), 200);`,
    { signal: "SIGINT" },
  );
  assert(signal === "SIGINT" || code === 130, `code ${code}, signal ${signal}`);
  assertLess(elapsed, 3_000);
});

test("waiting costs no CPU", async () => {
  using full = fullBacklog();
  const { stdout, stderr } = await spawnSelf(
    `${imports}
     import process from "node:process";
     const controller = new AbortController();
     for (let i = 0; i < 10; i++) ${pending(full.port, "{ signal: controller.signal }")}.catch(() => {});
     setTimeout(() => {
       const before = process.cpuUsage();
       setTimeout(() => {
         const { user, system } = process.cpuUsage(before);
         console.log((user + system) / 1000);
         controller.abort();
       }, 1000);
     }, 500);`,
  );
  assert(stdout !== "", stderr);
  assertLess(Number(stdout), 50, "ms of CPU in one second");
});

test("timers go on ticking while a connect is pending", async () => {
  using full = fullBacklog();
  const { stdout, stderr } = await spawnSelf(
    `${imports}
     let ticks = 0;
     const interval = setInterval(() => ticks++, 10);
     ${pending(full.port, "{ timeout: 1_000 }")}.catch(() => {
       clearInterval(interval);
       console.log(ticks);
     });`,
  );
  assertGreater(Number(stdout), 50, `ticks of 10 ms in one second; ${stderr}`);
});
