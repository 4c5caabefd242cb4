/**
 * `npm test [-- FILE…]`: every test under Deno and then under Bun, and one line that counts both.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bun, deno, ensureInstalled, run, version } from "./tools.mjs";

ensureInstalled();

const files = process.argv.slice(2);
const reports = mkdtempSync(join(tmpdir(), "einprogress-test-"));
const runtimes = [
  {
    name: `Deno ${version(deno)}`,
    file: deno,
    args: (report) => ["test", "--no-check", "-A", `--junit-path=${report}`, ...(files.length ? files : ["tests"])],
  },
  {
    name: `Bun ${version(bun)}`,
    file: bun,
    args: (report) => [
      "test",
      "--timeout=120000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...(files.length ? files : ["./tests"]),
    ],
  },
];

const total = { passed: 0, failed: 0, skipped: 0 };
for (const [i, { name, file, args }] of runtimes.entries()) {
  console.log(`\n── ${name} ──`);
  const report = join(reports, `${i}.xml`);
  const status = await run(file, args(report), { env: { DENO_NO_UPDATE_CHECK: "1" } });
  const count = read(report);
  if (status !== 0 && count.failed === 0) count.failed = 1; // it broke outside of any test
  if (count.passed === 0) {
    console.error(`${name}: no test was run`);
    count.failed ||= 1;
  }
  console.log(`${name}: ${line(count)}`);
  for (const key of Object.keys(total)) total[key] += count[key];
}
rmSync(reports, { recursive: true });
console.log(`\n${line(total)}`);
process.exitCode = total.failed === 0 ? 0 : 1;

function line({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Counts a JUnit report's test cases. */
function read(report) {
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const cases = xml.match(/<testcase\b[^>]*?(\/>|>[\s\S]*?<\/testcase>)/g) ?? [];
  const failed = cases.filter((one) => /<(failure|error)\b/.test(one)).length;
  const skipped = cases.filter((one) => /<skipped\b/.test(one)).length;
  return { passed: cases.length - failed - skipped, failed, skipped };
}
