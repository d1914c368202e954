// Everything we write, we read: exports, dead letters and SQL's CSV are accepted by every door with
// the same bits, unit, max_gap and sample_type.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  BatchResultSchema,
  type IngestBatchRequest,
  IngestRequestSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  BatchSchema,
  ErrorReportSchema,
  type MachineState,
  SampleType,
  type Severity,
  StateChangeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { createDeadLetters } from "../client/send/dead-letters.ts";
import { toDurationUs, toTimestamp } from "../codec/timestamps.ts";
import { readUnit } from "../codec/unit.ts";
import { type Declaration, timesOf, toSamples } from "../codec/wire/samples.ts";
import { takeEverything } from "../gateway/testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../gateway/testing/gateway.ts";
import { sendInput } from "../producer/input/input.ts";
import { createLog } from "../runtime/log.ts";
import { grpcClients } from "./testing/ask.ts";
import { copySamplesBySql } from "./testing/copy-samples.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway } from "./testing/processes.ts";

const log = createLog({ name: "test", level: "silent" });
let gateway: TestGateway;
let folder: string;
beforeAll(async () => {
  gateway = await openTestGateway();
  folder = await mkdtemp(join(tmpdir(), "millrace-"));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const timeUs = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.nat(3_000_000).map((us) => 1_772_352_000_000_000 + us),
);
const value = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 5e-324, -5e-324, Number.MAX_VALUE, 0.1 + 0.2, 1e21, 2 ** 53, -1e-7),
);
const text = (maxLength: number, minLength = 0) =>
  fc.string({
    unit: fc.constantFrom(..."aÖ油😀 \t\"',;\r\n\\{}[]=+-@\u00a0\u2028"),
    minLength,
    maxLength,
  });
const maxGapUs = fc.option(fc.integer({ min: 1, max: 86_400_000_000 }), { nil: undefined });
const sampleType = fc.constantFrom(
  SampleType.UNSPECIFIED,
  SampleType.LINEAR,
  SampleType.STEP,
  SampleType.COUNTER,
);
const machine = fc.constantFrom("mill-1", "Presse 3", "油/1", '"a",b', "-1+1");

/** A column for each signal, each with a declaration of its own. */
const columnOf = (signal: string) =>
  fc
    .tuple(
      text(8).map(readUnit),
      maxGapUs,
      sampleType,
      fc.array(fc.tuple(timeUs, value), { maxLength: 12 }),
    )
    .map(([unit, gap, type, pairs]) => {
      const sorted = pairs.toSorted(([a], [b]) => a - b);
      const columns = {
        timesUs: sorted.map(([time]) => time),
        values: sorted.map(([, one]) => one),
      };
      return { signal, unit, maxGapUs: gap, sampleType: type, ...columns };
    });
type ColumnOf = Declaration & { timesUs: number[]; values: number[] };

const toMessage = ({ timesUs, values, ...declaration }: ColumnOf) =>
  toSamples(declaration, {
    timesUs: Float64Array.from(timesUs),
    values: Float64Array.from(values),
  });

const batch = fc
  .record({
    machine,
    states: fc.array(fc.tuple(timeUs, fc.constantFrom<MachineState>(1, 2, 3, 4), text(20)), {
      maxLength: 5,
    }),
    errors: fc.array(
      fc.tuple(timeUs, fc.constantFrom<Severity>(1, 2, 3, 4), text(9, 1), text(20)),
      { maxLength: 5 },
    ),
    columns: fc.tuple(columnOf("power"), columnOf("heat")),
  })
  .map(({ machine: name, states, errors, columns }) =>
    create(BatchSchema, {
      machine: name,
      stateChanges: states.map(([us, state, reason]) =>
        create(StateChangeSchema, { time: toTimestamp(us), state, reason }),
      ),
      errorReports: errors.map(([us, severity, code, message]) =>
        create(ErrorReportSchema, { time: toTimestamp(us), severity, code, message }),
      ),
      samples: columns.filter(({ values }) => values.length > 0).map(toMessage),
    }),
  );

/** Every record of batches as a text that differs if the record does, in a fixed order. */
function recordsOf(batches: readonly Batch[]): string[] {
  const bits = (number: number) => Buffer.from(Float64Array.of(number).buffer).toString("hex");
  const at = (time: { seconds: bigint; nanos: number } | undefined) =>
    `${time?.seconds}.${time?.nanos}`;
  return batches
    .flatMap(({ machine: of, stateChanges, errorReports, samples }) => [
      ...stateChanges.map(({ time, state, reason }) => [of, "state", at(time), state, reason]),
      ...errorReports.map(({ time, severity, code, message }) => [
        of,
        "error",
        at(time),
        severity,
        code,
        message,
      ]),
      ...samples.flatMap((column) => {
        const gap = column.maxGap && toDurationUs(column.maxGap);
        const times = timesOf(column);
        const { signal, unit, sampleType: type } = column;
        return column.values.map((one, i) => [of, signal, unit, gap, type, times[i], bits(one)]);
      }),
    ])
    .map((parts) => JSON.stringify(parts))
    .sort();
}

const contentTypes = { ndjson: "application/x-ndjson", csv: "text/csv" } as const;

/**
 * The batches that arrive when a text is sent through each door; every row of it must be accepted.
 */
async function throughDoors(
  written: string,
  format: keyof typeof contentTypes,
): Promise<Record<string, Batch[]>> {
  const taken: IngestBatchRequest[] = [];
  gateway.accessor.ingest = takeEverything(taken);
  const headers = { "content-type": contentTypes[format] };
  const { body } = await gateway.ask("/signals", { method: "POST", headers, body: written });
  expect(body).toMatchObject({ rejected: 0 });
  const sent: Batch[] = [];
  const summary = await sendInput({
    source: Readable.from([Buffer.from(written)]),
    log,
    abort: new AbortController().signal,
    batchIntervalMs: 60_000,
    append: async (one) => void sent.push(one),
  });
  expect(summary.badLines).toBe(0);
  return { POST: taken.map((request) => request.batch!), "--input": sent };
}

test("exports go back in by every door, to the last bit", async () => {
  const formats = fc.constantFrom("ndjson", "csv");
  await fc.assert(
    fc.asyncProperty(batch, formats, async (stored, format) => {
      gateway.accessor.signals.readSignals = async function* ({ signals: [signal] }) {
        const { machine: of, stateChanges, errorReports, samples } = stored;
        const some = {
          stateChanges: signal === "state" ? stateChanges : [],
          errorReports: signal === "error" ? errorReports : [],
          samples: samples.filter((column) => column.signal === signal),
        };
        yield { batches: [create(BatchSchema, { machine: of, ...some })], cursor: "c1" };
      };
      const came: Record<string, Batch[]> = { POST: [], "--input": [] };
      for (const signal of ["state", "error", "power", "heat"]) {
        const written = await (
          await fetch(`${gateway.baseUrl}/signals/${signal}?format=${format}`)
        ).text();
        for (const [door, batches] of Object.entries(await throughDoors(written, format)))
          came[door]!.push(...batches);
      }
      for (const door of Object.keys(came))
        expect(recordsOf(came[door]!), door).toEqual(recordsOf([stored]));
    }),
    { numRuns: 30 },
  );
});

test("so do the records of a refused batch, out of the producer's file", async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(batch, async (refused) => {
      const path = join(folder, `rejected-${runs++}.ndjson`);
      await writeFile(path, "");
      const bytes = toBinary(
        IngestRequestSchema,
        create(IngestRequestSchema, {
          message: { case: "batch", value: { sequence: 1n, batch: refused } },
        }),
      );
      const refusal = { reason: ErrorReason.QUOTA_EXCEEDED, message: "too many" };
      {
        await using letters = createDeadLetters({ path, log });
        const result = create(BatchResultSchema, { sequence: 1n, refusal });
        await letters.write({ producerId: "p", result, entry: { sequence: 1, bytes, records: 1 } });
      }
      const came = await throughDoors(await readFile(path, "utf8"), "ndjson");
      for (const door of Object.keys(came))
        expect(recordsOf(came[door]!), door).toEqual(recordsOf([refused]));
    }),
    { numRuns: 20 },
  );
});

test("stored, exported, copied by SQL and sent back, records are what they were", async () => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  const running = stack.use(await startGateway(accessor.url));
  const { ingest, signals } = stack.use(grpcClients(accessor.url));
  const times = Array.from({ length: 400 }, (_, i) => 1_772_352_000_000_000 + i * 15_000_001);
  const values = fc.sample(value, { numRuns: times.length, seed: 7 });
  const declared = {
    signal: "heat",
    unit: "K",
    maxGapUs: 1_200_000_000,
    sampleType: SampleType.STEP,
  };
  const samples = [toMessage({ ...declared, timesUs: times, values })];
  const stored = { machine: "Presse 3", samples };
  const { result, cursor } = await ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: stored,
  });
  expect(result?.verdicts).toEqual([]);

  const send = async (written: string, kind: string, as: string) => {
    const body = written.replaceAll("Presse 3", as);
    const answer = await fetch(`${running.url}/signals`, {
      method: "POST",
      headers: { "content-type": kind },
      body,
    });
    expect(await answer.json()).toMatchObject({ accepted: times.length, rejected: 0 });
  };
  for (const format of ["ndjson", "csv"] as const) {
    const written = await (
      await fetch(
        `${running.url}/signals/heat?machine=Presse%203&format=${format}&min_cursor=${cursor}`,
      )
    ).text();
    await send(written, contentTypes[format], `by ${format}`);
  }
  await send(await copySamplesBySql(database.url, "Presse 3"), "text/csv", "by SQL");
  for (const name of ["by ndjson", "by csv", "by SQL"]) {
    const batches: Batch[] = [];
    for await (const slice of signals.readSignals({ signals: ["heat"], machines: [name] }))
      batches.push(...slice.batches);
    expect(recordsOf(batches)).toEqual(
      recordsOf([create(BatchSchema, { ...stored, machine: name })]),
    );
  }
}, 120_000);
