// Who gets at an accessor over TLS, by certificate, and under which producer ids; from wrong
// authorities to files that change while feeds run.
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import {
  type CertificateFiles,
  type Certificates,
  openCertificates,
} from "../../runtime/tls/certificates.ts";
import {
  type Authority,
  createAuthority,
  type Folder,
  loopback,
  type Names,
  openFolder,
} from "../../test/testing/certificates.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";
import { openKeyFixture } from "../testing/keys.ts";

let [plant, stranger] = [] as unknown as [Authority, Authority];
let folder: Folder;
let accessor: TestAccessor;
let [served, believed, other] = [] as unknown as [Certificates, string, string];
const lines: string[] = [];
const log = createLog({ name: "accessor", format: "json", sink: (line) => lines.push(line) });
const silent = createLog({ name: "t", level: "silent" });
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  [plant, stranger] = [await createAuthority(), await createAuthority("elsewhere")];
  folder = stack.use(await openFolder());
  believed = await folder.write("plant.crt", plant.cert);
  other = await folder.write("other.crt", stranger.cert);
  const files = {
    ...(await folder.writePair("server", await plant.issue(loopback))),
    ca: believed,
  };
  served = stack.use(await openCertificates(files, { log, intervalMs: 3_600_000 }));
  const rules = { clientNames: ["gateway", "spiffe://plant/*"], producerNames: ["mill-*"] };
  accessor = stack.use(
    await openTestAccessor({
      host: "0.0.0.0",
      tls: { certificates: served, rules },
      log,
      bookmarkIntervalMs: 20,
    }),
  );
});
afterAll(() => stack.disposeAsync());

type Dialed = AsyncDisposable & {
  signals: Client<typeof SignalService>;
  ingest: Client<typeof IngestService>;
  certificates: Certificates;
};

async function dial(
  files: CertificateFiles,
  host = "127.0.0.1",
  port = accessor.port,
): Promise<Dialed> {
  await using own = new AsyncDisposableStack();
  const certificates = own.use(
    await openCertificates(files, { log: silent, intervalMs: 3_600_000 }),
  );
  const transport = own.use(
    createGrpcTransport({ baseUrl: `https://${host}:${port}`, certificates }),
  );
  const [signals, ingest] = [
    createClient(SignalService, transport),
    createClient(IngestService, transport),
  ];
  const owned = own.move();
  return { signals, ingest, certificates, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

let count = 0;
const shown = async (
  names: Names,
  { by = plant, ...validity }: { by?: Authority; fromMs?: number; untilMs?: number } = {},
) => folder.writePair(`client-${++count}`, await by.issue(names, validity));
const as = async (...[names, how]: Parameters<typeof shown>) =>
  dial({ ca: believed, ...(await shown(names, how)) });

const dialAs = async (files: CertificateFiles, host?: string) =>
  dial({ ...(await shown({ dns: ["gateway"] })), ...files }, host);
const agoMs = (ms: number) => Date.now() - ms;

const send = ({ ingest }: Dialed, producerId: string) =>
  ingest.ingestBatch({ producerId, sequence: 1n, batch: oneSample(1, { machine: "mill-7" }) });
const refusedSince = (from: number) => lines.slice(from).filter((line) => line.includes("refused"));

test("a gateway reads, and sends as anybody", async () => {
  await using gateway = await as({ dns: ["gateway"] });
  await gateway.signals.listMachines({});
  await expect(send(gateway, "rest:1")).resolves.toBeDefined();
  await using other = await as({ uri: ["spiffe://plant/dashboard"] });
  await other.signals.listMachines({});
});

test("a producer sends under its certificate's name, and under a part of it, and under no other", async () => {
  await using producer = await as({ dns: ["mill-7", "mill-8"] });
  for (const id of ["mill-7", "mill-7.live", "mill-8.backlog"])
    await expect(send(producer, id)).resolves.toBeDefined();
  for (const id of ["mill-9", "mill-70", "mill-7-b", "mill-7.a.b", "Mill-7", "rest:1", "gateway"]) {
    const refusal = ConnectError.from(await send(producer, id).catch((error: unknown) => error));
    expect([id, refusal.code], refusal.message).toEqual([id, Code.PermissionDenied]);
  }
  await producer.signals.listMachines({});
});

test("a name counts by the patterns that it fits, and the common name does not count", async () => {
  // Both a gateway and a producer: as much as a gateway.
  await using both = await as({ dns: ["mill-7", "gateway"] });
  await expect(send(both, "rest:2")).resolves.toBeDefined();
  // A name of its own beside the one that it was let in for does not widen what it may send.
  await using sly = await as({ dns: ["mill-7", "press-1"] });
  await expect(send(sly, "press-1")).rejects.toMatchObject({ code: Code.PermissionDenied });
});

test.each<[who: string, connect: () => Promise<Dialed>, said: RegExp | undefined]>([
  ["without a certificate", () => dial({ ca: believed }), undefined],
  [
    "with a certificate of another authority",
    () => as({ dns: ["gateway"] }, { by: stranger }),
    undefined,
  ],
  [
    "with one that ran out",
    () => as({ dns: ["gateway"] }, { fromMs: agoMs(7_200_000), untilMs: agoMs(60_000) }),
    undefined,
  ],
  [
    "with one that begins tomorrow",
    () => as({ dns: ["gateway"] }, { fromMs: agoMs(-86_400_000) }),
    undefined,
  ],
  ["under a foreign name", () => as({ dns: ["press-1"] }), undefined],
  ["without any name", () => as({ ip: ["127.0.0.1"] }), undefined],
  [
    "that believes another authority",
    () => dialAs({ ca: other }),
    /self-signed certificate in certificate chain/,
  ],
  [
    "that believes only those of Node",
    () => dialAs({ ca: undefined }),
    /self-signed certificate in certificate chain/,
  ],
  [
    "that means another host",
    () => dialAs({ ca: believed }, "127.0.0.2"),
    /does not match certificate's altnames/,
  ],
])("a client %s gets nowhere", async (_, connect, said) => {
  const from = lines.length;
  await using client = await connect();
  const failure = ConnectError.from(
    await client.signals.listMachines({}, { timeoutMs: 5_000 }).catch((e: unknown) => e),
  );
  expect(failure.code).toBe(Code.Unavailable);
  // What the accessor refuses it writes down; what the client refuses it says.
  if (said) expect(failure.message).toMatch(said);
  else await eventually("it is written down", () => refusedSince(from).length > 0);
});

test("where keys are asked for, key and certificate must both allow it", async () => {
  await using keys = await openKeyFixture(accessor.databaseUrl);
  const headers = async (producer: string) => ({
    headers: {
      authorization: `Bearer ${await keys.create({ scope: ["write"], producer: [producer] })}`,
    },
  });
  const [ofSix, ofAll] = [await headers("mill-6"), await headers("*")];
  await using guarded = await openTestAccessor({
    auth: {},
    databaseUrl: accessor.databaseUrl,
    log: silent,
    tls: { certificates: served, rules: { clientNames: [], producerNames: ["mill-*"] } },
  });
  await using producer = await dial(
    { ca: believed, ...(await shown({ dns: ["mill-5"] })) },
    "127.0.0.1",
    guarded.port,
  );
  const sendWith = (producerId: string, options = {}) =>
    producer.ingest.ingestBatch(
      { producerId, sequence: 1n, batch: oneSample(1, { machine: "m" }) },
      options,
    );
  await expect(sendWith("mill-5")).rejects.toMatchObject({ code: Code.Unauthenticated });
  await expect(sendWith("mill-5", ofSix)).rejects.toMatchObject({ code: Code.PermissionDenied });
  await expect(sendWith("mill-6", ofAll)).rejects.toMatchObject({ code: Code.PermissionDenied });
  await expect(sendWith("mill-5", ofAll)).resolves.toBeDefined();
});

test("new certificates are for new connections; feeds that run go on", async () => {
  await using before = await as({ dns: ["gateway"] });
  const stop = new AbortController();
  const feed = before.signals.watchSignals({}, { signal: stop.signal });
  const messages = feed[Symbol.asyncIterator]();
  expect((await messages.next()).done).toBe(false);

  // Another authority altogether, for the server and for its clients.
  const next = await createAuthority("plant, later");
  await folder.writePair("server", await next.issue(loopback));
  await folder.write("plant.crt", next.cert);
  await served.reload();
  for (let i = 0; i < 3; i++) expect((await messages.next()).done).toBe(false);

  await using late = await as({ dns: ["gateway"] }, { by: plant });
  await expect(late.signals.listMachines({}, { timeoutMs: 5_000 })).rejects.toMatchObject({
    code: Code.Unavailable,
  });
  await using renewed = await as({ dns: ["gateway"] }, { by: next });
  await renewed.signals.listMachines({});

  // A client that runs takes new files for its next connection.
  const { cert, key } = await shown({ dns: ["gateway"] }, { by: stranger });
  await using longLived = await dial({ ca: believed, cert, key });
  await expect(longLived.signals.listMachines({}, { timeoutMs: 5_000 })).rejects.toThrow();
  await folder.writePair(`client-${count}`, await next.issue({ dns: ["gateway"] }));
  await longLived.certificates.reload();
  await eventually("it is let in", () =>
    longLived.signals.listMachines({}).then(
      () => true,
      () => false,
    ),
  );

  stop.abort();
  await messages.next().catch(() => {});
});
