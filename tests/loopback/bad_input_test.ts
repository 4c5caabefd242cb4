/**
 * Bad input is a TypeError, a RangeError or the signal's reason, naming the value, before any syscall. The inputs run in
 * a process that could not make one: its libc is said to be in a file that does not exist, so whatever touched libc
 * would say so instead. Under Deno they run without any permission as well.
 */
import { before, test } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runtime, spawnSelf } from "../support.ts";

/** Target and options as source text, the error's name, and what its message must show. */
type Case = [target: string, options: string, error: "TypeError" | "RangeError", named: string];

const good = `"127.0.0.1:9"`;
const target = (source: string, error: Case[2], named: string): Case => [source, "undefined", error, named];
const option = (source: string, error: Case[2], named: string): Case => [good, source, error, named];

const cases: Case[] = [
  target(`""`, "TypeError", `""`),
  target(`"host"`, "TypeError", `"host"`),
  target(`"[::1"`, "TypeError", `"[::1"`),
  target(`"[::1]"`, "TypeError", `"[::1]"`),
  target(`"::1:80"`, "TypeError", `"::1:80"`),
  target(`":80"`, "TypeError", `":80"`),
  target(`"host:"`, "TypeError", `"host:"`),
  target(`"host:http"`, "TypeError", `"host:http"`),
  target(`"[host]:80"`, "TypeError", `"[host]:80"`),
  target(`"127.0.0.1:0"`, "RangeError", "port 0"),
  target(`"127.0.0.1:65536"`, "RangeError", "port 65536"),
  target(`{ hostname: "127.0.0.1", port: 0 }`, "RangeError", "port 0"),
  target(`{ hostname: "127.0.0.1", port: 65536 }`, "RangeError", "port 65536"),
  target(`{ hostname: "127.0.0.1", port: -1 }`, "RangeError", "port -1"),
  target(`{ hostname: "127.0.0.1", port: NaN }`, "RangeError", "port NaN"),
  target(`{ hostname: "127.0.0.1", port: 1.5 }`, "RangeError", "port 1.5"),
  target(`{ hostname: "127.0.0.1", port: "80" }`, "TypeError", `port "80"`),
  target(`{ hostname: "127.0.0.1" }`, "TypeError", "port undefined"),
  target(`{ hostname: "", port: 80 }`, "TypeError", `hostname ""`),
  target(`{ hostname: 1, port: 80 }`, "TypeError", "hostname 1"),
  target(`{ hostname: "a b", port: 80 }`, "TypeError", `hostname "a b"`),
  target(`{ hostname: "a\\0b", port: 80 }`, "TypeError", `hostname "a\\u0000b"`),
  target(`{ hostname: "[::1", port: 80 }`, "TypeError", `hostname "[::1"`),
  target("undefined", "TypeError", "target undefined"),
  target("null", "TypeError", "target null"),
  target("80", "TypeError", "target 80"),
  target("{}", "TypeError", "target {}"),
  target(`"unix:"`, "TypeError", `path ""`),
  target(`"unix:@"`, "TypeError", `path "@"`),
  target(`{ path: "" }`, "TypeError", `path ""`),
  target(`{ path: 1 }`, "TypeError", "path 1"),
  target(`{ path: "/a\\0b" }`, "TypeError", `path "/a\\u0000b"`),
  target(`{ path: "/" + "x".repeat(107) }`, "RangeError", "x".repeat(107)), // 108 bytes
  target(`{ path: "/" + "x".repeat(500) }`, "RangeError", "x".repeat(500)),
  target(`"unix:/" + "ü".repeat(60)`, "RangeError", "ü".repeat(60)), // fewer characters than that, more bytes
  target(`{ path: "@" + "x".repeat(108) }`, "RangeError", "x".repeat(108)),
  option("null", "TypeError", "options null"),
  option("5", "TypeError", "options 5"),
  option("{ timeout: -1 }", "RangeError", "timeout -1"),
  option("{ timeout: 0 }", "RangeError", "timeout 0"),
  option("{ timeout: NaN }", "RangeError", "timeout NaN"),
  option("{ timeout: Infinity }", "RangeError", "timeout Infinity"),
  option(`{ timeout: "1s" }`, "TypeError", `timeout "1s"`),
  option("{ signal: {} }", "TypeError", "signal {}"),
  option("{ family: 5 }", "RangeError", "family 5"),
  option(`{ localAddress: "localhost" }`, "TypeError", `localAddress "localhost"`),
  option("{ localPort: 65536 }", "RangeError", "localPort 65536"),
  option("{ localPort: -1 }", "RangeError", "localPort -1"),
  option(`{ noDelay: "yes" }`, "TypeError", `noDelay "yes"`),
  option("{ keepAlive: 1 }", "TypeError", "keepAlive 1"),
  option("{ keepAlive: { idle: 0 } }", "RangeError", "keepAlive.idle 0"),
  option("{ keepAlive: { interval: 1.5 } }", "RangeError", "keepAlive.interval 1.5"),
  option("{ keepAlive: { count: 128 } }", "RangeError", "keepAlive.count 128"),
  option("{ linger: -1 }", "RangeError", "linger -1"),
  option("{ linger: true }", "TypeError", "linger true"),
  option("{ control: 1 }", "TypeError", "control 1"),
  [`"unix:/x"`, "{ noDelay: true }", "TypeError", "noDelay"],
  [`"unix:/x"`, "{ family: 4 }", "TypeError", "family"],
  [`"unix:/x"`, "{ localPort: 0 }", "TypeError", "localPort"],
  [`"unix:/x"`, "{ keepAlive: true }", "TypeError", "keepAlive"],
  [`"unix:/x"`, `{ localAddress: "127.0.0.1" }`, "TypeError", "localAddress"],
];

/** Refused by Connector alone: connect() has no such options. */
const connectorOnly: Case[] = [
  option("{ retry: { initial: -1 } }", "RangeError", "retry.initial -1"),
  option("{ retry: { initial: 10, max: 5 } }", "RangeError", "retry.max 5"),
  option("{ retry: { multiplier: 0 } }", "RangeError", "retry.multiplier 0"),
  option("{ retry: { jitter: 2 } }", "RangeError", "retry.jitter 2"),
  option("{ retry: { attempts: 0 } }", "RangeError", "retry.attempts 0"),
  option(`{ retry: { initial: "1s" } }`, "TypeError", `retry.initial "1s"`),
  option("{ retry: { when: true } }", "TypeError", "retry.when true"),
  option("{ onConnection: 1 }", "TypeError", "onConnection 1"),
  option("{ onRetry: {} }", "TypeError", "onRetry {}"),
  option("{ onFailure: null }", "TypeError", "onFailure null"),
];

const source = `
import { connect, Connector } from "@einprogress/connect";
const told = (kind) => (error) => ({ kind, name: error?.name, message: String(error?.message ?? error) });
const outcomes = [];
const one = async (target, options) => {
  // A throw instead of a rejection is told apart.
  let connected;
  try {
    connected = await connect(target(), options()).then(() => told("resolved")(), told("rejected"));
  } catch (error) {
    connected = told("thrown")(error);
  }
  outcomes.push([connected, construct(target, options)]);
};
const construct = (target, options) => {
  try {
    new Connector(target(), options());
    return told("resolved")();
  } catch (error) {
    return told("thrown")(error);
  }
};
${cases.map(([target, options]) => `await one(() => (${target}), () => (${options}));`).join("\n")}
const more = [${
  connectorOnly.map(([target, options]) => `construct(() => (${target}), () => (${options}))`).join(",\n")
}];

const reason = { mine: true };
const aborted = await connect("127.0.0.1:9", { signal: AbortSignal.abort(reason) }).catch((thrown) => thrown);
const connector = new Connector("127.0.0.1:9", { signal: AbortSignal.abort(reason) });
const started = await connector.start().catch((thrown) => thrown);
console.log(JSON.stringify({
  outcomes, more,
  aborted: aborted === reason, started: started === reason, state: connector.state,
}));
`;

interface Told {
  readonly kind: string;
  readonly name?: string;
  readonly message: string;
}
interface Report {
  readonly outcomes: [connect: Told, construct: Told][];
  readonly more: Told[];
  readonly aborted: boolean;
  readonly started: boolean;
  readonly state: string;
}

const ways = runtime === "deno"
  ? { "libc is nowhere": ["-A"], "no permission": ["--no-prompt"] }
  : { "libc is nowhere": [] };

const nowhere = { EINPROGRESS_LIBC: "/nowhere/libc.so" };

for (const [way, flags] of Object.entries(ways)) {
  let report: Report;
  before(async () => {
    const { stdout, stderr } = await spawnSelf(source, { flags, env: nowhere });
    assertStringIncludes(stdout, "{", stderr);
    report = JSON.parse(stdout);
  });

  for (const [i, [target, options, name, named]] of cases.entries()) {
    const what = options === "undefined" ? target : options;
    test(`${way}: ${what.slice(0, 60)} is a ${name}`, () => {
      const [connected, constructed] = report.outcomes[i];
      assertEquals([connected.kind, connected.name], ["rejected", name], connected.message);
      assertStringIncludes(connected.message, named);
      assertEquals(constructed, { ...connected, kind: "thrown" }, "Connector says the same");
    });
  }

  for (const [i, [, options, name, named]] of connectorOnly.entries()) {
    test(`${way}: Connector refuses ${options}: ${name}`, () => {
      assertEquals([report.more[i].kind, report.more[i].name], ["thrown", name]);
      assertStringIncludes(report.more[i].message, named);
    });
  }

  test(`${way}: a signal that is aborted already gives its reason, to connect() and to start()`, () => {
    assert(report.aborted);
    assert(report.started);
    assertEquals(report.state, "disconnected");
  });

  test(`${way}: good input does reach for libc there, so that the tests above prove something`, async () => {
    const { stdout } = await spawnSelf(
      `import { connect } from "@einprogress/connect";
       connect("127.0.0.1:9").catch((error) => console.log(error.name, error.message));`,
      { flags: flags.includes("-A") ? flags : [...flags, "--allow-net"], env: nowhere, limit: 5_000 },
    );
    assertMatch(stdout, /^(Error Cannot open libc|NotCapable Requires ffi access)/);
  });
}

test("a zone that is no interface of this machine is a TypeError that names it, for connect() and for start()", async () => {
  // Told apart from the others: to look an interface up takes libc.
  const { stdout, stderr } = await spawnSelf(
    `import { connect, Connector } from "@einprogress/connect";
     const told = (error) => console.log(error.name, error.message);
     const target = "[fe80::1%nosuchif]:80";
     await connect(target).catch(told);
     await new Promise((resolve) => resolve(new Connector(target).start())).catch(told);
     const localAddress = "fe80::1%nosuchif";
     await connect("[::1]:80", { localAddress }).catch(told);`,
    { limit: 5_000 },
  );
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, 3, stderr);
  for (const line of lines) assertMatch(line, /^TypeError .*nosuchif/);
});
