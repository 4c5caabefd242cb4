/**
 * `npm run check`: everything about the code that can be told without running it. Goes through all gates, then tells
 * which failed.
 */
import { deno, ensureInstalled, run, tsc } from "./tools.mjs";

ensureInstalled();

const entries = ["mod.ts", "src/ffi/mod.ts"];
const gates = [
  ["deno fmt --check", deno, ["fmt", "--check"]],
  ["deno lint", deno, ["lint"]],
  ["deno check", deno, ["check", "mod.ts", "src", "tests", "examples", "bench"]],
  ["deno check --doc", deno, ["check", "--doc-only", "README.md", "mod.ts", "src"]],
  ["tsc (for Bun)", tsc, ["--project", "tsconfig.json"]],
  ["deno doc --lint", deno, ["doc", "--lint", "--quiet", ...entries]],
  ["deno publish --dry-run", deno, ["publish", "--dry-run", "--allow-dirty", "--quiet"]],
];

const failed = [];
for (const [name, file, args] of gates) {
  console.log(`\n── ${name} ──`);
  if (await run(file, args) !== 0) failed.push(name);
}
console.log(failed.length === 0 ? `\nAll ${gates.length} gates passed` : `\nFailed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
