/** Connects from a local port that somebody listens on. */
import { closeAll, listen } from "./ground.ts";
import { attempt, type Outcome, tell } from "./report.ts";

/** What this scenario answers. */
export interface Taken {
  outcome: Outcome;
  localPort: number;
}

const localPort = 40_000;
const listener = listen(localPort);
const outcome = await attempt("127.0.0.1:50000", { localAddress: "127.0.0.1", localPort });
closeAll(listener);
tell({ outcome, localPort } satisfies Taken);
