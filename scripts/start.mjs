/**
 * `npm start [-- TARGET…]`: the tour (examples/tour.ts) under Deno and then under Bun.
 */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { bun, deno, ensureInstalled, run } from "./tools.mjs";

ensureInstalled();

const targets = process.argv.slice(2);
const runtimes = [
  [deno, ["run", "--no-prompt", ...(targets.length > 0 ? grantsFor(targets) : grants())]],
  [bun, ["run"]],
];

for (const [file, args] of runtimes) {
  const status = await run(file, [...args, "examples/tour.ts", ...targets]);
  process.exitCode ||= status;
  // Interrupted, a target that can't be read, or only help was asked for: the other runtime would say the same.
  if (status === 130 || status === 2 || targets.includes("--help") || targets.includes("-h")) break;
}

/** What the tour needs of Deno, and no more. */
function grants() {
  const folder = tmpdir(); // for its Unix sockets
  const unshare = ["/usr/bin/unshare", "/bin/unshare"].find(existsSync); // for a namespace with a prohibited route
  return [
    ...common(),
    "--allow-net", // at large: a Unix socket can be granted by its exact path only, and the tour makes its own
    `--allow-read=${folder}`,
    `--allow-write=${folder}`,
    ...(unshare ? [`--allow-run=${unshare}`, "--allow-env=NODE_V8_COVERAGE"] : []), // node:child_process reads it
  ];
}

/** What a visit to these targets needs. Names need net at large: their addresses are not known yet. */
function grantsFor(targets) {
  const paths = targets.filter((target) => /^unix:[^@]/.test(target)).map((target) => target.slice("unix:".length));
  return [
    ...common(),
    "--allow-net",
    ...paths.flatMap((path) => [`--allow-read=${path}`, `--allow-write=${path}`]),
  ];
}

/** Which libc, and what decides on colours and on where temporary files go. */
function common() {
  const colours = "NO_COLOR,FORCE_COLOR,NODE_DISABLE_COLORS,TERM,COLORTERM,TERM_PROGRAM,TMUX,CI,TEAMCITY_VERSION";
  const file = libc();
  return [file ? `--allow-ffi=${file}` : "--allow-ffi", `--allow-env=EINPROGRESS_LIBC,TMPDIR,TMP,TEMP,${colours}`];
}

/** The libc that this very process runs on. */
function libc() {
  process.report.excludeNetwork = true;
  const { sharedObjects } = process.report.getReport();
  return process.env.EINPROGRESS_LIBC ??
    sharedObjects.find((file) => /\/(libc\.so\.\d|ld-musl-\w+\.so\.1|libSystem\.B\.dylib)$/.test(file));
}
