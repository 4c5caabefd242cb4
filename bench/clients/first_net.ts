/** first_net.ts HOST PORT: one connect by node:net, close. */
import { connect } from "node:net";
import process from "node:process";

const [host, port] = process.argv.slice(2);
const socket = connect({ host, port: Number(port) });
socket.on("connect", () => socket.destroy());
