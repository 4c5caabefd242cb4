/**
 * TCP_INFO: what the kernel knows of a connection.
 *
 * @module
 */
import { constants, type Libc } from "../ffi/mod.ts";

/** A part of Linux's `struct tcp_info` (tcp(7)). */
export interface TcpInfo {
  /** `"ESTABLISHED"`, `"CLOSE_WAIT"`, … */
  readonly state: string;
  /** Segments sent again in a row just now. */
  readonly retransmits: number;
  /** Segments sent again since the start. */
  readonly totalRetransmits: number;
  /** Smoothed round-trip time, µs. */
  readonly rtt: number;
  /** Its mean deviation, µs. */
  readonly rttVar: number;
  /** The smallest round-trip time seen, µs; null on a kernel before 4.6. */
  readonly minRtt: number | null;
  /** Retransmission timeout, µs. */
  readonly rto: number;
  /** Congestion window, in segments. */
  readonly cwnd: number;
  /** Slow-start threshold, in segments. */
  readonly ssthresh: number;
  /** Largest segment sent, bytes. */
  readonly sndMss: number;
  /** Largest segment received, bytes. */
  readonly rcvMss: number;
  /** Path MTU, bytes. */
  readonly pmtu: number;
  /** Segments sent and not acknowledged. */
  readonly unacked: number;
  /** Segments believed lost. */
  readonly lost: number;
}

/** include/net/tcp_states.h */
const STATES = [
  "",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
  "NEW_SYN_RECV",
];

/** TCP_INFO's number on Linux. FreeBSD has another, and a struct with other fields; macOS has none of this name. */
const LINUX_TCP_INFO = 11;

/** The struct grows at its end with the kernel: nothing past the returned length is read. */
const RTT = 68, MIN_RTT = 148;

/** Reads TCP_INFO: the information, or -errno (-EOPNOTSUPP on a Unix socket, -ENOPROTOOPT where the system has none). */
export function readTcpInfo(libc: Libc, fd: number, absent: number): TcpInfo | number {
  const { TCP_INFO } = constants;
  if (TCP_INFO !== LINUX_TCP_INFO) return absent;
  const bytes = new Uint8Array(new ArrayBuffer(256));
  const length = libc.getsockopt(fd, constants.IPPROTO_TCP, TCP_INFO, bytes);
  if (length < 0) return length;
  const view = new DataView(bytes.buffer);
  const u32 = (offset: number) => view.getUint32(offset, true);
  return {
    state: STATES[bytes[0]] ?? `state ${bytes[0]}`,
    retransmits: bytes[2],
    rto: u32(8),
    sndMss: u32(16),
    rcvMss: u32(20),
    unacked: u32(24),
    lost: u32(32),
    pmtu: u32(60),
    rtt: u32(RTT),
    rttVar: u32(72),
    ssthresh: u32(76),
    cwnd: u32(80),
    totalRetransmits: u32(100),
    minRtt: length >= MIN_RTT + 4 ? u32(MIN_RTT) : null,
  };
}

const rttOnly = new Uint8Array(new ArrayBuffer(RTT + 4));
const rttView = new DataView(rttOnly.buffer);

/** The smoothed round-trip time alone, µs; null where the kernel tells none. */
export function readRtt(libc: Libc, fd: number): number | null {
  if (constants.TCP_INFO !== LINUX_TCP_INFO) return null;
  const length = libc.getsockopt(fd, constants.IPPROTO_TCP, LINUX_TCP_INFO, rttOnly);
  return length < RTT + 4 ? null : rttView.getUint32(RTT, true);
}
