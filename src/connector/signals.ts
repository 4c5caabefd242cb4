/**
 * One listener per AbortSignal, however many wait for it. The runtimes look through a signal's listeners for each one
 * that is added: ten thousand connects with one signal would hold the thread for seconds.
 *
 * @module
 */

/** Somebody whom a signal can call off. */
export interface Abortable {
  /** The signal was aborted. */
  aborted(): void;
}

const waiting = new WeakMap<AbortSignal, { all: Set<Abortable>; tell: () => void }>();

/** Tells `who` when `signal` is aborted. */
export function onAbort(signal: AbortSignal, who: Abortable): void {
  let entry = waiting.get(signal);
  if (entry === undefined) {
    const all = new Set<Abortable>();
    const tell = () => {
      for (const one of all) one.aborted();
    };
    entry = { all, tell };
    waiting.set(signal, entry);
    signal.addEventListener("abort", tell);
  }
  entry.all.add(who);
}

/** Tells `who` no more. */
export function offAbort(signal: AbortSignal, who: Abortable): void {
  const entry = waiting.get(signal);
  if (entry === undefined || !entry.all.delete(who) || entry.all.size > 0) return;
  waiting.delete(signal);
  signal.removeEventListener("abort", entry.tell);
}
