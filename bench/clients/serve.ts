/**
 * serve.ts: the server of all measurements, in a process of its own. Listens on 127.0.0.1 to 127.0.0.24, accepts and
 * closes; prints three ports as JSON: `open`; `closed`, held by sockets that don't listen; `full`, on 127.0.0.1, whose
 * backlog is full, so that the kernel drops every SYN and a connect to it stays pending. Ends when its stdin ends.
 */
import { constants, encodeSockaddr, libc } from "../../src/ffi/mod.ts";

const { AF_INET, SOCK_STREAM, SOL_SOCKET, SO_REUSEADDR, POLLIN, POLLOUT } = constants;
const ADDRESSES = 24;

function must(result: number): number {
  if (result < 0) throw new Error(`A libc call failed: ${result}`);
  return result;
}

function bound(last: number, port: number): { fd: number; port: number } {
  const fd = must(libc.socket(AF_INET, SOCK_STREAM, 0));
  must(libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1)));
  must(libc.bind(fd, encodeSockaddr({ hostname: `127.0.0.${last}`, port })));
  const name = new Uint8Array(128);
  must(libc.getsockname(fd, name));
  return { fd, port: new DataView(name.buffer).getUint16(2) };
}

const open = bound(1, 0);
const closed = bound(1, 0);
const listeners = [open.fd];
for (let last = 2; last <= ADDRESSES; last++) {
  listeners.push(bound(last, open.port).fd);
  bound(last, closed.port);
}
for (const fd of listeners) must(libc.listen(fd, 4096));

const full = bound(1, 0);
must(libc.listen(full.fd, 0)); // takes one
const filler = must(libc.socket(AF_INET, SOCK_STREAM, 0));
libc.connect(filler, encodeSockaddr({ hostname: "127.0.0.1", port: full.port }));
if (libc.poll(Int32Array.of(filler, POLLOUT), 1, 1_000) !== 1) throw new Error("The backlog took no connection");

console.log(JSON.stringify({ open: open.port, closed: closed.port, full: full.port }));

// Blocking is fine: this process does nothing else.
const pollfds = new Int32Array(new ArrayBuffer(8 * (listeners.length + 1)));
for (const [i, fd] of [0, ...listeners].entries()) {
  pollfds[2 * i] = fd;
  pollfds[2 * i + 1] = POLLIN;
}
while (libc.poll(pollfds, pollfds.length >> 1, -1) > 0 && pollfds[1] >>> 16 === 0) {
  for (let i = 1; i <= listeners.length; i++) {
    if (pollfds[2 * i + 1] >>> 16 === 0) continue;
    for (let fd = libc.accept(pollfds[2 * i]); fd >= 0; fd = libc.accept(pollfds[2 * i])) libc.close(fd);
  }
}
