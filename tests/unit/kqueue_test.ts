/** kqueue(2)'s facility on a simulated kernel: the bytes it hands in, and what it makes of those it gets. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { constants as darwin } from "../../src/ffi/platform/darwin.ts";
import { constants as freebsd } from "../../src/ffi/platform/freebsd.ts";
import { run } from "../kernel/lab.ts";
import { once } from "../kernel/said.ts";
import type { Happened } from "../kernel/scenarios/kqueue.ts";

const systems = [
  { os: "darwin", size: 32, user: "f6ff", constants: darwin },
  { os: "freebsd", size: 64, user: "f5ff", constants: freebsd },
];

// As <sys/event.h> has them, little-endian: EVFILT_READ -1, EVFILT_WRITE -2, EV_ADD 1, EV_DELETE 2, EV_ONESHOT 0x10,
// EV_CLEAR 0x20, NOTE_TRIGGER 0x01000000.
const READ = "ffff", WRITE = "feff", ADD_ONESHOT = "1100", ADD_CLEAR = "2100", DELETE = "0200", NO_FLAGS = "0000";
const TRIGGER = "00000001";

for (const { os, size, user, constants } of systems) {
  const happened = once(() => run<Happened>({ scenario: "kqueue.ts", args: { os } }));

  /** A struct kevent: ident, filter, flags, fflags, data, udata (a token's two words), and on FreeBSD four more words. */
  const kevent = (ident: number, filter: string, flags: string, fflags = "00000000", low = 0, high = 0): string => {
    const word = (value: number) => value.toString(16).padStart(2, "0").padEnd(8, "0");
    const hex = word(ident) + word(0) + filter + flags + fflags + "0".repeat(16) + word(low) + word(high);
    return hex.padEnd(2 * size, "0");
  };

  test(`${os}: a struct kevent is ${size} bytes, and each field lies where C has it`, async () => {
    const { written } = await happened();
    assertEquals(written.open, [kevent(0, user, ADD_CLEAR)]);
    assertEquals(written["add reader"], [kevent(5, READ, ADD_ONESHOT, undefined, 1)]);
    assertEquals(written["add writer"], [kevent(6, WRITE, ADD_ONESHOT, undefined, 2)]);
  });

  test(`${os}: what is told is in poll(2)'s bits, in the kernel's order, EV_EOF as POLLHUP`, async () => {
    const { told } = await happened();
    const { POLLIN, POLLOUT, POLLHUP } = constants;
    assertEquals(told.slice(0, 2), [["writer", POLLOUT | POLLHUP], ["reader", POLLIN]]);
  });

  test(`${os}: one that is taken out is deleted in the kernel, and only the last one wakes the thread`, async () => {
    const { written, told } = await happened();
    assertEquals(written.remove, [kevent(5, WRITE, DELETE)]);
    assertEquals(written["remove last"], [kevent(6, WRITE, DELETE), kevent(0, user, NO_FLAGS, TRIGGER)]);
    assertEquals(told.filter(([name]) => name === "a" || name === "b"), []);
  });

  test(`${os}: adding never wakes the thread`, async () => {
    const { written } = await happened();
    const rung = Object.entries(written).filter(([, list]) => list.some((hex) => hex.slice(24, 32) === TRIGGER));
    assertEquals(rung.map(([what]) => what), ["remove last", "remove old"]);
  });

  test(`${os}: a late event does not reach the descriptor's new owner, who is told of his own`, async () => {
    assertEquals((await happened()).told.slice(2), [["heir", constants.POLLOUT]]);
  });

  test(`${os}: what the kernel refuses is told, and leaves nothing behind`, async () => {
    const { refused, opened, size: pending, closed, left } = await happened();
    assertEquals(refused, [false, -2]);
    assertEquals(opened, [true, false, false]);
    assertEquals([pending, left], [0, [`0/${constants.EVFILT_USER}`]]);
    assertEquals(closed, [77, 77], "of the one that could not ring itself, and of the one that was closed");
  });
}
