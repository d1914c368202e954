// The front server over TLS: both protocols by ALPN, which clients are refused and how they learn
// it, certificates that change, and an orderly end.
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as requestHttps } from "node:https";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { type Certificates, openCertificates } from "../../runtime/tls/certificates.ts";
import {
  type Authority,
  createAuthority,
  type Folder,
  loopback,
  openFolder,
  type Pair,
} from "../../test/testing/certificates.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { defaultConnectionLimits } from "./connections.ts";
import { type HttpServer, type HttpServerOptions, openHttpServer } from "./server.ts";

let [authority, stranger] = [] as unknown as [Authority, Authority];
let pair: Pair;
let folder: Folder;
const opened: (() => unknown)[] = [];

beforeAll(async () => {
  [authority, stranger] = [await createAuthority(), await createAuthority("elsewhere")];
  pair = await authority.issue(loopback);
  folder = await openFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

type Secure = HttpServer & { certificates: Certificates; refusals: string[]; handle: Handle };
type Handle = (request: IncomingMessage, response: ServerResponse) => void;

async function open({
  clientCa = false,
  ...options
}: Partial<HttpServerOptions> & { clientCa?: boolean } = {}) {
  const files = await folder.writePair("server", pair);
  const ca = clientCa ? await folder.write("clients.crt", authority.cert) : undefined;
  const log = createLog({ name: "t", level: "silent" });
  const certificates = await openCertificates({ ...files, ca }, { log, intervalMs: 3_600_000 });
  const refusals: string[] = [];
  const server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    ...options,
    handle: (request, response) => secure.handle(request, response),
    tls: { certificates, onRefused: ({ reason }) => refusals.push(reason) },
  });
  const handle: Handle = (request, response) =>
    response.end(`${request.httpVersion} ${request.url}`);
  const secure: Secure = { ...server, certificates, refusals, handle };
  opened.push(
    () => certificates[Symbol.dispose](),
    () => server.close({ drainMs: 0 }),
  );
  return secure;
}

async function http1({ port }: HttpServer, options: ConnectionOptions = {}): Promise<string> {
  const request = requestHttps({
    host: "127.0.0.1",
    port,
    path: "/a",
    ca: authority.cert,
    agent: false,
    ...options,
  });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return text(response);
}

async function http2({ port }: HttpServer, options: ConnectionOptions = {}): Promise<string> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.cert, ...options });
  const broken = once(session, "error").then(([error]) => Promise.reject(error));
  const stream = session.request({ ":path": "/b" });
  stream.on("error", () => {});
  let answered = false;
  stream.on("response", () => {
    answered = true;
  });
  const answer = await Promise.race([text(stream), broken]).finally(() => session.destroy());
  if (!answered) throw new Error("closed without an answer");
  return answer;
}

/** The secured connection; rejects if the handshake fails. */
async function handshake({ port }: HttpServer, options: ConnectionOptions = {}) {
  const socket = connectTls({ host: "127.0.0.1", port, ca: authority.cert, ...options });
  await once(socket, "secureConnect");
  return socket;
}

const serialOf = async (server: HttpServer) => {
  const socket = await handshake(server);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
};

test("HTTP/2 and HTTP/1.1 on one port, by ALPN; without ALPN it is HTTP/1.1", async () => {
  const server = await open();
  expect(await http1(server)).toBe("1.1 /a");
  expect(await http2(server)).toBe("2.0 /b");
  expect(await http1(server, { ALPNProtocols: [] })).toBe("1.1 /a");
  for (const [offered, agreed] of [
    [["http/1.1", "h2"], "h2"],
    [["http/1.1"], "http/1.1"],
    [[], false],
  ] as const) {
    const socket = await handshake(server, { ALPNProtocols: [...offered] });
    expect(socket.alpnProtocol).toBe(agreed);
    socket.destroy();
  }
  await expect(handshake(server, { ALPNProtocols: ["spdy/3"] })).rejects.toThrow(
    /no application protocol|no_application_protocol/i,
  );
});

test("TLS 1.2 and 1.3 are spoken, 1.1 and the clear are not", async () => {
  const server = await open();
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = await handshake(server, { minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    socket.destroy();
  }
  // Clients' own OpenSSL would not even try without the lower security level.
  const old = {
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  } as const;
  await expect(handshake(server, old)).rejects.toThrow(/protocol version|unsupported protocol/i);
  await eventually("it is told of", () => server.refusals.includes("ERR_SSL_UNSUPPORTED_PROTOCOL"));
  const clear = connect(server.port, "127.0.0.1");
  clear.on("error", () => {});
  clear.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  expect(await text(clear).catch(() => "")).not.toContain("HTTP/1.1");
});

test("a client believes it only with the right authority, name and time", async () => {
  const server = await open();
  await expect(http1(server, { ca: stranger.cert })).rejects.toThrow(
    /unable to verify|self-signed|issuer/,
  );
  await expect(http1(server, { servername: "elsewhere.example" })).rejects.toThrow(
    /Hostname\/IP does not match/,
  );
  const old = await authority.issue(loopback, {
    fromMs: Date.now() - 7_200_000,
    untilMs: Date.now() - 3_600_000,
  });
  pair = old;
  const expired = await open();
  pair = await authority.issue(loopback);
  await expect(http1(expired)).rejects.toThrow(/expired/);
});

test("with authorities for clients, only their certificates get in, and the log says why others do not", async () => {
  const server = await open({ clientCa: true });
  const mine = await authority.issue({ dns: ["mill-7"] });
  const foreign = await stranger.issue({ dns: ["mill-7"] });
  const expired = await authority.issue(
    { dns: ["mill-7"] },
    { fromMs: 0, untilMs: Date.now() - 1_000 },
  );
  expect(await http1(server, { ...mine })).toBe("1.1 /a");
  expect(await http2(server, { ...mine })).toBe("2.0 /b");
  for (const shown of [{}, foreign, expired])
    for (const ask of [http1, http2]) await expect(ask(server, { ...shown })).rejects.toThrow();
  await eventually("all six are told of", () => server.refusals.length >= 6);
  expect([...new Set(server.refusals)].sort()).toEqual([
    "CERT_HAS_EXPIRED",
    "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ]);
});

test("a session is not resumed where clients show certificates", async () => {
  const server = await open({ clientCa: true });
  const mine = await authority.issue({ dns: ["mill-7"] });
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const first = await handshake(server, { ...mine, maxVersion });
    let session = first.getSession();
    first.on("session", (given) => {
      session = given;
    });
    first.write("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
    await once(first, "data");
    first.destroy();
    const again = await handshake(server, { ...mine, maxVersion, ...(session && { session }) });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
  }
});

test("new connections get the new certificate, a stream that runs goes on", async () => {
  const server = await open();
  const started = Promise.withResolvers<ServerResponse>();
  server.handle = (_request, response) => {
    response.write("before ");
    started.resolve(response);
  };
  const running = http2(server);
  const response = await started.promise;
  const before = await serialOf(server);
  await folder.writePair("server", await authority.issue(loopback));
  await server.certificates.reload();
  const after = await serialOf(server);
  expect(after).not.toBe(before);
  await folder.write("server.key", "no key");
  await server.certificates.reload();
  expect(await serialOf(server)).toBe(after);
  response.end("after");
  expect(await running).toBe("before after");
});

test("new authorities for clients hold from the next connection on", async () => {
  const server = await open({ clientCa: true });
  const theirs = await stranger.issue({ dns: ["mill-7"] });
  await expect(http2(server, { ...theirs })).rejects.toThrow();
  await folder.write("clients.crt", stranger.cert);
  await server.certificates.reload();
  expect(await http2(server, { ...theirs })).toBe("2.0 /b");
});

test("who does not shake hands is cut, who comes beyond the limit of connections not let that far", async () => {
  const limits = { ...defaultConnectionLimits, maxConnections: 2 };
  const server = await open({ prefaceMs: 100, limits });
  const silent = await raw(server);
  const halfway = await raw(server);
  // A record that claims to be a ClientHello of 512 bytes, and then nothing.
  halfway.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252]));
  await eventually("both are counted", () => server.connections.open === 2);
  await once((await raw(server)).resume(), "close");
  expect(server.connections.refused).toBe(1);
  await Promise.all([once(silent.resume(), "close"), once(halfway.resume(), "close")]);
  expect(server.refusals).toEqual(["ERR_TLS_HANDSHAKE_TIMEOUT", "ERR_TLS_HANDSHAKE_TIMEOUT"]);
  await eventually("none is counted", () => server.connections.open === 0);
  expect(await http1(server)).toBe("1.1 /a");
});

test("1,500 connections that never shake hands keep nobody out", async () => {
  const limits = { ...defaultConnectionLimits, maxConnections: 2_000 };
  const server = await open({ prefaceMs: 60_000, limits });
  const silent: Socket[] = [];
  // In portions that fit into the system's queue.
  while (silent.length < 1_500) {
    silent.push(...(await Promise.all(Array.from({ length: 100 }, () => raw(server)))));
    await eventually("they are counted", () => server.connections.open === silent.length);
  }
  expect(await http1(server)).toBe("1.1 /a");
  expect(await http2(server)).toBe("2.0 /b");
  for (const socket of silent) socket.destroy();
});

test("closing ends handshakes and idle connections at once and lets a request finish", async () => {
  const server = await open({ prefaceMs: 60_000 });
  const pending = await raw(server);
  const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca: authority.cert });
  await once(session, "remoteSettings");
  const idle = await handshake(server, { ALPNProtocols: ["http/1.1"] });
  idle.write("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(idle, "data");
  const arrived = Promise.withResolvers<ServerResponse>();
  server.handle = (_request, response) => arrived.resolve(response);
  const answer = http1(server);
  const response = await arrived.promise;
  const ended = [pending.resume(), idle.resume(), session].map((one) => once(one, "close"));
  const closing = server.close({ drainMs: 60_000 });
  await Promise.all(ended);
  response.end("done");
  expect(await answer).toBe("done");
  await closing;
});

async function raw({ port }: HttpServer): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}
