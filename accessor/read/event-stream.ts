// States and errors of a range in order of time, read a page ahead, to be merged with slices of
// samples.

import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { clamp } from "../store/binary-arrays.ts";
import {
  type EventPage,
  type EventRange,
  readErrorReports,
  readStateChanges,
} from "../store/events.ts";
import type { Series } from "../store/series.ts";
import type { Reads } from "./answer-revision.ts";
import { BatchesByMachine } from "./batches-by-machine.ts";

// Both kinds together, with their machines' names, take about 2 MB at most.
const eventsPerPage = 2_500;
const pageBytes = 512 * 1024;
const rowBytes = 64;

type EventQuery = { series: readonly Series[]; fromUs: number; toUs: number; revision: number };

/** The states and errors of some series in a range. */
export class EventStreams {
  readonly #streams: readonly EventStream<never>[];

  constructor(reads: Pick<Reads, "database">, query: EventQuery) {
    this.#streams = [
      createStateStream(reads, query),
      createErrorStream(reads, query),
    ] as unknown as EventStream<never>[];
  }

  /**
   * The time up to which all events are buffered, or Infinity. Events taken before it are at most a
   * page of each kind.
   */
  async reach(): Promise<number> {
    const reached = await Promise.all(this.#streams.map((stream) => stream.reach()));
    return reached.reduce((least, timeUs) => Math.min(least, timeUs), Number.POSITIVE_INFINITY);
  }

  /** Adds the events before a time (at most reach) that were not taken yet. */
  takeBefore(boundUs: number, batches: BatchesByMachine): void {
    for (const stream of this.#streams) stream.takeBefore(boundUs, batches);
  }

  /**
   * Adds the buffered events at the reach itself, once all before it are taken; more of that time
   * may follow. Otherwise all records of one time would have to be held together.
   */
  takeHeld(reachUs: number, batches: BatchesByMachine): void {
    for (const stream of this.#streams) stream.takeHeld(reachUs, batches);
  }

  /** All events before a time that were not taken yet, in slices of some thousand. */
  async *before(boundUs: number, abort: AbortSignal): AsyncGenerator<Batch[], void, undefined> {
    for (let reachUs = Number.NEGATIVE_INFINITY; reachUs < boundUs; ) {
      abort.throwIfAborted();
      reachUs = Math.min(boundUs, await this.reach());
      const batches = new BatchesByMachine();
      this.takeBefore(reachUs, batches);
      if (reachUs < boundUs) this.takeHeld(reachUs, batches);
      const list = batches.list();
      if (list.length > 0) yield list;
    }
  }
}

type EventRow = { time_us: number; revision: number; position: number; machine: string };

/** Events of one kind in order, read a page ahead. */
class EventStream<Row extends EventRow> {
  readonly #readPage: (range: EventRange) => Promise<EventPage<Row>>;
  readonly #add: (batch: Batch, row: Row) => void;
  readonly #range: EventRange;
  #buffer: Row[] = [];
  #exhausted: boolean;

  constructor(
    range: EventRange,
    options: {
      readPage: (range: EventRange) => Promise<EventPage<Row>>;
      add: (batch: Batch, row: Row) => void;
    },
  ) {
    this.#range = range;
    this.#readPage = options.readPage;
    this.#add = options.add;
    this.#exhausted = range.machineIds?.length === 0;
  }

  /**
   * Up to where everything is buffered: Infinity at the end, else a time whose rows may not all be
   * buffered.
   */
  async reach(): Promise<number> {
    if (this.#buffer.length === 0 && !this.#exhausted) await this.#fill();
    return this.#exhausted ? Number.POSITIVE_INFINITY : this.#buffer.at(-1)!.time_us;
  }

  takeBefore(boundUs: number, batches: BatchesByMachine): void {
    let count = 0;
    while (count < this.#buffer.length && this.#buffer[count]!.time_us < boundUs) count++;
    for (const row of this.#buffer.slice(0, count)) this.#add(batches.of(row.machine), row);
    this.#buffer = this.#buffer.slice(count);
  }

  /** For a page that ends at the time, if everything before that time is taken. */
  takeHeld(reachUs: number, batches: BatchesByMachine): void {
    if (
      this.#exhausted ||
      this.#buffer[0]?.time_us !== reachUs ||
      this.#buffer.at(-1)!.time_us !== reachUs
    )
      return;
    for (const row of this.#buffer) this.#add(batches.of(row.machine), row);
    this.#buffer = [];
  }

  async #fill(): Promise<void> {
    const { rows, more } = await this.#readPage(this.#range);
    for (const row of rows) this.#buffer.push(row);
    this.#exhausted = !more;
    const last = rows.at(-1);
    if (last !== undefined)
      this.#range.after = {
        timeUs: last.time_us,
        revision: last.revision,
        position: last.position,
      };
  }
}

function eventRange(query: EventQuery, kind: SignalKind): EventRange {
  const machineIds = query.series
    .filter((series) => series.kind === kind)
    .map(({ machineId }) => machineId);
  const { fromUs, toUs, revision } = query;
  return {
    machineIds,
    fromUs: clamp(fromUs),
    toUs: clamp(toUs),
    through: revision,
    after: undefined,
    limit: eventsPerPage,
    maxBytes: pageBytes,
    rowBytes,
  };
}

function createStateStream({ database }: Pick<Reads, "database">, query: EventQuery) {
  return new EventStream(eventRange(query, SignalKind.STATE), {
    readPage: (range) => readStateChanges(database, range, []),
    add: (batch, { time_us, state, reason }) =>
      batch.stateChanges.push({
        $typeName: "millrace.v1.StateChange",
        time: toTimestamp(time_us),
        state,
        reason,
      }),
  });
}

function createErrorStream({ database }: Pick<Reads, "database">, query: EventQuery) {
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
