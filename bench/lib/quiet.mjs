/** Suites: how little it is in the way. */
import { atMost, OURS, SINGLE } from "./speed.mjs";
import { finish, median } from "./tools.mjs";

const PENDING = [1, 10, 100, 1_000, 5_000, 10_000];
const at = (sample, pending) => sample.steps.find((step) => step.pending === pending);

const pending = {
  id: "pending",
  reps: 3,
  peerReps: 2,
  contestants: () =>
    SINGLE.map(([who, way, runtime]) => ({
      who,
      runtime,
      run: (bench) => bench.json(runtime, "pending.ts", way, bench.ports.full, ...PENDING),
    })),
  tables: [
    {
      id: "memory",
      title: "memory per pending connect: from 5,000 to 10,000, anonymous RSS after gc",
      unit: "KB",
      less: true,
      digits: 2,
      targets: [atMost(OURS, 1, "≤ 1 KB")],
      value: (sample) => (at(sample, 10_000).memory - at(sample, 5_000).memory) / 5_000,
    },
    {
      id: "cpu",
      title: "processor time while waiting, 100 pending for 2 s",
      unit: "% of a core",
      less: true,
      digits: 2,
      targets: [atMost(OURS, 0.5, "< 0.5 %")],
      value: (sample) => at(sample, 100).processor,
    },
    {
      id: "threads",
      title: "threads while 10,000 are pending, above those with none",
      unit: "threads",
      less: true,
      value: (sample) => at(sample, 10_000).threads - at(sample, 0).threads,
    },
    ...PENDING.map((size) => ({
      id: `growth-memory-${size}`,
      growth: true,
      title: `growth: memory with ${size.toLocaleString("en-US")} pending, above that with none`,
      unit: "KB",
      less: true,
      value: (sample) => at(sample, size).memory - at(sample, 0).memory,
    })),
  ],
};

function stall(id, title, mode, port, count, ways, target, base) {
  return {
    id,
    reps: 5,
    peerReps: id === "stall-5000" ? 5 : 3,
    contestants: () =>
      ways.map(([who, way, runtime]) => ({
        who,
        runtime,
        run: async (bench) => {
          const host = port === "full" ? "127.0.0.1" : bench.host();
          return (await bench.json(runtime, "stall.ts", mode, way, host, bench.ports[port], count)).longest;
        },
      })),
    tables: [{
      id,
      title,
      unit: "ms",
      less: true,
      digits: 1,
      base,
      targets: target ? [target] : [],
      value: (sample) => sample,
    }],
  };
}

/** What aborting costs by itself, before anybody does anything about it. */
const LISTENERS = ["signals with an empty listener", "listener"];
const listeners = [[...LISTENERS, "Deno"], [...LISTENERS, "Bun"]];
const ours = SINGLE.filter(([, way]) => way === "ours");
const idleOf = {
  Deno: ["nothing at all", "-", "Deno"],
  Bun: ["nothing at all", "-", "Bun"],
  Node: ["nothing at all", "-", "Node"],
};
const eightMs = atMost(OURS, 8, "≤ 8 ms");
const eightMsAbove = {
  who: OURS,
  text: `${OURS} ≤ 8 ms above what the signals take with an empty listener`,
  needsBase: true,
  reached: (value, base) => value <= base + 8,
};

const idle = {
  id: "idle",
  reps: 5,
  contestants: ({ floor }) => [
    ...(floor
      ? [{
        who: "C, textbook epoll",
        runtime: "C",
        run: async (bench) => {
          const { open, full } = bench.ports;
          const [alone] = await bench.floorSays("idle", bench.host(), open, full, 0);
          const [beside] = await bench.floorSays("idle", bench.host(), open, full, 10_000);
          return (beside / alone - 1) * 100;
        },
      }]
      : []),
    ...ours.map(([who, way, runtime]) => ({
      who,
      runtime,
      run: async (bench) => {
        const { open, full } = bench.ports;
        const { seconds: alone } = await bench.json(runtime, "idle.ts", way, bench.host(), open, full, 0);
        const { seconds: beside } = await bench.json(runtime, "idle.ts", way, bench.host(), open, full, 10_000);
        return (beside / alone - 1) * 100;
      },
    })),
  ],
  tables: [{
    id: "idle",
    title: "slow-down of active connects by 10,000 idle pending ones",
    unit: "%",
    less: true,
    digits: 1,
    targets: [atMost(OURS, 5, "≤ 5 %")],
    value: (sample) => sample,
  }],
};

const WAKES = 170;
const C_WAKE = "C, epoll_wait";
const wake = {
  id: "wake",
  reps: 5,
  contestants: ({ floor, client }) => {
    if (!floor) return [];
    const piped = (command) =>
      finish(["sh", "-c", '"$0" tick "$1" | { shift; "$@"; }', floor, String(WAKES), ...command]);
    const late = (who, way, runtime) => ({
      who,
      runtime,
      run: async () => JSON.parse((await piped(client(runtime, "wake.ts", way, WAKES))).stdout).p50,
    });
    return [
      {
        who: C_WAKE,
        runtime: "C",
        run: async () => median((await piped([floor, "wake", String(WAKES)])).stdout.trim().split("\n").map(Number)),
      },
      late("ours, the poller", "ours", "Deno"),
      late("ours, the poller", "ours", "Bun"),
      late("process.stdin", "stdin", "Deno"),
      late("process.stdin", "stdin", "Bun"),
    ];
  },
  tables: [{
    id: "wake",
    title: "readiness to resumed JavaScript, p50",
    unit: "µs",
    less: true,
    digits: 1,
    base: C_WAKE,
    targets: [{
      who: "ours, the poller",
      text: "ours ≤ C + 40 µs",
      needsBase: true,
      reached: (value, base) => value <= base + 40,
    }],
    value: (sample) => sample,
  }],
};

const errno = {
  id: "errno",
  reps: 1,
  contestants: () =>
    SINGLE.filter(([, , runtime]) => runtime !== "Node").map(([who, way, runtime]) => ({
      who,
      runtime,
      run: (bench) => bench.json(runtime, "errno.ts", way, bench.ports.closed),
    })),
  tables: [
    {
      id: "errno",
      title: "errno told right, name and number, of 7 that loopback can give",
      unit: "of 7",
      targets: [{ who: OURS, text: "all", reached: (value) => value === 7 }],
      value: ({ both }) => both,
    },
    { id: "errno-name", title: "the same, by name alone", unit: "of 7", value: ({ names }) => names },
  ],
};

const CONNECTS = [100, 1_000, 10_000, 100_000];
const growth = {
  id: "growth",
  reps: 3,
  contestants: () =>
    ours.map(([who, way, runtime]) => ({
      who,
      runtime,
      run: async (bench) => {
        const sample = {};
        for (const count of CONNECTS) {
          const { seconds } = await bench.json(runtime, "rate.ts", way, bench.host(), bench.ports.open, count, 64);
          sample[count] = seconds * 1e6 / count;
        }
        return sample;
      },
    })),
  tables: CONNECTS.map((count) => ({
    id: `growth-connects-${count}`,
    growth: true,
    title: `growth: each of ${count.toLocaleString("en-US")} connects, cold start included`,
    unit: "µs",
    less: true,
    digits: 1,
    value: (sample) => sample[count],
  })),
};

export const quiet = [
  pending,
  stall(
    "stall-5000",
    "longest event-loop stall, 5,000 connects issued in one tick",
    "tick",
    "open",
    5_000,
    SINGLE,
    eightMs,
  ),
  stall("stall-10000", "longest stall, 10,000 connects issued in one tick", "tick", "open", 10_000, SINGLE, eightMs),
  stall(
    "stall-chain",
    "longest stall, an endless chain of loopback connects for 1 s",
    "chain",
    "open",
    0,
    SINGLE,
    eightMs,
  ),
  stall(
    "stall-abort",
    "longest stall, 10,000 pending aborted in one tick by one signal (node:net: destroy)",
    "abort",
    "full",
    10_000,
    [
      ...ours,
      ...listeners,
      ...SINGLE.filter(([, way]) => way === "net"),
    ],
    eightMsAbove,
    LISTENERS[0],
  ),
  stall(
    "stall-aborts",
    "longest stall, 10,000 pending aborted in one tick, each by a signal of its own",
    "aborts",
    "full",
    10_000,
    [...ours, ...listeners],
    eightMsAbove,
    LISTENERS[0],
  ),
  stall(
    "stall-nothing",
    "longest stall with nothing at all: what the machine does by itself",
    "nothing",
    "open",
    0,
    Object.values(idleOf),
  ),
  idle,
  wake,
  errno,
  growth,
];
