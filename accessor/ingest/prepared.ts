// A batch as ingest() takes it in a group: its rows, its receipt, and what feeds show of it.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  BatchResultSchema,
  type Refusal,
  type Warning,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  BatchSchema,
  type ErrorReport,
  type StateChange,
} from "#gen/millrace/v1/signal_pb.ts";
import { encodeBlock } from "../../codec/block/encode.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import type { Turns } from "../../runtime/turns.ts";
import type { Catalog } from "../store/catalog.ts";
import type { LogRow, Placed, Sender, Storable } from "../store/ingest.ts";
import { rowBytes } from "../store/log.ts";
import type { Series } from "../store/series.ts";
import { AcceptedBatch, type PackedSamples } from "./accepted.ts";
import type { Verdicts } from "./verdicts.ts";
import { type StoredColumn, warningsOf } from "./warnings.ts";

/** A batch, ready for ingest(). */
export type Prepared = Storable & {
  /** Returned with the result when the batch is stored; not kept. */
  warnings: readonly Warning[];
  /** How many records are not stored again. Returned like warnings. */
  dropped: number;
  /** What it was made of, if it has series that drop duplicates. */
  dropping?: Dropping;
  /** The stored part, as feeds show it; its samples are unpacked when they are read. */
  accepted: AcceptedBatch;
  /**
   * An upper bound on its bytes on the way to PostgreSQL, in a feed's message, and unpacked in
   * memory.
   */
  bytes: number;
};

/** seen: the revision up to which it has no record that is stored already. */
export type Dropping = { readonly parts: Parts; readonly seen: number };

/** epoch: the epoch in which its ids were assigned. */
export type Submission = Sender & { prepared: Prepared; epoch?: number };

/** A batch that is refused as a whole: nothing but its receipt is stored. */
export function refuse(sequence: number, digest: Buffer, refusal: Refusal | undefined): Prepared {
  const refused = refusal === undefined ? {} : { refusal };
  const result = Buffer.from(
    toBinary(
      BatchResultSchema,
      create(BatchResultSchema, { sequence: BigInt(sequence), ...refused }),
    ),
  );
  return {
    sequence,
    digest,
    result,
    warnings: [],
    dropped: 0,
    machineId: 0,
    rows: [],
    stateChanges: [],
    errorReports: [],
    accepted: new AcceptedBatch({ machine: "" }),
    bytes: 200,
  };
}

type BatchInit = MessageInitShape<typeof BatchSchema>;

/** The records of a batch that are to be stored. */
export type Records = Pick<Prepared, "stateChanges" | "errorReports"> & {
  bySeries: ReadonlyMap<Series, StoredColumn>;
  /** Of series that drop duplicates: samples with a time that has another value. */
  otherValues?: ReadonlyMap<Series, number>;
};

export type Parts = Records &
  Pick<Prepared, "sequence" | "digest"> & {
    batch: Batch;
    verdicts: Verdicts;
    catalog: Catalog;
    /** How many were removed. */
    dropped: number;
  };

/** Encodes the accepted part of a batch. */
export async function assemble(parts: Parts, turns: Turns): Promise<Prepared> {
  const { sequence, digest, batch, verdicts, stateChanges, errorReports } = parts;
  const { bySeries, catalog, otherValues, dropped } = parts;
  const { machine } = batch;
  const rows: LogRow[] = [];
  const packed: PackedSamples[] = [];
  const addEvents = (
    signal: string,
    placed: Placed<StateChange | ErrorReport>[],
    records: BatchInit,
  ) => {
    if (placed.length === 0) return;
    const payload = toBinary(BatchSchema, create(BatchSchema, records));
    const firstUs = placed.reduce(
      (least, { timeUs }) => Math.min(least, timeUs),
      Number.POSITIVE_INFINITY,
    );
    const lastUs = placed.reduce(
      (most, { timeUs }) => Math.max(most, timeUs),
      Number.NEGATIVE_INFINITY,
    );
    rows.push({
      series: catalog.find(machine, signal)!,
      firstUs,
      lastUs,
      count: placed.length,
      payload,
    });
  };
  const changes = stateChanges.map(({ record, timeUs }) => ({
    ...record,
    time: toTimestamp(timeUs),
  }));
  const reports = errorReports.map(({ record, timeUs }) => ({
    ...record,
    time: toTimestamp(timeUs),
  }));
  addEvents("state", stateChanges, { stateChanges: changes });
  addEvents("error", errorReports, { errorReports: reports });
  const series = [...bySeries.keys()].sort((a, b) => a.id - b.id);
  for (const key of series) {
    const { column } = bySeries.get(key)!;
    const { timesUs } = column;
    const { length } = timesUs;
    const payload = encodeBlock(column);
    rows.push({
      series: key,
      firstUs: timesUs[0]!,
      lastUs: timesUs[length - 1]!,
      count: length,
      payload,
    });
    packed.push({ series: key, payload });
    if (turns.isOver) await turns.pause();
  }
  const bytes = rows.reduce(
    (sum, row) => sum + rowBytes(row.payload.byteLength, row.count),
    200 + Buffer.byteLength(machine),
  );
  const result =
    verdicts.list.length === 0
      ? null
      : Buffer.from(
          toBinary(
            BatchResultSchema,
            create(BatchResultSchema, { sequence: BigInt(sequence), verdicts: verdicts.list }),
          ),
        );
  const accepted = new AcceptedBatch({
    machine,
    stateChanges: changes,
    errorReports: reports,
    packed,
  });
  const machineId = rows[0]?.series.machineId ?? 0;
  const warnings = warningsOf(bySeries, otherValues);
  return {
    sequence,
    digest,
    result,
    warnings,
    dropped,
    machineId,
    rows,
    stateChanges,
    errorReports,
    accepted,
    bytes,
  };
}
