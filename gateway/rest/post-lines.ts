// POST /signals with a body of lines, NDJSON or CSV, of any size: stored while it arrives, one
// chunk of rows at a time.
import type { Readable } from "node:stream";
import { UploadDeclarations } from "../../codec/row/declaring.ts";
import { type Json, toJsonText } from "../../codec/row/json-text.ts";
import { HttpProblem } from "../errors/problem.ts";
import { waitUnlessAborted } from "../limits/wait.ts";
import type { RestAnswer, RestCall } from "./call.ts";
import { contentTypeOf } from "./formats.ts";
import { type Chunk, type LineKind, linesOf, readChunks } from "./line-chunks.ts";
import type { Numbering } from "./numbering.ts";
import { type PostQuery, rowContextOf } from "./post-query.ts";
import { toRowBatchesInTurns, type UnreadableRow } from "./post-rows.ts";
import { storeBatch } from "./store-batch.ts";
import { appendVerdict, NamedVerdicts, type RowVerdict, rowVerdicts } from "./verdicts.ts";
import { NamedWarnings } from "./warnings.ts";

/**
 * If none of this many first lines is a row, the rest is not read: it is another kind of file. This
 * depends only on the body, as the batches do.
 */
const maxUnreadableLines = 20_000;

type LineVerdict = {
  line: number;
  count: number;
  reason: string | number;
  retryable: boolean;
  message: string;
};
type Totals = {
  accepted: number;
  rejected: number;
  cursor: string | undefined;
  producer_id: string;
  last_sequence: string | undefined;
  duplicate_batches: number;
  /** Only if there are any. */
  dropped_duplicates: number | undefined;
  /** The first line that was not read. */
  unread_from_line: number | undefined;
};

/**
 * Answers with totals and up to 1,000 verdicts; or, as NDJSON, with all verdicts as they are made
 * and the totals at the end.
 */
export async function postLines(
  call: RestCall<PostQuery>,
  { numbering, kind }: { numbering: Numbering; kind: LineKind },
): Promise<RestAnswer> {
  const totals: Totals = {
    accepted: 0,
    rejected: 0,
    cursor: undefined,
    producer_id: numbering.producerId,
    last_sequence: undefined,
    duplicate_batches: 0,
    dropped_duplicates: undefined,
    unread_from_line: undefined,
  };
  const warnings = new NamedWarnings();
  const chunks = storeChunks(call, { numbering, kind, totals, warnings });
  const first = await chunks.next();
  if (call.format === "ndjson") {
    return {
      contentType: contentTypeOf("ndjson"),
      compress: false,
      async write(body, toProblem) {
        const say = async (value: Parameters<typeof toJsonText>[0]) =>
          void (await body.write(`${toJsonText(value)}\n`));
        try {
          for (let next = first; !next.done; next = await chunks.next())
            for (const verdict of next.value) await say(verdict);
          if (totals.unread_from_line !== undefined) throw refusalOf(totals);
          await say({ ...totals, ...warnings.members() });
        } catch (error) {
          await say({ ...toProblem(error).body, ...totals, ...warnings.members() });
        }
        body.end();
      },
      close: async () => void (await chunks.return()),
    };
  }
  const named = new NamedVerdicts<LineVerdict>(({ line }) => line);
  for (let next = first; !next.done; next = await chunks.next())
    for (const verdict of next.value) named.add(verdict);
  const members = { ...totals, ...warnings.members(), ...named.members() };
  if (totals.accepted > 0 || totals.rejected === 0) return { body: members };
  throw refusalOf(totals, members);
}

function refusalOf(
  { rejected, unread_from_line }: Totals,
  members: Record<string, Json> = {},
): HttpProblem {
  if (unread_from_line === undefined)
    return new HttpProblem(422, "every row was refused: see verdicts", { members });
  const detail = `none of the first ${rejected} rows can be read, so the gateway did not read the rest: see verdicts`;
  return new HttpProblem(422, detail, { members: { reason: "REQUEST_INVALID", ...members } });
}

type Storing = { numbering: Numbering; kind: LineKind; totals: Totals; warnings: NamedWarnings };

/** Stores chunk after chunk; yields the verdicts of each, once all its batches are decided. */
async function* storeChunks(
  { body, query, nowUs, upstream, unary, stream, meter, releaseBody }: RestCall<PostQuery>,
  { numbering, kind, totals, warnings }: Storing,
): AsyncGenerator<LineVerdict[], void, undefined> {
  const context = rowContextOf(query, numbering.repeatable ? undefined : nowUs);
  const { machine, signal, decimal, mapping } = context;
  const format = { machine, signal, decimal, mapping, delimiter: query.delimiter };
  const { producerId } = numbering;
  let { sequence } = numbering;
  let readable = false;
  const declared = new UploadDeclarations();
  for await (const { rows, lines } of readChunks(body as Readable, { kind, format })) {
    if (!readable && totals.rejected >= maxUnreadableLines) {
      totals.unread_from_line = lines[0]!;
      return;
    }
    const { batches, unreadable } = await toRowBatchesInTurns(rows, context, declared);
    readable ||= batches.length > 0;
    // A row of a wide table has several records; what cannot be read counts by lines.
    const total =
      batches.reduce((sum, made) => sum + made.rows.length, 0) +
      unreadable.reduce((sum, one) => sum + countLines(rows, one), 0);
    const waitMs = meter(total);
    const sent = [];
    // One after the other: a producer's batches are accepted only in order of their numbers.
    for (const made of batches) {
      const numbered = { producerId, sequence, batch: made.batch };
      const hasStored = totals.last_sequence !== undefined;
      const answer = await storeBatch({ upstream, unary }, numbered, { hasStored });
      totals.last_sequence = String(sequence++);
      totals.cursor = answer.cursor;
      if (answer.result!.duplicate) totals.duplicate_batches++;
      const { droppedDuplicates } = answer.result!;
      if (droppedDuplicates > 0)
        totals.dropped_duplicates = (totals.dropped_duplicates ?? 0) + droppedDuplicates;
      warnings.add(made.batch, answer.result!);
      sent.push({ rows: made, result: answer.result! });
    }
    releaseBody();
    const verdicts = onLines(rowVerdicts(sent, unreadable), { rows, lines });
    const rejected = verdicts.reduce((sum, { count }) => sum + count, 0);
    totals.rejected += rejected;
    totals.accepted += total - rejected;
    yield verdicts.map(({ row, count, reason, retryable, message }) => ({
      line: row,
      count,
      reason,
      retryable,
      message,
    }));
    await waitUnlessAborted(waitMs, stream.abort);
  }
}

const countLines = (rows: readonly unknown[], { row, count }: UnreadableRow): number =>
  rows.slice(row, row + count).reduce<number>((sum, one) => sum + linesOf(one), 0);

/**
 * Converts verdicts on a chunk's rows to verdicts on lines: there may be empty lines between rows,
 * and a row may span several lines.
 */
function onLines(verdicts: readonly RowVerdict[], { rows, lines }: Chunk): RowVerdict[] {
  const joined: RowVerdict[] = [];
  for (const { row, count, reason, retryable, message } of verdicts)
    for (let at = row; at < row + count; at++)
      appendVerdict(joined, {
        row: lines[at]!,
        count: linesOf(rows[at]),
        reason,
        retryable,
        message,
      });
  return joined;
}
