/** A Connector on the only port that the namespace has to give: each try connects to itself. */
import { ConnectError, Connector } from "../../../mod.ts";
import { describe, type Failure, sockets, tcpSockets, tell } from "./report.ts";

/** What this scenario answers. */
export interface SelfConnector {
  delays: number[];
  sources: string[];
  handedOver: boolean;
  failure: Failure | null;
  state: string;
  left: number;
  remembered: string[];
}

const before = sockets();
const delays: number[] = [];
const sources: string[] = [];
let handedOver = false;
let failure: Failure | null = null;
const connector = new Connector("127.0.0.1:40000", {
  retry: { initial: 10, max: 40, attempts: 8 },
  onConnection: () => void (handedOver = true),
  onRetry: (error, delay) => {
    delays.push(delay);
    sources.push(error.source);
  },
});
try {
  await connector.start();
  handedOver = true;
} catch (error) {
  failure = error instanceof ConnectError ? describe(error) : null;
}
const { state } = connector;
tell(
  {
    delays,
    sources,
    handedOver,
    failure,
    state,
    left: sockets() - before,
    remembered: tcpSockets(),
  } satisfies SelfConnector,
);
