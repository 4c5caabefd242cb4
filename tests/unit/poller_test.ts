/** The poller on simulated facilities: glance first, one-shot, nobody told who was forgotten. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { constants, type Libc } from "@einprogress/connect/ffi";
import type { Facility, Interest } from "../../src/poller/facility.ts";
import { createPoller, facilitiesOf } from "../../src/poller/poller.ts";
import { Tokens } from "../../src/poller/tokens.ts";
import { SimulatedClock } from "../support.ts";

const { POLLIN, POLLOUT, POLLERR } = constants;

/** A facility whose kernel is the test. It notes what is asked of it. */
class SimulatedFacility implements Facility {
  readonly log: string[] = [];
  readonly interests = new Set<Interest>();
  opens = true;
  takes = true;
  #come: ((events: [Interest, number][]) => void) | null = null;

  constructor(readonly name = "f") {}

  get size(): number {
    return this.interests.size;
  }
  get waiting(): boolean {
    return this.#come !== null;
  }
  open(): boolean {
    this.log.push(`open ${this.opens}`);
    return this.opens;
  }
  add(interest: Interest): boolean {
    this.log.push(`add ${interest.fd}`);
    if (!this.takes) return false;
    this.interests.add(interest);
    interest.place = interest.fd;
    return true;
  }
  remove(interest: Interest): boolean {
    this.log.push(`remove ${interest.fd}`);
    this.interests.delete(interest);
    interest.place = -1;
    if (this.size === 0) this.come(); // the last to go wakes the thread
    return true;
  }
  async wait(tell: (interest: Interest, revents: number) => void): Promise<void> {
    this.log.push("wait");
    const events = await new Promise<[Interest, number][]>((resolve) => this.#come = resolve);
    for (const [interest, revents] of events) {
      this.interests.delete(interest);
      tell(interest, revents);
    }
  }
  close(): void {
    this.log.push("close");
  }
  /** The thread comes back with these. */
  come(...events: [Interest, number][]): void {
    this.#come?.(events);
    this.#come = null;
  }
}

/** A poller over simulated facilities; `ready` is what each descriptor's glance says. */
function setUp(...facilities: SimulatedFacility[]) {
  if (facilities.length === 0) facilities = [new SimulatedFacility()];
  const clock = new SimulatedClock();
  const ready = new Map<number, number>();
  const glances: number[][] = [];
  const libc = {
    poll(fds: Int32Array, nfds: number, timeout: number) {
      assertEquals(timeout, 0, "a glance does not wait");
      const seen: number[] = [];
      let count = 0;
      for (let i = 0; i < nfds; i++) {
        const fd = fds[2 * i];
        seen.push(fd);
        const revents = ready.get(fd) ?? 0;
        if (revents !== 0) count++;
        fds[2 * i + 1] = (fds[2 * i + 1] & 0xffff) | (revents << 16);
      }
      glances.push(seen);
      return count;
    },
  } as unknown as Libc;
  const poller = createPoller(libc, clock, facilities);
  const told: [fd: number, revents: number][] = [];
  const interest = (fd: number, then: () => void = () => {}): Interest => ({
    fd,
    events: POLLOUT,
    revents: 0,
    place: -1,
    run() {
      told.push([this.fd, this.revents]);
      then();
    },
  });
  /** Lets promises settle and the loop go round until nothing is left to do. */
  const settle = async () => {
    do {
      while (clock.loop());
      await new Promise((resolve) => setTimeout(resolve));
    } while (clock.loop());
  };
  return { clock, ready, glances, poller, told, interest, settle, facility: facilities[0] };
}

test("what is ready at the glance never reaches the facility: one poll for all, told in order", async () => {
  const { ready, glances, poller, told, interest, settle, facility } = setUp();
  for (const fd of [5, 6, 7]) {
    ready.set(fd, POLLOUT);
    poller.watch(interest(fd));
  }
  assertEquals(told, [], "nobody is told within watch()");
  await settle();
  assertEquals(told, [[5, POLLOUT], [6, POLLOUT], [7, POLLOUT]]);
  assertEquals(glances, [[5, 6, 7]]);
  assertEquals(facility.log, ["close"]);
});

test("only stragglers go to the facility, which is opened for the first and closed after the last", async () => {
  const { ready, poller, told, interest, settle, facility } = setUp();
  ready.set(5, POLLOUT);
  const late = [interest(6), interest(7)];
  for (const one of [interest(5), ...late]) poller.watch(one);
  await settle();
  assertEquals(told, [[5, POLLOUT]]);
  assertEquals(facility.log, ["open true", "add 6", "add 7", "wait"]);
  facility.come([late[1], POLLERR], [late[0], POLLOUT]);
  await settle();
  assertEquals(told, [[5, POLLOUT], [7, POLLERR], [6, POLLOUT]]);
  assertEquals(facility.log.slice(4), ["close"]);
});

test("one is told once, though the descriptor stays ready", async () => {
  const { ready, poller, told, interest, settle } = setUp();
  ready.set(5, POLLOUT);
  const one = interest(5);
  poller.watch(one);
  await settle();
  await settle();
  assertEquals(told.length, 1);
  poller.watch(one);
  await settle();
  assertEquals(told.length, 2, "and once more for each watch()");
});

test("one that is added while the thread waits does not start a second one", async () => {
  const { poller, told, interest, settle, facility } = setUp();
  const [a, b] = [interest(5), interest(6)];
  poller.watch(a);
  await settle();
  poller.watch(b);
  await settle();
  assertEquals(facility.log, ["open true", "add 5", "wait", "add 6"]);
  facility.come([a, POLLOUT]);
  await settle();
  assertEquals(facility.log.slice(4), ["wait"], "for the other");
  facility.come([b, POLLOUT]);
  await settle();
  assertEquals([told.length, facility.log.at(-1), facility.waiting], [2, "close", false]);
});

test("forgotten before the glance, in the facility, and between its event and its turn: never told", async () => {
  const { ready, poller, told, interest, settle, facility } = setUp();
  const [early, pending, late] = [interest(5), interest(6), interest(8)];
  ready.set(5, POLLOUT);
  poller.watch(early);
  assertEquals(poller.unwatch(early), false, "no thread has it");
  poller.watch(pending);
  await settle();
  assertEquals(poller.unwatch(pending), true, "what the facility says: a thread may have it");
  // The one that is told first forgets the one that is told next.
  ready.set(7, POLLOUT).set(8, POLLOUT);
  poller.watch(interest(7, () => assertEquals(poller.unwatch(late), false)));
  poller.watch(late);
  await settle();
  assertEquals(told, [[7, POLLOUT]]);
  assertEquals(facility.size, 0);
});

test("forgotten and watched again in one tick: glanced at once, told once", async () => {
  for (const revents of [POLLOUT, 0]) {
    const { ready, poller, told, interest, settle, facility } = setUp();
    ready.set(5, revents);
    const one = interest(5);
    poller.watch(one);
    poller.unwatch(one);
    poller.watch(one);
    await settle();
    assertEquals(facility.log.filter((line) => line === "add 5").length, revents === 0 ? 1 : 0);
    if (revents === 0) facility.come([one, POLLOUT]);
    await settle();
    assertEquals(told, [[5, POLLOUT]]);
  }
});

test("forgotten between its event and its turn and watched again: told of the new event alone", async () => {
  const { ready, poller, told, interest, settle, facility } = setUp();
  const one = interest(6);
  ready.set(5, POLLOUT).set(6, POLLERR);
  poller.watch(interest(5, () => {
    poller.unwatch(one);
    ready.delete(6);
    poller.watch(one);
  }));
  poller.watch(one);
  await settle();
  assertEquals(told, [[5, POLLOUT]]);
  facility.come([one, POLLOUT]);
  await settle();
  assertEquals(told, [[5, POLLOUT], [6, POLLOUT]]);
});

test("the last to be forgotten lets the thread go, and a new one starts it again", async () => {
  const { poller, interest, settle, facility } = setUp();
  const one = interest(5);
  poller.watch(one);
  await settle();
  poller.unwatch(one);
  await settle();
  assertEquals(facility.log, ["open true", "add 5", "wait", "remove 5", "close"]);
  poller.watch(interest(6));
  await settle();
  assertEquals(facility.log.slice(5), ["open true", "add 6", "wait"]);
});

test("a facility that can't be opened is passed over, and asked again the next time that nothing is pending", async () => {
  const [first, second] = [new SimulatedFacility(), new SimulatedFacility()];
  first.opens = false;
  const { poller, told, interest, settle } = setUp(first, second);
  const [a, b, c] = [interest(5), interest(6), interest(7)];
  poller.watch(a);
  await settle();
  assertEquals(second.log, ["open true", "add 5", "wait"]);
  first.opens = true;
  poller.watch(b);
  await settle();
  assertEquals([first.log, second.log.at(-1)], [["open false"], "add 6"], "no change while something is pending");
  second.come([a, POLLOUT], [b, POLLOUT]);
  await settle();
  poller.watch(c);
  await settle();
  assertEquals(first.log, ["open false", "open true", "add 7", "wait"]);
  first.come([c, POLLOUT]);
  await settle();
  assertEquals(told.map(([fd]) => fd), [5, 6, 7]);
});

test("what the kernel does not take in is looked at again a little later, until it does or is ready", async () => {
  const { clock, ready, glances, poller, told, interest, settle, facility } = setUp();
  facility.takes = false;
  const [a, b, forgotten] = [interest(5), interest(6), interest(7)];
  for (const one of [a, b, forgotten]) poller.watch(one);
  await settle();
  assertEquals(told, []);
  poller.unwatch(forgotten);
  ready.set(5, POLLIN);
  facility.takes = true;
  clock.advance(10);
  await settle();
  assertEquals(told, [[5, POLLIN]]);
  assertEquals([glances.length > 1, glances.at(-1)!.includes(7)], [true, false]);
  facility.come([b, POLLOUT]);
  await settle();
  assertEquals(told, [[5, POLLIN], [6, POLLOUT]]);
  assertEquals(clock.timers, 0);
});

test("each system has its own facility first, and poll behind it", () => {
  const clock = new SimulatedClock();
  const asked: string[] = [];
  const libc = {
    epoll_create1: () => asked.push("epoll") && -24,
    kqueue: () => asked.push("kqueue") && -24,
    pipe: () => asked.push("poll") && -24,
  } as unknown as Libc;
  const order: Record<string, string[]> = {
    linux: ["epoll", "poll"],
    darwin: ["kqueue", "poll"],
    freebsd: ["kqueue", "poll"],
  };
  for (const [os, expected] of Object.entries(order)) {
    asked.length = 0;
    const opened = facilitiesOf(libc, clock, os).map((facility) => facility.open());
    assertEquals([asked, opened], [expected, [false, true]], os);
  }
});

test("tokens: a slot that is used again has another token, and the old one finds nobody", () => {
  const tokens = new Tokens();
  const make = (): Interest => ({ fd: 5, events: 0, revents: 0, place: -1, run() {} });
  const [a, b] = [make(), make()];
  tokens.add(a);
  const token = [tokens.low(a), tokens.high(a)] as const;
  assertEquals([tokens.get(...token) === a, tokens.size], [true, 1]);
  tokens.remove(a);
  assertEquals([tokens.get(...token), tokens.size, a.place], [null, 0, -1]);
  tokens.add(b);
  assertEquals([b.place, tokens.get(...token)], [0, null]);
  assertEquals(tokens.get(tokens.low(b), tokens.high(b)) === b, true);
  for (const low of [0, -1, 2, 1_000]) assertEquals(tokens.get(low, 0) ?? null, null, `low word ${low}`);
});
