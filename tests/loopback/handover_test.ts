/** What a connection is good for: handed over as a node:net Socket or as web streams, detached, closed. Once. */
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, createServer as createHttpServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { connect } from "@einprogress/connect";
import { constants, libc } from "@einprogress/connect/ffi";
import { leavingNoSocket, rejection, serve, tempFolder, until } from "../support.ts";

const MEGABYTE = 1 << 20;
/** Bytes that differ from place to place, so that a lost or doubled piece shows. */
const megabyte = Uint8Array.from({ length: MEGABYTE }, (_, i) => (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff);
const echo = (socket: Socket) => void socket.pipe(socket);

/** All that comes until the end. */
async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}
const bytes = (socket: Socket) => collect(socket as AsyncIterable<Uint8Array>);
const text = async (source: AsyncIterable<Uint8Array>) => new TextDecoder().decode(await collect(source));

test("toSocket(): bytes both ways, and the ends are those of the connection", () =>
  leavingNoSocket(async () => {
    await using server = await serve(echo);
    const connection = await connect(`127.0.0.1:${server.port}`);
    const local = connection.localAddress as { hostname: string; port: number };
    const socket = connection.toSocket();
    assertEquals([socket.remoteAddress, socket.remotePort], ["127.0.0.1", server.port]);
    assertEquals([socket.localAddress, socket.localPort], [local.hostname, local.port]);
    socket.end("hello");
    assertEquals(await text(socket), "hello");
  }));

test("toSocket(): one megabyte comes back byte for byte", () =>
  leavingNoSocket(async () => {
    await using server = await serve(echo);
    const socket = (await connect(`127.0.0.1:${server.port}`)).toSocket();
    const received = bytes(socket);
    socket.end(megabyte);
    assertEquals(Buffer.compare(await received, megabyte), 0);
  }));

test("toSocket(): after end() the answer still comes", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => {
      socket.on("end", () => socket.end("answer to all of it")).resume();
    });
    const socket = (await connect(`127.0.0.1:${server.port}`)).toSocket();
    socket.end("question");
    assertEquals(await text(socket), "answer to all of it");
  }));

test("toSocket(): what came before the hand-over is not lost", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => socket.end("greeting"));
    const connection = await connect(`127.0.0.1:${server.port}`);
    const pollfd = Int32Array.of(connection.fd, constants.POLLIN);
    await until(() => libc.poll(pollfd, 1, 0) === 1, "the greeting");
    assertEquals(await text(connection.toSocket()), "greeting");
  }));

test("toSocket(): destroy() closes the descriptor", () =>
  leavingNoSocket(async () => {
    await using server = await serve();
    const socket = (await connect(`127.0.0.1:${server.port}`)).toSocket();
    socket.destroy();
    await once(socket, "close");
  }));

test("toSocket() over a Unix socket", () =>
  leavingNoSocket(async () => {
    using folder = tempFolder();
    const path = join(folder.path, "s");
    await using _server = await serve(echo, { path });
    const socket = (await connect({ path })).toSocket();
    socket.end("hello");
    assertEquals(await text(socket), "hello");
  }));

test("TLS runs on top", () =>
  leavingNoSocket(async () => {
    using folder = tempFolder();
    const [key, cert] = [join(folder.path, "key"), join(folder.path, "cert")];
    const made = spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
    ], { encoding: "utf8" });
    assertEquals(made.status, 0, `openssl: ${made.error ?? made.stderr}`);
    const ca = readFileSync(cert);
    const server = createTlsServer({ key: readFileSync(key), cert: ca }, (socket: TLSSocket) => {
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const connection = await connect(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    const tls = connectTls({ socket: connection.toSocket(), ca, servername: "localhost" });
    await once(tls, "secureConnect");
    assert(tls.authorized, String(tls.authorizationError));
    tls.write("over TLS");
    const [answer] = await once(tls, "data");
    assertEquals(String(answer), "over TLS");
    tls.destroy();
    await new Promise((closed) => server.close(closed));
  }));

test("http.Agent#createConnection: two requests over one kept-alive connection", () =>
  leavingNoSocket(async () => {
    const peers = new Set<number | undefined>();
    const server = createHttpServer((incoming, outgoing) => {
      peers.add(incoming.socket.remotePort);
      outgoing.end(`you asked for ${incoming.url}`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    let connects = 0;
    class OurAgent extends Agent {
      override createConnection(_options: unknown, done?: (error: Error | null, socket: Socket) => void): undefined {
        connects++;
        connect(`127.0.0.1:${port}`).then((connection) => done!(null, connection.toSocket()));
      }
    }
    const agent = new OurAgent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string) =>
      new Promise<string>((resolve, reject) => {
        request({ host: "127.0.0.1", port, path, agent }, (response) => resolve(text(response)))
          .on("error", reject).end();
      });
    assertEquals(await get("/1"), "you asked for /1");
    assertEquals(await get("/2"), "you asked for /2");
    assertEquals([connects, peers.size], [1, 1]);
    agent.destroy();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }));

test("toStreams(): one megabyte both ways", () =>
  leavingNoSocket(async () => {
    await using server = await serve(echo);
    const { readable, writable } = (await connect(`127.0.0.1:${server.port}`)).toStreams();
    const received = collect(readable);
    const writer = writable.getWriter();
    for (let i = 0; i < MEGABYTE; i += 65536) await writer.write(megabyte.subarray(i, i + 65536));
    await writer.close();
    assertEquals(Buffer.compare(await received, megabyte), 0);
  }));

test("toStreams(): a reader that waits is waited for, not buffered for", () =>
  leavingNoSocket(async () => {
    let taken = 0;
    await using server = await serve((socket) => {
      const pump = () => {
        while (!socket.destroyed && socket.write(megabyte, () => taken += MEGABYTE));
        if (!socket.destroyed) socket.once("drain", pump);
      };
      pump();
    });
    const { readable } = (await connect(`127.0.0.1:${server.port}`)).toStreams();
    const reader = readable.getReader();
    await reader.read();
    // The kernels' buffers fill, and then nothing moves any more: wait until the server has stood still for a while.
    let before = -1;
    let still = performance.now();
    await until(
      () => {
        if (taken !== before) [before, still] = [taken, performance.now()];
        return performance.now() - still > 250;
      },
      "the server to be held up",
      10_000,
    );
    assert(taken < 64 * MEGABYTE, `${taken / MEGABYTE} MB were taken without being read`);
    await reader.cancel();
  }));

test("toStreams(): closing the writable sends a FIN, and the answer still comes", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => void socket.on("end", () => socket.end("answer")).resume());
    const { readable, writable } = (await connect(`127.0.0.1:${server.port}`)).toStreams();
    await writable.close();
    assertEquals(await text(readable), "answer");
  }));

test("toStreams(): the server ends first, and the writable can still be closed", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => void socket.resume().end("bye"));
    const { readable, writable } = (await connect(`127.0.0.1:${server.port}`)).toStreams();
    assertEquals(await text(readable), "bye");
    await writable.close();
  }));

type Streams = ReturnType<Awaited<ReturnType<typeof connect>>["toStreams"]>;
const endings: Record<string, (streams: Streams) => Promise<unknown>> = {
  "cancel, then abort": async ({ readable, writable }) => {
    await readable.cancel();
    await writable.abort().catch(() => {});
  },
  "abort, then cancel": async ({ readable, writable }) => {
    await writable.abort();
    await readable.cancel().catch(() => {});
  },
  "close, then cancel": async ({ readable, writable }) => {
    await writable.close();
    await readable.cancel();
  },
  "cancel, then close": async ({ readable, writable }) => {
    await readable.cancel();
    await writable.close().catch(() => {});
  },
  "cancel with a reason": ({ readable }) => readable.cancel(new Error("enough")),
  "abort with a reason": ({ writable }) => writable.abort(new Error("enough")),
  "all three at once": ({ readable, writable }) => {
    const writer = writable.getWriter();
    return Promise.allSettled([writer.write(megabyte), writer.close(), writer.abort(), readable.cancel()]);
  },
};
for (const [name, end] of Object.entries(endings)) {
  test(`toStreams(): ${name}: the descriptor is closed, nothing is thrown`, () =>
    leavingNoSocket(async () => {
      await using server = await serve((socket) => void socket.on("end", () => socket.end()).resume());
      await end((await connect(`127.0.0.1:${server.port}`)).toStreams());
      // The server must have seen the end: a descriptor that is still open somewhere would keep it from that.
      const ended = ([peer]: readonly Socket[]) => peer !== undefined && (peer.readableEnded || peer.destroyed);
      await until(() => ended(server.accepted), "the end");
    }));
}

test("toStreams(): a reset is an error to the reader", () =>
  leavingNoSocket(async () => {
    await using server = await serve((socket) => {
      socket.once("data", () => socket.resetAndDestroy());
    });
    const { readable, writable } = (await connect(`127.0.0.1:${server.port}`)).toStreams();
    const received = rejection(collect(readable));
    await writable.getWriter().write(new Uint8Array(1)).catch(() => {});
    assertInstanceOf(await received, Error);
  }));
