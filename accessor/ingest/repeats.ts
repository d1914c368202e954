// Stores a record once, of series that drop duplicates, however often and in whatever batches it
// comes. While a batch is prepared, its records are compared with all that is stored. When it is
// committed, they are compared with what was committed since; and PostgreSQL makes sure, under its
// lock, that no other accessor has committed anything in between.
import type { ErrorReport, StateChange } from "#gen/millrace/v1/signal_pb.ts";
import { Turns } from "../../runtime/turns.ts";
import type { Database } from "../store/database.ts";
import type { LogRow, Placed } from "../store/ingest.ts";
import { readLatestRows } from "../store/latest-rows.ts";
import { readHead } from "../store/log.ts";
import type { Series } from "../store/series.ts";
import { storedKeys, withoutKnown } from "./equal-events.ts";
import {
  countOtherValues,
  countRepeated,
  markStored,
  markWithin,
  noMarks,
  withoutRepeated,
} from "./equal-samples.ts";
import { type Marking, markInDatabase } from "./find-stored.ts";
import { assemble, type Parts, type Prepared, type Records, type Submission } from "./prepared.ts";
import { RecentRows } from "./recent-rows.ts";
import { columnOfRow, drops, keysOfRow, TakenRows } from "./row-records.ts";

/** The longest that the records of one batch may be looked for. */
const lookUpTimeoutMs = 30_000;
/**
 * An accessor that has not committed for so long looks for commits of others: what it reads must
 * not be too old to be kept.
 */
const believedMs = 30_000;

export class Repeats {
  readonly #database: Database;
  readonly #recent: RecentRows;
  readonly #monotonicMs: () => number;
  /** When the newest revision was known to be that of #recent. */
  #knownMs = Number.NEGATIVE_INFINITY;

  constructor(
    database: Database,
    recent = new RecentRows(),
    monotonicMs = () => performance.now(),
  ) {
    this.#database = database;
    this.#recent = recent;
    this.#monotonicMs = monotonicMs;
  }

  /** Another epoch has begun, or the outcome of a commit is not known. */
  forget(): void {
    this.#recent.restart(undefined);
  }

  /** Takes note of this accessor's own commits, ascending by revision. */
  learn(commits: readonly { revision: number; rows: readonly LogRow[] }[]): void {
    if (commits.length > 0) this.#knownMs = this.#monotonicMs();
    this.#recent.add(
      commits.map(({ revision, rows }) => ({
        revision,
        rows: rows.filter(({ series }) => drops(series)),
      })),
    );
  }

  /**
   * Assembles a batch without the records that come again. Fails if the database does not answer.
   */
  async prepare(parts: Parts, turns: Turns): Promise<Prepared> {
    if (!dropsAny(parts)) return assemble(parts, turns);
    const revision = await this.#revision();
    return this.#strip(parts, { revision, turns });
  }

  /**
   * The first part of a group without what was committed since its batches were prepared; seen: the
   * revision up to which that is known. It ends before a batch that has a record of an earlier one:
   * only when that one is decided is it known whether it is stored. At least one batch.
   */
  async thin(group: readonly Submission[]): Promise<{ group: Submission[]; seen: number }> {
    if (!group.some(({ prepared }) => prepared.dropping !== undefined))
      return { group: [...group], seen: 0 };
    const seen = await this.#revision();
    const thinned: Submission[] = [];
    const taken = new TakenRows();
    for (const submission of group) {
      const prepared = await this.#upTo(seen, submission.prepared);
      if (!taken.add(prepared)) break;
      thinned.push({ ...submission, prepared });
    }
    return { group: thinned, seen };
  }

  /** A revision to look up at; what this accessor commits later is in memory. */
  async #revision(): Promise<number> {
    const { through } = this.#recent;
    if (through !== undefined && this.#monotonicMs() - this.#knownMs < believedMs) return through;
    const { revision } = await readHead(this.#database);
    // Own commits may have come meanwhile.
    if ((this.#recent.through ?? -1) < revision) this.#recent.restart(revision);
    this.#knownMs = this.#monotonicMs();
    return revision;
  }

  /** The batch without what was committed after its own revision and up to another one. */
  async #upTo(revision: number, prepared: Prepared): Promise<Prepared> {
    const { dropping } = prepared;
    if (dropping === undefined || dropping.seen === revision) return prepared;
    const { parts, seen: after } = dropping;
    const later = prepared.rows
      .filter(({ series }) => drops(series))
      .map(({ series, firstUs, lastUs }) => ({
        series,
        rows: this.#recent.since(series.id, { after, firstUs, lastUs }),
      }));
    if (later.some(({ rows }) => rows === undefined))
      return this.#strip(parts, { revision, turns: new Turns() });
    const found = later.filter(({ rows }) => rows!.length > 0);
    if (found.length === 0) return prepared;
    const records = new Fresh(parts);
    for (const { series, rows } of found)
      for (const row of rows!) {
        if (records.markings.has(series)) records.mark(series, columnOfRow(row));
        else records.dropEvents(series, keysOfRow(row));
      }
    return { ...(await records.assemble(new Turns())), dropping };
  }

  /** The batch without what is stored as of a revision. */
  async #strip(
    parts: Parts,
    { revision, turns }: { revision: number; turns: Turns },
  ): Promise<Prepared> {
    const at = lookUpAt(revision);
    const records = new Fresh(parts);
    records.markWithin();
    await this.#markStored([...records.markings.values()], at);
    for (const { series, placed } of eventsOf(parts))
      if (drops(series) && placed.length > 0)
        records.dropEvents(series, await storedKeys(this.#database, series, placed, at));
    const prepared = await records.assemble(turns);
    return { ...prepared, dropping: { parts: records.parts, seen: revision } };
  }

  /** By what is in memory for new times, and by what is in the database for older ones. */
  async #markStored(markings: readonly Marking[], at: LookUp): Promise<void> {
    await this.#findEnds(markings, at);
    const older: Marking[] = [];
    for (const marking of markings) {
      const { series, column, marks } = marking;
      const firstUs = column.timesUs[0]!;
      const lastUs = column.timesUs.at(-1)!;
      const knownFrom = this.#recent.knownFrom(series.id);
      if (knownFrom === undefined || firstUs < knownFrom) older.push(marking);
      else
        for (const row of this.#recent.overlapping(series.id, { firstUs, lastUs }))
          markStored(column, columnOfRow(row), marks);
    }
    if (older.length > 0) await markInDatabase(this.#database, older, at);
  }

  /** Looks up where series end of which nothing is known yet. */
  async #findEnds(markings: readonly Marking[], at: LookUp): Promise<void> {
    const unknown = markings
      .map(({ series }) => series.id)
      .filter((id) => this.#recent.knownFrom(id) === undefined);
    if (unknown.length === 0) return;
    const rows = await readLatestRows(this.#database, unknown, {
      through: at.revision,
      abort: at.abort,
    });
    const ends = new Map(
      rows.map(([id, , logUs, , blockUs]) => [
        id,
        Math.max(logUs ?? Number.NEGATIVE_INFINITY, blockUs ?? Number.NEGATIVE_INFINITY),
      ]),
    );
    for (const id of unknown) {
      const endUs = ends.get(id) ?? Number.NEGATIVE_INFINITY;
      this.#recent.noteEnd(id, { fromUs: endUs + 1, revision: at.revision });
    }
  }
}

type LookUp = { readonly revision: number; readonly abort: AbortSignal };

/** Most batches need no look into the database, and so no timer. */
function lookUpAt(revision: number): LookUp {
  let abort: AbortSignal | undefined;
  return {
    revision,
    get abort() {
      abort ??= AbortSignal.timeout(lookUpTimeoutMs);
      return abort;
    },
  };
}

const dropsAny = (parts: Parts): boolean =>
  [...parts.bySeries.keys()].some(drops) ||
  eventsOf(parts).some(({ series, placed }) => placed.length > 0 && drops(series));

/** The states and errors of a batch with their series, where there are any. */
function eventsOf({
  batch: { machine },
  catalog,
  stateChanges,
  errorReports,
}: Parts): { series: Series; placed: readonly Placed<StateChange | ErrorReport>[] }[] {
  return [
    { series: catalog.find(machine, "state"), placed: stateChanges },
    { series: catalog.find(machine, "error"), placed: errorReports },
  ].flatMap(({ series, placed }) => (series === undefined ? [] : [{ series, placed }]));
}

/** A batch's records, from which those that come again are removed. */
class Fresh {
  readonly markings = new Map<Series, Marking>();
  #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    for (const [series, { column }] of parts.bySeries)
      if (drops(series)) this.markings.set(series, { series, column, marks: noMarks(column) });
  }

  /** What is left. */
  get parts(): Parts {
    return this.#parts;
  }

  markWithin(): void {
    for (const { column, marks } of this.markings.values()) markWithin(column, marks);
  }

  mark(series: Series, stored: Marking["column"]): void {
    const { column, marks } = this.markings.get(series)!;
    markStored(column, stored, marks);
  }

  dropEvents(series: Series, known: ReadonlySet<string>): void {
    const { stateChanges, errorReports } = this.#parts;
    this.#leave(
      series.signal === "state"
        ? { stateChanges: withoutKnown(stateChanges, known) }
        : { errorReports: withoutKnown(errorReports, known) },
      0,
    );
  }

  async assemble(turns: Turns): Promise<Prepared> {
    const bySeries = new Map(this.#parts.bySeries);
    const otherValues = new Map(this.#parts.otherValues);
    let dropped = 0;
    for (const [series, { column, marks }] of this.markings) {
      const repeated = countRepeated(marks);
      dropped += repeated;
      const others = countOtherValues(marks);
      if (others > 0) otherValues.set(series, others);
      if (repeated === 0) continue;
      if (repeated === column.values.length) bySeries.delete(series);
      else
        bySeries.set(series, {
          ...bySeries.get(series)!,
          column: withoutRepeated(column, marks),
        });
    }
    this.#leave({ bySeries, otherValues }, dropped);
    return assemble(this.#parts, turns);
  }

  #leave(left: Partial<Records>, samples: number): void {
    const { stateChanges, errorReports, dropped } = this.#parts;
    const parts = { ...this.#parts, ...left };
    const events =
      stateChanges.length -
      parts.stateChanges.length +
      errorReports.length -
      parts.errorReports.length;
    this.#parts = { ...parts, dropped: dropped + samples + events };
  }
}
