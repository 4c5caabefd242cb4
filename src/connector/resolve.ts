/**
 * Names to addresses.
 *
 * @module
 */
import { builtin } from "../ffi/host.ts";

/** Looks a name up: literals in the order to try, or an error with the resolver's `code`. */
export type Lookup = (
  hostname: string,
  family: 0 | 4 | 6,
  done: (error: LookupError | null, addresses: string[]) => void,
) => void;

/** What node:dns gives: `code` as in `ENOTFOUND`, `errno` the resolver's own number. */
export interface LookupError extends Error {
  code?: string;
  errno?: number;
}

/**
 * getaddrinfo(3) through node:dns, on the runtime's own threads. The order is the system's (RFC 6724), not "IPv4
 * first". node:dns is loaded when the first name comes: that takes 2 to 5 ms, which an address need not pay.
 */
export const lookup: Lookup = (hostname, family, done) => {
  const dns = builtin("node:dns");
  dns.lookup(hostname, { all: true, family, verbatim: true }, (error, addresses) => {
    done(error, error ? [] : addresses.map(({ address }) => address));
  });
};
