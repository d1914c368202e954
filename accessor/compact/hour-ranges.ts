// Hours of machines as ranges: a change that affects years of hours costs no more here than one
// that affects none.
import { lowerIndex } from "../../codec/lower-bound.ts";
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import type { HourRange } from "../store/step-rows.ts";

type Range = { fromUs: number; toUs: number };

export class HourRanges {
  readonly #frozenBeforeUs: number;
  readonly #byMachine = new Map<number, Range[]>();
  #joined = true;

  /**
   * frozenBeforeUs: hours that end before this stay unchanged, since the power records that they
   * are computed from are no longer kept.
   */
  constructor({ frozenBeforeUs }: { frozenBeforeUs: number }) {
    this.#frozenBeforeUs = frozenBeforeUs;
  }

  /** The hours from one time to another, both included. */
  add(machineId: number, firstUs: number, lastUs: number): void {
    const fromUs = Math.max(floorTo(firstUs, hourUs), floorTo(this.#frozenBeforeUs, hourUs));
    const toUs = Math.min(floorTo(lastUs, hourUs) + hourUs, Number.MAX_SAFE_INTEGER);
    if (fromUs >= toUs) return;
    const own = this.#byMachine.get(machineId);
    if (own === undefined) this.#byMachine.set(machineId, [{ fromUs, toUs }]);
    else {
      const last = own.at(-1)!;
      // Hours that are added in order of time stay one range.
      if (fromUs >= last.fromUs && fromUs <= last.toUs) last.toUs = Math.max(last.toUs, toUs);
      else {
        own.push({ fromUs, toUs });
        this.#joined = false;
      }
    }
  }

  has(machineId: number, timeUs: number): boolean {
    const own = this.#sorted().get(machineId);
    if (own === undefined) return false;
    const first = lowerIndex(own.length, (i) => own[i]!.toUs <= timeUs);
    return first < own.length && own[first]!.fromUs <= timeUs;
  }

  /** How many hours. */
  get hours(): number {
    return this.list().reduce((sum, { fromUs, toUs }) => sum + (toUs - fromUs) / hourUs, 0);
  }

  /** The ranges, which do not touch; ascending for each machine. */
  list(): HourRange[] {
    return [...this.#sorted()].flatMap(([machineId, own]) =>
      own.map((range) => ({ machineId, ...range })),
    );
  }

  #sorted(): ReadonlyMap<number, readonly Range[]> {
    if (this.#joined) return this.#byMachine;
    for (const [machineId, own] of this.#byMachine) this.#byMachine.set(machineId, join(own));
    this.#joined = true;
    return this.#byMachine;
  }
}

function join(ranges: readonly Range[]): Range[] {
  const joined: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const last = joined.at(-1);
    if (last !== undefined && range.fromUs <= last.toUs)
      last.toUs = Math.max(last.toUs, range.toUs);
    else joined.push({ ...range });
  }
  return joined;
}
