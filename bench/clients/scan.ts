/** scan.ts HOST: the state of all 65,535 ports. */
import process from "node:process";
import { probe } from "../../mod.ts";

const hostname = process.argv[2];
function* ports() {
  for (let port = 1; port <= 65_535; port++) yield { hostname, port };
}
const states: Record<string, number> = {};
for await (const { state } of probe(ports())) states[state] = (states[state] ?? 0) + 1;
console.log(JSON.stringify(states));
