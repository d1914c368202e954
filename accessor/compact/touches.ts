// Which minutes of which series a step's arrivals touch, each with the latest revision.
import { minuteOf } from "../history/touch-spans.ts";
import type { Touch } from "../store/step-rows.ts";

export class Touches {
  readonly #bySeries = new Map<number, Map<number, number>>();
  #size = 0;

  /** How many minutes, of all series. */
  get size(): number {
    return this.#size;
  }

  /** Times in any order. */
  add(seriesId: number, revision: number, timesUs: Iterable<number>): void {
    const minutes = this.#minutesOf(seriesId);
    this.#size -= minutes.size;
    for (const timeUs of timesUs) {
      const minuteUs = minuteOf(timeUs);
      if ((minutes.get(minuteUs) ?? 0) < revision) minutes.set(minuteUs, revision);
    }
    this.#size += minutes.size;
  }

  list(): Touch[] {
    return [...this.#bySeries].flatMap(([seriesId, minutes]) =>
      [...minutes].map(([minuteUs, revision]) => ({ seriesId, minuteUs, revision })),
    );
  }

  #minutesOf(seriesId: number): Map<number, number> {
    const known = this.#bySeries.get(seriesId);
    if (known !== undefined) return known;
    const minutes = new Map<number, number>();
    this.#bySeries.set(seriesId, minutes);
    return minutes;
  }
}
