// The series of a machine, by signal and in order.

import { compareText } from "../../codec/compare-text.ts";
import type { Series } from "./series.ts";

export class OwnSeries extends Map<string, Series> {
  #sorted: readonly Series[] | undefined;

  override set(signal: string, series: Series): this {
    this.#sorted = undefined;
    return super.set(signal, series);
  }

  /** Ascending by signal. */
  sorted(): readonly Series[] {
    this.#sorted ??= [...this.values()].sort((a, b) => compareText(a.signal, b.signal));
    return this.#sorted;
  }
}
