/**
 * Names to addresses.
 *
 * @module
 */
import { getaddrinfo } from "../ffi/getaddrinfo.ts";
import { builtin, isDeno } from "../ffi/host.ts";

/** Looks a name up: literals in the order to try, or an error, a {@link LookupError} if the resolver told it. */
export type Lookup = (
  hostname: string,
  family: 0 | 4 | 6,
  done: (error: Error | null, addresses: string[]) => void,
) => void;

/** What the resolver tells: `code` as in `ENOTFOUND`, and its own number. */
export class LookupError extends Error {
  constructor(hostname: string, readonly code: string, readonly errno: number) {
    super(`getaddrinfo ${code} ${hostname}`);
  }
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
    if (isDeno && error?.code === "EPERM") {
      lookupByLibc(hostname, family).then((literals) => done(null, literals), (reason) => done(reason, []));
    } else if (error) {
      done(new LookupError(hostname, error.code ?? "EAI_FAIL", error.errno ?? 0), []);
    } else if (addresses.length === 0) {
      done(new LookupError(hostname, "ENODATA", 0), []);
    } else {
      done(null, addresses.map(({ address }) => address));
    }
  });
};

async function lookupByLibc(hostname: string, family: 0 | 4 | 6): Promise<string[]> {
  const answer = await getaddrinfo(hostname, family);
  if ("addresses" in answer) return answer.addresses;
  throw new LookupError(hostname, answer.code, answer.errno);
}
