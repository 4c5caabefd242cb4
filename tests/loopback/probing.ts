/** What the tests of probe() share. */
import { probe, type ProbeOptions, type ProbeResult, type Target } from "@einprogress/connect";
import { constants, encodeSockaddr, libc } from "@einprogress/connect/ffi";
import { bound, fds, type Held, must } from "../support.ts";

/** All results, in their order. */
export async function collect(
  targets: Iterable<Target | string> | AsyncIterable<Target | string>,
  options?: ProbeOptions,
): Promise<ProbeResult[]> {
  const results: ProbeResult[] = [];
  for await (const result of probe(targets, options)) results.push(result);
  return results;
}

/** The result of the only target. */
export async function probeOne(target: Target | string, options?: ProbeOptions): Promise<ProbeResult> {
  const results = await collect([target], options);
  if (results.length !== 1) throw new Error(`${results.length} results of one target`);
  return results[0];
}

/** A listener that takes connections in and never accepts one by itself: it costs this process no descriptors. */
export function listening(backlog = 1_000, hostname?: string): Held {
  const held = bound(hostname);
  must(libc.listen(held.fd, backlog));
  return held;
}

/** A listener on a Unix socket, as {@link listening}. */
export function listeningAt(path: string, backlog = 100): Disposable {
  const fd = must(libc.socket(constants.AF_UNIX, constants.SOCK_STREAM, 0));
  must(libc.bind(fd, encodeSockaddr({ path })));
  must(libc.listen(fd, backlog));
  return { [Symbol.dispose]: () => void libc.close(fd) };
}

/**
 * Counts, by `control`, the targets that are begun, and how many sockets more than now are open when one begins: that
 * is how many targets are under way, if nothing else in the process opens or closes sockets.
 */
export class Census {
  /** When each target was begun. */
  readonly times: number[] = [];
  /** The most sockets at a time. */
  most = 0;
  readonly #before = sockets();

  /** To be given as the option. */
  readonly control = (): void => {
    this.times.push(performance.now());
    this.most = Math.max(this.most, sockets().size - this.#before.size);
  };
}

function sockets(): Set<number> {
  return new Set([...fds()].filter(([, link]) => link.startsWith("socket:")).map(([fd]) => fd));
}

/** `count` times the same. */
export function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}
