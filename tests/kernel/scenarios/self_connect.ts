/** Connects 600 times, one after the other, to ports that nobody listens on and that the kernel gives to us as well. */
import { connect, type ConnectError } from "../../../mod.ts";
import { sockets, tcpSockets, tell } from "./report.ts";

/** What this scenario answers. */
export interface SelfConnects {
  tries: number;
  handedOver: number;
  /** How many failed in which way: code, source, verdict, message's beginning. */
  failures: Record<string, number>;
  left: number;
  /** What the kernel still knows of in this namespace, TIME_WAIT included. */
  remembered: string[];
}

const tries = 600;
const before = sockets();
let handedOver = 0;
const failures: Record<string, number> = {};
for (let i = 0; i < tries; i++) {
  try {
    const connection = await connect(`127.0.0.1:${40_000 + i % 32}`);
    handedOver++;
    connection.close();
  } catch (error) {
    const { code, errno, source, verdict } = error as ConnectError;
    const way = `${code} ${errno} ${source} ${verdict}`;
    failures[way] = (failures[way] ?? 0) + 1;
  }
}
tell(
  {
    tries,
    handedOver,
    failures,
    left: sockets() - before,
    remembered: tcpSockets(),
  } satisfies SelfConnects,
);
