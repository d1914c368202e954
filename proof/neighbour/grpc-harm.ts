// Harm over gRPC that stores nothing: messages that cost more than they weigh, unbounded questions,
// answers left unread.
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AggregateSamplesRequestSchema,
  QuerySignalsRequestSchema,
  ReadSignalsRequestSchema,
  WatchSignalsRequestSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import {
  callHead,
  emptyCall,
  frame,
  preface,
  repeat,
  reset,
} from "../../test/testing/http2-frames.ts";
import { type Harm, hammer, leaveUnread, repeatedly, type Target, writeAndLeave } from "./harm.ts";

const check = "/grpc.health.v1.Health/Check";
const service = "/millrace.v1.SignalService/";

/** A message in which every two bytes make one more object, in few bytes on the wire. */
const bomb = (pair: readonly [number, number], count: number) =>
  gzipSync(Buffer.alloc(2 * count, Buffer.from(pair)));
const wrapped = (field: number, body: Buffer) => {
  const length = [];
  for (let left = body.length; left > 0; left = Math.floor(left / 128))
    length.push((left % 128) | (left > 127 ? 128 : 0));
  return Buffer.concat([Buffer.from([field * 8 + 2, ...length]), body]);
};
const unknownFields = bomb([0x10, 0x00], 4_000_000);
const names = Array.from({ length: 1_000 }, (_, i) => `bad-${i}`);
const everySample = { signal: "power", machines: ["bad-full"], pageSize: 10_000 };
const since1 = { startTime: { seconds: -62_135_596_800n } };

export const grpcHarm: Record<string, Harm> = {
  "unknown fields, no credential": (target) =>
    hammer(target, { path: check, message: unknownFields, gzip: true }),
  "unknown fields, plain": (target) =>
    hammer(target, {
      path: check,
      message: Buffer.alloc(900_000, Buffer.from([0x10, 0x00])),
      gzip: false,
    }),
  "empty submessages": (target) =>
    hammer(target, {
      path: "/millrace.v1.IngestService/IngestBatch",
      message: gzipSync(wrapped(3, Buffer.alloc(8_000_000, Buffer.from([0x12, 0x00])))),
      gzip: true,
      headers: target.headers,
    }),
  "many names": (target) =>
    repeatedly(target, 16, () =>
      target.signals.querySignals({ signal: "power", machines: names }, { timeoutMs: 5_000 }),
    ),
  "latest of everything": (target) =>
    repeatedly(target, 32, () =>
      target.signals.getLatest({ machines: names }, { timeoutMs: 5_000 }),
    ),
  "buckets without measure": (target) =>
    repeatedly(target, 32, () =>
      target.signals.aggregateSamples(
        {
          signals: ["power"],
          startTime: { seconds: BigInt(Math.floor(Date.now() / 1000) - 3_600) },
          resolution: { case: "points", value: 10_000 },
        },
        { timeoutMs: 30_000 },
      ),
    ),
  "summaries since year 1": (target) =>
    repeatedly(target, 140, () => target.signals.summarizeMachines(since1, { timeoutMs: 60_000 })),
  "versions of everything": (target) =>
    repeatedly(target, 64, () =>
      target.signals.getVersion(
        {
          query: {
            case: "aggregateSamples",
            value: create(AggregateSamplesRequestSchema, { signals: ["power"], ...since1 }),
          },
        },
        { timeoutMs: 30_000 },
      ),
    ),
  "ranges unread": (target) =>
    leaveUnread(target, {
      url: target.accessorUrl,
      path: `${service}ReadSignals`,
      message: toBinary(
        ReadSignalsRequestSchema,
        create(ReadSignalsRequestSchema, { signals: ["power"] }),
      ),
      count: 64,
    }),
  "ranges unread at the gateway": (target) =>
    leaveUnread(target, {
      url: target.gatewayUrl,
      path: `${service}ReadSignals`,
      message: toBinary(
        ReadSignalsRequestSchema,
        create(ReadSignalsRequestSchema, { signals: ["power"] }),
      ),
      count: 64,
    }),
  "pages unread": (target) =>
    leaveUnread(target, {
      url: target.accessorUrl,
      path: `${service}QuerySignals`,
      message: toBinary(QuerySignalsRequestSchema, create(QuerySignalsRequestSchema, everySample)),
      count: 1_000,
    }),
  "feeds unread": (target) =>
    leaveUnread(target, {
      url: target.accessorUrl,
      path: `${service}WatchSignals`,
      message: toBinary(
        WatchSignalsRequestSchema,
        create(WatchSignalsRequestSchema, {
          start: {
            case: "fromCommitTime",
            value: { seconds: BigInt(Math.floor(Date.now() / 1000) - 600) },
          },
        }),
      ),
      count: 200,
    }),
  "calls at once": (target) => callAtOnce(target, (i, head) => emptyCall(i, head)),
  "calls reset at once": (target) =>
    callAtOnce(target, (i, head) => Buffer.concat([emptyCall(i, head), reset(i)])),
  "calls without a message": (target) =>
    callAtOnce(target, (i, head) => frame(1, 4, 2 * i + 1, head)),
  "frames of a byte": (target) => {
    const prefix = Buffer.from([0, 0, 0x3f, 0xff, 0xff]);
    const open = frame(1, 4, 1, callHead("/millrace.v1.IngestService/IngestBatch", target.headers));
    const bytes = repeat(50_000, () => frame(0, 0, 1, Buffer.alloc(1)));
    return toBoth(target, Buffer.concat([preface, open, frame(0, 0, 1, prefix), bytes]));
  },
  "small frames among large ones": (target) => {
    const prefix = Buffer.from([0, 0, 0, 0x0f, 0xff]);
    const head = callHead("/millrace.v1.IngestService/IngestBatch", target.headers);
    const open = repeat(60, (i) =>
      Buffer.concat([frame(1, 4, 2 * i + 1, head), frame(0, 0, 2 * i + 1, prefix)]),
    );
    // A frame of unknown type: ignored, but read together with the small one.
    const ignored = repeat(4, () => frame(0xf0, 0, 0, Buffer.alloc(15_000)));
    const small = repeat(120, (i) =>
      Buffer.concat([frame(0, 0, 2 * (i % 60) + 1, Buffer.alloc(16)), ignored]),
    );
    return toBoth(target, Buffer.concat([preface, open, small]));
  },
  "half messages": (target) => {
    const half = Buffer.alloc(8_000_000);
    half.writeUInt32BE(16_000_000, 1);
    const path = "/millrace.v1.IngestService/IngestBatch";
    return leaveUnread(target, { url: target.accessorUrl, path, body: half, count: 200 });
  },
  "credentials that nobody has": (target) =>
    hammer(target, {
      path: `${service}GetLatest`,
      message: Buffer.alloc(0),
      gzip: false,
      headers: { authorization: `Bearer ${"eyJhbGciOiJSUzI1NiJ9.".repeat(300).slice(0, 8_000)}` },
      atOnce: 32,
    }),
};

/** Two thousand streams in one write, to the accessor, on each of ten connections. */
function callAtOnce(target: Target, make: (i: number, head: Buffer) => Buffer): Promise<void> {
  const head = callHead(`${service}ListSignals`, target.headers);
  return writeAndLeave(
    target,
    target.accessorPort,
    10,
    Buffer.concat([preface, repeat(2_000, (i) => make(i, head))]),
  );
}

/** The same in one write to each port, on five connections. */
async function toBoth(target: Target, bytes: Buffer): Promise<void> {
  const ports = [target.accessorPort, target.gatewayPort];
  await Promise.all(ports.map((port) => writeAndLeave(target, port, 5, bytes)));
}
