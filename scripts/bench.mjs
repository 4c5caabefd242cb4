/**
 * `npm run bench [-- OPTION…]`: every row of DESIGN's table "The numbers to reach", both runtimes side by side in one
 * run, with C and the runtimes' own ways beside ours. Loopback only; the server is a process of its own.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { growthInWords } from "../bench/lib/growth.mjs";
import { quiet } from "../bench/lib/quiet.mjs";
import { runSuite } from "../bench/lib/run.mjs";
import { speed } from "../bench/lib/speed.mjs";
import { misses, show, unjudged } from "../bench/lib/table.mjs";
import { facts, prepare } from "../bench/lib/tools.mjs";
import { ensureInstalled } from "./tools.mjs";

const suites = [...speed, ...quiet];
const usage = `npm run bench [-- OPTION…]

  --only ROW    only this measurement; may be given several times
  --quick       two repetitions of each instead of three to fifteen: a look, not a result
  --json FILE   the numbers as JSON as well
  --help        this

Rows: ${suites.map(({ id }) => id).join(", ")}`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const unknown = options.only.filter((row) => !suites.some(({ id }) => id === row));
if (options.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`No such row: ${unknown.join(", ")}\n`);
  console.log(usage);
  process.exit(unknown.length > 0 ? 2 : 0);
}

/** Progress: on a terminal one line that changes, elsewhere only what stays. */
function say(line, stays = false) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}${stays ? "\n" : ""}`);
  else if (stays) console.error(line);
}

ensureInstalled();
const began = Date.now();
const bench = await prepare(say);
const interrupted = () => {
  bench.close();
  process.exit(130);
};
process.on("SIGINT", interrupted);
process.on("SIGTERM", interrupted);

const machine = facts();
const tables = [];
try {
  for (const line of bench.missing) console.error(`\n*** ${line} ***\n`);
  for (const suite of suites) {
    if (options.only.length > 0 && !options.only.includes(suite.id)) continue;
    tables.push(...await runSuite(suite, bench, options.quick, say));
  }
} finally {
  bench.close();
}
const seconds = Math.round((Date.now() - began) / 1_000);

const words = growthInWords(tables);
const missed = misses(tables);
const open = unjudged(tables);
console.log(Object.entries(machine).map(([name, value]) => `${name.padEnd(7)} ${value ?? "-"}`).join("\n"));
console.log(`took    ${seconds} s${options.quick ? ", --quick: a look, not a result" : ""}`);
for (const line of bench.missing) console.log(`\n*** ${line} ***`);
for (const table of tables) if (table.cells.length > 0 && !table.growth) console.log(`\n${show(table)}`);
if (words.length > 0) console.log(`\nWhat grows how\n${words.map((line) => `  ${line}`).join("\n")}`);
console.log(
  missed.length === 0
    ? "\nNo target missed of those that were judged."
    : `\nTargets missed\n${missed.map((line) => `  ${line}`).join("\n")}`,
);
if (open.length > 0) console.log(`\nNot judged, for want of C or nmap\n${open.map((line) => `  ${line}`).join("\n")}`);
console.log(
  "\nNot measured here: descriptors leaked, double closes and hangs under injected faults; tests/faults is for that.",
);
if (options.json) {
  writeFileSync(
    options.json,
    `${
      JSON.stringify({ machine, seconds, quick: options.quick, missing: bench.missing, tables, words, missed }, null, 2)
    }\n`,
  );
}
