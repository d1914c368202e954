// POST /signals with a body of lines, NDJSON or CSV, of any size: stored while it comes, a chunk of rows at a time.
import type { Readable } from "node:stream";
import { pause } from "../limits/pause.ts";
import type { RestAnswer, RestCall } from "./call.ts";
import { contentTypeOf } from "./formats.ts";
import { toJsonText } from "./json.ts";
import type { Numbering } from "./numbering.ts";
import { createCsvReader } from "./post-csv.ts";
import { ignoredMember, toRowBatches, UnreadableText } from "./post-rows.ts";
import type { PostQuery } from "./post-signals.ts";
import { HttpProblem } from "./problem.ts";
import { readLines } from "./text-lines.ts";
import { joinVerdicts, rowVerdicts } from "./verdicts.ts";

/**
 * Rows and characters of a chunk: where the body is cut follows from the body alone, so that the same body sent again makes the same
 * batches. A chunk's batches lie well below what the accessor takes as one (65,536 records, 4 MiB).
 */
const chunkRows = 20_000;
const chunkCharacters = 2 * 1024 * 1024;
/** What an answer in JSON names at most. */
const maxVerdicts = 1_000;

type Kind = "ndjson" | "csv";
type LineVerdict = { line: number; count: number; reason: string | number; retryable: boolean; message: string };
type Totals = {
  accepted: number;
  rejected: number;
  cursor: string | undefined;
  producer_id: string;
  last_sequence: string | undefined;
  duplicate_batches: number;
  /** Members of rows that mean nothing. */
  ignored: Set<string>;
};

const toMembers = ({ ignored, ...rest }: Totals) => ({ ...rest, ...ignoredMember(ignored) });

/** Answers with totals and up to 1,000 verdicts; or, asked for NDJSON, with all verdicts as they come and the totals at last. */
export async function postLines(
  call: RestCall<PostQuery>,
  { numbering, kind }: { numbering: Numbering; kind: Kind },
): Promise<RestAnswer> {
  const totals: Totals = {
    ...{ accepted: 0, rejected: 0, cursor: undefined, producer_id: numbering.producerId },
    ...{ last_sequence: undefined, duplicate_batches: 0, ignored: new Set<string>() },
  };
  const chunks = storeChunks(call, { numbering, kind, totals });
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
          await say(toMembers(totals));
        } catch (error) {
          await say({ ...toProblem(error).body, ...toMembers(totals) });
        }
        body.end();
      },
      close: async () => void (await chunks.return()),
    };
  }
  const verdicts: LineVerdict[] = [];
  let omitted = 0;
  for (let next = first; !next.done; next = await chunks.next()) {
    const room = maxVerdicts - verdicts.length;
    for (const verdict of next.value.slice(0, room)) verdicts.push(verdict);
    omitted += Math.max(0, next.value.length - room);
  }
  const members = { ...toMembers(totals), verdicts, verdicts_omitted: omitted > 0 ? omitted : undefined };
  if (totals.accepted > 0 || totals.rejected === 0) return { body: members };
  throw new HttpProblem(422, "every row was refused: see verdicts", { members });
}

/** Stores chunk after chunk; yields the verdicts of each, once all its batches are decided. */
async function* storeChunks(
  { body, query, nowUs, upstream, unary, stream, meter, passedOn }: RestCall<PostQuery>,
  { numbering, kind, totals }: { numbering: Numbering; kind: Kind; totals: Totals },
): AsyncGenerator<LineVerdict[], void, undefined> {
  const context = { nowUs: numbering.repeatable ? undefined : nowUs, signal: query.type };
  const { producerId } = numbering;
  let { sequence } = numbering;
  for await (const { rows, lines } of readChunks(body as Readable, kind)) {
    const { batches, unreadable, ignored } = toRowBatches(rows, context);
    const total = rows.reduce<number>((sum, row) => sum + linesOf(row), 0);
    const waitMs = meter(total);
    const sent = [];
    // One after the other: a producer's batches are taken in order of their numbers only.
    for (const made of batches) {
      const answer = await upstream.ingest.ingestBatch({ producerId, sequence, batch: made.batch }, unary);
      totals.last_sequence = String(sequence++);
      totals.cursor = answer.cursor;
      if (answer.result!.duplicate) totals.duplicate_batches++;
      sent.push({ rows: made, result: answer.result! });
    }
    passedOn();
    for (const name of ignored) if (totals.ignored.size < 20) totals.ignored.add(name);
    const verdicts = rowVerdicts(sent, unreadable).map((verdict) => ({
      ...{ ...verdict, row: lines[verdict.row]!, count: linesOf(rows[verdict.row]) },
    }));
    const rejected = verdicts.reduce((sum, { count }) => sum + count, 0);
    totals.rejected += rejected;
    totals.accepted += total - rejected;
    yield joinVerdicts(verdicts).map(({ row, count, reason, retryable, message }) => ({
      ...{ line: row, count, reason, retryable, message },
    }));
    await pause(waitMs, stream.signal);
  }
}

const linesOf = (row: unknown): number => (row instanceof UnreadableText ? row.lines : 1);

type Chunk = { rows: unknown[]; lines: number[] };

async function* readChunks(body: Readable, kind: Kind): AsyncGenerator<Chunk, void, undefined> {
  const csv = kind === "csv" ? createCsvReader() : undefined;
  let chunk: Chunk = { rows: [], lines: [] };
  let characters = 0;
  // A request that is destroyed takes its connection, and the answer, with it.
  const bytes = body.iterator({ destroyOnReturn: false });
  for await (const lines of readLines(bytes)) {
    for (const line of lines) {
      characters += line.text?.length ?? 0;
      const read = csv ? csv.read(line) : readJson(line);
      if (read) {
        chunk.rows.push(read.row);
        chunk.lines.push(read.line);
      }
      if (chunk.rows.length < chunkRows && characters < chunkCharacters) continue;
      yield chunk;
      chunk = { rows: [], lines: [] };
      characters = 0;
    }
  }
  const left = csv?.end();
  if (left) {
    chunk.rows.push(left.row);
    chunk.lines.push(left.line);
  }
  if (chunk.rows.length > 0) yield chunk;
}

function readJson({ number, text }: { number: number; text: string | undefined }) {
  if (text === undefined) return { line: number, row: new UnreadableText("the line is longer than 1 MiB") };
  if (text.trim() === "") return undefined;
  try {
    return { line: number, row: JSON.parse(text) as unknown };
  } catch (error) {
    return { line: number, row: new UnreadableText(`not JSON: ${(error as Error).message}`) };
  }
}
