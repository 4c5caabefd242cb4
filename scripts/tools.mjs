/**
 * What the other scripts share: the runtimes and compilers that npm installs, and how to run them.
 * Plain JavaScript for Node, for on a bare machine nothing else is there yet.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Where npm puts a package's command. */
const command = (name) => join(root, "node_modules", ".bin", name);
export const deno = command("deno");
export const bun = command("bun");
export const tsc = command("tsc");

const runs = (file) => spawnSync(file, ["--version"], { stdio: "ignore" }).status === 0;

/** Installs the pinned dev dependencies if something is missing, and makes sure that both runtimes run. */
export function ensureInstalled() {
  if ([deno, bun, tsc].every(existsSync) && runs(deno) && runs(bun)) return;
  console.error("Installing Deno, Bun and the other dev dependencies from npm (once) …");
  must(spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root, stdio: ["ignore", 2, 2] }), "npm ci");
  // Where npm is set not to run install scripts, these two have not been put into place yet.
  if (!runs(deno)) {
    must(
      spawnSync("node", ["install.cjs"], { cwd: join(root, "node_modules/deno"), stdio: "inherit" }),
      "Deno's install script",
    );
  }
  if (!runs(bun)) {
    must(
      spawnSync("node", ["install.js"], { cwd: join(root, "node_modules/bun"), stdio: "inherit" }),
      "Bun's install script",
    );
  }
}

function must({ status, error }, what) {
  if (error) throw error;
  if (status !== 0) {
    console.error(`${what} failed`);
    process.exit(1);
  }
}

/** The version a runtime tells of itself. */
export function version(file) {
  return spawnSync(file, ["--version"], { encoding: "utf8" }).stdout.match(/\d+\.\d+\.\d+/)?.[0];
}

/** Runs a command in the foreground of this one. Ctrl-C reaches both; this waits for the other's end. */
export function run(file, args, { env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
    const ignore = () => {};
    process.on("SIGINT", ignore);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore);
      resolve(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}
