/** Listeners by libc, for what a runtime's own server would do too late, too early or not at all. */
import { constants, decodeSockaddr, encodeSockaddr, type IpAddress, libc } from "../../../src/ffi/mod.ts";
import { must } from "../../support.ts";

const RESET = Int32Array.of(1, 0);

/** A listener on 127.0.0.1 that accepts nothing by itself. Port 0 is any. */
export function listen(port = 0, backlog = 128): number {
  const fd = must(libc.socket(constants.AF_INET, constants.SOCK_STREAM, 0));
  must(libc.bind(fd, encodeSockaddr({ hostname: "127.0.0.1", port })));
  must(libc.listen(fd, backlog));
  return fd;
}

/** The local port of a socket. */
export function portOf(fd: number): number {
  const name = new Uint8Array(128);
  return (decodeSockaddr(name, must(libc.getsockname(fd, name))) as IpAddress).port;
}

/** Closes so that the peer gets a RST. */
export function reset(fd: number): void {
  must(libc.setsockopt(fd, constants.SOL_SOCKET, constants.SO_LINGER, RESET));
  must(libc.close(fd));
}

/** Closes listeners, and by doing so resets whoever was not accepted. */
export function closeAll(...fds: number[]): void {
  for (const fd of fds) must(libc.close(fd));
}
