/** Connects to each target, all at the same time, and tells how each went. */
import type { ConnectOptions } from "../../../mod.ts";
import { attempt, cpu, given, type Outcome, sockets, tell } from "./report.ts";

/** What this scenario answers. */
export interface Report {
  outcomes: Outcome[];
  /** Milliseconds of processor time from the first call to the last end. */
  cpu: number;
  /** Sockets left open. */
  left: number;
}

const targets = given<{ target: string; options?: ConnectOptions }[]>();
const before = { cpu: cpu(), sockets: sockets() };
const outcomes = await Promise.all(targets.map(({ target, options }) => attempt(target, options)));
tell({ outcomes, cpu: cpu() - before.cpu, left: sockets() - before.sockets } satisfies Report);
