/**
 * A node:net Socket as a pair of web streams.
 *
 * The runtimes have an adapter of their own (`Duplex.toWeb`), but Deno 2.9's throws an uncaught TypeError when the
 * peer ends first, and neither lets `writable.close()` succeed after that.
 *
 * @module
 */
import type { Socket } from "node:net";

/** Both directions of one connection. */
export interface Streams {
  /** What the peer sends. Reading on is what takes more from the kernel; cancelling it closes the connection. */
  readable: ReadableStream<Uint8Array>;
  /** What is sent to the peer. A write resolves when the kernel has it; closing sends a FIN, aborting closes the connection. */
  writable: WritableStream<Uint8Array>;
}

/** Wraps `socket`, which must have no other reader. */
export function socketStreams(socket: Socket): Streams {
  return { readable: readableOf(socket), writable: writableOf(socket) };
}

function readableOf(socket: Socket): ReadableStream<Uint8Array> {
  let over = false;
  return new ReadableStream({
    start(controller) {
      const end = (error?: Error | null) => {
        if (over) return;
        over = true;
        if (error) controller.error(error);
        else controller.close();
      };
      socket.on("data", (chunk: Uint8Array) => {
        if (over) return;
        controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) as Uint8Array<ArrayBuffer>);
        if ((controller.desiredSize ?? 0) <= 0) socket.pause();
      });
      socket.on("end", () => end());
      socket.on("error", end);
      socket.on("close", () => end());
      socket.pause();
    },
    pull() {
      socket.resume();
    },
    cancel(reason) {
      over = true;
      socket.destroy(reason instanceof Error ? reason : undefined);
    },
  });
}

function writableOf(socket: Socket): WritableStream<Uint8Array> {
  return new WritableStream({
    start(controller) {
      socket.on("error", (error) => controller.error(error));
    },
    write(chunk) {
      return new Promise((resolve, reject) => {
        socket.write(chunk, (error) => error ? reject(error) : resolve());
      });
    },
    close() {
      // The peer may have ended first, and the runtime has answered its FIN: then there is nothing left to do.
      if (socket.writableEnded || socket.destroyed) return;
      return new Promise((resolve) => socket.end(() => resolve()));
    },
    abort(reason) {
      socket.destroy(reason instanceof Error ? reason : undefined);
    },
  });
}
