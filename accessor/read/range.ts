// A range of any length as slices in order of time: samples swept together, states and errors from their tables beside them.
import { create } from "@bufbuild/protobuf";
import { type Batch, BatchSchema, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { toSamples } from "../../samples/wire.ts";
import { compareText, type Series } from "../store/catalog.ts";
import { type EventRange, readErrorReports, readStateChanges } from "../store/events.ts";
import type { Reads } from "./as-of.ts";
import { clamp } from "./log-pieces.ts";
import { mergeAll } from "./merge.ts";
import { toTimestamp } from "./page.ts";
import { seriesPieces } from "./series-pieces.ts";
import { type Slice, sweep } from "./sweep.ts";

export type RangeQuery = { series: readonly Series[]; fromUs: number; toUs: number; revision: number };

// About 0.5 MB a message: large enough that a message's own cost vanishes, small enough for flat memory.
const samplesPerSlice = 65_536;
const eventsPerPage = 5_000;

/** Batches of each slice, ascending by machine. */
export async function* readRange(
  reads: Reads,
  query: RangeQuery,
  signal: AbortSignal,
): AsyncGenerator<Batch[], void, undefined> {
  const { fromUs, toUs } = query;
  const numeric = query.series.filter(({ kind }) => kind === SignalKind.NUMERIC);
  const streams = [createStateStream(reads, query), createErrorStream(reads, query)];
  const sources =
    numeric.length === 0
      ? []
      : await seriesPieces(
          reads,
          { ...query, series: numeric },
          { maxSamples: Infinity, withRevisions: false, signal },
        );
  if (sources.length > 0) {
    for await (const slice of sweep(sources, { fromUs, toUs, minSamples: samplesPerSlice })) {
      const batches = new SliceBatches(slice);
      for (const stream of streams) await stream.takeBefore(slice.toUs, batches);
      yield batches.list();
    }
  }
  for (;;) {
    signal.throwIfAborted();
    const boundUs = Math.min(...(await Promise.all(streams.map((stream) => stream.reach()))));
    const batches = new SliceBatches(undefined);
    for (const stream of streams) await stream.takeBefore(boundUs, batches);
    const list = batches.list();
    if (list.length > 0) yield list;
    if (boundUs === Number.POSITIVE_INFINITY) return;
  }
}

class SliceBatches {
  readonly #byMachine = new Map<string, Batch>();

  constructor(slice: Slice | undefined) {
    for (const [series, pieces] of slice?.parts ?? []) {
      this.of(series.machine).samples.push(toSamples(series, mergeAll(pieces.map(({ column }) => column))));
    }
  }

  of(machine: string): Batch {
    const batch = this.#byMachine.get(machine) ?? create(BatchSchema, { machine });
    this.#byMachine.set(machine, batch);
    return batch;
  }

  list(): Batch[] {
    const batches = [...this.#byMachine.values()].sort((a, b) => compareText(a.machine, b.machine));
    for (const { samples } of batches) samples.sort((a, b) => compareText(a.signal, b.signal));
    return batches;
  }
}

type EventRow = { time_us: number; revision: number; position: number; machine: string };

/** Events of one kind in order, read a page ahead. */
class EventStream<Row extends EventRow> {
  readonly #readPage: (range: EventRange) => Promise<readonly Row[]>;
  readonly #add: (batch: Batch, row: Row) => void;
  readonly #range: EventRange;
  #buffer: Row[] = [];
  #exhausted: boolean;

  constructor(
    range: EventRange,
    options: { readPage: (range: EventRange) => Promise<readonly Row[]>; add: (batch: Batch, row: Row) => void },
  ) {
    this.#range = range;
    this.#readPage = options.readPage;
    this.#add = options.add;
    this.#exhausted = range.machineIds?.length === 0;
  }

  /** Up to where everything is buffered: Infinity at the end, else a time whose rows may not all be here. */
  async reach(): Promise<number> {
    if (this.#buffer.length === 0 && !this.#exhausted) await this.#fill();
    while (!this.#exhausted && this.#buffer[0]!.time_us === this.#buffer.at(-1)!.time_us) await this.#fill();
    return this.#exhausted ? Number.POSITIVE_INFINITY : this.#buffer.at(-1)!.time_us;
  }

  async takeBefore(boundUs: number, batches: SliceBatches): Promise<void> {
    while (!this.#exhausted && (this.#buffer.at(-1)?.time_us ?? Number.NEGATIVE_INFINITY) < boundUs) await this.#fill();
    let count = 0;
    while (count < this.#buffer.length && this.#buffer[count]!.time_us < boundUs) count++;
    for (const row of this.#buffer.slice(0, count)) this.#add(batches.of(row.machine), row);
    this.#buffer = this.#buffer.slice(count);
  }

  async #fill(): Promise<void> {
    const rows = await this.#readPage(this.#range);
    this.#buffer.push(...rows);
    this.#exhausted = rows.length < this.#range.limit;
    const last = rows.at(-1);
    if (last !== undefined)
      this.#range.after = { timeUs: last.time_us, revision: last.revision, position: last.position };
  }
}

function eventRange(query: RangeQuery, kind: SignalKind): EventRange {
  const machineIds = query.series.filter((series) => series.kind === kind).map(({ machineId }) => machineId);
  const { fromUs, toUs, revision } = query;
  return {
    machineIds,
    fromUs: clamp(fromUs),
    toUs: clamp(toUs),
    through: revision,
    after: undefined,
    limit: eventsPerPage,
  };
}

function createStateStream({ database }: Reads, query: RangeQuery) {
  return new EventStream(eventRange(query, SignalKind.STATE), {
    readPage: (range) => readStateChanges(database, range, []),
    add: (batch, { time_us, state, reason }) =>
      batch.stateChanges.push({ $typeName: "millrace.v1.StateChange", time: toTimestamp(time_us), state, reason }),
  });
}

function createErrorStream({ database }: Reads, query: RangeQuery) {
  return new EventStream(eventRange(query, SignalKind.EVENT), {
    readPage: (range) => readErrorReports(database, range, { severities: [], codePrefix: "" }),
    add: (batch, { time_us, severity, code, message }) =>
      batch.errorReports.push({
        $typeName: "millrace.v1.ErrorReport",
        time: toTimestamp(time_us),
        severity,
        code,
        message,
      }),
  });
}
