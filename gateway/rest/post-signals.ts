// POST /signals: rows or one batch in, verdicts out. Numbers batches; judges none.
import { randomUUID } from "node:crypto";
import { fromJson } from "@bufbuild/protobuf";
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import { type BatchResult, RecordKindSchema, type Verdict } from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { invalidField } from "../errors.ts";
import type { RestAnswer, RestCall } from "./call.ts";
import type { Json } from "./json.ts";
import { type RowBatch, toRowBatches, type UnreadableRow } from "./post-rows.ts";
import { HttpProblem } from "./problem.ts";
import { toWord } from "./words.ts";

type Numbering = { producerId: string; sequence: bigint };
type Sent = { batch: Batch; result: BatchResult; rows?: RowBatch };

/** 200 if at least one record was stored (or had been before), 422 if every record was refused. */
export async function postSignals({
  body,
  nowUs,
  upstream,
  unary,
}: RestCall<Record<never, never>>): Promise<RestAnswer> {
  const { signals, producer_id, sequence, ...batchFields } = asObject(body);
  const numbering = readNumbering(producer_id, sequence);
  let parts: { batch: Batch; rows?: RowBatch }[];
  let unreadable: UnreadableRow[] = [];
  if (signals !== undefined) {
    const [stray] = Object.keys(batchFields);
    if (stray !== undefined)
      throw invalidField(stray, "send either signals (rows) or the fields of one batch, not both");
    if (!Array.isArray(signals)) throw invalidField("signals", "expected an array of rows");
    const made = toRowBatches(signals, nowUs);
    unreadable = made.unreadable;
    parts = made.batches.map((rows) => ({ batch: rows.batch, rows }));
  } else {
    parts = [{ batch: readBatch(batchFields) }];
  }

  const sent: Sent[] = [];
  let cursor: string | undefined;
  // One after the other: a producer's batches are taken in order of their numbers only.
  for (const [i, part] of parts.entries()) {
    const request = { producerId: numbering.producerId, sequence: numbering.sequence + BigInt(i), batch: part.batch };
    const answer = await upstream.ingest.ingestBatch(request, unary);
    cursor = answer.cursor;
    sent.push({ ...part, result: answer.result! });
  }
  return answerOf({ sent, unreadable, numbering, cursor, total: countRecords(sent) + unreadable.length });
}

function answerOf(outcome: {
  sent: Sent[];
  unreadable: UnreadableRow[];
  numbering: Numbering;
  cursor: string | undefined;
  total: number;
}): RestAnswer {
  const { sent, unreadable, numbering, cursor, total } = outcome;
  const rejected = unreadable.length + sent.reduce((sum, one) => sum + countRejected(one), 0);
  const members = {
    accepted: total - rejected,
    rejected,
    cursor,
    producer_id: numbering.producerId,
    results: sent.map(({ batch, result: { sequence, duplicate, refusal } }) => ({
      machine: batch.machine,
      sequence,
      duplicate,
      refusal: refusal && { reason: toWord(ErrorReasonSchema, refusal.reason), message: refusal.message },
    })),
    verdicts: sent.some(({ rows }) => !rows) ? sent.flatMap(verdictsOf) : joinRows(rowVerdicts(sent, unreadable)),
  };
  if (rejected < total) return { body: members };
  const [refused] = sent.map(({ result }) => result.refusal).filter((refusal) => refusal !== undefined);
  throw new HttpProblem(
    422,
    refused ? `nothing was stored: ${refused.message}` : "every record was refused: see verdicts",
    {
      members: { reason: refused && toWord(ErrorReasonSchema, refused.reason), ...members },
    },
  );
}

const recordsOf = ({ stateChanges, errorReports, samples }: Batch) =>
  stateChanges.length + errorReports.length + samples.reduce((sum, { values }) => sum + values.length, 0);

const countRecords = (sent: Sent[]) => sent.reduce((sum, { batch }) => sum + recordsOf(batch), 0);

function countRejected({ batch, result }: Sent): number {
  if (result.refusal) return recordsOf(batch);
  return result.verdicts.reduce((sum, { count }) => sum + count, 0);
}

const verdictsOf = ({ result }: Sent): Json[] => result.verdicts.map(verdictJson);

type RowVerdict = { row: number; reason: string | number; retryable: boolean; message: string };

/** One for each row that was not stored, ascending. */
function rowVerdicts(sent: Sent[], unreadable: UnreadableRow[]): RowVerdict[] {
  const verdicts: RowVerdict[] = [];
  for (const { row, reason, message } of unreadable) verdicts.push({ row, reason, retryable: false, message });
  for (const { rows, result } of sent) {
    const { refusal } = result;
    const reason = refusal && toWord(ErrorReasonSchema, refusal.reason);
    if (refusal)
      for (const row of rows!.rows) verdicts.push({ row, reason: reason!, retryable: false, message: refusal.message });
    for (const verdict of result.verdicts) {
      const { retryable, message } = verdict;
      const reason = toWord(ErrorReasonSchema, verdict.reason);
      for (const row of rows!.rowsOf(verdict)) verdicts.push({ row, reason, retryable, message });
    }
  }
  return verdicts.sort((a, b) => a.row - b.row);
}

const verdictJson = ({ kind, column, first, count, reason, retryable, message }: Verdict): Json => ({
  kind: toWord(RecordKindSchema, kind),
  column,
  first,
  count,
  reason: toWord(ErrorReasonSchema, reason),
  retryable,
  message,
});

/** Neighbours with the same verdict as one: `row` is the first, `count` how many from there on. */
function joinRows(verdicts: RowVerdict[]): Json[] {
  const joined: (RowVerdict & { count: number })[] = [];
  for (const verdict of verdicts) {
    const last = joined.at(-1);
    const follows = last && last.row + last.count === verdict.row;
    if (follows && last.reason === verdict.reason && last.message === verdict.message) last.count++;
    else joined.push({ ...verdict, count: 1 });
  }
  return joined.map(({ row, count, ...rest }) => ({ row, count, ...rest }));
}

/** Without a producer's own numbering every request is a producer of its own: stored at least once, again if sent again. */
function readNumbering(producerId: unknown, sequence: unknown): Numbering {
  if (producerId === undefined && sequence === undefined) return { producerId: `rest:${randomUUID()}`, sequence: 1n };
  if (typeof producerId !== "string") throw invalidField("producer_id", "a text is required beside sequence");
  const digits = typeof sequence === "number" ? String(sequence) : sequence;
  // Well below 2^64, so that as many more as there are machines fit too.
  if (typeof digits !== "string" || !/^\d{1,18}$/.test(digits)) {
    throw invalidField(
      "sequence",
      "a whole number below 10^18, or its digits as a text, is required beside producer_id",
    );
  }
  return { producerId, sequence: BigInt(digits) };
}

function readBatch(fields: Record<string, unknown>): Batch {
  try {
    return fromJson(BatchSchema, fields as Parameters<typeof fromJson>[1]);
  } catch (error) {
    throw invalidField("body", (error as Error).message);
  }
}

function asObject(body: unknown): Record<string, unknown> {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw invalidField("body", 'expected {"signals": [rows]} or {"machine": …, "samples": […], …}');
}
