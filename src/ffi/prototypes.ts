/**
 * The C prototypes that this module binds, as data. Each back end turns this one table into callables of the
 * same names; nothing else in the project knows what a foreign function is.
 *
 * @module
 */

/**
 * How one C value travels.
 *
 * - `i32`, `u32`: int, socklen_t, unsigned int. `nfds_t` is unsigned long on Linux, but poll(2) there reads only
 *   its low 32 bits; a `ssize_t` result is read as `i32`, for the kernel moves at most 0x7ffff000 bytes a call.
 * - `usize`: size_t, or an address kept as a plain number (both runtimes' addresses stay below 2^53).
 * - `buffer`: memory that JavaScript owns.
 */
export type CType = "i32" | "u32" | "usize" | "buffer" | "void";

/** One C function: its parameters in order, its result, and its symbol where that differs from the table's key. */
export interface Prototype {
  readonly args: readonly CType[];
  readonly result: CType;
  readonly symbol?: string;
}

/** What every supported system has, by the names this project calls it. */
export type PosixName =
  | "socket"
  | "bind"
  | "connect"
  | "listen"
  | "accept"
  | "getsockname"
  | "getpeername"
  | "getsockopt"
  | "setsockopt"
  | "fcntl"
  | "poll"
  | "send"
  | "recv"
  | "write"
  | "read"
  | "pipe"
  | "shutdown"
  | "close"
  | "getrlimit"
  | "if_nametoindex"
  | "if_indextoname"
  | "getaddrinfo"
  | "freeaddrinfo"
  | "memcpy"
  | "errnoLocation";

/** What only Linux, or only the BSDs, have. */
export type LocalName = "epoll_create1" | "epoll_ctl" | "epoll_wait" | "kqueue" | "kevent";

/** Any of them. */
export type CallName = PosixName | LocalName;

/** The calls that wait, and so are offered on another thread as well. */
export type WaitName = "poll" | "epoll_wait" | "kevent" | "getaddrinfo";

/** The prototypes of one system. */
export type Prototypes = Record<PosixName, Prototype> & Partial<Record<LocalName, Prototype>>;

/** Everything that is the same on Linux, macOS and FreeBSD. */
const posix: Record<PosixName, Prototype> = {
  socket: { args: ["i32", /* domain */ "i32", /* type */ "i32" /* protocol */], result: "i32" },
  bind: { args: ["i32", /* fd */ "buffer", /* addr */ "u32" /* addrlen */], result: "i32" },
  connect: { args: ["i32", /* fd */ "buffer", /* addr */ "u32" /* addrlen */], result: "i32" },
  listen: { args: ["i32", /* fd */ "i32" /* backlog */], result: "i32" },
  accept: { args: ["i32", /* fd */ "buffer", /* addr */ "buffer" /* addrlen */], result: "i32" },
  getsockname: { args: ["i32", /* fd */ "buffer", /* addr */ "buffer" /* addrlen */], result: "i32" },
  getpeername: { args: ["i32", /* fd */ "buffer", /* addr */ "buffer" /* addrlen */], result: "i32" },
  getsockopt: {
    args: ["i32", /* fd */ "i32", /* level */ "i32", /* optname */ "buffer", /* optval */ "buffer" /* optlen */],
    result: "i32",
  },
  setsockopt: {
    args: ["i32", /* fd */ "i32", /* level */ "i32", /* optname */ "buffer", /* optval */ "u32" /* optlen */],
    result: "i32",
  },
  fcntl: { args: ["i32", /* fd */ "i32", /* cmd */ "i32" /* arg */], result: "i32" },
  poll: { args: ["buffer", /* fds */ "u32", /* nfds */ "i32" /* timeout */], result: "i32" },
  send: { args: ["i32", /* fd */ "buffer", /* buf */ "usize", /* len */ "i32" /* flags */], result: "i32" },
  recv: { args: ["i32", /* fd */ "buffer", /* buf */ "usize", /* len */ "i32" /* flags */], result: "i32" },
  write: { args: ["i32", /* fd */ "buffer", /* buf */ "usize" /* count */], result: "i32" },
  read: { args: ["i32", /* fd */ "buffer", /* buf */ "usize" /* count */], result: "i32" },
  pipe: { args: ["buffer" /* pipefd[2] */], result: "i32" },
  shutdown: { args: ["i32", /* fd */ "i32" /* how */], result: "i32" },
  close: { args: ["i32" /* fd */], result: "i32" },
  getrlimit: { args: ["i32", /* resource */ "buffer" /* rlim */], result: "i32" },
  if_nametoindex: { args: ["buffer" /* ifname */], result: "u32" },
  if_indextoname: { args: ["u32", /* ifindex */ "buffer" /* ifname */], result: "usize" },
  getaddrinfo: {
    args: ["buffer", /* node */ "buffer", /* service */ "buffer", /* hints */ "buffer" /* res */],
    result: "i32",
  },
  freeaddrinfo: { args: ["usize" /* res */], result: "void" },
  memcpy: { args: ["buffer", /* dest */ "usize", /* src */ "usize" /* n */], result: "void" },
  errnoLocation: { symbol: "__error", args: [], result: "usize" },
};

/** accept4(2) and pipe2(2): a descriptor that is non-blocking and close-on-exec from birth. macOS has neither. */
const atomicFlags: Partial<Record<PosixName, Prototype>> = {
  accept: {
    symbol: "accept4",
    args: ["i32", /* fd */ "buffer", /* addr */ "buffer", /* addrlen */ "i32" /* flags */],
    result: "i32",
  },
  pipe: { symbol: "pipe2", args: ["buffer", /* pipefd[2] */ "i32" /* flags */], result: "i32" },
};

const epoll: Partial<Record<LocalName, Prototype>> = {
  epoll_create1: { args: ["i32" /* flags */], result: "i32" },
  epoll_ctl: { args: ["i32", /* epfd */ "i32", /* op */ "i32", /* fd */ "buffer" /* event */], result: "i32" },
  epoll_wait: {
    args: ["i32", /* epfd */ "buffer", /* events */ "i32", /* maxevents */ "i32" /* timeout */],
    result: "i32",
  },
};

const kqueue: Partial<Record<LocalName, Prototype>> = {
  kqueue: { args: [], result: "i32" },
  kevent: {
    args: [
      "i32", /* kq */
      "buffer", /* changelist */
      "i32", /* nchanges */
      "buffer", /* eventlist */
      "i32", /* nevents */
      "buffer", /* timeout */
    ],
    result: "i32",
  },
};

/** What glibc and musl call the function that FreeBSD and macOS call `__error`. */
const errnoLocation: Prototype = { symbol: "__errno_location", args: [], result: "usize" };

/**
 * Apple's arm64 passes a variadic argument on the stack, never in a register. Six padding words fill the
 * registers, so that the ninth argument lands where fcntl(2) looks for its third.
 */
const appleArm64: Partial<Record<PosixName, Prototype>> = {
  fcntl: {
    args: ["i32", /* fd */ "i32", /* cmd */ "usize", "usize", "usize", "usize", "usize", "usize", "i32" /* arg */],
    result: "i32",
  },
};

/** The prototypes of one system, by the names this project calls them. */
export function prototypesOf(os: string, arch: string): Prototypes {
  if (os === "linux") return { ...posix, ...atomicFlags, ...epoll, errnoLocation };
  if (os === "freebsd") return { ...posix, ...atomicFlags, ...kqueue };
  return { ...posix, ...kqueue, ...(arch === "arm64" ? appleArm64 : {}) };
}

/** Which of the waiting calls there are. */
export function waitNames(prototypes: Prototypes): WaitName[] {
  return (["poll", "epoll_wait", "kevent", "getaddrinfo"] as const).filter((name) => name in prototypes);
}
