/**
 * The tour: each branch of a non-blocking connect for real, as a table. Or a table of the targets it is given.
 *
 *     npm start                                 under Deno and under Bun
 *     deno run -A examples/tour.ts
 *     bun examples/tour.ts example.com:443 unix:/run/x.sock
 *
 * @module
 */
import process from "node:process";
import { styleText } from "node:util";
import { Connector } from "@einprogress/connect";
import { attempt } from "./tour/attempt.ts";
import { INSIDE, inside } from "./tour/prohibited.ts";
import { scenes } from "./tour/scenes.ts";
import { head, type Row, row, type Style, title } from "./tour/table.ts";

const HELP = `Usage: npm start                    each branch of a non-blocking connect, on local servers
       npm start -- TARGET…         one attempt at each of these, all at once, 5 s each
       npm start -- --help

A target is "host:port", "1.2.3.4:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/run/x.sock" or "unix:@abstract".
Exit status: 0 all is well, 1 a target could not be connected to, 2 a target could not be read.`;

// Colours only for a terminal, and by NO_COLOR and FORCE_COLOR: styleText() looks at the stream and at both.
const style: Style = (format, text) => styleText(format, text, { stream: process.stdout });
const width = Math.min(process.stdout.columns || 80, 100);
const print = (lines: string[]) => console.log(lines.join("\n"));

/** Shows every scene. Returns the exit status. */
async function tour(): Promise<number> {
  heading("each branch of a non-blocking connect, on local servers");
  let status = 0;
  for (const scene of scenes) {
    const rows: Row[] = [];
    print(["", ...title(scene.title, width, style)]);
    await scene.show((one) => {
      rows.push(one);
      print(row(one, width, style));
    });
    if (process.platform !== "linux") continue; // other systems say some of this with other codes
    for (const code of scene.expected) {
      if (rows.some(({ errno, verdict }) => errno.split(" ")[0] === code || verdict === "skipped")) continue;
      console.error(`This should have shown ${code}`);
      status = 1;
    }
  }
  return status;
}

/** One attempt at each target, all at once, shown in their order. Returns the exit status. */
async function visit(targets: string[]): Promise<number> {
  for (const target of targets) {
    try {
      new Connector(target); // checks it, and does nothing else
    } catch (error) {
      console.error(`Bad target ${JSON.stringify(target)}: ${(error as Error).message}`);
      return 2;
    }
  }
  heading(targets.length === 1 ? "one attempt, at most 5 s" : `${targets.length} attempts at once, at most 5 s each`);
  let status = 0;
  for (const attempted of targets.map((target) => attempt(target, { timeout: 5000 }))) {
    const one = await attempted;
    print(row(one, width, style));
    if (one.verdict !== "connected") status = 1;
  }
  return status;
}

function heading(what: string): void {
  const { bun, deno } = process.versions;
  print(["", ...title(`${bun ? `Bun ${bun}` : `Deno ${deno}`}: ${what}`, width, style), "", ...head(width, style)]);
}

process.once("SIGINT", () => process.exit(130)); // by way of the "exit" listeners, which clean up

const args = process.argv.slice(2);
if (args[0] === INSIDE) await inside();
else if (args.includes("--help") || args.includes("-h")) console.log(HELP);
else process.exitCode = args.length > 0 ? await visit(args) : await tour();
