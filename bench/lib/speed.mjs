/** Suites: how fast. */
import { finish, withDescriptors } from "./tools.mjs";

const EPOLL = "C, textbook epoll";
export const OURS = "ours, connect()";
export const PROBE = "ours, probe()";

/** Those who connect in TypeScript: name of the way, and where it exists. */
export const WAYS = [
  [OURS, "ours", "Deno"],
  [OURS, "ours", "Bun"],
  [PROBE, "probe", "Deno"],
  [PROBE, "probe", "Bun"],
  ["Deno.connect", "deno", "Deno"],
  ["Bun.connect", "bun", "Bun"],
  ["node:net", "net", "Deno"],
  ["node:net", "net", "Bun"],
  ["node:net", "net", "Node"],
];
/** Without probe(), which has no single connect to look at. */
export const SINGLE = WAYS.filter(([, way]) => way !== "probe");

const atLeast = (who, factor, text) => ({
  who,
  text: `${who} ${text}`,
  needsBase: true,
  reached: (value, base) => value >= factor * base,
});
export const atMost = (who, limit, text) => ({
  who,
  text: `${who} ${text}`,
  reached: (value) => value <= limit,
});

/** Connects per second, `count` of them, `flight` at a time. */
function rate(id, title, { port, count, flight, warm, ways, cWays, base, targets }) {
  return {
    id,
    reps: 5,
    contestants: ({ floor }) => [
      ...(floor ? cWays : []).map(([who, way]) => ({
        who,
        runtime: "C",
        run: async (bench) => {
          const flights = way === "one" ? [] : [flight];
          const [seconds] = await bench.floorSays(way, bench.host(), bench.ports[port], count, ...flights);
          return count / seconds;
        },
      })),
      ...ways.map(([who, way, runtime]) => ({
        who,
        runtime,
        run: async (bench) => {
          const args = [way, bench.host(), bench.ports[port], count, flight, warm];
          return count / (await bench.json(runtime, "rate.ts", ...args)).seconds;
        },
      })),
    ],
    tables: [{ id, title, unit: "per second", base, targets, value: (sample) => sample }],
  };
}

const LOOPS = [[EPOLL, "epoll"], ["C, poll first", "poll"]];

/** Syscalls per connect, told by strace: the difference between two counts, so that a process' start falls out. */
function syscalls(id, title, port, target) {
  const FEW = 1_000, MANY = 6_000;
  async function calls(command) {
    const { stderr } = await finish(withDescriptors(["strace", "-f", "-c", "-qq", "-U", "calls,name", ...command]));
    return stderr.split("\n").map((line) => line.match(/^\s*(\d+) (?!total)\S+\s*$/)).reduce(
      (sum, m) => sum + Number(m?.[1] ?? 0),
      0,
    );
  }
  async function difference(command) {
    const few = await calls(command(FEW));
    return (await calls(command(MANY)) - few) / (MANY - FEW);
  }
  return {
    id,
    reps: 3,
    peerReps: 1,
    contestants: ({ floor, strace, client }) =>
      !strace ? [] : [
        ...(floor ? LOOPS : []).map(([who, way]) => ({
          who,
          runtime: "C",
          run: (bench) => difference((n) => [floor, way, bench.host(), bench.ports[port], n, 64].map(String)),
        })),
        ...WAYS.map(([who, way, runtime]) => ({
          who,
          runtime,
          run: (bench) => difference((n) => client(runtime, "rate.ts", way, bench.host(), bench.ports[port], n, 64)),
        })),
      ],
    tables: [{
      id,
      title,
      unit: "syscalls",
      less: true,
      digits: 2,
      base: EPOLL,
      targets: [target],
      value: (sample) => sample,
    }],
  };
}

const SCAN_HOST = "127.0.0.77"; // an address of its own: what else listens on this machine is on 127.0.0.1

const scan = {
  id: "scan",
  reps: 5,
  contestants: ({ floor, nmap, client }) => [
    ...(floor ? LOOPS : []).map(([who, way]) => ({
      who,
      runtime: "C",
      run: async () => (await finish(withDescriptors([floor, "scan", way, SCAN_HOST, "256"]))).seconds,
    })),
    ...["Deno", "Bun"].map((runtime) => ({
      who: PROBE,
      runtime,
      run: async () => (await finish(withDescriptors(client(runtime, "scan.ts", SCAN_HOST)))).seconds,
    })),
    ...(nmap
      ? [{
        who: "nmap -sT -T5 -p-",
        runtime: "nmap",
        run: async () => (await finish(["nmap", "-sT", "-T5", "-p-", SCAN_HOST])).seconds,
      }]
      : []),
  ],
  tables: [{
    id: "scan",
    title: "65,535 closed loopback ports, whole process",
    unit: "s",
    less: true,
    digits: 2,
    base: "nmap -sT -T5 -p-",
    targets: [{ who: PROBE, text: `${PROBE} ≤ 1.0 × nmap`, needsBase: true, reached: (value, base) => value <= base }],
    value: (sample) => sample,
  }],
};

const firsts = [
  ["nothing", "first_none.ts", ["Deno", "Bun", "Node"]],
  [OURS, "first_ours.ts", ["Deno", "Bun"]],
  ["Deno.connect", "first_own.ts", ["Deno"]],
  ["Bun.connect", "first_own.ts", ["Bun"]],
  ["node:net", "first_net.ts", ["Deno", "Bun", "Node"]],
];
/** The bare start of each runtime, filled while the samples come in; what is above it is the table's number. */
const bare = { Deno: [], Bun: [], Node: [] };
const startup = {
  id: "startup",
  reps: 15,
  contestants: ({ client }) =>
    firsts.flatMap(([who, file, runtimes]) =>
      runtimes.map((runtime) => ({
        who,
        runtime,
        run: async (bench) => {
          const { seconds } = await finish(client(runtime, file, bench.host(), bench.ports.open));
          if (who === "nothing") bare[runtime].push(seconds);
          return { all: seconds * 1_000, above: (seconds - bare[runtime].at(-1)) * 1_000 };
        },
      }))
    ),
  tables: [
    {
      id: "startup",
      title: "import + first loopback connect + close over bare runtime start",
      unit: "ms, whole process",
      less: true,
      digits: 1,
      targets: [atMost(OURS, 10, "≤ 10 ms")],
      value: ({ above }, who) => who === "nothing" ? undefined : above,
    },
    {
      id: "startup-whole",
      title: "the same, bare start included",
      unit: "ms, whole process",
      less: true,
      digits: 1,
      value: ({ all }) => all,
    },
  ],
};

export const speed = [
  rate("connected", "connect + close over loopback, 64 in flight", {
    port: "open",
    count: 10_000,
    flight: 64,
    warm: 3_000,
    ways: WAYS,
    cWays: LOOPS,
    base: EPOLL,
    targets: [atLeast(OURS, 1, `≥ 1.0 × ${EPOLL}`)],
  }),
  rate("refused", "refused connects, 64 in flight", {
    port: "closed",
    count: 10_000,
    flight: 64,
    warm: 3_000,
    ways: WAYS,
    cWays: LOOPS,
    base: EPOLL,
    targets: [atLeast(PROBE, 1, `≥ 1.0 × ${EPOLL}`)],
  }),
  rate("single", "connect + close, one at a time", {
    port: "open",
    count: 6_000,
    flight: 1,
    warm: 2_000,
    ways: SINGLE,
    cWays: [["C, poll(2) each", "one"]],
    base: "C, poll(2) each",
    targets: [atLeast(OURS, 0.95, "≥ 0.95 × C, poll(2) each")],
  }),
  scan,
  syscalls("syscalls", "syscalls per connect + close, 64 in flight", "open", atMost(OURS, 6.2, "≤ 6.2")),
  syscalls("syscalls-refused", "syscalls per refused connect, 64 in flight", "closed", atMost(PROBE, 5.2, "≤ 5.2")),
  startup,
];
