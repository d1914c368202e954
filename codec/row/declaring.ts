// What the rows of one upload declare about their signals, for all of its batches.
import type { Declaration } from "../wire/samples.ts";

/**
 * Sorts columns with a sample_type, max_gap or unit before those of the same batch without: a
 * signal's first samples declare it, and not all rows of an upload need to.
 */
export function declaringFirst<C extends Declaration>(columns: readonly C[]): C[] {
  const weight = ({ unit, maxGapUs, sampleType }: C) =>
    (sampleType ? 0 : 4) + (maxGapUs === undefined ? 2 : 0) + (unit === "" ? 1 : 0);
  return columns.toSorted((a, b) => weight(a) - weight(b));
}

/** Most signals of machines to remember; no single upload of a plant has more. */
const maxRemembered = 10_000;

/**
 * Remembers what rows declare, including rows that are not records: the first value of each field.
 */
export class UploadDeclarations {
  readonly #declared = new Map<string, Declaration>();

  note(machine: string, { signal, unit, maxGapUs, sampleType }: Declaration): void {
    if (unit === "" && maxGapUs === undefined && !sampleType) return;
    const key = `${signal} ${machine}`;
    const known = this.#declared.get(key);
    if (known === undefined && this.#declared.size >= maxRemembered) return;
    this.#declared.set(key, {
      signal,
      unit: known?.unit || unit,
      maxGapUs: known?.maxGapUs ?? maxGapUs,
      sampleType: known?.sampleType || sampleType,
    });
  }

  /**
   * Declarations for the signals of a batch that none of its columns contains. Each is sent as a
   * column without samples: it declares, and has no record that could be refused together with
   * others.
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
      const known = this.#declared.get(`${signal} ${machine}`);
      if (known === undefined) return [];
      const unit = says.unit ? "" : known.unit;
      const maxGapUs = says.gap ? undefined : known.maxGapUs;
      const sampleType = says.type ? undefined : known.sampleType;
      return unit === "" && maxGapUs === undefined && !sampleType
        ? []
        : [{ signal, unit, maxGapUs, sampleType }];
    });
  }
}
