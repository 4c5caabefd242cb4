/**
 * One sentence per way to fail: what it means here, and what to look at. A table, most particular row first.
 *
 * @module
 */
import { errnoMeaning } from "../ffi/mod.ts";
import type { Source } from "./errors.ts";

/** What is known of a failure when its hint is looked up. */
export interface Circumstances {
  readonly source: Source;
  readonly code: string;
  /** Negative. */
  readonly errno: number;
  /** `unix`, or the IP family. */
  readonly family: "unix" | 4 | 6;
  /** A Unix socket without a file. */
  readonly abstract?: boolean;
  readonly option?: string;
  readonly timeout?: number;
}

/** `code` and `source` each match one, several (`a|b`) or any (`*`); `unix` tells Unix sockets from IP. */
type Row = [code: string, source: string, unix: boolean | null, hint: (circumstances: Circumstances) => string];

const rows: Row[] = [
  [
    "*",
    "self-connect",
    null,
    () =>
      "our end got the target's own address and port, so the socket connected to itself: nobody listens there, and the port was chosen by localPort or lies in net.ipv4.ip_local_port_range",
  ],
  [
    "*",
    "deadline",
    null,
    ({ timeout }) =>
      `no answer within ${timeout} ms: dropped by a firewall, or the host is down, or the listener's backlog is full`,
  ],
  ["ENOTFOUND", "resolve", null, () => "no such name: check the spelling, /etc/hosts and the name server"],
  ["EAI_AGAIN", "resolve", null, () => "the name server did not answer: try again later, or check /etc/resolv.conf"],
  ["*", "resolve", null, () => "the resolver could not tell an address for this name"],
  [
    "EMFILE",
    "*",
    null,
    () => "this process has as many descriptors open as RLIMIT_NOFILE allows: close some, or raise it (ulimit -n)",
  ],
  ["ENFILE", "*", null, () => "the whole machine has no descriptor left: see fs.file-max"],
  ["ENOBUFS|ENOMEM", "*", null, () => "the kernel had no memory for a socket: try again with fewer at a time"],
  [
    "EAFNOSUPPORT",
    "socket",
    null,
    ({ family }) => `this kernel has no ${family === 6 ? "IPv6" : "such address family"}`,
  ],
  ["EPERM|EACCES", "option", null, ({ option }) => `setting ${option} needs a privilege that this process lacks`],
  ["ENOPROTOOPT", "option", null, ({ option }) => `this kernel does not know ${option}`],
  ["*", "option", null, ({ option, errno }) => `the kernel refused ${option}: ${errnoMeaning(errno)}`],
  ["EADDRINUSE", "bind", null, () => "another socket holds this local port, or holds it in TIME_WAIT"],
  [
    "EADDRNOTAVAIL",
    "bind",
    null,
    () => "no interface of this machine has that local address, or it is still tentative",
  ],
  [
    "EACCES",
    "bind",
    null,
    () => "a local port below net.ipv4.ip_unprivileged_port_start (1024) needs CAP_NET_BIND_SERVICE",
  ],
  ["EAFNOSUPPORT|EINVAL", "bind", null, () => "the local address is not of the remote address' family"],

  ["ENOENT", "*", true, () => "there is no socket at this path: the server has not started, or listens elsewhere"],
  [
    "ECONNREFUSED",
    "*",
    true,
    ({ abstract }) =>
      abstract
        ? "nobody listens under this abstract name"
        : "the socket is there but nobody listens on it: its server is gone",
  ],
  ["EAGAIN", "*", true, () => "the listener's backlog is full: nothing has begun, try again a little later"],
  ["EACCES", "*", true, () => "no permission to write to the socket, or to search a directory on the way to it"],
  ["EPROTOTYPE", "*", true, () => "the socket at this path is not a stream socket"],
  ["ENOTDIR", "*", true, () => "a part of the path is not a directory"],
  ["ELOOP", "*", true, () => "too many symbolic links on the way to the socket"],

  [
    "ECONNREFUSED",
    "*",
    null,
    () => "the host answered that nothing listens on this port, or a firewall rejects it with a reset",
  ],
  [
    "ECONNRESET",
    "*",
    null,
    () => "the peer accepted and reset the connection at once: overloaded, or it refuses this client",
  ],
  ["EPIPE", "*", null, () => "the peer closed and then reset the connection before it was looked at"],
  [
    "ETIMEDOUT",
    "*",
    null,
    () => "the kernel gave up after its SYNs went unanswered: dropped by a firewall, or the host is down",
  ],
  [
    "ENETUNREACH",
    "connect",
    null,
    ({ family }) =>
      `no route from this machine to that ${
        family === 6 ? "IPv6 " : ""
      }network (or a broadcast or multicast address): see ip route get`,
  ],
  ["ENETUNREACH", "*", null, () => "a router on the way has no route to that network"],
  ["EHOSTUNREACH", "connect", null, () => "this machine's routing table says unreachable: see ip route get"],
  [
    "EHOSTUNREACH",
    "*",
    null,
    () => "a router says that the host can't be reached, or it does not answer ARP or neighbour discovery",
  ],
  [
    "EACCES",
    "connect",
    null,
    () => "a local rule prohibits it: an ip route of type prohibit, or a sandbox (Landlock, SELinux)",
  ],
  ["EACCES", "*", null, () => "a router or firewall says that it is administratively prohibited"],
  ["EPERM", "*", null, () => "a local policy denies it: a cgroup's BPF program, or a sandbox"],
  [
    "EADDRNOTAVAIL",
    "*",
    null,
    () =>
      "no local port is free for this peer (net.ipv4.ip_local_port_range; TIME_WAIT holds ports too), or the address family is disabled",
  ],
  [
    "EINVAL",
    "connect",
    null,
    ({ family }) =>
      family === 6
        ? "a link-local address needs its zone (fe80::1%eth0), or a blackhole route drops it"
        : "a blackhole route drops it, or the source address can't reach that far (127.0.0.1 to another host)",
  ],
  [
    "EINTR|ENOTCONN",
    "*",
    null,
    () => "the attempt ended before it began, and the kernel tells no reason: a signal, or a filter between",
  ],
  [
    "ENOPROTOOPT|EOPNOTSUPP|EHOSTDOWN|ENONET|EPROTO|EMSGSIZE",
    "so_error",
    null,
    ({ errno }) => `an ICMP message ended the attempt: ${errnoMeaning(errno)}`,
  ],
];

function matches(pattern: string, value: string): boolean {
  return pattern === "*" || pattern.split("|").includes(value);
}

/** The sentence for a failure. Every failure has one. */
export function hintFor(circumstances: Circumstances): string {
  const { code, source, family, errno } = circumstances;
  const row = rows.find(([codes, sources, unix]) =>
    matches(codes, code) && matches(sources, source) && (unix === null || unix === (family === "unix"))
  );
  return row ? row[3](circumstances) : errnoMeaning(errno);
}
