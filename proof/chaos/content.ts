// The content of a batch in comparable form: a digest for each of its signals, whether it was sent,
// stored, or received in a feed.
import { createHash } from "node:crypto";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import { toColumn } from "../../codec/wire/samples.ts";

/**
 * By signal, including "state" and "error", a digest of every bit of its records in order. Empty:
 * nothing to store.
 */
export type Content = { readonly machine: string; readonly parts: ReadonlyMap<string, string> };

export function contentOf(batch: Batch): Content {
  const parts = new Map<string, string>();
  if (batch.stateChanges.length > 0) parts.set("state", digest(batch.stateChanges.map(stateText)));
  if (batch.errorReports.length > 0) parts.set("error", digest(batch.errorReports.map(errorText)));
  for (const samples of batch.samples) parts.set(samples.signal, digestOfColumn(toColumn(samples)));
  return { machine: batch.machine, parts };
}

/**
 * The part of it that a subscriber to these machines and signals (empty: all) receives; undefined
 * if none.
 */
export function project(
  { machine, parts }: Content,
  { machines, signals }: { machines: readonly string[]; signals: readonly string[] },
): Content | undefined {
  if (machines.length > 0 && !machines.includes(machine)) return undefined;
  const kept = new Map(
    [...parts].filter(([signal]) => signals.length === 0 || signals.includes(signal)),
  );
  return kept.size === 0 ? undefined : { machine, parts: kept };
}

/** Equal for equal contents. */
export function keyOf({ machine, parts }: Content): string {
  return `${machine} ${[...parts]
    .map(([signal, text]) => `${signal}=${text}`)
    .sort()
    .join(" ")}`;
}

export function digestOfColumn({ timesUs, values }: Column): string {
  return createHash("sha1").update(bytesOf(timesUs)).update(bytesOf(values)).digest("base64url");
}

export const stateText = (record: {
  time?: Timestamp | undefined;
  state: number;
  reason: string;
}) => `${timeText(record.time)} ${record.state} ${record.reason}`;

export const errorText = (record: {
  time?: Timestamp | undefined;
  severity: number;
  code: string;
  message: string;
}) => `${timeText(record.time)} ${record.severity} ${record.code} ${record.message}`;

const timeText = (time: Timestamp | undefined) => `${time?.seconds}.${time?.nanos}`;
const digest = (texts: readonly string[]) =>
  createHash("sha1").update(JSON.stringify(texts)).digest("base64url");
const bytesOf = (array: Float64Array) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** The revision in a cursor. For everything but the oracle, cursors are opaque. */
export function revisionOf(cursor: string): number {
  return Number(Buffer.from(cursor, "base64url").readBigUInt64BE(11));
}

/** The epoch in a cursor, which identifies its history. */
export function epochOf(cursor: string): number {
  return Buffer.from(cursor, "base64url").readUInt32BE(7);
}
