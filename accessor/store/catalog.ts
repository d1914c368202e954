// Machines and their series: known in memory, registered in PostgreSQL. Rows never
// change, but for a unit that its first samples left undeclared.

import { z } from "zod";
import type { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { fitsGlob } from "../../access/glob.ts";
import { Turns } from "../../runtime/turns.ts";
import { compareText } from "../../samples/compare-text.ts";
import { moved } from "../epochs.ts";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import { OwnSeries } from "./own-series.ts";
import { SortedNames } from "./sorted-names.ts";
import { sql } from "./sql.ts";

/** A signal of a machine. unit is "" while none is declared, and for states and errors; maxGapUs is undefined for these. */
export type Series = {
  readonly id: number;
  readonly machineId: number;
  readonly machine: string;
  readonly signal: string;
  readonly kind: SignalKind;
  readonly unit: string;
  readonly maxGapUs: number | undefined;
};

export type NewSeries = Omit<Series, "id" | "machineId">;
export type MachineEntry = { readonly id: number; readonly name: string; readonly firstSeenUs: number };

/** Which bound on what may be registered was reached. */
const quotaLimit = z.enum(["machines", "machines-per-key", "series", "series-per-key"]);
export type QuotaLimit = z.infer<typeof quotaLimit>;
export type Quota = { machines: number; series: number };
export type Quotas = { all: Quota; of: (holder: string) => Quota };

/** Which machines and signals; an empty list means all. */
export type Selection = { machines: readonly string[]; signals: readonly string[] };

const seriesRow = z.object({
  id: z.number(),
  machine_id: z.number(),
  machine: z.string(),
  signal: z.string(),
  kind: z.number(),
  unit: z.string(),
  max_gap_us: z.number().nullable(),
  first_seen_us: z.number(),
});

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
  /** Counts up when something may be unknown here; a load makes good for all up to where it began. */
  #wanted = 1;
  #loaded = 0;
  #loading: Promise<void> | undefined;
  /** Counts up when all is forgotten: what was asked before is no answer after. */
  #generation = 0;

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

  /** Series by id: asks PostgreSQL for those that are not known here, so a row of the log always finds its own. */
  async getAll(ids: readonly number[]): Promise<ReadonlyMap<number, Series>> {
    const unknown = [...new Set(ids)].filter((id) => !this.#byId.has(id));
    if (unknown.length > 0) await this.#load(sql.fragment`series.id = any(${sql.array(unknown, "int4")})`);
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
    const names = machines.length > 0 ? [...new Set(machines)].sort(compareText) : this.#namesWith(signals);
    const wanted = [...new Set(signals)].sort(compareText);
    const generation = this.#generation;
    const turns = new Turns();
    const found: Series[] = [];
    // 100,000 series in one turn are felt by others. A copy of the names: more may come meanwhile.
    for (const [i, name] of names.slice().entries()) {
      if (i % machinesInARow === 0) await turns.pause();
      const own = this.#byMachine.get(name);
      if (own === undefined) continue;
      const matching = signals.length === 0 ? own.sorted() : wanted.flatMap((signal) => own.get(signal) ?? []);
      for (const series of matching) found.push(series);
    }
    if (generation !== this.#generation) throw moved();
    return found;
  }

  /** The series that some machines have of a signal, as PostgreSQL knows them now. */
  async ofMachines(machineIds: readonly number[], signal: string): Promise<Series[]> {
    const ids = [...new Set(machineIds)];
    await this.#load(sql.fragment`machine_id = any(${sql.array(ids, "int4")}) and signal = ${signal}`);
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
    const [first, ...others] = [...new Set(signals)].map((signal) => this.#bySignal.get(signal)?.all() ?? []);
    return others.length === 0 ? first! : [...new Set([first!, ...others].flat())].sort(compareText);
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

  /** Names of machines that fit any of some patterns, ascending. By name or prefix where a pattern is one: others' machines cost nothing then. */
  async machinesFitting(patterns: readonly string[]): Promise<string[]> {
    await this.#refresh();
    const found = new Set<string>();
    for (const pattern of new Set(patterns)) {
      const star = pattern.indexOf("*");
      if (star < 0) {
        if (this.#machines.has(pattern)) found.add(pattern);
      } else
        for (const name of this.#names.withPrefix(pattern.slice(0, star))) if (fitsGlob(pattern, name)) found.add(name);
    }
    return [...found].sort(compareText);
  }

  /**
   * Registers series of one machine that are not there yet, as far as the quotas go. What was registered before, here or elsewhere, keeps its
   * declaration. Answers with the limit that was reached, if one was.
   */
  async register(
    machine: string,
    entries: readonly NewSeries[],
    { holder, quotas }: { holder: string; quotas: Quotas },
  ): Promise<QuotaLimit | undefined> {
    const own = quotas.of(holder);
    let limit: QuotaLimit | null;
    try {
      limit = await this.#database.slonik.oneFirst(sql.type(z.object({ limit: quotaLimit.nullable() }))`
        select register_series(
          ${holder}, ${machine},
          ${sql.array(
            entries.map(({ signal }) => signal),
            "text",
          )},
          ${sql.array(
            entries.map(({ kind }) => kind),
            "int2",
          )},
          ${sql.array(
            entries.map(({ unit }) => unit),
            "text",
          )},
          ${sql.array(
            entries.map(({ maxGapUs }) => maxGapUs ?? null),
            "int8",
          )},
          ${own.machines}::int4, ${own.series}::int4, ${quotas.all.machines}::int4, ${quotas.all.series}::int4) as limit`);
    } catch (error) {
      throw toFailure(error);
    }
    await this.#load(sql.fragment`machine.name = ${machine}`);
    return limit ?? undefined;
  }

  /** Loads everything if need be. Who comes during a load waits for it, and for another if it began too early. */
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

  /** In pages: one answer of 200,000 rows holds the event loop for a second, and memory for all of them at once. */
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
      const rows = await this.#database.slonik.any(sql.type(seriesRow)`
        select series.id, machine_id, machine.name as machine, signal, kind, unit, max_gap_us,
          to_us(first_seen_at) as first_seen_us
        from series join machine on machine.id = machine_id where ${which}`);
      if (generation !== this.#generation) throw moved();
      for (const row of rows) this.#add(row);
      return rows.length === pageRows ? rows.at(-1)!.id : undefined;
    } catch (error) {
      throw toFailure(error);
    }
  }

  /** Declares the unit of a series that has none. If it has one by now, here or elsewhere, that one stays. */
  async declareUnit({ id }: Series, unit: string): Promise<void> {
    try {
      await this.#database.slonik.query(
        sql.typeAlias("void")`update series set unit = ${unit} where id = ${id}::int4 and unit = ''`,
      );
    } catch (error) {
      throw toFailure(error);
    }
    await this.#load(sql.fragment`series.id = ${id}::int4`);
  }

  #add(row: z.infer<typeof seriesRow>): void {
    const known = this.#byId.get(row.id);
    if (known !== undefined) {
      // The one field that may still be set: the object stays, since others hold it.
      (known as { unit: string }).unit = row.unit;
      return;
    }
    const { id, machine_id: machineId, machine, signal, kind, unit } = row;
    const series: Series = {
      ...{ id, machineId, machine, signal, kind: kind as SignalKind, unit },
      maxGapUs: row.max_gap_us ?? undefined,
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
