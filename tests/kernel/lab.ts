/**
 * The lab: a scenario in a network namespace of its own, on the real kernel, in the runtime that runs the test.
 *
 * ```ts
 * test("an unreachable route is told at once", needs("netns"), async () => {
 *   const { outcomes } = await lab<Report>({
 *     setup: ["ip route add unreachable 198.51.100.1"],
 *     scenario: "connect.ts",
 *     args: [{ target: "198.51.100.1:80" }],
 *   });
 * });
 * ```
 *
 * `setup` are shell lines, each of which must succeed. The scenario is a program under scenarios/ that gets `args` as
 * JSON and prints its answer as JSON. No privilege is needed, nothing outside of the namespace is touched, and whatever
 * happens, coreutils' timeout(1) ends the whole process group in the end.
 *
 * With `peer` there is a second namespace at the other end of a veth pair: 192.0.2.1 and fd00::1 on `near` here,
 * 192.0.2.2 and fd00::2 on `far` there, which is also the way to everything else (and forwards nothing: a host behind
 * it, such as 198.51.100.1, never answers). `peer` are shell lines for over there.
 */
import { spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import process from "node:process";

const scenarios = join(import.meta.dirname!, "scenarios");
const root = join(import.meta.dirname!, "../..");

/** How many seconds a scenario may take, unless it says otherwise. */
const LIMIT = 30;

/** How to run a TypeScript file in this runtime. */
const runtime = "Bun" in globalThis
  ? [process.execPath, "run"]
  : [process.execPath, "run", "--no-check", "--config", join(root, "deno.json"), "-A"];

/** A scenario that runs here, without a namespace. */
export interface Run {
  /** The file under scenarios/. */
  scenario: string;
  /** What it gets, as JSON. */
  args?: unknown;
  /** A command that runs the runtime, before it on the command line: strace and its options. */
  under?: string[];
  /** How many seconds it may take. */
  limit?: number;
}

/** A scenario and the network that it runs in. */
export interface Lab extends Run {
  /** Shell lines: the network at this end. `lo` is up already. */
  setup?: string[];
  /** Shell lines for the other end of the pair; without it there is no pair. */
  peer?: string[];
}

const PAIR = `
ip link add name near type veth peer name far netns $PPID
nsenter --net=/proc/$PPID/ns/net sh -euc "ip link set lo up
ip link set far up
ip address add 192.0.2.2/24 dev far
ip address add fd00::2/64 dev far nodad
ip -6 route add blackhole default
sysctl -q net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
$LAB_PEER"
ip link set near up
ip address add 192.0.2.1/24 dev near
ip address add fd00::1/64 dev near nodad
ip route add default via 192.0.2.2
ip -6 route add default via fd00::2`;

/** Runs a scenario in a namespace made for it, and answers with what it printed. */
export function lab<T>({ setup = [], peer, ...run }: Lab): Promise<T> {
  const inside = ["ip link set lo up", ...(peer ? [PAIR] : []), ...setup, 'exec "$@"'].join("\n");
  const near = ["sh", "-euc", inside, "lab"];
  // The outer namespace is the peer. The shell stays there, so that it can be entered by the shell's process id.
  const both = ["sh", "-euc", 'unshare -n "$@"\nexit 0', "lab", ...near];
  return start([...["unshare", "-Urn"], ...(peer ? both : near)], run, { LAB_PEER: peer?.join("\n") ?? "" });
}

/** Runs a scenario where the test runs. */
export function run<T>(run: Run): Promise<T> {
  return start([], run);
}

function start<T>(prefix: string[], run: Run, env = {}): Promise<T> {
  const answer = perform<T>(prefix, run, env);
  // Several may be started before the first is awaited: a failure is told to whoever awaits it then.
  answer.catch(() => {});
  return answer;
}

async function perform<T>(
  prefix: string[],
  { scenario, args = null, under = [], limit = LIMIT }: Run,
  env: Record<string, string>,
): Promise<T> {
  const command = [...prefix, ...under, ...runtime, join(scenarios, scenario), JSON.stringify(args)];
  const child = spawn("timeout", ["--signal=KILL", String(limit), ...command], {
    cwd: root,
    // Deno's update check would have sockets of its own, a little while after the start.
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => stdout += chunk);
  child.stderr.on("data", (chunk) => stderr += chunk);
  const status = await new Promise<number | string | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? signal));
  });
  const answer = stdout.trimEnd().split("\n").at(-1)!;
  if (status === 0 && answer !== "") return JSON.parse(answer) as T;
  const killed = status === 128 + constants.signals.SIGKILL || status === "SIGKILL";
  const end = killed ? `did not end within ${limit} s` : `ended with status ${status}`;
  throw new Error(`Scenario ${scenario} ${end}\n${stdout}${stderr}`);
}

/** What a test can need. */
export type Tool = "netns" | "nft" | "strace";

/** The command that shows that it is there, and allowed. */
const probes: Record<Tool, string[]> = {
  netns: ["unshare", "-Urn", "sh", "-ec", "ip link add name a0 type veth peer name a1"],
  nft: ["unshare", "-Urn", "nft", "add table inet probe"],
  strace: ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "inject=connect:error=EPERM:when=1", "true"],
};

const missing = new Map<Tool, string | null>();

/** Why a tool can't be used here, or null. */
function reason(tool: Tool): string | null {
  if (!missing.has(tool)) {
    const { status, error, stderr } = spawnSync("timeout", ["10", ...probes[tool]], { encoding: "utf8" });
    const answer = error?.message ?? (stderr.trim() || `status ${status}`);
    missing.set(tool, status === 0 ? null : `${probes[tool].join(" ")}: ${answer}`);
    if (status !== 0 && !process.env.CI) console.warn(`NOT RUN: the tests that need this: ${missing.get(tool)}`);
  }
  return missing.get(tool)!;
}

/**
 * The options of a test that needs these. Where one is missing the test is skipped, loudly; but not in CI, where a
 * test that was never run must not look like one that passed.
 */
export function needs(...tools: Tool[]): { skip: string | false } {
  if (process.platform !== "linux") return { skip: "only Linux has /proc and network namespaces" };
  const reasons = tools.map(reason).filter((one) => one !== null);
  if (reasons.length === 0 || process.env.CI) return { skip: false };
  return { skip: reasons.join("; ") };
}
