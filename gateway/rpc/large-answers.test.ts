// A large answer arrives whole through every protocol, in JSON and in binary, compressed if that
// was requested.
import { createClient, type Transport } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
const transports: Record<string, Transport> = {};
beforeAll(async () => {
  gateway = await openTestGateway();
  const { baseUrl } = gateway;
  for (const useBinaryFormat of [true, false]) {
    const format = { baseUrl, useBinaryFormat };
    const name = useBinaryFormat ? "binary" : "JSON";
    transports[`Connect ${name}`] = createConnectTransport({ ...format, httpVersion: "1.1" });
    transports[`Connect ${name}, uncompressed`] = createConnectTransport({
      ...format,
      httpVersion: "2",
      acceptCompression: [],
    });
    transports[`Connect ${name} GET`] = createConnectTransport({
      ...format,
      httpVersion: "1.1",
      useHttpGet: true,
    });
    transports[`gRPC-Web ${name}`] = createGrpcWebTransport({ ...format, httpVersion: "2" });
    transports[`gRPC ${name}`] = createGrpcTransport(format);
  }
  const time = { seconds: 1_772_352_000n, nanos: 1_000 };
  const buckets = Array.from({ length: 3_000 }, (_, i) => ({
    startTime: time,
    count: BigInt(i),
    min: -0,
    mean: i / 7,
  }));
  gateway.accessor.signals.aggregateSamples = () => ({
    series: ["m1", "m2"].map((machine) => ({
      machine,
      signal: "power",
      maxGap: { seconds: 1n, nanos: 0 },
      buckets,
    })),
    nextPageToken: "next",
    cursor: "c7",
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

test.each([
  ["gRPC", createGrpcTransport],
  [
    "gRPC-Web",
    (options: { baseUrl: string; acceptCompression: Compression[] }) =>
      createGrpcWebTransport({ ...options, httpVersion: "2" }),
  ],
] as const)("%s compresses it for a client that takes gzip", async (_, createTransport) => {
  const sizes: number[][] = [];
  const watched: Compression = {
    ...compressionGzip,
    async decompress(bytes, maxBytes) {
      const plain = await compressionGzip.decompress(bytes, maxBytes);
      sizes.push([bytes.byteLength, plain.byteLength]);
      return plain;
    },
  };
  const transport = createTransport({ baseUrl: gateway.baseUrl, acceptCompression: [watched] });
  const { series } = await createClient(SignalService, transport).aggregateSamples({
    signals: ["power"],
  });
  expect(series.map(({ buckets }) => buckets.length)).toEqual([3_000, 3_000]);
  const [compressed = 0, plain = 0] = sizes[0] ?? [];
  expect(plain).toBeGreaterThan(100_000);
  expect(compressed).toBeLessThan(plain / 2);
});

const kinds = ["Connect", "gRPC-Web", "gRPC"].flatMap((protocol) =>
  ["binary", "JSON"].flatMap((format) =>
    (protocol === "Connect" ? ["", ", uncompressed", " GET"] : [""]).map(
      (how) => `${protocol} ${format}${how}`,
    ),
  ),
);

test.each(kinds)("%s", async (kind) => {
  const headers = new Headers();
  const { series, nextPageToken, cursor } = await createClient(
    SignalService,
    transports[kind]!,
  ).aggregateSamples(
    { signals: ["power"] },
    {
      onHeader: (header) =>
        headers.set("content-encoding", header.get("content-encoding") ?? "none"),
    },
  );
  expect([nextPageToken, cursor]).toEqual(["next", "c7"]);
  expect(series.map(({ machine, maxGap }) => [machine, maxGap?.seconds])).toEqual([
    ["m1", 1n],
    ["m2", 1n],
  ]);
  for (const { buckets } of series) {
    expect(buckets).toHaveLength(3_000);
    for (const [i, { count, min, mean, startTime }] of buckets.entries()) {
      if (count === BigInt(i) && Object.is(min, -0) && mean === i / 7 && startTime?.nanos === 1_000)
        continue;
      throw new Error(`bucket ${i} is ${count}, ${min}, ${mean}`);
    }
  }
  // Its client does not ask for compression by GET.
  if (kind.startsWith("Connect"))
    expect(headers.get("content-encoding")).toBe(/uncompressed|GET/.test(kind) ? "none" : "br");
});
