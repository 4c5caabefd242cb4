/**
 * getaddrinfo(3) on another thread, for where the runtime's own look-up won't do.
 *
 * @module
 */
import { constants, hasSockaddrLength } from "./platform.ts";
import { callOffThread, copyFrom, freeaddrinfo } from "./libc.ts";
import { decodeSockaddr, type IpAddress } from "./sockaddr.ts";

const { AF_UNSPEC, AF_INET, AF_INET6, SOCK_STREAM } = constants;

/** Where the fields of `struct addrinfo` lie; the BSDs have ai_canonname before ai_addr. */
const FAMILY = 4, SOCKTYPE = 8, ADDRLEN = 16, ADDR = hasSockaddrLength ? 32 : 24, NEXT = 40, SIZE = 48;

/** EAI_* numbers to node:dns's codes. */
const codes = new Map<number | undefined, string>([
  [constants.EAI_NONAME, "ENOTFOUND"],
  [constants.EAI_NODATA, "ENOTFOUND"],
  [constants.EAI_ADDRFAMILY, "ENOTFOUND"],
  [constants.EAI_AGAIN, "EAI_AGAIN"],
  [constants.EAI_FAIL, "EAI_FAIL"],
  [constants.EAI_MEMORY, "EAI_MEMORY"],
  [constants.EAI_FAMILY, "EAI_FAMILY"],
  [constants.EAI_SYSTEM, "EAI_SYSTEM"],
]);

/** Addresses as literals, in the order to try (RFC 6724), or why there are none, in node:dns's words. */
export type Answer = { addresses: string[] } | { code: string; errno: number };

/** Looks a name up. `family` 0 is both. */
export async function getaddrinfo(hostname: string, family: 0 | 4 | 6): Promise<Answer> {
  const node = new TextEncoder().encode(hostname + "\0");
  const hints = new DataView(new ArrayBuffer(SIZE));
  hints.setInt32(FAMILY, family === 4 ? AF_INET : family === 6 ? AF_INET6 : AF_UNSPEC, true);
  hints.setInt32(SOCKTYPE, SOCK_STREAM, true); // else each address comes once per type
  const result = new BigUint64Array(new ArrayBuffer(8));
  const memory = [node, new Uint8Array(hints.buffer), new Uint8Array(result.buffer)];
  const errno = await callOffThread("getaddrinfo", memory[0], null, memory[1], memory[2]);
  if (errno !== 0) return { code: codes.get(errno) ?? "EAI_FAIL", errno };
  const head = Number(result[0]);
  try {
    return { addresses: [...walk(head)] };
  } finally {
    freeaddrinfo(head);
  }
}

/** Copies the list out, link by link: nothing is dereferenced in JavaScript. */
function* walk(address: number): Iterable<string> {
  const info = new DataView(new ArrayBuffer(SIZE));
  for (let at = address; at !== 0; at = Number(info.getBigUint64(NEXT, true))) {
    copyFrom(at, new Uint8Array(info.buffer));
    const sockaddr = new Uint8Array(new ArrayBuffer(info.getUint32(ADDRLEN, true)));
    copyFrom(Number(info.getBigUint64(ADDR, true)), sockaddr);
    yield (decodeSockaddr(sockaddr) as IpAddress).hostname;
  }
}
