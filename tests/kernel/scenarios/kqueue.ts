/**
 * The kqueue facility on a simulated kernel, with the layouts and constants of macOS or FreeBSD: the modules are told that
 * this is that system before they are loaded. Prints what happened, for the test to judge.
 */
import process from "node:process";
import type { Facility, Interest } from "../../../src/poller/facility.ts";
import type { Libc } from "../../../src/ffi/mod.ts";

/** What this scenario answers. */
export interface Happened {
  /** Each `struct kevent` that was handed in, in hex, by what was done. */
  written: Record<string, string[]>;
  /** Who was told what, in order: the interest's name and the bits. */
  told: [name: string, revents: number][];
  /** How many interests were in at the end. */
  size: number;
  /** What add() answered when the kernel refused, and the interest's place after it, as before. */
  refused: [boolean, number];
  /** Whether the second facility, whose kqueue(2) fails, opened; and the one whose wake-up is refused. */
  opened: boolean[];
  closed: number[];
  /** Knotes left in the kernel at the end, by ident and filter. */
  left: string[];
}

// Not by report.ts, which would load the modules too soon.
const { os }: { os: "darwin" | "freebsd" } = JSON.parse(process.argv.at(-1)!);
Object.defineProperty(process, "platform", { value: os });
const { Deno } = globalThis as unknown as { Deno?: { build: object } };
if (Deno) {
  const pretended = Object.create(Deno, { build: { value: { ...Deno.build, os } } });
  Object.defineProperty(globalThis, "Deno", { value: pretended });
}
const { constants } = await import("../../../src/ffi/mod.ts");
const { createKqueueFacility } = await import("../../../src/poller/kqueue.ts");
const { clock } = await import("../../../src/poller/clock.ts");
const { EVFILT_USER = 0, EVFILT_READ = 0, EVFILT_WRITE = 0, EV_ADD = 0, EV_DELETE = 0 } = constants;
const { EV_ONESHOT = 0, EV_EOF = 0, NOTE_TRIGGER = 0, POLLIN, POLLOUT } = constants;
const SIZE = os === "freebsd" ? 64 : 32;
const ENOENT = 2, ENOMEM = 12, KQ = 77;

/** A kernel's kqueue, as far as man pages tell. */
const knotes = new Map<string, { ident: number; filter: number; flags: number; udata: bigint }>();
const ready: { key: string; eof: boolean }[] = [];
const written: Happened["written"] = {};
const closed: number[] = [];
let doing = "";
let refusing = false;
let waiting: (() => void) | null = null;

function fire(ident: number, filter: number, eof = false): void {
  ready.push({ key: `${ident}/${filter}`, eof });
  waiting?.();
}

const libc = {
  kqueue: () => KQ,
  close: (fd: number) => closed.push(fd) && 0,
  kevent(_kq: number, changes: Uint8Array) {
    const view = new DataView(changes.buffer, changes.byteOffset, changes.byteLength);
    (written[doing] ??= []).push([...changes].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    if (refusing) return -ENOMEM;
    const ident = Number(view.getBigUint64(0, true));
    const filter = view.getInt16(8, true), flags = view.getUint16(10, true), fflags = view.getUint32(12, true);
    const key = `${ident}/${filter}`;
    if (flags & EV_ADD) knotes.set(key, { ident, filter, flags, udata: view.getBigUint64(24, true) });
    else if (flags & EV_DELETE) return knotes.delete(key) ? 0 : -ENOENT;
    else if (!knotes.has(key)) return -ENOENT;
    if (filter === EVFILT_USER && fflags & NOTE_TRIGGER) fire(ident, filter);
    return 0;
  },
  async keventOffThread(_kq: number, events: Uint8Array, nevents: number) {
    while (ready.length === 0) await new Promise<void>((resolve) => waiting = resolve);
    waiting = null;
    const view = new DataView(events.buffer, events.byteOffset, events.byteLength);
    let count = 0;
    for (const { key, eof } of ready.splice(0, nevents)) {
      const knote = knotes.get(key);
      if (knote === undefined) continue; // deleted meanwhile
      const at = SIZE * count++;
      view.setBigUint64(at, BigInt(knote.ident), true);
      view.setInt16(at + 8, knote.filter, true);
      view.setUint16(at + 10, eof ? EV_EOF : 0, true);
      view.setBigUint64(at + 24, knote.udata, true);
      if (knote.flags & EV_ONESHOT) knotes.delete(key);
    }
    harvested?.();
    return count;
  },
} as unknown as Libc;
let harvested: (() => void) | null = null;

const told: Happened["told"] = [];
const names = new Map<Interest, string>();
function interest(name: string, fd: number, events: number): Interest {
  const made: Interest = { fd, events, revents: 0, place: -2, run() {} };
  names.set(made, name);
  return made;
}
function during<T>(what: string, body: () => T): T {
  doing = what;
  return body();
}
async function wait(facility: Facility): Promise<void> {
  doing = "wait";
  await facility.wait((one, revents) => told.push([names.get(one)!, revents]));
}

const facility = createKqueueFacility(libc, clock);
const opened = [during("open", () => facility.open())];
const reader = interest("reader", 5, POLLIN), writer = interest("writer", 6, POLLOUT);
during("add reader", () => facility.add(reader));
during("add writer", () => facility.add(writer));

// Both come with one wake, in the kernel's order; one-shot, so that nothing of them is left there.
const both = wait(facility);
fire(6, EVFILT_WRITE, true);
fire(5, EVFILT_READ);
await both;

// Taken out while the thread waits: only the last one wakes it, and its late event finds nobody.
const [a, b] = [interest("a", 5, POLLOUT), interest("b", 6, POLLOUT)];
during("again", () => facility.add(a));
during("again", () => facility.add(b));
const retired = wait(facility);
during("remove", () => facility.remove(a));
during("remove last", () => facility.remove(b));
await retired;

// The event is harvested, and before it is looked at its interest goes and the number has a new owner, in the same slot.
const [old, heir] = [interest("old", 5, POLLOUT), interest("heir", 5, POLLOUT)];
during("add old", () => facility.add(old));
harvested = () => {
  harvested = null;
  during("remove old", () => facility.remove(old));
  during("add heir", () => facility.add(heir));
};
const late = wait(facility);
fire(5, EVFILT_WRITE);
await late;
// remove() has rung as well: a wait that brings nothing but that is no harm, the next one does.
while (facility.size > 0) {
  const next = wait(facility);
  fire(5, EVFILT_WRITE);
  await next;
}

refusing = true;
const other = interest("other", 9, POLLOUT);
const refused: Happened["refused"] = [facility.add(other), other.place];
opened.push(createKqueueFacility({ ...libc, kqueue: () => -24 }, clock).open());
opened.push(createKqueueFacility(libc, clock).open());
facility.close();
const answer: Happened = {
  written,
  told,
  size: facility.size,
  refused,
  opened,
  closed,
  left: [...knotes.keys()],
};
console.log(JSON.stringify(answer));
