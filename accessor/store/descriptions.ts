// Display names and labels of machines: kept in memory, stored in PostgreSQL, found by label.
import { z } from "zod";
import { compareText } from "../../codec/compare-text.ts";
import type { Label } from "../../codec/label.ts";
import { labelText } from "../../codec/label.ts";
import { Turns } from "../../runtime/turns.ts";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import { SortedNames } from "./sorted-names.ts";
import { sql } from "./sql.ts";

export type Description = {
  /** Its number: what page tokens name it by. */
  readonly id: number;
  readonly machine: string;
  /** "": none. */
  readonly displayName: string;
  /** Ascending by key. */
  readonly labels: ReadonlyMap<string, string>;
  /** Number of the change that made it so. */
  readonly changed: number;
};

/** displayName undefined: unchanged. An empty value removes a label. */
export type DescriptionChange = {
  displayName: string | undefined;
  labels: ReadonlyMap<string, string>;
  replaceLabels: boolean;
};

export type DescriptionBounds = { maxLabels: number; maxMachines: number; maxBytes: number };

const descriptionLimit = z.enum(["labels", "described-machines", "description-bytes"]);
export type DescriptionLimit = z.infer<typeof descriptionLimit>;

const pageRows = 2_000;
const namesInARow = 1_024;
const maxMatched = 256;
/** Above this number, going through all names takes less time than sorting. */
const maxSorted = 1_000;

const row = z.object({
  id: z.number(),
  machine: z.string(),
  display_name: z.string(),
  labels: z.record(z.string(), z.string()),
  changed: z.number(),
});
type DescriptionRow = z.infer<typeof row>;

/** Whether there is anything to tell; rows stay when a description is removed. */
export const isDescribed = ({ displayName, labels }: Description): boolean =>
  displayName !== "" || labels.size > 0;

export class Descriptions {
  readonly #database: Database;
  readonly #byMachine = new Map<string, Description>();
  readonly #machineOf = new Map<number, string>();
  /** Machines by label, as "key:value". */
  readonly #byLabel = new Map<string, Set<string>>();
  /** The newest results of matching(), by labels. */
  readonly #matched = new Map<string, { newest: number; machines: ReadonlySet<string> }>();
  #names = new SortedNames();
  /** The number of the newest change that is known here. */
  #newest = 0;
  /** Incremented when everything is dropped. */
  #generation = 0;
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The number of the newest change of all machines. */
  get newest(): number {
    return this.#newest;
  }

  of(machine: string): Description | undefined {
    return this.#byMachine.get(machine);
  }

  machineOf(id: number): string | undefined {
    return this.#machineOf.get(id);
  }

  /** Machines that are described, ascending, from the first after `after`. */
  *after(after: string): Generator<string, void, undefined> {
    for (const machine of this.#names.from(after))
      if (isDescribed(this.#byMachine.get(machine)!)) yield machine;
  }

  /**
   * Machines that have each key of the labels with one of its values, ascending. The same object as
   * before, if they are the same machines: feeds keep it, and compare it.
   */
  matching(labels: readonly Label[]): ReadonlySet<string> {
    const name = JSON.stringify([...new Set(labels.map(labelText))].sort());
    const known = this.#matched.get(name);
    if (known?.newest === this.#newest) return known.machines;
    const found = this.#find(labels);
    const same =
      known?.machines.size === found.length && found.every((one) => known.machines.has(one));
    const machines = same ? known.machines : new Set(found);
    this.#matched.delete(name);
    this.#matched.set(name, { newest: this.#newest, machines });
    if (this.#matched.size > maxMatched) this.#matched.delete(this.#matched.keys().next().value!);
    return machines;
  }

  #find(labels: readonly Label[]): string[] {
    const byKey = Map.groupBy(labels, ({ key }) => key);
    const each = [...byKey.values()].map((ofKey) => this.#withAnyOf(ofKey));
    const [fewest = new Set<string>(), ...others] = each.sort((a, b) => a.size - b.size);
    const found = [...fewest].filter((machine) => others.every((one) => one.has(machine)));
    if (found.length <= maxSorted) return found.sort(compareText);
    const wanted = new Set(found);
    return this.#names.all().filter((machine) => wanted.has(machine));
  }

  #withAnyOf(labels: readonly Label[]): ReadonlySet<string> {
    const [first, ...others] = new Set(labels.map(labelText));
    const found = this.#byLabel.get(first!) ?? new Set<string>();
    if (others.length === 0) return found;
    const all = new Set(found);
    for (const one of others) for (const machine of this.#byLabel.get(one) ?? []) all.add(machine);
    return all;
  }

  /** The newest change of any machine that is permitted: what an answer by labels is bound to. */
  async newestOf(permits: ((machine: string) => boolean) | undefined): Promise<number> {
    if (permits === undefined) return this.#newest;
    const turns = new Turns();
    let newest = 0;
    for (const [i, { machine, changed }] of [...this.#byMachine.values()].entries()) {
      if (i % namesInARow === 0) await turns.pause();
      if (changed > newest && permits(machine)) newest = changed;
    }
    return newest;
  }

  /**
   * Reads what has changed, also by other accessors, up to this call or later. maxAgeMs: a read
   * that began no longer ago is enough.
   */
  async refresh({ maxAgeMs = 0 } = {}): Promise<void> {
    if (performance.now() - this.#readAtMs < maxAgeMs) return;
    if (this.#reading === undefined) return this.#read();
    // The one that runs may have begun too early: those that wait share the next one.
    this.#next ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#read();
      });
    return this.#next;
  }

  #read(): Promise<void> {
    const startMs = performance.now();
    this.#reading ??= this.#load()
      .then(() => {
        this.#readAtMs = startMs;
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  /** Changes in their order, so that those up to #newest are all known. */
  async #load(): Promise<void> {
    for (;;) {
      const generation = this.#generation;
      const rows = await this.#after(this.#newest);
      // Read again from the start: these may be of an abandoned history.
      if (generation !== this.#generation) continue;
      for (const one of rows) this.#add(one);
      if (rows.length < pageRows) return;
    }
  }

  async #after(change: number): Promise<readonly DescriptionRow[]> {
    try {
      return await this.#database.slonik.any(sql.type(row)`
        select id, machine, display_name, labels, changed from machine_description
        where changed > ${change}::int8 order by changed limit ${pageRows}::int4`);
    } catch (error) {
      throw toFailure(error);
    }
  }

  #add({ display_name: displayName, ...one }: DescriptionRow): void {
    const { id, machine, changed } = one;
    const labels = new Map(Object.entries(one.labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = this.#byMachine.get(machine);
    if (known === undefined) this.#names.add(machine);
    for (const [key, value] of known?.labels ?? []) {
      const text = labelText({ key, value });
      const of = this.#byLabel.get(text)!;
      of.delete(machine);
      if (of.size === 0) this.#byLabel.delete(text);
    }
    for (const [key, value] of labels) {
      const text = labelText({ key, value });
      const of = this.#byLabel.get(text) ?? new Set();
      this.#byLabel.set(text, of.add(machine));
    }
    this.#byMachine.set(machine, { id, machine, displayName, labels, changed });
    this.#machineOf.set(id, machine);
    this.#newest = Math.max(this.#newest, changed);
  }

  /** Stores a change. Returns the limit that was reached, if any; then nothing is changed. */
  async change(
    machine: string,
    { displayName, labels, replaceLabels }: DescriptionChange,
    { maxLabels, maxMachines, maxBytes }: DescriptionBounds,
  ): Promise<DescriptionLimit | undefined> {
    const result = z.object({ limit: descriptionLimit.nullable() });
    try {
      const limit = await this.#database.slonik.oneFirst(sql.type(result)`
        select describe_machine(${machine}, ${displayName ?? null}::text,
          ${JSON.stringify(Object.fromEntries(labels))}::jsonb, ${replaceLabels},
          ${maxLabels}::int4, ${maxMachines}::int4, ${maxBytes}::int8) as limit`);
      return limit ?? undefined;
    } catch (error) {
      throw toFailure(error);
    }
  }

  /** Another epoch has begun: the newest changes may be lost. */
  forget(): void {
    this.#generation++;
    this.#newest = 0;
    this.#readAtMs = Number.NEGATIVE_INFINITY;
    this.#byMachine.clear();
    this.#machineOf.clear();
    this.#byLabel.clear();
    this.#matched.clear();
    this.#names = new SortedNames();
  }
}
