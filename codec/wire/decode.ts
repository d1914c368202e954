// Decodes messages with columns from protobuf bytes, copying values as one block: 1 ns a sample
// instead of 10, and nothing for the garbage collector. The result is the same as that of
// protobuf-es, or undefined for what this decoder does not handle.
import { fromBinary } from "@bufbuild/protobuf";
import { type Duration, type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type {
  IngestBatchesRequest,
  IngestBatchRequest,
  IngestRequest,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch, ErrorReport, Samples, StateChange } from "#gen/millrace/v1/signal_pb.ts";
import {
  type ReadSignalsResponse,
  SampleBlockSchema,
  type WatchSignalsResponse,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { createColumnMessage, PackedColumn, type Spacing } from "./column-message.ts";
import { PackedDoubles, Unusual, WireReader } from "./reader.ts";

/** An IngestRequest with a batch. */
export function decodeIngestRequest(bytes: Uint8Array): IngestRequest | undefined {
  return attempt(bytes, (reader) => {
    let value: (IngestRequest["message"] & { case: "batch" })["value"] | undefined;
    while (!reader.done) {
      if (reader.tag() !== lengthTag(2) || value !== undefined) throw new Unusual();
      value = readNumberedBatch(reader.message());
    }
    if (value === undefined) throw new Unusual();
    return { $typeName: "millrace.v1.IngestRequest", message: { case: "batch", value } };
  });
}

export function decodeIngestBatchRequest(bytes: Uint8Array): IngestBatchRequest | undefined {
  return attempt(bytes, (reader) => {
    const request: IngestBatchRequest = {
      $typeName: "millrace.v1.IngestBatchRequest",
      producerId: "",
      sequence: 0n,
    };
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === lengthTag(1)) request.producerId = reader.text();
      else if (tag === numberTag(2)) request.sequence = BigInt(reader.number());
      else if (tag === lengthTag(3)) once(request, "batch", readBatch(reader.message()));
      else throw new Unusual();
    }
    return request;
  });
}

export function decodeIngestBatchesRequest(bytes: Uint8Array): IngestBatchesRequest | undefined {
  return attempt(bytes, (reader) => {
    const request: IngestBatchesRequest = {
      $typeName: "millrace.v1.IngestBatchesRequest",
      producerId: "",
      sequence: 0n,
      batches: [],
    };
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === lengthTag(1)) request.producerId = reader.text();
      else if (tag === numberTag(2)) request.sequence = BigInt(reader.number());
      else if (tag === lengthTag(3)) request.batches.push(readBatch(reader.message()));
      else throw new Unusual();
    }
    return request;
  });
}

export function decodeReadSignalsResponse(bytes: Uint8Array): ReadSignalsResponse | undefined {
  return attempt(bytes, (reader) => {
    const response: ReadSignalsResponse = {
      $typeName: "millrace.v1.ReadSignalsResponse",
      batches: [],
      cursor: "",
      blocks: [],
    };
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === lengthTag(1)) response.batches.push(readBatch(reader.message()));
      else if (tag === lengthTag(2)) response.cursor = reader.text();
      else if (tag === lengthTag(3))
        response.blocks.push(fromBinary(SampleBlockSchema, reader.bytes(), known));
      else throw new Unusual();
    }
    return response;
  });
}

export function decodeWatchSignalsResponse(bytes: Uint8Array): WatchSignalsResponse | undefined {
  return attempt(bytes, (reader) => {
    const response: WatchSignalsResponse = {
      $typeName: "millrace.v1.WatchSignalsResponse",
      after: "",
      through: "",
      batches: [],
      partial: false,
    };
    while (!reader.done) {
      const tag = reader.tag();
      if (tag === lengthTag(1)) response.after = reader.text();
      else if (tag === lengthTag(2)) response.through = reader.text();
      else if (tag === lengthTag(3))
        once(response, "commitTime", fromBinary(TimestampSchema, reader.bytes(), known));
      else if (tag === lengthTag(4)) response.batches.push(readBatch(reader.message()));
      else if (tag === numberTag(5)) response.partial = reader.number() !== 0;
      else throw new Unusual();
    }
    return response;
  });
}

/** Unknown fields are dropped. */
const known = { readUnknownFields: false };

/** What fails here also fails in protobuf-es, with its own message. */
function attempt<T>(bytes: Uint8Array, read: (reader: WireReader) => T): T | undefined {
  try {
    return read(new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  } catch {
    return undefined;
  }
}

const lengthTag = (field: number) => field * 8 + 2;
const numberTag = (field: number) => field * 8;

/** A message field that occurs twice is merged, which is left to protobuf-es. */
function once<K extends string, V>(target: { [key in K]?: V }, key: K, value: V): void {
  if (target[key] !== undefined) throw new Unusual();
  target[key] = value;
}

function readNumberedBatch(reader: WireReader) {
  let sequence = 0;
  let batch: Batch | undefined;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(1)) sequence = reader.number();
    else if (tag === lengthTag(2) && batch === undefined) batch = readBatch(reader.message());
    else throw new Unusual();
  }
  const numbered = { $typeName: "millrace.v1.NumberedBatch" as const, sequence: BigInt(sequence) };
  return batch === undefined ? numbered : { ...numbered, batch };
}

function readBatch(reader: WireReader): Batch {
  const batch: Batch = {
    $typeName: "millrace.v1.Batch",
    machine: "",
    stateChanges: [],
    errorReports: [],
    samples: [],
    eventDuplicates: 0,
  };
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthTag(1)) batch.machine = reader.text();
    else if (tag === lengthTag(2)) batch.stateChanges.push(readStateChange(reader.message()));
    else if (tag === lengthTag(3)) batch.errorReports.push(readErrorReport(reader.message()));
    else if (tag === lengthTag(4)) batch.samples.push(readSamples(reader.message()));
    else if (tag === numberTag(5))
      batch.eventDuplicates = readInt32(reader) as Batch["eventDuplicates"];
    else throw new Unusual();
  }
  return batch;
}

function readStateChange(reader: WireReader): StateChange {
  const change: StateChange = { $typeName: "millrace.v1.StateChange", state: 0, reason: "" };
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthTag(1)) once(change, "time", readTime(reader.message()));
    else if (tag === numberTag(2)) change.state = readInt32(reader) as StateChange["state"];
    else if (tag === lengthTag(3)) change.reason = reader.text();
    else throw new Unusual();
  }
  return change;
}

function readErrorReport(reader: WireReader): ErrorReport {
  const report: ErrorReport = {
    $typeName: "millrace.v1.ErrorReport",
    severity: 0,
    code: "",
    message: "",
  };
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthTag(1)) once(report, "time", readTime(reader.message()));
    else if (tag === numberTag(2)) report.severity = readInt32(reader) as ErrorReport["severity"];
    else if (tag === lengthTag(3)) report.code = reader.text();
    else if (tag === lengthTag(4)) report.message = reader.text();
    else throw new Unusual();
  }
  return report;
}

function readTime(reader: WireReader): Timestamp {
  return { $typeName: "google.protobuf.Timestamp", ...readSeconds(reader) };
}

function readDuration(reader: WireReader): Duration {
  return { $typeName: "google.protobuf.Duration", ...readSeconds(reader) };
}

/** Messages with times before 1970, which take ten bytes, are left to protobuf-es. */
function readSeconds(reader: WireReader): { seconds: bigint; nanos: number } {
  let seconds = 0;
  let nanos = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(1)) seconds = reader.number();
    else if (tag === numberTag(2)) nanos = readInt32(reader);
    else throw new Unusual();
  }
  return { seconds: BigInt(seconds), nanos };
}

function readInt32(reader: WireReader): number {
  const value = reader.number();
  if (value > 0x7fff_ffff) throw new Unusual();
  return value;
}

const noDoubles = new PackedDoubles(Buffer.alloc(0));

type Read = {
  maxGap?: Samples["maxGap"];
  values?: PackedDoubles;
  spacing?: Spacing;
  timesUs?: Float64Array;
};

function readSamples(reader: WireReader): Samples {
  let signal = "";
  let unit = "";
  let sampleType: Samples["sampleType"] = 0;
  let duplicates: Samples["duplicates"] = 0;
  const read: Read = {};
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === lengthTag(1)) signal = reader.text();
    else if (tag === lengthTag(2)) unit = reader.text();
    else if (tag === lengthTag(3)) once(read, "maxGap", readDuration(reader.message()));
    else if (tag === lengthTag(4)) once(read, "spacing", readGrid(reader.message()));
    else if (tag === lengthTag(5)) once(read, "timesUs", readDeltas(reader.message()));
    else if (tag === lengthTag(6)) once(read, "values", reader.doubles());
    else if (tag === numberTag(7)) sampleType = readInt32(reader) as Samples["sampleType"];
    else if (tag === numberTag(8)) duplicates = readInt32(reader) as Samples["duplicates"];
    else throw new Unusual();
  }
  const { maxGap, spacing, timesUs, values = noDoubles } = read;
  // Neither or both are present: of a oneof, the last one counts.
  if ((spacing === undefined) === (timesUs === undefined)) throw new Unusual();
  return createColumnMessage(
    new PackedColumn(
      { signal, unit, maxGap, sampleType, duplicates, spacing },
      { timesUs, values },
    ),
  );
}

function readGrid(reader: WireReader): Spacing {
  let startUs = 0;
  let periodUs = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === numberTag(1)) startUs = reader.number();
    else if (tag === numberTag(2)) periodUs = reader.number();
    else throw new Unusual();
  }
  return { startUs, periodUs };
}

function readDeltas(reader: WireReader): Float64Array {
  let sums: Float64Array | undefined;
  while (!reader.done) {
    if (reader.tag() !== lengthTag(1) || sums !== undefined) throw new Unusual();
    sums = reader.sums();
  }
  return sums ?? new Float64Array(0);
}
