/** Each kernel facility that this system has, forced, on real pipes: one list of behaviours for all. */
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertGreater, assertLess, assertStrictEquals } from "@std/assert";
import { constants, errnos, type Libc, libc } from "@einprogress/connect/ffi";
import { type Clock, clock } from "../../src/poller/clock.ts";
import { createEpollFacility } from "../../src/poller/epoll.ts";
import type { Facility, Interest } from "../../src/poller/facility.ts";
import { createPollFacility } from "../../src/poller/poll.ts";
import { createPoller, facilitiesOf } from "../../src/poller/poller.ts";
import { must, pause, root, spawnSelf, until } from "../support.ts";

const { POLLIN } = constants;
type Create = (libc: Libc, clock: Clock) => Facility;

const facilities: { name: string; create: Create; file: string; skip: string | false }[] = [
  { name: "poll", create: createPollFacility, file: "poll.ts", skip: false },
  {
    name: "epoll",
    create: createEpollFacility,
    file: "epoll.ts",
    skip: process.platform === "linux" ? false : "only Linux has epoll",
  },
];

/** libc that counts waits, knows which descriptors it has opened and not closed, and lets a test step in. */
function watchedLibc(changes: Partial<Libc> = {}) {
  const base = { ...libc, ...changes };
  const open = new Set<number>();
  const watched = {
    open,
    waits: 0,
    /** Runs before the thread begins to wait, and after it has come back, before anybody looks at what it brought. */
    before: () => {},
    after: () => {},
    libc: {
      ...base,
      pipe(fds: Int32Array) {
        const result = base.pipe(fds);
        if (result >= 0) { for (const fd of fds) open.add(fd); }
        return result;
      },
      epoll_create1(flags: number) {
        const fd = base.epoll_create1(flags);
        if (fd >= 0) open.add(fd);
        return fd;
      },
      close(fd: number) {
        if (!open.delete(fd)) throw new Error(`${fd} was closed twice, or was not the facility's to close`);
        return base.close(fd);
      },
      pollOffThread: (...args: Parameters<Libc["pollOffThread"]>) => wait(() => base.pollOffThread(...args)),
      epoll_waitOffThread: (...args: Parameters<Libc["epoll_waitOffThread"]>) =>
        wait(() => base.epoll_waitOffThread(...args)),
    } satisfies Libc,
  };
  async function wait(call: () => Promise<number>): Promise<number> {
    watched.waits++;
    watched.before();
    const result = await call();
    watched.after();
    return result;
  }
  return watched;
}

/** A pipe: its reading end becomes ready by a write to the other. */
class Pipe implements Disposable {
  readonly reading: number;
  readonly writing: number;
  constructor() {
    const fds = new Int32Array(2);
    must(libc.pipe(fds));
    [this.reading, this.writing] = fds;
  }
  write(): void {
    must(libc.write(this.writing, Uint8Array.of(1)));
  }
  [Symbol.dispose](): void {
    libc.close(this.reading);
    libc.close(this.writing);
  }
}

/** A poller with this facility alone, and interests that note what they are told. */
function setUp(create: Create, changes: Partial<Libc> = {}) {
  const watched = watchedLibc(changes);
  const poller = createPoller(watched.libc, clock, [create(watched.libc, clock)]);
  const told: Interest[] = [];
  const watch = (fd: number, then: () => void = () => {}): Interest => {
    const interest: Interest = {
      fd,
      events: POLLIN,
      revents: 0,
      place: -1,
      run() {
        told.push(this);
        then();
      },
    };
    poller.watch(interest);
    return interest;
  };
  /** The thread is inside the kernel, or on its way. */
  const waiting = (times = 1) => until(() => watched.waits >= times, `the thread waits (${times})`);
  const retired = () => until(() => watched.open.size === 0, "the facility has given its descriptors back");
  return { watched, poller, told, watch, waiting, retired };
}

for (const { name, create, file, skip } of facilities) {
  test(`${name}: told once, with poll(2)'s bits, and then no more though it stays ready`, { skip }, async () => {
    using first = new Pipe();
    using second = new Pipe();
    const { told, watch, waiting, retired } = setUp(create);
    const one = watch(first.reading);
    await waiting();
    first.write();
    await until(() => told.length === 1, "the first is told");
    assertEquals([told[0] === one, one.revents], [true, POLLIN]);
    const other = watch(second.reading);
    second.write();
    await until(() => told.includes(other), "the second is told");
    await retired();
    assertEquals(told.length, 2);
  });

  test(`${name}: the end of a pipe is told though nobody asked for it`, { skip }, async () => {
    using pipe = new Pipe();
    const { told, watch, waiting, retired } = setUp(create);
    const ending = new Int32Array(2);
    must(libc.pipe(ending));
    const one = watch(ending[0]);
    watch(pipe.reading);
    await waiting();
    must(libc.close(ending[1]));
    await until(() => told.length === 1, "the end is told");
    assertEquals([told[0] === one, one.revents & constants.POLLHUP], [true, constants.POLLHUP]);
    pipe.write();
    await retired();
    must(libc.close(ending[0]));
  });

  test(`${name}: who is forgotten is never told, and the others are`, { skip }, async () => {
    using first = new Pipe();
    using second = new Pipe();
    const { poller, told, watch, waiting, retired } = setUp(create);
    const forgotten = watch(first.reading);
    const other = watch(second.reading);
    await waiting();
    poller.unwatch(forgotten);
    first.write();
    second.write();
    await retired();
    assertEquals([told.length, told[0] === other], [1, true]);
  });

  test(`${name}: who forgets another in his own turn keeps him from being told`, { skip }, async () => {
    using first = new Pipe();
    using second = new Pipe();
    const { poller, told, watch, watched, waiting, retired } = setUp(create);
    const pipes = [first, second];
    const both: Interest[] = pipes.map(({ reading }, i) => watch(reading, () => poller.unwatch(both[1 - i])));
    watched.before = () => {
      watched.before = () => {};
      for (const pipe of pipes) pipe.write();
    };
    await waiting();
    await retired();
    assertEquals(told.length, 1);
  });

  test(`${name}: an event that is late does not reach the number's new owner`, { skip }, async () => {
    using heirs = new Pipe();
    const { poller, told, watch, watched, waiting, retired } = setUp(create);
    const old = new Pipe();
    const one = watch(old.reading);
    let heir: Interest | null = null;
    watched.after = () => {
      // The kernel has said that `old` is ready, and nobody has looked yet. Its number goes to a pipe that is not.
      watched.after = () => {};
      poller.unwatch(one);
      const { reading } = old;
      old[Symbol.dispose]();
      const fds = new Int32Array(2);
      must(libc.pipe(fds));
      assertEquals(fds[0], reading, "the number is used again");
      heir = watch(reading);
      must(libc.close(heirs.writing));
      Object.assign(heirs, { writing: fds[1] });
    };
    await waiting();
    old.write();
    await until(() => heir !== null, "the event has come");
    using other = new Pipe();
    const last = watch(other.reading);
    other.write();
    await until(() => told.includes(last), "another event is told meanwhile");
    assertEquals([told.includes(one), told.includes(heir!)], [false, false]);
    heirs.write();
    await until(() => told.includes(heir!), "the new owner is told of his own event");
    await retired();
    assertEquals(told.length, 2);
    must(libc.close(heir!.fd));
  });

  test(`${name}: interests that come while the thread waits are served by it`, { skip }, async () => {
    using pending = new Pipe();
    const { poller, told, watch, watched, waiting, retired } = setUp(create);
    const idle = watch(pending.reading);
    await waiting();
    const { waits } = watched;
    const pipes = Array.from({ length: 10 }, () => new Pipe());
    for (const { reading } of pipes) watch(reading);
    await pause(30); // let it go round, if it must
    // epoll keeps its own set; poll has to be woken, once for all ten.
    assertEquals(watched.waits - waits, name === "poll" ? 1 : 0, "waits begun because of them");
    for (const pipe of pipes) pipe.write();
    await until(() => told.length === 10, "all are told");
    poller.unwatch(idle);
    await retired();
    for (const pipe of pipes) pipe[Symbol.dispose]();
  });

  test(`${name}: a thousand interests, each told once`, { skip }, async () => {
    const count = Math.min(1_000, Math.floor((libc.descriptorLimit() - 200) / 2));
    const pipes = Array.from({ length: count }, () => new Pipe());
    const { told, watch, watched, waiting, retired } = setUp(create);
    const all = pipes.map(({ reading }) => watch(reading));
    await waiting();
    for (const pipe of pipes) pipe.write();
    await retired();
    assertEquals([told.length, new Set(told).size], [count, all.length]);
    assertLess(watched.waits, count / 2, "one wake harvests many");
    for (const pipe of pipes) pipe[Symbol.dispose]();
  });

  test(`${name}: what is ready with one wake is told in its order`, { skip }, async () => {
    const pipes = Array.from({ length: 100 }, () => new Pipe());
    const { told, watch, watched, waiting, retired } = setUp(create);
    const all = pipes.map(({ reading }) => watch(reading));
    // Nothing was ready at the glance; everything is, before the thread looks.
    watched.before = () => {
      watched.before = () => {};
      for (const pipe of pipes) pipe.write();
    };
    await waiting();
    await retired();
    assertEquals([told.length, watched.waits], [100, 1]);
    for (let i = 0; i < all.length; i++) assertStrictEquals(told[i], all[i], `the ${i}th`);
    for (const pipe of pipes) pipe[Symbol.dispose]();
  });

  test(`${name}: the last one to be forgotten retires the thread and its descriptors; then it starts again`, {
    skip,
  }, async () => {
    using pipe = new Pipe();
    const { poller, told, watch, watched, waiting, retired } = setUp(create);
    for (let round = 1; round <= 3; round++) {
      const one = watch(pipe.reading);
      await waiting(round);
      assertGreater(watched.open.size, 0);
      poller.unwatch(one);
      await retired();
    }
    watch(pipe.reading);
    pipe.write();
    await until(() => told.length === 1, "it still works");
    await retired();
  });

  test(`${name}: without a pipe it works too`, { skip }, async () => {
    using pipe = new Pipe();
    using second = new Pipe();
    const watched = watchedLibc({ pipe: () => -errnos.EMFILE });
    const list = [create(watched.libc, clock), createPollFacility(watched.libc, clock)];
    const poller = createPoller(watched.libc, clock, list);
    const told: number[] = [];
    const watch = (fd: number): Interest => {
      const interest = { fd, events: POLLIN, revents: 0, place: -1, run: () => void told.push(fd) };
      poller.watch(interest);
      return interest;
    };
    const forgotten = watch(second.reading);
    await until(() => watched.waits > 0, "the thread waits");
    watch(pipe.reading);
    await until(() => watched.waits > 1, "it noticed the second");
    pipe.write();
    await until(() => told.length > 0, "it is told");
    poller.unwatch(forgotten);
    await pause(60);
    const { waits } = watched;
    await pause(60);
    assertEquals([told, watched.waits, watched.open.size], [[pipe.reading], waits, 0], "nothing waits any more");
  });

  test(`${name}: a wait that fails is not repeated at once: no spinning`, { skip }, async () => {
    using pipe = new Pipe();
    let failing = true;
    const fail = () => Promise.resolve(-errnos.ENOMEM);
    const { told, watch, watched, retired } = setUp(create, {
      pollOffThread: (...args) => failing ? fail() : libc.pollOffThread(...args),
      epoll_waitOffThread: (...args) => failing ? fail() : libc.epoll_waitOffThread(...args),
    });
    watch(pipe.reading);
    const began = performance.now();
    await pause(100);
    failing = false;
    const allowed = (performance.now() - began) / 10 + 2;
    assert(watched.waits > 1 && watched.waits <= allowed, `${watched.waits} waits, ${allowed} allowed`);
    pipe.write();
    await retired();
    assertEquals(told.length, 1);
  });

  for (
    const [what, source, alive] of [
      ["a pending interest keeps the process alive", "", true],
      ["the last one that is forgotten lets the process go", "setTimeout(() => poller.unwatch(interest), 100);", false],
    ] as const
  ) {
    test(`${name}: ${what}`, { skip }, async () => {
      const at = (path: string) => JSON.stringify(new URL(`src/poller/${path}`, root).href);
      const { code, elapsed, stderr } = await spawnSelf(
        `import { libc } from "@einprogress/connect/ffi";
         import { clock } from ${at("clock.ts")};
         import { createPoller } from ${at("poller.ts")};
         import * as facility from ${at(file)};
         const poller = createPoller(libc, clock, [facility.${create.name}(libc, clock)]);
         const fds = new Int32Array(2);
         libc.pipe(fds);
         const interest = { fd: fds[0], events: ${POLLIN}, revents: 0, place: -1, run: () => process.exit(5) };
         poller.watch(interest);
         ${source}
         setTimeout(() => libc.write(fds[1], new Uint8Array(1)), 700).unref();`,
      );
      // The timer keeps nothing alive: it fires only if the pending interest does.
      assertEquals(code, alive ? 5 : 0, stderr);
      if (!alive) assertLess(elapsed, 3_000);
    });
  }
}

const onLinux = { skip: facilities[1].skip };

test("epoll that can't be had: poll serves instead, and nothing is left open", onLinux, async () => {
  for (const changes of [{ epoll_create1: () => -errnos.EMFILE }, { epoll_ctl: () => -errnos.ENOMEM }]) {
    using pipe = new Pipe();
    let polls = 0;
    const watched = watchedLibc({
      ...changes,
      pollOffThread(...args) {
        polls++;
        return libc.pollOffThread(...args);
      },
    });
    const poller = createPoller(watched.libc, clock, facilitiesOf(watched.libc, clock, "linux"));
    let told = 0;
    poller.watch({ fd: pipe.reading, events: POLLIN, revents: 0, place: -1, run: () => void told++ });
    await until(() => polls > 0, "poll waits");
    pipe.write();
    await until(() => told === 1, "it is told");
    await until(() => watched.open.size === 0, "everything is closed");
  }
});

test("epoll: what the kernel has no room for is looked at again, and told", onLinux, async () => {
  using pipe = new Pipe();
  using other = new Pipe();
  const refuse = (fd: number) => fd === pipe.reading;
  const { told, watch, retired } = setUp(createEpollFacility, {
    epoll_ctl: (...args) => refuse(args[2]) ? -errnos.ENOSPC : libc.epoll_ctl(...args),
  });
  const [full, registered] = [watch(pipe.reading), watch(other.reading)];
  pipe.write();
  await until(() => told.includes(full), "the glance finds it");
  other.write();
  await until(() => told.includes(registered), "the other is told as ever");
  await retired();
  assertEquals(told.length, 2);
});
