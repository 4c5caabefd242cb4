/** Takes the four local ports that the namespace has, tries a fifth, gives one back, and tries again. */
import { connect, type IpAddress } from "../../../mod.ts";
import { closeAll, listen } from "./ground.ts";
import { attempt, type Outcome, sockets, tell } from "./report.ts";

/** What this scenario answers. */
export interface Exhaustion {
  /** The local ports of those that were connected, in order. */
  connected: number[];
  fifth: Outcome;
  /** The try after one port was given back. */
  afterwards: Outcome;
  left: number;
}

const before = sockets();
const listener = listen(50_000);
// They reset on close, for TIME_WAIT would hold the port.
const held = [];
for (let i = 0; i < 4; i++) held.push(await connect("127.0.0.1:50000", { linger: 0 }));
const connected = held.map((connection) => (connection.localAddress as IpAddress).port).sort();
const fifth = await attempt("127.0.0.1:50000");
held.pop()!.close();
const afterwards = await attempt("127.0.0.1:50000", { linger: 0 });
for (const connection of held) connection.close();
closeAll(listener);
tell({ connected, fifth, afterwards, left: sockets() - before } satisfies Exhaustion);
