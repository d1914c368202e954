// Machines and their series: cached in memory, registered in PostgreSQL. Only the declarations of a
// row may change (declare.ts).
import { compareText } from "../../codec/compare-text.ts";
import { Turns } from "../../runtime/turns.ts";
import { moved } from "../domain/epochs.ts";
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
import { KnownSeries } from "./known-series.ts";
import type { MachineEntry, NewSeries, Quotas, Selection, Series } from "./series.ts";
import { seriesColumns, seriesRow } from "./series-row.ts";
import { sql } from "./sql.ts";

const pageRows = 5_000;
const machinesInARow = 256;

export class Catalog {
  readonly #database: Database;
  readonly #known = new KnownSeries();
  /**
   * Incremented when something may be unknown here; a load covers every increment from before its
   * start.
   */
  #wanted = 1;
  #loaded = 0;
  #loading: Promise<void> | undefined;
  /** Incremented when everything is dropped: answers to earlier queries are then invalid. */
  #generation = 0;
  /**
   * The number of the last declaration change that is known here; undefined: nothing was loaded
   * yet.
   */
  #followed: number | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Another accessor has registered something that is not known yet: load before the next lookup.
   */
  markStale(): void {
    this.#wanted++;
  }

  /** Another epoch has begun: the latest registrations may be lost, and their ids reused. */
  forget(): void {
    this.#generation++;
    this.#wanted++;
    this.#followed = undefined;
    this.#known.clear();
  }

  find(machine: string, signal: string): Series | undefined {
    return this.#known.ofMachine(machine)?.get(signal);
  }

  machine(name: string): MachineEntry | undefined {
    return this.#known.machine(name);
  }

  /**
   * Series by id: queries PostgreSQL for those that are unknown here, so a row of the log always
   * finds its series.
   */
  async getAll(ids: readonly number[]): Promise<ReadonlyMap<number, Series>> {
    const unknown = [...new Set(ids)].filter((id) => !this.#known.byId.has(id));
    if (unknown.length > 0)
      await this.#load(sql.fragment`series.id = any(${sql.array(unknown, "int4")})`);
    for (const id of unknown)
      if (!this.#known.byId.has(id))
        throw new Error(`series ${id} is in the log but not in the catalog`);
    return this.#known.byId;
  }

  async get(id: number): Promise<Series> {
    return (await this.getAll([id])).get(id)!;
  }

  /** Matching series, ascending by machine, then signal. */
  async select({ machines, signals }: Selection): Promise<Series[]> {
    await this.#refresh();
    const names =
      machines.length > 0
        ? [...new Set(machines)].sort(compareText)
        : this.#known.namesWith(signals);
    const wanted = [...new Set(signals)].sort(compareText);
    const generation = this.#generation;
    const turns = new Turns();
    const found: Series[] = [];
    // Going through 100,000 series in one turn would delay others. A copy of the names: more may
    // arrive meanwhile.
    for (const [i, name] of names.slice().entries()) {
      if (i % machinesInARow === 0) await turns.pause();
      const own = this.#known.ofMachine(name);
      if (own === undefined) continue;
      const matching =
        signals.length === 0 ? own.sorted() : wanted.flatMap((signal) => own.get(signal) ?? []);
      for (const series of matching) found.push(series);
    }
    if (generation !== this.#generation) throw moved();
    return found;
  }

  /** The series that some machines have of a signal, as PostgreSQL has them now. */
  async ofMachines(machineIds: readonly number[], signal: string): Promise<Series[]> {
    const ids = [...new Set(machineIds)];
    await this.#load(
      sql.fragment`machine_id = any(${sql.array(ids, "int4")}) and signal = ${signal}`,
    );
    return ids.flatMap((id) => this.find(this.#known.machineName(id) ?? "", signal) ?? []);
  }

  /** Any series of a signal. */
  async anyOf(signal: string): Promise<Series | undefined> {
    await this.#refresh();
    return this.#known.anyOf(signal);
  }

  /** Names of all signals, in no order. */
  async signalNames(): Promise<string[]> {
    await this.#refresh();
    return this.#known.signalNames();
  }

  /** Machines in order of their names, from the first after `after`. */
  async machines(after: string, limit: number): Promise<MachineEntry[]> {
    await this.#refresh();
    return this.#known.machinesAfter(after, limit);
  }

  /** The name of a machine by its id. */
  async machineName(id: number): Promise<string | undefined> {
    await this.#refresh();
    return this.#known.machineName(id);
  }

  /**
   * Names of machines that match any of some patterns, ascending. An exact name or a prefix is
   * looked up, so the machines of others cost nothing then.
   */
  async machinesFitting(patterns: readonly string[]): Promise<string[]> {
    await this.#refresh();
    return this.#known.namesFitting(patterns);
  }

  /**
   * Registers series of one machine that do not exist yet, as far as the quotas permit. Series that
   * exist already keep their declarations. Returns the limit that was reached, if any.
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
   * Loads everything if necessary. A call during a load waits for it, and for another load if that
   * one began too early.
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
   * In pages: one answer of 200,000 rows would block the event loop for a second, and take memory
   * for all of them at once.
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

  /** Returns the id of the last row of a full page. */
  async #load(which: ReturnType<typeof sql.fragment>): Promise<number | undefined> {
    const generation = this.#generation;
    try {
      if (this.#followed === undefined) {
        // Read before the first rows, so that none of them can be older than that.
        const { newest } = await readRedeclared(this.#database, Number.MAX_SAFE_INTEGER);
        if (generation === this.#generation) this.#followed ??= newest;
      }
      const rows = await this.#database.slonik.any(sql.type(seriesRow)`
        select ${seriesColumns}
        from series join machine on machine.id = machine_id where ${which}`);
      if (generation !== this.#generation) throw moved();
      for (const row of rows) this.#known.add(row);
      return rows.length === pageRows ? rows.at(-1)!.id : undefined;
    } catch (error) {
      throw toFailure(error);
    }
  }

  /** Like redeclare(), and updates the cache. */
  async redeclare(
    series: Series,
    declaration: Declaration,
    options: { force?: boolean } = {},
  ): Promise<boolean> {
    const done = await redeclare(this.#database, series, declaration, options);
    await this.reload([series.id]);
    return done;
  }

  /** Sets the width of the buckets of series that are compacted for the first time. */
  async fixBuckets(all: readonly Series[]): Promise<void> {
    const series = [...new Set(all)].filter(({ bucketUs }) => bucketUs === undefined);
    if (series.length === 0) return;
    await fixBuckets(this.#database, series);
    await this.reload(series.map(({ id }) => id));
  }

  /** Reloads the declarations of some series. */
  async reload(ids: readonly number[]): Promise<void> {
    for (let at = 0; at < ids.length; at += pageRows)
      await this.#load(
        sql.fragment`series.id = any(${sql.array(ids.slice(at, at + pageRows), "int4")})`,
      );
  }

  /**
   * Reads the declarations that other accessors have changed, up to a number of changes; undefined:
   * all.
   */
  async follow(through?: number): Promise<void> {
    const followed = this.#followed;
    if (followed === undefined || (through !== undefined && through <= followed)) return;
    const generation = this.#generation;
    const { newest, ids } = await readRedeclared(this.#database, followed);
    await this.reload(ids.filter((id) => this.#known.byId.has(id)));
    if (generation === this.#generation) this.#followed = Math.max(followed, newest);
  }
}
