// Machines and their series: known in memory, registered in PostgreSQL. Of a row only what it
// declares may change (declare.ts).

import type { SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { fitsGlob } from "../../access/glob.ts";
import { compareText } from "../../codec/compare-text.ts";
import { Turns } from "../../runtime/turns.ts";
import { moved } from "../domain/epochs.ts";
import type { Rhythm } from "../history/infer-gap.ts";
import type { Database } from "./database.ts";
import {
  type Declaration,
  fixBuckets,
  type QuotaLimit,
  readRedeclared,
  redeclare,
  registerSeries,
} from "./declare.ts";
import { toFailure } from "./errors.ts";
import { OwnSeries } from "./own-series.ts";
import { declaredBy, type SeriesRow, seriesColumns, seriesRow } from "./series-row.ts";
import { SortedNames } from "./sorted-names.ts";
import { sql } from "./sql.ts";

/**
 * A signal of a machine. unit is "" while none is declared, and for states and errors; maxGapUs is
 * undefined for these.
 */
export type Series = {
  readonly id: number;
  readonly machineId: number;
  readonly machine: string;
  readonly signal: string;
  readonly kind: SignalKind;
  readonly unit: string;
  readonly maxGapUs: number | undefined;
  /** As declared; UNSPECIFIED: nobody has, so it is LINEAR. */
  readonly sampleType: SampleType;
  /** What maxGapUs was inferred from; undefined if it was declared. */
  readonly rhythm: Rhythm | undefined;
  /**
   * Sums of blocks and roll-ups of watermarks up to here are of an earlier max_gap: not to be used.
   */
  readonly staleThrough: number;
  /**
   * How wide its buckets are; undefined: nothing of it is compacted yet, as far as is known here.
   */
  readonly bucketUs: number | undefined;
};

export type NewSeries = Omit<Series, "id" | "machineId" | "staleThrough" | "bucketUs">;
export type MachineEntry = {
  readonly id: number;
  readonly name: string;
  readonly firstSeenUs: number;
};

export type Quota = { machines: number; series: number };
export type Quotas = { all: Quota; of: (holder: string) => Quota };

/** Which machines and signals; an empty list means all. */
export type Selection = { machines: readonly string[]; signals: readonly string[] };

const pageRows = 5_000;
const machinesInARow = 256;

export class Catalog {
  readonly #database: Database;
  readonly #byId = new Map<number, Series>();
  readonly #byMachine = new Map<string, OwnSeries>();
  readonly #machines = new Map<string, MachineEntry>();
  readonly #machineNames = new Map<number, string>();
  #names = new SortedNames();
  /** For each signal the machines that send it. */
  readonly #bySignal = new Map<string, SortedNames>();
  /**
   * Counts up when something may be unknown here; a load makes good for all up to where it began.
   */
  #wanted = 1;
  #loaded = 0;
  #loading: Promise<void> | undefined;
  /** Counts up when all is forgotten: what was asked before is no answer after. */
  #generation = 0;
  /** Changed declarations are known through this number; undefined: nothing was loaded yet. */
  #followed: number | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What another accessor registered is not known yet: load before the next look. */
  markStale(): void {
    this.#wanted++;
  }

  /** Another epoch has begun: what was registered last may be gone, and its ids given to others. */
  forget(): void {
    this.#generation++;
    this.#wanted++;
    this.#followed = undefined;
    this.#byId.clear();
    this.#byMachine.clear();
    this.#machines.clear();
    this.#machineNames.clear();
    this.#names = new SortedNames();
    this.#bySignal.clear();
  }

  find(machine: string, signal: string): Series | undefined {
    return this.#byMachine.get(machine)?.get(signal);
  }

  machine(name: string): MachineEntry | undefined {
    return this.#machines.get(name);
  }

  /**
   * Series by id: asks PostgreSQL for those that are not known here, so a row of the log always
   * finds its own.
   */
  async getAll(ids: readonly number[]): Promise<ReadonlyMap<number, Series>> {
    const unknown = [...new Set(ids)].filter((id) => !this.#byId.has(id));
    if (unknown.length > 0)
      await this.#load(sql.fragment`series.id = any(${sql.array(unknown, "int4")})`);
    for (const id of unknown)
      if (!this.#byId.has(id)) throw new Error(`series ${id} is in the log but not in the catalog`);
    return this.#byId;
  }

  async get(id: number): Promise<Series> {
    return (await this.getAll([id])).get(id)!;
  }

  /** Series that match, ascending by machine, then signal. */
  async select({ machines, signals }: Selection): Promise<Series[]> {
    await this.#refresh();
    const names =
      machines.length > 0 ? [...new Set(machines)].sort(compareText) : this.#namesWith(signals);
    const wanted = [...new Set(signals)].sort(compareText);
    const generation = this.#generation;
    const turns = new Turns();
    const found: Series[] = [];
    // 100,000 series in one turn are felt by others. A copy of the names: more may come meanwhile.
    for (const [i, name] of names.slice().entries()) {
      if (i % machinesInARow === 0) await turns.pause();
      const own = this.#byMachine.get(name);
      if (own === undefined) continue;
      const matching =
        signals.length === 0 ? own.sorted() : wanted.flatMap((signal) => own.get(signal) ?? []);
      for (const series of matching) found.push(series);
    }
    if (generation !== this.#generation) throw moved();
    return found;
  }

  /** The series that some machines have of a signal, as PostgreSQL knows them now. */
  async ofMachines(machineIds: readonly number[], signal: string): Promise<Series[]> {
    const ids = [...new Set(machineIds)];
    await this.#load(
      sql.fragment`machine_id = any(${sql.array(ids, "int4")}) and signal = ${signal}`,
    );
    return ids.flatMap((id) => this.find(this.#machineNames.get(id) ?? "", signal) ?? []);
  }

  /** Any series of a signal. */
  async anyOf(signal: string): Promise<Series | undefined> {
    await this.#refresh();
    const [machine] = this.#bySignal.get(signal)?.all() ?? [];
    return machine === undefined ? undefined : this.find(machine, signal);
  }

  /** Names of all signals, in no order. */
  async signalNames(): Promise<string[]> {
    await this.#refresh();
    return [...this.#bySignal.keys()];
  }

  /** Machines that send any of these signals (all if none is named), ascending. */
  #namesWith(signals: readonly string[]): readonly string[] {
    if (signals.length === 0) return this.#names.all();
    const [first, ...others] = [...new Set(signals)].map(
      (signal) => this.#bySignal.get(signal)?.all() ?? [],
    );
    return others.length === 0
      ? first!
      : [...new Set([first!, ...others].flat())].sort(compareText);
  }

  /** Machines in order of their names, from the first after `after`. */
  async machines(after: string, limit: number): Promise<MachineEntry[]> {
    await this.#refresh();
    return this.#names.after(after, limit).map((name) => this.#machines.get(name)!);
  }

  /** The name of a machine by its id. */
  async machineName(id: number): Promise<string | undefined> {
    await this.#refresh();
    return this.#machineNames.get(id);
  }

  /**
   * Names of machines that fit any of some patterns, ascending. By name or prefix where a pattern
   * is one: others' machines cost nothing then.
   */
  async machinesFitting(patterns: readonly string[]): Promise<string[]> {
    await this.#refresh();
    const found = new Set<string>();
    for (const pattern of new Set(patterns)) {
      const star = pattern.indexOf("*");
      if (star < 0) {
        if (this.#machines.has(pattern)) found.add(pattern);
      } else
        for (const name of this.#names.withPrefix(pattern.slice(0, star)))
          if (fitsGlob(pattern, name)) found.add(name);
    }
    return [...found].sort(compareText);
  }

  /**
   * Registers series of one machine that are not there yet, as far as the quotas go. What was
   * registered before, here or elsewhere, keeps its declaration. Answers with the limit that was
   * reached, if one was.
   */
  async register(
    machine: string,
    entries: readonly NewSeries[],
    { holder, quotas }: { holder: string; quotas: Quotas },
  ): Promise<QuotaLimit | undefined> {
    const own = quotas.of(holder);
    const limit = await registerSeries(this.#database, {
      machine,
      entries,
      holder,
      own,
      all: quotas.all,
    });
    await this.#load(sql.fragment`machine.name = ${machine}`);
    return limit;
  }

  /**
   * Loads everything if need be. Who comes during a load waits for it, and for another if it began
   * too early.
   */
  async #refresh(): Promise<void> {
    while (this.#loaded < this.#wanted) {
      const wanted = this.#wanted;
      this.#loading ??= this.#loadAll()
        .then(() => {
          this.#loaded = wanted;
        })
        .finally(() => {
          this.#loading = undefined;
        });
      await this.#loading;
    }
  }

  /**
   * In pages: one answer of 200,000 rows holds the event loop for a second, and memory for all of
   * them at once.
   */
  async #loadAll(): Promise<void> {
    for (let afterId = 0; ; ) {
      const lastId = await this.#load(
        sql.fragment`series.id > ${afterId}::int4 order by series.id limit ${pageRows}::int4`,
      );
      if (lastId === undefined) return;
      afterId = lastId;
    }
  }

  /** Answers with the id of the last row of a full page. */
  async #load(which: ReturnType<typeof sql.fragment>): Promise<number | undefined> {
    const generation = this.#generation;
    try {
      if (this.#followed === undefined) {
        // Before the first rows, so that none of them can be older than that.
        const { newest } = await readRedeclared(this.#database, Number.MAX_SAFE_INTEGER);
        if (generation === this.#generation) this.#followed ??= newest;
      }
      const rows = await this.#database.slonik.any(sql.type(seriesRow)`
        select ${seriesColumns}
        from series join machine on machine.id = machine_id where ${which}`);
      if (generation !== this.#generation) throw moved();
      for (const row of rows) this.#add(row);
      return rows.length === pageRows ? rows.at(-1)!.id : undefined;
    } catch (error) {
      throw toFailure(error);
    }
  }

  /** As redeclare(), and known here. */
  async redeclare(
    series: Series,
    declaration: Declaration,
    options: { force?: boolean } = {},
  ): Promise<boolean> {
    const done = await redeclare(this.#database, series, declaration, options);
    await this.reload([series.id]);
    return done;
  }

  /** Fixes how wide the buckets are of those series that are compacted for the first time. */
  async fixBuckets(all: readonly Series[]): Promise<void> {
    const series = [...new Set(all)].filter(({ bucketUs }) => bucketUs === undefined);
    if (series.length === 0) return;
    await fixBuckets(this.#database, series);
    await this.reload(series.map(({ id }) => id));
  }

  /** Reads again what some series declare. */
  async reload(ids: readonly number[]): Promise<void> {
    for (let at = 0; at < ids.length; at += pageRows)
      await this.#load(
        sql.fragment`series.id = any(${sql.array(ids.slice(at, at + pageRows), "int4")})`,
      );
  }

  /** Reads the declarations that others have changed, up to a number of theirs; undefined: all. */
  async follow(through?: number): Promise<void> {
    const followed = this.#followed;
    if (followed === undefined || (through !== undefined && through <= followed)) return;
    const generation = this.#generation;
    const { newest, ids } = await readRedeclared(this.#database, followed);
    await this.reload(ids.filter((id) => this.#byId.has(id)));
    if (generation === this.#generation) this.#followed = Math.max(followed, newest);
  }

  #add(row: SeriesRow): void {
    const known = this.#byId.get(row.id);
    if (known !== undefined) {
      // What a declaration may change: the object stays, since others hold it.
      Object.assign(known, declaredBy(row));
      return;
    }
    const { id, machine_id: machineId, machine, signal, kind } = row;
    const series: Series = {
      ...{ id, machineId, machine, signal, kind: kind as SignalKind },
      ...declaredBy(row),
    };
    this.#byId.set(id, series);
    if (!this.#machines.has(machine)) this.#names.add(machine);
    this.#machineNames.set(machineId, machine);
    const senders = this.#bySignal.get(signal) ?? new SortedNames();
    this.#bySignal.set(signal, senders);
    senders.add(machine);
    this.#machines.set(machine, { id: machineId, name: machine, firstSeenUs: row.first_seen_us });
    const ofMachine = this.#byMachine.get(machine) ?? new OwnSeries();
    this.#byMachine.set(machine, ofMachine.set(signal, series));
  }
}
