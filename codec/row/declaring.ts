// What the rows of one upload declare of their signals, for all of its batches.
import type { Declaration } from "../wire/samples.ts";

/**
 * Columns that name a sample_type, a max_gap or a unit before those of the same batch that do not:
 * a signal's first samples declare it, and rows of one upload need not all say so.
 */
export function declaringFirst<C extends Declaration>(columns: readonly C[]): C[] {
  const weight = ({ unit, maxGapUs, sampleType }: C) =>
    (sampleType ? 0 : 4) + (maxGapUs === undefined ? 2 : 0) + (unit === "" ? 1 : 0);
  return columns.toSorted((a, b) => weight(a) - weight(b));
}

/** Signals of machines that are remembered; more than that is not one upload of a plant. */
const maxRemembered = 10_000;

/**
 * Remembers what rows declare, also rows that are no records: of each field what was said first.
 */
export class UploadDeclarations {
  readonly #said = new Map<string, Declaration>();

  note(machine: string, { signal, unit, maxGapUs, sampleType }: Declaration): void {
    if (unit === "" && maxGapUs === undefined && !sampleType) return;
    const key = `${signal} ${machine}`;
    const known = this.#said.get(key);
    if (known === undefined && this.#said.size >= maxRemembered) return;
    this.#said.set(key, {
      signal,
      unit: known?.unit || unit,
      maxGapUs: known?.maxGapUs ?? maxGapUs,
      sampleType: known?.sampleType || sampleType,
    });
  }

  /**
   * What was said of the signals of a batch and none of its columns says. It goes as a column
   * without samples: a declaration, and no record that another one could be refused with.
   */
  missing(machine: string, columns: readonly Declaration[]): Declaration[] {
    const here = new Map<string, { unit: boolean; gap: boolean; type: boolean }>();
    for (const { signal, unit, maxGapUs, sampleType } of columns) {
      const says = here.get(signal) ?? { unit: false, gap: false, type: false };
      if (unit !== "") says.unit = true;
      if (maxGapUs !== undefined) says.gap = true;
      if (sampleType) says.type = true;
      here.set(signal, says);
    }
    return [...here].flatMap(([signal, says]) => {
      const said = this.#said.get(`${signal} ${machine}`);
      if (said === undefined) return [];
      const unit = says.unit ? "" : said.unit;
      const maxGapUs = says.gap ? undefined : said.maxGapUs;
      const sampleType = says.type ? undefined : said.sampleType;
      return unit === "" && maxGapUs === undefined && !sampleType
        ? []
        : [{ signal, unit, maxGapUs, sampleType }];
    });
  }
}
