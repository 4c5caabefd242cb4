/**
 * macOS on arm64 and x86-64: libc's and the kernel's constants, by their C names.
 *
 * The two architectures share every number and every layout. The numbers come from Apple's kernel headers (xnu-11417),
 * compiled for both; those of getaddrinfo(), the clocks and `IOV_MAX`, which are not in xnu, from rust-lang/libc. None
 * of it was run.
 *
 * @module
 */
export { errnos } from "./darwin_errno.ts";

/** macOS's constants. */
export const constants = {
  // Address families
  AF_UNSPEC: 0,
  AF_UNIX: 1,
  AF_LOCAL: 1,
  AF_INET: 2,
  AF_INET6: 30,
  AF_VSOCK: 40,

  // Socket types, and the flags that socket() takes with them
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_SEQPACKET: 5,

  // Protocols of the IP families
  IPPROTO_IP: 0,
  IPPROTO_ICMP: 1,
  IPPROTO_TCP: 6,
  IPPROTO_UDP: 17,
  IPPROTO_IPV6: 41,
  IPPROTO_ICMPV6: 58,
  IPPROTO_RAW: 255,

  // fcntl() and its flags
  F_DUPFD: 0,
  F_GETFD: 1,
  F_SETFD: 2,
  F_GETFL: 3,
  F_SETFL: 4,
  F_DUPFD_CLOEXEC: 67,
  FD_CLOEXEC: 1,
  O_NONBLOCK: 0x4,
  O_CLOEXEC: 0x1000000,
  O_RDWR: 0x2,
  O_ASYNC: 0x40,
  F_SETNOSIGPIPE: 73,
  F_GETNOSIGPIPE: 74,

  // ioctl() requests: unsigned, some beyond 2^31
  FIONBIO: 0x8004667e,
  FIONREAD: 0x4004667f,
  FIOCLEX: 0x20006601,
  FIONCLEX: 0x20006602,
  FIOASYNC: 0x8004667d,
  TIOCOUTQ: 0x40047473,
  SIOCATMARK: 0x40047307,

  // Levels for getsockopt() and setsockopt(); for IP and TCP the level is the protocol's number
  SOL_SOCKET: 0xffff,
  SOL_LOCAL: 0,

  // Options of every socket
  SO_DEBUG: 0x1,
  SO_ACCEPTCONN: 0x2,
  SO_REUSEADDR: 0x4,
  SO_KEEPALIVE: 0x8,
  SO_DONTROUTE: 0x10,
  SO_BROADCAST: 0x20,
  SO_USELOOPBACK: 0x40,
  SO_LINGER: 0x80, // counts in ticks of 10 ms, not in seconds
  SO_LINGER_SEC: 0x1080,
  SO_OOBINLINE: 0x100,
  SO_REUSEPORT: 0x200,
  SO_TIMESTAMP: 0x400,
  SO_NOSIGPIPE: 0x1022,
  SO_SNDBUF: 0x1001,
  SO_RCVBUF: 0x1002,
  SO_SNDLOWAT: 0x1003,
  SO_RCVLOWAT: 0x1004,
  SO_SNDTIMEO: 0x1005,
  SO_RCVTIMEO: 0x1006,
  SO_ERROR: 0x1007,
  SO_TYPE: 0x1008,
  SO_BINDTODEVICE: 0x1134,
  SO_NREAD: 0x1020,
  SO_NWRITE: 0x1024,
  SO_NUMRCVPKT: 0x1112,
  SO_NET_SERVICE_TYPE: 0x1116,
  SO_NETSVC_MARKING_LEVEL: 0x1119,
  SO_RANDOMPORT: 0x1082,
  SO_NOADDRERR: 0x1023,
  SO_REUSESHAREUID: 0x1025,
  SO_NP_EXTENSIONS: 0x1083,
  SO_LABEL: 0x1010,
  SO_PEERLABEL: 0x1011,

  // Options of TCP sockets
  TCP_NODELAY: 0x1,
  TCP_MAXSEG: 0x2,
  TCP_NOPUSH: 0x4,
  TCP_NOOPT: 0x8,
  TCP_KEEPALIVE: 0x10, // TCP_KEEPIDLE elsewhere
  TCP_KEEPINTVL: 0x101,
  TCP_KEEPCNT: 0x102,
  TCP_FASTOPEN: 0x105,
  TCP_NOTSENT_LOWAT: 0x201,
  TCP_CONNECTION_INFO: 0x106,
  TCP_CONNECTIONTIMEOUT: 0x20,
  TCP_RXT_CONNDROPTIME: 0x80,
  TCP_RXT_FINDROP: 0x100,
  TCP_SENDMOREACKS: 0x103,
  TCP_ENABLE_ECN: 0x104,

  // States of a TCP connection
  TCPS_CLOSED: 0,
  TCPS_LISTEN: 1,
  TCPS_SYN_SENT: 2,
  TCPS_SYN_RECEIVED: 3,
  TCPS_ESTABLISHED: 4,
  TCPS_CLOSE_WAIT: 5,
  TCPS_FIN_WAIT_1: 6,
  TCPS_CLOSING: 7,
  TCPS_LAST_ACK: 8,
  TCPS_FIN_WAIT_2: 9,
  TCPS_TIME_WAIT: 10,
  // Bits of tcpi_options and tcpi_flags
  TCPCI_OPT_TIMESTAMPS: 0x1,
  TCPCI_OPT_SACK: 0x2,
  TCPCI_OPT_WSCALE: 0x4,
  TCPCI_OPT_ECN: 0x8,
  TCPCI_FLAG_LOSSRECOVERY: 0x1,
  TCPCI_FLAG_REORDERING_DETECTED: 0x2,

  // Options of IPv4 sockets
  IP_TOS: 3,
  IP_TTL: 4,
  IP_HDRINCL: 2,
  IP_OPTIONS: 1,
  IP_BOUND_IF: 25,
  IP_DONTFRAG: 28,
  IP_PORTRANGE: 19,
  IP_RECVTOS: 27,
  IP_RECVTTL: 24,

  // Options of IPv6 sockets
  IPV6_V6ONLY: 27,
  IPV6_UNICAST_HOPS: 4,
  IPV6_TCLASS: 36,
  IPV6_RECVTCLASS: 35,
  IPV6_BOUND_IF: 125,
  IPV6_DONTFRAG: 62,
  IPV6_USE_MIN_MTU: 42,
  IPV6_AUTOFLOWLABEL: 59,
  IPV6_PORTRANGE: 14,

  // poll() events
  POLLIN: 0x1,
  POLLPRI: 0x2,
  POLLOUT: 0x4,
  POLLERR: 0x8,
  POLLHUP: 0x10,
  POLLNVAL: 0x20,
  POLLRDNORM: 0x40,
  POLLRDBAND: 0x80,
  POLLWRNORM: 0x4,
  POLLWRBAND: 0x100,
  POLLSTANDARD: 0x1ff,

  // kqueue: filters, what to do with them, and their own flags
  EVFILT_READ: -1,
  EVFILT_WRITE: -2,
  EVFILT_AIO: -3,
  EVFILT_VNODE: -4,
  EVFILT_PROC: -5,
  EVFILT_SIGNAL: -6,
  EVFILT_TIMER: -7,
  EVFILT_MACHPORT: -8,
  EVFILT_FS: -9,
  EVFILT_USER: -10,
  EVFILT_VM: -12,
  EVFILT_EXCEPT: -15,
  // Flags
  EV_ADD: 0x1,
  EV_DELETE: 0x2,
  EV_ENABLE: 0x4,
  EV_DISABLE: 0x8,
  EV_UDATA_SPECIFIC: 0x100,
  EV_DISPATCH2: 0x180,
  EV_VANISHED: 0x200,
  EV_ONESHOT: 0x10,
  EV_CLEAR: 0x20,
  EV_RECEIPT: 0x40,
  EV_DISPATCH: 0x80,
  EV_SYSFLAGS: 0xf000,
  EV_FLAG0: 0x1000,
  EV_FLAG1: 0x2000,
  EV_EOF: 0x8000,
  EV_ERROR: 0x4000,
  EV_OOBAND: 0x2000,
  EV_POLL: 0x1000,
  // Flags of one filter only
  NOTE_TRIGGER: 0x1000000,
  NOTE_FFNOP: 0x0,
  NOTE_FFAND: 0x40000000,
  NOTE_FFOR: 0x80000000,
  NOTE_FFCOPY: 0xc0000000,
  NOTE_FFCTRLMASK: 0xc0000000,
  NOTE_FFLAGSMASK: 0xffffff,
  NOTE_LOWAT: 0x1,
  NOTE_OOB: 0x2,
  NOTE_SECONDS: 0x1,
  NOTE_USECONDS: 0x2,
  NOTE_NSECONDS: 0x4,
  NOTE_ABSOLUTE: 0x8,

  // Flags of send() and recv()
  MSG_OOB: 0x1,
  MSG_PEEK: 0x2,
  MSG_DONTROUTE: 0x4,
  MSG_CTRUNC: 0x20,
  MSG_TRUNC: 0x10,
  MSG_DONTWAIT: 0x80,
  MSG_EOR: 0x8,
  MSG_WAITALL: 0x40,
  MSG_NOSIGNAL: 0x80000,
  MSG_EOF: 0x100,

  // shutdown(), and limits of listen() and sendmsg()
  SHUT_RD: 0,
  SHUT_WR: 1,
  SHUT_RDWR: 2,
  SOMAXCONN: 128,
  SCM_RIGHTS: 1,
  IOV_MAX: 1024,

  // connectx() flags
  SAE_ASSOCID_ANY: 0,
  SAE_CONNID_ANY: 0,
  CONNECT_RESUME_ON_READ_WRITE: 0x1,
  CONNECT_DATA_IDEMPOTENT: 0x2,
  CONNECT_DATA_AUTHENTICATED: 0x4,

  // Addresses of virtual-machine sockets
  VMADDR_CID_ANY: 0xffffffff,
  VMADDR_CID_HYPERVISOR: 0,
  VMADDR_CID_RESERVED: 1,
  VMADDR_CID_HOST: 2,
  VMADDR_PORT_ANY: 0xffffffff,

  // Clocks
  CLOCK_REALTIME: 0,
  CLOCK_MONOTONIC: 6,

  // getaddrinfo() flags and error codes
  AI_PASSIVE: 0x1,
  AI_CANONNAME: 0x2,
  AI_NUMERICHOST: 0x4,
  AI_NUMERICSERV: 0x1000,
  AI_V4MAPPED: 0x800,
  AI_ALL: 0x100,
  AI_ADDRCONFIG: 0x400,
  // Error codes
  EAI_AGAIN: 2,
  EAI_BADFLAGS: 3,
  EAI_FAIL: 4,
  EAI_FAMILY: 5,
  EAI_MEMORY: 6,
  EAI_NODATA: 7,
  EAI_NONAME: 8,
  EAI_SERVICE: 9,
  EAI_SOCKTYPE: 10,
  EAI_SYSTEM: 11,
  EAI_OVERFLOW: 14,

  // Signals
  SIGPIPE: 13,
  SIG_BLOCK: 1,
  SIG_SETMASK: 3,
} as const;
