// What the rows of one upload declare about their signals, for all of its batches.
import type { Declaration } from "../wire/samples.ts";

/**
 * Sorts columns with a sample_type, max_gap, unit or duplicates before those of the same batch
 * without: a signal's first samples declare it, and not all rows of an upload need to.
 */
export function declaringFirst<C extends Declaration>(columns: readonly C[]): C[] {
  const weight = ({ unit, maxGapUs, sampleType, duplicates }: C) =>
    (sampleType ? 0 : 8) +
    (maxGapUs === undefined ? 4 : 0) +
    (unit === "" ? 2 : 0) +
    (duplicates ? 0 : 1);
  return columns.toSorted((a, b) => weight(a) - weight(b));
}

/** Most signals of machines to remember; no single upload of a plant has more. */
const maxRemembered = 10_000;

/**
 * Remembers what rows declare, including rows that are not records: the first value of each field.
 */
export class UploadDeclarations {
  readonly #declared = new Map<string, Declaration>();

  note(machine: string, declaration: Declaration): void {
    if (isEmpty(declaration)) return;
    const { signal, unit, maxGapUs, sampleType, duplicates } = declaration;
    const key = `${signal} ${machine}`;
    const known = this.#declared.get(key);
    if (known === undefined && this.#declared.size >= maxRemembered) return;
    this.#declared.set(key, {
      signal,
      unit: known?.unit || unit,
      maxGapUs: known?.maxGapUs ?? maxGapUs,
      sampleType: known?.sampleType || sampleType,
      duplicates: known?.duplicates || duplicates,
    });
  }

  /**
   * Declarations for the signals of a batch that none of its columns contains. Each is sent as a
   * column without samples: it declares, and has no record that could be refused together with
   * others.
   */
  missing(machine: string, columns: readonly Declaration[]): Declaration[] {
    const here = new Map<string, Record<"unit" | "gap" | "type" | "duplicates", boolean>>();
    for (const { signal, unit, maxGapUs, sampleType, duplicates } of columns) {
      const says = here.get(signal) ?? { unit: false, gap: false, type: false, duplicates: false };
      if (unit !== "") says.unit = true;
      if (maxGapUs !== undefined) says.gap = true;
      if (sampleType) says.type = true;
      if (duplicates) says.duplicates = true;
      here.set(signal, says);
    }
    return [...here].flatMap(([signal, says]) => {
      const known = this.#declared.get(`${signal} ${machine}`);
      if (known === undefined) return [];
      const missing = {
        signal,
        unit: says.unit ? "" : known.unit,
        maxGapUs: says.gap ? undefined : known.maxGapUs,
        sampleType: says.type ? undefined : known.sampleType,
        duplicates: says.duplicates ? undefined : known.duplicates,
      };
      return isEmpty(missing) ? [] : [missing];
    });
  }
}

const isEmpty = ({ unit, maxGapUs, sampleType, duplicates }: Declaration): boolean =>
  unit === "" && maxGapUs === undefined && !sampleType && !duplicates;
