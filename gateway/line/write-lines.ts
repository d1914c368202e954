// Stores a body of line protocol while it arrives, a chunk at a time. A body that was stored in
// part may be sent again: its records are stored once.
import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { LineReader } from "../../codec/line/line-reader.ts";
import type { Precision } from "../../codec/line/line-time.ts";
import { batchBytes } from "../../codec/wire/batch-bytes.ts";
import { Turns } from "../../runtime/turns.ts";
import { waitUnlessAborted } from "../limits/wait.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { LineBatch } from "./line-chunk.ts";
import type { LineNames } from "./line-names.ts";
import type { LineMapping } from "./line-settings.ts";
import { LineRecords } from "./line-sink.ts";
import { RefusedLines } from "./refused-lines.ts";

export type WriteLinesOptions = {
  precision: Precision;
  names: LineNames;
  mapping: LineMapping;
  nowUs: number;
  upstream: Upstream;
  unary: { signal: AbortSignal; timeoutMs: number };
  /** Counts records against the caller's quota; returns how long to stop reading. */
  meter: (records: number) => number;
  /** Call it when the part of the body that was read is stored. */
  releaseBody: () => void;
  /** Called with each warning about what was stored. */
  onWarning: (warning: { machine: string; message: string }) => void;
};

export type WrittenLines = { accepted: number; refused: RefusedLines };

/** Well below the accessor's limits for a batch: 65,536 records, 4 MiB. */
const chunkRecords = 20_000;
const chunkCharacters = 512 * 1024;
/** If nothing but these many lines came, and none of them is a record, the rest is not read. */
const maxUnreadable = 20_000;
/** Of one call. */
const maxBatches = 512;
const maxCallBytes = 3 * 1024 * 1024;

/** Fails with the first error of the accessor, or of the body; what was read before is stored. */
export async function writeLines(
  body: AsyncIterable<Uint8Array>,
  options: WriteLinesOptions,
): Promise<WrittenLines> {
  const { precision, names, mapping, nowUs, meter, releaseBody, unary } = options;
  const refused = new RefusedLines();
  const records = new LineRecords({ names, mapping, refused, nowUs });
  const reader = new LineReader(records, { precision });
  const sending = new Sending(options, refused);
  const decoder = new TextDecoder();
  const turns = new Turns();
  let accepted = 0;
  const store = async () => {
    const chunk = records.takeChunk();
    if (chunk.records === 0) return;
    const waitMs = meter(chunk.records);
    accepted += chunk.records - (await sending.send(chunk.batches()));
    releaseBody();
    await waitUnlessAborted(waitMs, unary.signal);
    unary.signal.throwIfAborted();
  };
  for await (const piece of body) {
    // It is something else: its other lines would be refused one by one.
    if (accepted === 0 && records.chunk.records === 0 && refused.count >= maxUnreadable)
      return { accepted, refused };
    reader.push(decoder.decode(piece, { stream: true }));
    const { chunk } = records;
    if (chunk.records >= chunkRecords || chunk.characters >= chunkCharacters) await store();
    else await turns.pause();
  }
  reader.push(decoder.decode());
  reader.end();
  await store();
  return { accepted, refused };
}

/** Sends batches as one producer, which lives for one body. */
class Sending {
  readonly #options: WriteLinesOptions;
  readonly #refused: RefusedLines;
  readonly #producerId = `rest:${randomUUID()}`;
  #sequence = 1n;

  constructor(options: WriteLinesOptions, refused: RefusedLines) {
    this.#options = options;
    this.#refused = refused;
  }

  /** Returns how many records were refused. */
  async send(made: readonly LineBatch[]): Promise<number> {
    let refused = 0;
    for (const group of callsOf(made)) refused += await this.#call(group);
    return refused;
  }

  async #call(group: readonly LineBatch[]): Promise<number> {
    const { upstream, unary, onWarning } = this.#options;
    const { results } = await upstream.ingest.ingestBatches(
      {
        producerId: this.#producerId,
        sequence: this.#sequence,
        batches: group.map(({ batch }) => batch),
      },
      unary,
    );
    if (results.length !== group.length)
      throw new ConnectError("the accessor did not answer for every batch", Code.Internal);
    this.#sequence += BigInt(group.length);
    let refused = 0;
    for (const [i, { refusal, verdicts, warnings }] of results.entries()) {
      const { batch, lines, linesOf } = group[i]!;
      if (refusal !== undefined) for (const line of lines) this.#refused.add(line, refusal.message);
      refused += refusal === undefined ? 0 : lines.length;
      for (const verdict of verdicts) {
        refused += verdict.count;
        for (const line of linesOf(verdict)) this.#refused.add(line, verdict.message);
      }
      for (const { message } of warnings) onWarning({ machine: batch.machine, message });
    }
    return refused;
  }
}

/** Groups batches so that each group fits into one message. */
function* callsOf(made: readonly LineBatch[]): Generator<LineBatch[], void, undefined> {
  let group: LineBatch[] = [];
  let bytes = 0;
  for (const one of made) {
    const own = batchBytes(one.batch);
    if (group.length === maxBatches || (group.length > 0 && bytes + own > maxCallBytes)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(one);
    bytes += own;
  }
  if (group.length > 0) yield group;
}
