/**
 * Names to addresses.
 *
 * @module
 */
import { getaddrinfo } from "../ffi/getaddrinfo.ts";
import { builtin, isDeno } from "../ffi/host.ts";

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
 *
 * node:dns asks Deno for the bare name, so that a grant for `name:port` does not cover it and it answers EPERM. The
 * target was granted before we came here, so libc is asked instead: `Deno.connect` too would go on.
 */
export const lookup: Lookup = (hostname, family, done) => {
  builtin("node:dns").lookup(hostname, { all: true, family, verbatim: true }, (error, addresses) => {
    if (isDeno && error?.code === "EPERM") void lookupByLibc(hostname, family, done);
    else if (error === null && addresses.length === 0) done(lookupError(hostname, "ENODATA", 0), []);
    else done(error, error ? [] : addresses.map(({ address }) => address));
  });
};

async function lookupByLibc(...[hostname, family, done]: Parameters<Lookup>): Promise<void> {
  const answer = await getaddrinfo(hostname, family);
  if ("addresses" in answer) return done(null, answer.addresses);
  done(lookupError(hostname, answer.code, answer.errno), []);
}

function lookupError(hostname: string, code: string, errno: number): LookupError {
  return Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { code, errno });
}
