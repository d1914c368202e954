// Rejected records end up in their file with their verdicts, in the form that --input reads.

import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { RecordKind, RefusalSchema, VerdictSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { readRecord } from "../../codec/row/record.ts";
import { createRecordFile } from "../spool/record-file.ts";
import { openIngestStub } from "../testing/ingest-stub.ts";
import { temporaryFolder } from "../testing/spool.ts";
import { MachineState, openUplink, Severity } from "./uplink.ts";

const timeUs = 1_772_352_000_123_456;
const time = { seconds: 1_772_352_000n, nanos: 123_456_000 };

test("each rejected record is a line with its verdict, also of a batch that is refused as a whole", async () => {
  await using folder = await temporaryFolder();
  await using stub = await openIngestStub({
    resultOf(_, batch) {
      if (batch.machine === "bad/name") {
        const reason = ErrorReason.MACHINE_NAME_INVALID;
        return { refusal: create(RefusalSchema, { reason, message: "no name" }) };
      }
      const shared = { reason: ErrorReason.TIME_TOO_OLD, message: "too old", retryable: true };
      return {
        verdicts: [
          create(VerdictSchema, { ...shared, kind: RecordKind.STATE_CHANGE, first: 0, count: 1 }),
          create(VerdictSchema, { ...shared, kind: RecordKind.ERROR_REPORT, first: 0, count: 1 }),
          create(VerdictSchema, {
            ...shared,
            kind: RecordKind.SAMPLE,
            column: 0,
            first: 1,
            count: 2,
          }),
        ],
      };
    },
  });
  const values = [1, -0, Number.NaN];
  const times = { case: "grid" as const, value: { startUs: BigInt(timeUs), periodUs: 10_000n } };
  const samples = [
    { signal: "power", unit: "W", maxGap: { seconds: 1200n, nanos: 0 }, times, values },
  ];
  await using uplink = await openUplink({ accessor: stub.url, spoolDir: folder.path });
  const stateChanges = [{ time, state: MachineState.IDLE, reason: "lunch" }];
  const errorReports = [{ time, severity: Severity.ERROR, code: "E1", message: "hot" }];
  await uplink.append({ machine: "mill-1", stateChanges, errorReports, samples });
  await uplink.append({ machine: "bad/name", samples });
  await uplink.flush();
  expect(uplink.status.rejectedRecords).toBe(4 + 3);

  const text = await readFile(join(folder.path, "rejected.ndjson"), "utf8");
  const letters = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const rejected = { reason: "TIME_TOO_OLD", message: "too old", retryable: true };
  expect(letters).toHaveLength(4 + 3);
  expect(letters[0]).toMatchObject({
    machine: "mill-1",
    signal: "state",
    state: "IDLE",
    reason: "lunch",
    rejected,
  });
  expect(letters[0].rejected).toMatchObject({
    producerId: expect.stringMatching(/\.(live|backlog)$/),
    sequence: 1,
  });
  expect(letters[1]).toMatchObject({
    signal: "error",
    severity: "ERROR",
    code: "E1",
    message: "hot",
  });
  expect(letters[2]).toMatchObject({
    signal: "power",
    unit: "W",
    max_gap: "1200s",
    value: "-0",
    time: "2026-03-01T08:00:00.133456Z",
  });
  expect(letters[3]).toMatchObject({ value: "NaN", rejected: { position: 2 } });
  const refused = {
    machine: "bad/name",
    signal: "power",
    rejected: { reason: "MACHINE_NAME_INVALID" },
  };
  expect(letters.slice(4)).toMatchObject(
    [0, 1, 2].map((position) => ({ ...refused, rejected: { position } })),
  );
  const read = readRecord(letters[2], { nowUs: undefined });
  expect(read).toMatchObject({
    kind: "value",
    timeUs: timeUs + 10_000,
    value: -0,
    unit: "W",
    maxGapUs: 1_200_000_000,
  });
  expect(readRecord(letters[0], { nowUs: undefined })).toMatchObject({
    kind: "state",
    timeUs,
    state: 2,
  });
  expect(readRecord(letters[1], { nowUs: undefined })).toMatchObject({
    kind: "error",
    timeUs,
    severity: 3,
  });
});

test("a full file becomes NAME.1; a line that a crash has cut does not swallow the next", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "records.ndjson");
  {
    await using file = createRecordFile({ path, maxBytes: 100 });
    for (let n = 0; n < 20; n++) await file.append([{ n, text: "x".repeat(20) }]);
  }
  const [now, before] = await Promise.all([readFile(path, "utf8"), readFile(`${path}.1`, "utf8")]);
  expect(now.length).toBeLessThanOrEqual(100);
  expect(before.length).toBeLessThanOrEqual(100);
  expect(JSON.parse(now.trim().split("\n").at(-1)!)).toMatchObject({ n: 19 });
  await using cut = createRecordFile({ path: `${path}.cut`, maxBytes: 1000 });
  await writeFile(`${path}.cut`, '{"n":1}\n{"n":');
  await cut.append([{ n: 2 }]);
  expect(await readFile(`${path}.cut`, "utf8")).toBe('{"n":1}\n{"n":\n{"n":2}\n');
});

test("the file of rejected records is its owner's alone, also one from before", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "rejected.ndjson");
  for (const _ of ["new", "from before"]) {
    const file = createRecordFile({ path, maxBytes: 1_000 });
    await file.append([{ a: 1 }]);
    await file[Symbol.asyncDispose]();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await chmod(path, 0o644);
  }
});

test("a verdict on four billion records makes no more letters than the batch has records", async () => {
  await using folder = await temporaryFolder();
  const shared = {
    reason: ErrorReason.TIME_TOO_OLD,
    message: "too old",
    kind: RecordKind.SAMPLE,
    first: 0,
  };
  await using stub = await openIngestStub({
    resultOf: () => ({
      verdicts: [0, 1].map((column) =>
        create(VerdictSchema, { ...shared, column, count: 2 ** 32 - 1 }),
      ),
    }),
  });
  const times = { case: "grid" as const, value: { startUs: BigInt(timeUs), periodUs: 10_000n } };
  await using uplink = await openUplink({ accessor: stub.url, spoolDir: folder.path });
  await uplink.append({
    machine: "mill-1",
    samples: [{ signal: "power", unit: "W", times, values: [1, 2, 3] }],
  });
  await uplink.flush();
  const text = await readFile(join(folder.path, "rejected.ndjson"), "utf8");
  expect(text.trim().split("\n")).toHaveLength(3);
});
