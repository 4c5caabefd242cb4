/** first_ours.ts HOST PORT: import, one connect, close. */
import { connect } from "../../mod.ts";

// Not node:process: this program shall cost nothing that is not ours.
const { Deno, Bun } = globalThis as unknown as { Deno?: { args: string[] }; Bun: { argv: string[] } };
const [hostname, port] = Deno?.args ?? Bun.argv.slice(2);
(await connect({ hostname, port: Number(port) })).close();
