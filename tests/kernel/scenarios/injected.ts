/** Connects once to a listener that would take it, under a strace that answers connect(2) in the kernel's place. */
import { libc } from "../../../src/ffi/mod.ts";
import { must } from "../../support.ts";
import { closeAll, listen, portOf } from "./ground.ts";
import { attempt, type Outcome, sockets, tell } from "./report.ts";

/** What this scenario answers. */
export interface Injected {
  outcome: Outcome;
  /** Somebody arrived at the listener: connect(2) was really made. */
  arrived: boolean;
  left: number;
}

const before = sockets();
const listener = listen();
// A hang would be told as a timeout.
const outcome = await attempt(`127.0.0.1:${portOf(listener)}`, { timeout: 5_000 });
const accepted = libc.accept(listener);
if (accepted >= 0) must(libc.close(accepted));
closeAll(listener);
tell({ outcome, arrived: accepted >= 0, left: sockets() - before } satisfies Injected);
