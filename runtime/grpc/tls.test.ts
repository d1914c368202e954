// A server and a client of ours over TLS: calls of every kind, who believes whom, certificates that
// change under a stream, and the end.
import { once } from "node:events";
import { connect } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Authority,
  createAuthority,
  type Folder,
  loopback,
  openFolder,
  type Pair,
} from "../../test/testing/certificates.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { createLog } from "../log.ts";
import { bytes, testService } from "../testing/service.ts";
import { type CertificateFiles, openCertificates } from "../tls/certificates.ts";
import { openGrpcServer } from "./server.ts";
import { createGrpcTransport } from "./transport.ts";

let [authority, stranger] = [] as unknown as [Authority, Authority];
let folder: Folder;
let pair: Pair;

beforeAll(async () => {
  [authority, stranger] = [await createAuthority(), await createAuthority("elsewhere")];
  pair = await authority.issue(loopback);
  folder = await openFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const log = createLog({ name: "t", level: "silent" });
const openFiles = (files: CertificateFiles) =>
  openCertificates(files, { log, intervalMs: 3_600_000 });

type Options = {
  clientCa?: boolean;
  handshakeMs?: number;
  allowsClient?: (names: readonly string[]) => boolean;
};

async function openServer({ clientCa = false, ...options }: Options = {}) {
  await using stack = new AsyncDisposableStack();
  const ca = clientCa ? await folder.write("clients.crt", authority.cert) : undefined;
  const certificates = stack.use(
    await openFiles({ ...(await folder.writePair("server", pair)), ca }),
  );
  const refusals: string[] = [];
  const server = stack.use(
    await openGrpcServer(
      {
        host: "127.0.0.1",
        port: 0,
        maxMessageBytes: 1_000_000,
        drainMs: 5_000,
        shutdownReason: () => new ConnectError("stopping", Code.Unavailable),
        toError: (error) => ConnectError.from(error),
        tls: {
          certificates,
          ...options,
          onRefused: ({ reason, names = [] }) => refusals.push([reason, ...names].join(" ")),
        },
      },
      (mount) =>
        mount(testService, {
          unary: (request) => request,
          async *bidi(requests) {
            yield* requests;
          },
        }),
    ),
  );
  const owned = stack.move();
  return {
    certificates,
    refusals,
    port: server.port,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Of the authority, showing a pair if given; asks by an address or a name. */
async function openTestClient(
  port: number,
  options: { host?: string; shown?: Pair; ca?: string | undefined } = {},
) {
  await using stack = new AsyncDisposableStack();
  const { host = "127.0.0.1", shown } = options;
  const ca = await folder.write("ca.crt", options.ca ?? authority.cert);
  const files = shown && (await folder.writePair("client", shown));
  const certificates = stack.use(await openFiles({ ca, ...files }));
  const transport = stack.use(
    createGrpcTransport({ baseUrl: `https://${host}:${port}`, certificates }),
  );
  const owned = stack.move();
  const client = createClient(testService, transport);
  const code = () =>
    client.unary(bytes(1), { timeoutMs: 5_000 }).then(
      () => "answered",
      (error) => Code[ConnectError.from(error).code],
    );
  return { client, certificates, code, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("calls and streams go over TLS, by address and by name", async () => {
  await using server = await openServer();
  for (const host of ["127.0.0.1", "localhost"]) {
    await using asking = await openTestClient(server.port, { host });
    const sent = bytes(200_000, 7);
    expect(Buffer.compare((await asking.client.unary(sent)).value, sent.value)).toBe(0);
    const requests = (async function* () {
      yield bytes(1);
      yield bytes(2);
    })();
    const lengths: number[] = [];
    for await (const { value } of asking.client.bidi(requests)) lengths.push(value.length);
    expect(lengths).toEqual([1, 2]);
  }
});

test("a client believes no server of another authority or name, none whose time is over, and none in the clear", async () => {
  await using server = await openServer();
  await using foreign = await openTestClient(server.port, { ca: stranger.cert });
  expect(await foreign.code()).toBe("Unavailable");
  const mine = pair;
  for (const names of [{ dns: ["elsewhere.example"] }, { dns: ["localhost"] }]) {
    pair = await authority.issue(names);
    await using misnamed = await openServer();
    await using asking = await openTestClient(misnamed.port);
    expect(await asking.code()).toBe("Unavailable");
  }
  pair = await authority.issue(loopback, { fromMs: 0, untilMs: Date.now() - 1_000 });
  await using expired = await openServer();
  pair = mine;
  await using asking = await openTestClient(expired.port);
  expect(await asking.code()).toBe("Unavailable");
  using clear = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` });
  await expect(
    createClient(testService, clear).unary(bytes(1), { timeoutMs: 5_000 }),
  ).rejects.toThrow();
});

test("with authorities for clients, a certificate has to be theirs, valid, and of an allowed name", async () => {
  await using server = await openServer({
    clientCa: true,
    allowsClient: (names) => names.includes("gateway"),
  });
  const of = async (shown?: Pair) => {
    await using asking = await openTestClient(server.port, shown && { shown });
    return await asking.code();
  };
  expect(await of(await authority.issue({ dns: ["x", "Gateway"] }))).toBe("answered");
  expect(await of()).toBe("Unavailable");
  expect(await of(await stranger.issue({ dns: ["gateway"] }))).toBe("Unavailable");
  expect(
    await of(
      await authority.issue({ dns: ["gateway"] }, { fromMs: 0, untilMs: Date.now() - 1_000 }),
    ),
  ).toBe("Unavailable");
  expect(await of(await authority.issue({ dns: ["gateway.evil.example", "*"] }))).toBe(
    "Unavailable",
  );
  expect(await of(await authority.issue({}))).toBe("Unavailable");
  expect([...new Set(server.refusals)].sort()).toEqual([
    "CERT_HAS_EXPIRED",
    "CLIENT_NAME",
    "CLIENT_NAME gateway.evil.example *",
    "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ]);
});

test("both change their certificates while a stream runs; the stream goes on, new connections have the new ones", async () => {
  await using server = await openServer({ clientCa: true });
  await using asking = await openTestClient(server.port, {
    shown: await authority.issue({ dns: ["a"] }),
  });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const requests = (async function* () {
    yield bytes(1);
    await released;
    yield bytes(2);
  })();
  const answers = asking.client.bidi(requests)[Symbol.asyncIterator]();
  expect((await answers.next()).value?.value.length).toBe(1);
  // The whole plant moves to another authority: server, what it believes, and the client alike.
  await folder.writePair("server", await stranger.issue(loopback));
  await folder.write("clients.crt", stranger.cert);
  await server.certificates.reload();
  await using left = await openTestClient(server.port, {
    shown: await authority.issue({ dns: ["a"] }),
  });
  expect(await left.code()).toBe("Unavailable");
  await folder.writePair("client", await stranger.issue({ dns: ["a"] }));
  await folder.write("ca.crt", stranger.cert);
  await left.certificates.reload();
  await eventually("the same client connects anew", async () => (await left.code()) === "answered");
  release();
  expect((await answers.next()).value?.value.length).toBe(2);
  expect((await answers.next()).done).toBe(true);
});

test("who does not shake hands in time is cut, and others are served", async () => {
  await using server = await openServer({ handshakeMs: 100 });
  const silent = connect(server.port, "127.0.0.1");
  silent.on("error", () => {});
  await once(silent.resume(), "close");
  expect(server.refusals).toEqual(["ERR_TLS_HANDSHAKE_TIMEOUT"]);
  await using asking = await openTestClient(server.port);
  expect(await asking.code()).toBe("answered");
});

test("closing ends handshakes, idle connections and streams, and lets nobody in", async () => {
  const server = await openServer({ handshakeMs: 60_000 });
  const silent = connect(server.port, "127.0.0.1");
  silent.on("error", () => {});
  await once(silent, "connect");
  await using asking = await openTestClient(server.port);
  expect(await asking.code()).toBe("answered");
  const { promise: never } = Promise.withResolvers<never>();
  const requests = (async function* () {
    yield bytes(1);
    await never;
  })();
  const answers = asking.client.bidi(requests)[Symbol.asyncIterator]();
  await answers.next();
  const ended = Promise.all([
    once(silent.resume(), "close"),
    expect(answers.next()).rejects.toThrow(),
  ]);
  const startedMs = performance.now();
  await server[Symbol.asyncDispose]();
  await ended;
  // Well below drainMs.
  expect(performance.now() - startedMs).toBeLessThan(4_000);
  expect(await asking.code()).toBe("Unavailable");
});
