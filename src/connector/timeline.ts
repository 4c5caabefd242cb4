/**
 * When each step of a connect was done.
 *
 * @module
 */

/** One attempt: one socket to one address. Times are ms since the call began, null for a step not reached. */
export interface AttemptTimeline {
  /** The address tried: a literal, or a path. */
  readonly address: string;
  /** Its port; undefined for a Unix socket. */
  readonly port?: number;
  /** The socket was made. */
  readonly socket: number | null;
  /** connect(2) was called. */
  readonly connect: number | null;
  /** The socket became writable. */
  readonly writable: number | null;
  /** SO_ERROR was 0, the peer was there, and it was not ourselves. */
  readonly verified: number | null;
  /** The errno's name if the attempt failed, else null. */
  readonly code: string | null;
}

/** A whole call. `socket` to `verified` are those of the attempt that won, or of the last one. */
export interface Timeline {
  /** The addresses were known: at once for a literal, after the look-up for a name. */
  readonly resolved: number | null;
  /** The socket was made. */
  readonly socket: number | null;
  /** connect(2) was called. */
  readonly connect: number | null;
  /** The socket became writable. */
  readonly writable: number | null;
  /** SO_ERROR was 0, the peer was there, and it was not ourselves. */
  readonly verified: number | null;
  /** Every attempt, in the order in which they were made. */
  readonly attempts: readonly AttemptTimeline[];
}
