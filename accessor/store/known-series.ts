// The catalog's memory: the machines and series that this process knows, by id, by machine, by
// signal, and in the order of their names. No I/O.
import type { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { fitsGlob } from "../../access/glob.ts";
import { compareText } from "../../codec/compare-text.ts";
import { OwnSeries } from "./own-series.ts";
import type { MachineEntry, Series } from "./series.ts";
import { declaredBy, type SeriesRow } from "./series-row.ts";
import { SortedNames } from "./sorted-names.ts";

export class KnownSeries {
  readonly byId = new Map<number, Series>();
  readonly #byMachine = new Map<string, OwnSeries>();
  readonly #machines = new Map<string, MachineEntry>();
  readonly #machineNames = new Map<number, string>();
  #names = new SortedNames();
  /** For each signal, the machines that send it. */
  readonly #bySignal = new Map<string, SortedNames>();

  clear(): void {
    this.byId.clear();
    this.#byMachine.clear();
    this.#machines.clear();
    this.#machineNames.clear();
    this.#names = new SortedNames();
    this.#bySignal.clear();
  }

  add(row: SeriesRow): void {
    const known = this.byId.get(row.id);
    if (known !== undefined) {
      // Applies a change of declaration: the object stays, since others hold it.
      Object.assign(known, declaredBy(row));
      return;
    }
    const { id, machine_id: machineId, machine, signal, kind } = row;
    const series: Series = {
      id,
      machineId,
      machine,
      signal,
      kind: kind as SignalKind,
      ...declaredBy(row),
    };
    this.byId.set(id, series);
    if (!this.#machines.has(machine)) this.#names.add(machine);
    this.#machineNames.set(machineId, machine);
    const senders = this.#bySignal.get(signal) ?? new SortedNames();
    this.#bySignal.set(signal, senders);
    senders.add(machine);
    this.#machines.set(machine, { id: machineId, name: machine, firstSeenUs: row.first_seen_us });
    const ofMachine = this.#byMachine.get(machine) ?? new OwnSeries();
    this.#byMachine.set(machine, ofMachine.set(signal, series));
  }

  ofMachine(name: string): OwnSeries | undefined {
    return this.#byMachine.get(name);
  }

  machine(name: string): MachineEntry | undefined {
    return this.#machines.get(name);
  }

  machineName(id: number): string | undefined {
    return this.#machineNames.get(id);
  }

  /** In no order. */
  signalNames(): string[] {
    return [...this.#bySignal.keys()];
  }

  /** Any series of a signal. */
  anyOf(signal: string): Series | undefined {
    const [machine] = this.#bySignal.get(signal)?.all() ?? [];
    return machine === undefined ? undefined : this.#byMachine.get(machine)?.get(signal);
  }

  /** Machines that send any of these signals (all if none is named), ascending. */
  namesWith(signals: readonly string[]): readonly string[] {
    if (signals.length === 0) return this.#names.all();
    const [first, ...others] = [...new Set(signals)].map(
      (signal) => this.#bySignal.get(signal)?.all() ?? [],
    );
    return others.length === 0
      ? first!
      : [...new Set([first!, ...others].flat())].sort(compareText);
  }

  /** Machines in order of their names, from the first after `after`. */
  machinesAfter(after: string, limit: number): MachineEntry[] {
    return this.#names.after(after, limit).map((name) => this.#machines.get(name)!);
  }

  /**
   * Names of machines that match any of some patterns, ascending. An exact name or a prefix is
   * looked up, so the machines of others cost nothing then.
   */
  namesFitting(patterns: readonly string[]): string[] {
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
}
