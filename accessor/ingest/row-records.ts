// The records of log rows of series that drop duplicates, as they are compared with each other.
import { fromBinary } from "@bufbuild/protobuf";
import { BatchSchema, Duplicates, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { decodeBlock } from "../../codec/block/decode.ts";
import type { Column } from "../../codec/column.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import type { LogRow } from "../store/ingest.ts";
import type { Series } from "../store/series.ts";
import { eventKey } from "./equal-events.ts";
import { haveCommon } from "./equal-samples.ts";

type Row = Pick<LogRow, "series" | "firstUs" | "lastUs" | "payload">;

export const drops = ({ duplicates }: Pick<Series, "duplicates">): boolean =>
  duplicates === Duplicates.DROP;

/** Of a numeric series. */
export const columnOfRow = ({ payload }: Pick<Row, "payload">): Column => decodeBlock(payload);

/** Of states or errors: their keys. */
export function keysOfRow({ payload }: Pick<Row, "payload">): Set<string> {
  const { stateChanges, errorReports } = fromBinary(BatchSchema, payload);
  return new Set(
    [...stateChanges, ...errorReports].map((record) => eventKey(toTimeUs(record.time)!, record)),
  );
}

/** The rows that a group has so far. */
export class TakenRows {
  readonly #bySeries = new Map<Series, Row[]>();

  /**
   * Adds the rows of a batch. False, and nothing is added, if one of its records is taken already.
   */
  add({ rows }: { rows: readonly Row[] }): boolean {
    const own = rows.filter(({ series }) => drops(series));
    for (const row of own)
      for (const taken of this.#bySeries.get(row.series) ?? [])
        if (overlap(row, taken) && sharesRecord(row, taken)) return false;
    for (const row of own) {
      const all = this.#bySeries.get(row.series);
      if (all === undefined) this.#bySeries.set(row.series, [row]);
      else all.push(row);
    }
    return true;
  }
}

const overlap = (a: Row, b: Row): boolean => a.firstUs <= b.lastUs && b.firstUs <= a.lastUs;

function sharesRecord(a: Row, b: Row): boolean {
  if (a.series.kind === SignalKind.NUMERIC) return haveCommon(columnOfRow(a), columnOfRow(b));
  const known = keysOfRow(a);
  return [...keysOfRow(b)].some((key) => known.has(key));
}
