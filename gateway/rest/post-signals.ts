// POST /signals: rows, lines or one batch in, verdicts out. It numbers batches and does not check
// them.
import { ConnectError } from "@connectrpc/connect";
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  type BatchResult,
  RecordKindSchema,
  type Verdict,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { readMachineName } from "../../codec/machine-name.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { Turns } from "../../runtime/turns.ts";
import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";
import { countRecords } from "../limits/count-records.ts";
import { batchFromJson } from "./batch-json.ts";
import type { RestAnswer, RestCall } from "./call.ts";
import { type Numbering, readNumbering } from "./numbering.ts";
import { postLines } from "./post-lines.ts";
import {
  assertLinesOnly,
  assertRowsOnly,
  noRecord,
  type PostQuery,
  rowContextOf,
} from "./post-query.ts";
import { type RowBatch, toRowBatchesInTurns, type UnreadableRow } from "./post-rows.ts";
import { storeBatch } from "./store-batch.ts";
import { NamedVerdicts, type RowVerdict, rowVerdicts } from "./verdicts.ts";
import { NamedWarnings } from "./warnings.ts";

type Sent = { batch: Batch; result: BatchResult; rows?: RowBatch };

/** 200 if at least one record was stored (or had been before), 422 if every record was refused. */
export async function postSignals(call: RestCall<PostQuery>): Promise<RestAnswer> {
  const { header, query } = call;
  const [mediaType = ""] = (header("content-type") ?? "").split(";");
  const key = header("idempotency-key");
  if (/ndjson|jsonl|csv/i.test(mediaType)) {
    const numbering = readNumbering(key, {
      producerId: query.producer_id,
      sequence: query.sequence,
    });
    return postLines(call, { numbering, kind: /csv/i.test(mediaType) ? "csv" : "ndjson" });
  }
  assertLinesOnly(query);
  return postObject(call, key);
}

async function postObject(call: RestCall<PostQuery>, key: string | undefined): Promise<RestAnswer> {
  const { body, query, nowUs, upstream, unary, meter } = call;
  const { signals, producer_id, sequence, ...batchFields } = Array.isArray(body)
    ? { signals: body as unknown[] }
    : asObject(body);
  const numbering = readNumbering(key, { producerId: producer_id, sequence });
  let parts: { batch: Batch; rows?: RowBatch }[];
  let unreadable: UnreadableRow[] = [];
  if (signals !== undefined) {
    const [stray] = Object.keys(batchFields);
    if (stray !== undefined)
      throw invalidField(stray, "send either signals (rows) or the fields of one batch, not both");
    if (!Array.isArray(signals)) throw invalidField("signals", "expected an array of rows");
    const made = await toRowBatchesInTurns(
      signals,
      rowContextOf(query, key === undefined ? nowUs : undefined),
    );
    ({ unreadable } = made);
    parts = made.batches.map((rows) => ({ batch: rows.batch, rows }));
  } else if (Object.hasOwn(batchFields, "signal")) {
    throw invalidField(
      "signal",
      'this is a row: send rows as {"signals": [row, …]}, or as lines of application/x-ndjson',
    );
  } else {
    assertRowsOnly(query);
    const batch = await readBatch(batchFields);
    // In the form in which the accessor stores it and reads return it.
    batch.machine = readMachineName(batch.machine) ?? batch.machine;
    parts = [{ batch }];
  }

  if (unreadable.length === 0 && parts.every(({ batch }) => countRecords(batch) === 0))
    throw noRecord();
  // The body is already here as a whole: only the next request waits.
  meter(parts.reduce((sum, { batch }) => sum + countRecords(batch), 0));
  const sent: Sent[] = [];
  let cursor: string | undefined;
  // One after the other: a producer's batches are accepted only in order of their numbers.
  for (const [i, part] of parts.entries()) {
    const request = {
      producerId: numbering.producerId,
      sequence: numbering.sequence + BigInt(i),
      batch: part.batch,
    };
    const answer = await storeBatch({ upstream, unary }, request, { hasStored: i > 0 });
    cursor = answer.cursor;
    sent.push({ ...part, result: answer.result! });
  }
  return answerOf({
    sent,
    unreadable,
    numbering,
    cursor,
    total: countSent(sent) + countRows(unreadable),
  });
}

function answerOf(outcome: {
  sent: Sent[];
  unreadable: UnreadableRow[];
  numbering: Numbering;
  cursor: string | undefined;
  total: number;
}): RestAnswer {
  const { sent, unreadable, numbering, cursor, total } = outcome;
  const rejected = countRows(unreadable) + sent.reduce((sum, one) => sum + countRejected(one), 0);
  const warnings = new NamedWarnings();
  for (const { batch, result } of sent) warnings.add(batch, result);
  const ofRows = sent.every(({ rows }) => rows);
  const rows = sent.map(({ rows, result }) => ({ rows: rows!, result }));
  const members = {
    accepted: total - rejected,
    rejected,
    ...droppedMember(sent.reduce((sum, { result }) => sum + result.droppedDuplicates, 0)),
    cursor,
    producer_id: numbering.producerId,
    results: sent.map(({ batch, result: { sequence, duplicate, refusal } }) => ({
      machine: batch.machine,
      sequence,
      duplicate,
      refusal: refusal && {
        reason: toWord(ErrorReasonSchema, refusal.reason),
        message: refusal.message,
      },
    })),
    ...warnings.members(),
    ...(ofRows ? namedRows(rows, unreadable) : namedRecords(sent)),
  };
  if (rejected < total) return { body: members };
  const [refused] = sent
    .map(({ result }) => result.refusal)
    .filter((refusal) => refusal !== undefined);
  throw new HttpProblem(
    422,
    refused ? `nothing was stored: ${refused.message}` : "every record was refused: see verdicts",
    {
      members: { reason: refused && toWord(ErrorReasonSchema, refused.reason), ...members },
    },
  );
}

function namedRows(
  sent: readonly { rows: RowBatch; result: BatchResult }[],
  unreadable: readonly UnreadableRow[],
) {
  const named = new NamedVerdicts<RowVerdict>();
  for (const { row, count, ...rest } of rowVerdicts(sent, unreadable))
    named.add({ row, count, ...rest });
  return named.members();
}

function namedRecords(sent: readonly Sent[]) {
  const named = new NamedVerdicts<ReturnType<typeof verdictJson>>();
  for (const { result } of sent)
    for (const verdict of result.verdicts) named.add(verdictJson(verdict));
  return named.members();
}

/** A member only where something was dropped. */
export const droppedMember = (count: number): { dropped_duplicates?: number } =>
  count === 0 ? {} : { dropped_duplicates: count };

const countRows = (unreadable: readonly UnreadableRow[]) =>
  unreadable.reduce((sum, { count }) => sum + count, 0);
const countSent = (sent: Sent[]) => sent.reduce((sum, { batch }) => sum + countRecords(batch), 0);

function countRejected({ batch, result }: Sent): number {
  if (result.refusal) return countRecords(batch);
  return result.verdicts.reduce((sum, { count }) => sum + count, 0);
}

const verdictJson = ({ kind, column, first, count, reason, retryable, message }: Verdict) => ({
  kind: toWord(RecordKindSchema, kind),
  column,
  first,
  count,
  reason: toWord(ErrorReasonSchema, reason),
  retryable,
  message,
});

async function readBatch(fields: Record<string, unknown>): Promise<Batch> {
  try {
    return await batchFromJson(fields as Parameters<typeof batchFromJson>[0], new Turns());
  } catch (error) {
    throw error instanceof ConnectError ? error : invalidField("body", (error as Error).message);
  }
}

function asObject(body: unknown): Record<string, unknown> {
  if (typeof body === "object" && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw invalidField(
    "body",
    'expected {"signals": [rows]}, [rows], or {"machine": …, "samples": […], …}',
  );
}
