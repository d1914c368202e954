// Machines and their series: known in memory, registered in PostgreSQL. Rows never
// change, but for a unit that its first samples left undeclared.

import { z } from "zod";
import type { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { moved } from "../epochs.ts";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
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

export class Catalog {
  readonly #database: Database;
  readonly #byId = new Map<number, Series>();
  readonly #byMachine = new Map<string, Map<string, Series>>();
  readonly #machines = new Map<string, MachineEntry>();
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
  }

  find(machine: string, signal: string): Series | undefined {
    return this.#byMachine.get(machine)?.get(signal);
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
    const wanted = new Set(signals);
    const names = machines.length > 0 ? [...new Set(machines)] : [...this.#byMachine.keys()];
    return names
      .sort(compareText)
      .flatMap((name) =>
        [...(this.#byMachine.get(name)?.values() ?? [])]
          .filter(({ signal }) => wanted.size === 0 || wanted.has(signal))
          .sort((a, b) => compareText(a.signal, b.signal)),
      );
  }

  /** Machines in order of their names, from the first after `after`. */
  async machines(after: string, limit: number): Promise<MachineEntry[]> {
    await this.#refresh();
    const names = [...this.#machines.keys()].filter((name) => name > after).sort(compareText);
    return names.slice(0, limit).map((name) => this.#machines.get(name)!);
  }

  /** Registers what is not there yet. What was registered before, here or elsewhere, keeps its declaration. */
  async register(entries: readonly NewSeries[]): Promise<void> {
    const machines = [...new Set(entries.map(({ machine }) => machine))];
    try {
      await this.#database.slonik.query(sql.typeAlias("void")`
        insert into machine (name) select name from ${sql.unnest(
          machines.map((name) => [name]),
          ["text"],
        )} as m(name)
        where not exists (select from machine known where known.name = m.name)
        order by name on conflict (name) do nothing`);
      await this.#database.slonik.query(sql.typeAlias("void")`
        insert into series (machine_id, signal, kind, unit, max_gap_us)
        select machine.id, s.signal, s.kind, s.unit, s.max_gap_us
        from ${sql.unnest(
          entries.map((entry) => [entry.machine, entry.signal, entry.kind, entry.unit, entry.maxGapUs ?? null]),
          ["text", "text", "int2", "text", "int8"],
        )} as s(machine, signal, kind, unit, max_gap_us)
        join machine on machine.name = s.machine
        order by machine.id, s.signal on conflict (machine_id, signal) do nothing`);
    } catch (error) {
      throw toFailure(error);
    }
    await this.#load(sql.fragment`machine.name = any(${sql.array(machines, "text")})`);
  }

  /** Loads everything if need be. Who comes during a load waits for it, and for another if it began too early. */
  async #refresh(): Promise<void> {
    while (this.#loaded < this.#wanted) {
      const wanted = this.#wanted;
      this.#loading ??= this.#load(sql.fragment`true`)
        .then(() => {
          this.#loaded = wanted;
        })
        .finally(() => {
          this.#loading = undefined;
        });
      await this.#loading;
    }
  }

  async #load(which: ReturnType<typeof sql.fragment>): Promise<void> {
    const generation = this.#generation;
    try {
      const rows = await this.#database.slonik.any(sql.type(seriesRow)`
        select series.id, machine_id, machine.name as machine, signal, kind, unit, max_gap_us,
          to_us(first_seen_at) as first_seen_us
        from series join machine on machine.id = machine_id where ${which}`);
      if (generation !== this.#generation) throw moved();
      for (const row of rows) this.#add(row);
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
      id,
      machineId,
      machine,
      signal,
      kind: kind as SignalKind,
      unit,
      maxGapUs: row.max_gap_us ?? undefined,
    };
    this.#byId.set(id, series);
    this.#machines.set(machine, { id: machineId, name: machine, firstSeenUs: row.first_seen_us });
    const ofMachine = this.#byMachine.get(machine) ?? new Map<string, Series>();
    this.#byMachine.set(machine, ofMachine.set(signal, series));
  }
}

/** By code point, as PostgreSQL's C collation: not by anybody's language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
