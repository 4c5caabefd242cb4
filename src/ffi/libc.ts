/**
 * libc, one function a call. This is the only file that reads errno.
 *
 * @module
 */
import type { Calls, Library, Memory, ThreadCall } from "./backend.ts";
import type { Libc } from "./calls.ts";
import { arch, os } from "./host.ts";
import { loadLibc } from "./load.ts";
import { constants, errnos } from "./platform.ts";
import type { WaitName } from "./prototypes.ts";

const { F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_NONBLOCK, MSG_NOSIGNAL = 0 } = constants;
const { ENOENT, ENOSYS, EALREADY, EINPROGRESS } = errnos;
/** Zero where the system has no such flags: there fcntl(2) follows. */
const { SOCK_NONBLOCK = 0, SOCK_CLOEXEC = 0 } = constants;
const BIRTH_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC;
/** pipe2(2) takes open(2)'s names for the same two flags. */
const PIPE_FLAGS = O_NONBLOCK | constants.O_CLOEXEC;

/** Nothing is opened before the first call. */
let library: Library = new Proxy({} as Library, {
  get: (_, property: keyof Library) => (library = loadLibc())[property],
});
let c: Calls = new Proxy({} as Calls, { get: (_, name: keyof Calls) => (c = library.calls)[name] });

/*
 * errno is read on the very next line after the call that failed, before any other call or allocation.
 *
 * Deno since 2.5.7 (V8's abseil) opens an absent file once per process, at a moment of its own choosing; if that
 * moment falls between the call and the reading of errno, errno reads ENOENT. So a call that failed with ENOENT is
 * made once again and believed the second time. That is safe: what failed did nothing, and a connect() that had
 * begun after all answers EALREADY, EISCONN or its true error. (close() is never repeated: its number may have a
 * new owner by then.)
 */
function failure(error: number, again: () => number): number {
  if (error !== ENOENT) return -error;
  const result = again();
  return result >= 0 ? result : -library.errno();
}

/** net/if.h, on all three systems: a name's 15 bytes and its NUL. */
const IF_NAMESIZE = 16;

/** A zero `struct timespec`: kevent(2) looks without waiting. */
const NO_WAIT = new Uint8Array(new ArrayBuffer(16));

/** `struct rlimit`: two 64-bit numbers, the soft limit first. RLIMIT_NOFILE is 7 on Linux, 8 on the BSDs. */
const rlimit = new Int32Array(new ArrayBuffer(16));

/** In and out: how long the buffer is, how long the answer was. */
const length = new Int32Array(new ArrayBuffer(4));

/** See prototypes.ts for the padding. */
function fcntl(fd: number, command: number, argument: number): number {
  return os === "darwin" && arch === "arm64"
    ? c.fcntl(fd, command, 0, 0, 0, 0, 0, 0, argument)
    : c.fcntl(fd, command, argument);
}

/** For a descriptor that could not be born with these flags (macOS), or was born elsewhere. */
function setNonblockingAndCloexec(fd: number): number {
  const flags = libc.fcntl(fd, F_GETFL, 0);
  if (flags < 0) return flags;
  const result = libc.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  return result < 0 ? result : libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/** A new descriptor as it shall be, or closed again and -errno. */
function born(fd: number): number {
  if (fd < 0 || BIRTH_FLAGS !== 0) return fd;
  const result = setNonblockingAndCloexec(fd);
  if (result >= 0) return fd;
  c.close(fd);
  return result;
}

/** libc of the machine that this runs on, opened by the first call. See {@link Libc}. */
export const libc: Libc = {
  socket(domain, type, protocol) {
    const fd = c.socket(domain, type | BIRTH_FLAGS, protocol);
    return born(fd >= 0 ? fd : failure(library.errno(), () => c.socket(domain, type | BIRTH_FLAGS, protocol)));
  },
  bind(fd, address) {
    const result = c.bind(fd, address, address.length);
    return result >= 0 ? result : failure(library.errno(), () => c.bind(fd, address, address.length));
  },
  connect(fd, address) {
    const result = c.connect(fd, address, address.length);
    if (result >= 0) return result;
    const error = library.errno();
    if (error !== ENOENT) return -error;
    const second = failure(error, () => c.connect(fd, address, address.length));
    return second === -EALREADY ? -EINPROGRESS : second; // it had begun after all
  },
  listen(fd, backlog) {
    const result = c.listen(fd, backlog);
    return result >= 0 ? result : failure(library.errno(), () => c.listen(fd, backlog));
  },
  accept(fd) {
    const accepted = c.accept(fd, null, null, BIRTH_FLAGS);
    return born(accepted >= 0 ? accepted : failure(library.errno(), () => c.accept(fd, null, null, BIRTH_FLAGS)));
  },
  getsockname(fd, address) {
    length[0] = address.length;
    const result = c.getsockname(fd, address, length);
    return result >= 0
      ? length[0]
      : failure(library.errno(), () => c.getsockname(fd, address, length) < 0 ? -1 : length[0]);
  },
  getpeername(fd, address) {
    length[0] = address.length;
    const result = c.getpeername(fd, address, length);
    return result >= 0
      ? length[0]
      : failure(library.errno(), () => c.getpeername(fd, address, length) < 0 ? -1 : length[0]);
  },
  getsockopt(fd, level, option, value) {
    length[0] = value.byteLength;
    const result = c.getsockopt(fd, level, option, value, length);
    return result >= 0
      ? length[0]
      : failure(library.errno(), () => c.getsockopt(fd, level, option, value, length) < 0 ? -1 : length[0]);
  },
  setsockopt(fd, level, option, value) {
    const result = c.setsockopt(fd, level, option, value, value.byteLength);
    return result >= 0
      ? result
      : failure(library.errno(), () => c.setsockopt(fd, level, option, value, value.byteLength));
  },
  fcntl(fd, command, argument) {
    const result = fcntl(fd, command, argument);
    return result >= 0 ? result : failure(library.errno(), () => fcntl(fd, command, argument));
  },
  poll(fds, nfds, timeout) {
    const result = c.poll(fds, nfds, timeout);
    return result >= 0 ? result : failure(library.errno(), () => c.poll(fds, nfds, 0));
  },
  async pollOffThread(fds, nfds, timeout) {
    const result = await library.offThread.poll!(fds, nfds, timeout);
    // errno stayed on the other thread: ask again here, without waiting, to learn why.
    return result >= 0 ? result : libc.poll(fds, nfds, 0);
  },
  epoll_create1(flags) {
    if (!c.epoll_create1) return -ENOSYS;
    const result = c.epoll_create1(flags);
    return result >= 0 ? result : -library.errno();
  },
  epoll_ctl(epfd, operation, fd, event) {
    if (!c.epoll_ctl) return -ENOSYS;
    const result = c.epoll_ctl(epfd, operation, fd, event);
    return result >= 0 ? result : -library.errno();
  },
  epoll_wait(epfd, events, maxevents, timeout) {
    if (!c.epoll_wait) return -ENOSYS;
    const result = c.epoll_wait(epfd, events, maxevents, timeout);
    return result >= 0 ? result : -library.errno();
  },
  async epoll_waitOffThread(epfd, events, maxevents, timeout) {
    if (!library.offThread.epoll_wait) return -ENOSYS;
    const result = await library.offThread.epoll_wait(epfd, events, maxevents, timeout);
    return result >= 0 ? result : libc.epoll_wait(epfd, events, maxevents, 0);
  },
  kqueue() {
    if (!c.kqueue) return -ENOSYS;
    const result = c.kqueue();
    return result >= 0 ? result : -library.errno();
  },
  kevent(kq, changes, nchanges, events, nevents, timeout) {
    if (!c.kevent) return -ENOSYS;
    const result = c.kevent(kq, changes, nchanges, events, nevents, timeout);
    return result >= 0 ? result : -library.errno();
  },
  async keventOffThread(kq, events, nevents, timeout) {
    if (!library.offThread.kevent) return -ENOSYS;
    const result = await library.offThread.kevent(kq, null, 0, events, nevents, timeout);
    return result >= 0 ? result : libc.kevent(kq, null, 0, events, nevents, NO_WAIT);
  },
  send(fd, buffer, flags) {
    const result = c.send(fd, buffer, buffer.length, flags | MSG_NOSIGNAL);
    return result >= 0
      ? result
      : failure(library.errno(), () => c.send(fd, buffer, buffer.length, flags | MSG_NOSIGNAL));
  },
  recv(fd, buffer, flags) {
    const result = c.recv(fd, buffer, buffer.length, flags);
    return result >= 0 ? result : failure(library.errno(), () => c.recv(fd, buffer, buffer.length, flags));
  },
  write(fd, buffer) {
    const result = c.write(fd, buffer, buffer.length);
    return result >= 0 ? result : failure(library.errno(), () => c.write(fd, buffer, buffer.length));
  },
  read(fd, buffer) {
    const result = c.read(fd, buffer, buffer.length);
    return result >= 0 ? result : failure(library.errno(), () => c.read(fd, buffer, buffer.length));
  },
  pipe(fds) {
    const result = c.pipe(fds, PIPE_FLAGS);
    if (result < 0) return failure(library.errno(), () => c.pipe(fds, PIPE_FLAGS));
    const reading = born(fds[0]);
    const writing = born(fds[1]);
    if (reading >= 0 && writing >= 0) return result;
    if (reading >= 0) c.close(reading);
    if (writing >= 0) c.close(writing);
    return Math.min(reading, writing);
  },
  shutdown(fd, how) {
    const result = c.shutdown(fd, how);
    return result >= 0 ? result : failure(library.errno(), () => c.shutdown(fd, how));
  },
  close(fd) {
    const result = c.close(fd);
    return result >= 0 ? result : -library.errno();
  },
  descriptorLimit() {
    if (c.getrlimit(os === "linux" ? 7 : 8, rlimit) < 0) return -library.errno();
    // rlim_cur, 64 bits; RLIM_INFINITY and anything else past 31 bits is more than there will ever be descriptors.
    return rlimit[1] === 0 && rlimit[0] >= 0 ? rlimit[0] : 0x7fffffff;
  },
  if_nametoindex(name) {
    const cString = new TextEncoder().encode(name + "\0");
    const index = c.if_nametoindex(cString);
    return index > 0 ? index : -errnos.ENODEV;
  },
  if_indextoname(index) {
    const name = new Uint8Array(IF_NAMESIZE);
    if (!c.if_indextoname(index, name)) return null; // NULL is 0 in Deno, null in Bun
    return new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  },
};

/** A call that waits, on another thread, for the floor's own use. */
export function callOffThread(name: WaitName, ...args: Parameters<ThreadCall>): Promise<number> {
  return library.offThread[name]!(...args);
}

/** Copies what lies at an address into `memory`. */
export function copyFrom(address: number, memory: Memory): void {
  c.memcpy(memory, address, memory.byteLength);
}

/** freeaddrinfo(3). */
export function freeaddrinfo(address: number): void {
  c.freeaddrinfo(address);
}
