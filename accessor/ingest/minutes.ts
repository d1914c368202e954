// Measures the work that a batch causes for compaction, in minutes of signals. Compaction handles
// each minute of each signal separately: 65,000 samples an hour apart cost some thousand times what
// they cost within one hour. It also rewrites a minute when new samples fall in the middle of it.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { minuteUs } from "../history/buckets-of-time.ts";

/** Finds the series of a machine's signal; undefined: not registered yet. */
type Find = (machine: string, signal: string) => { readonly id: number } | undefined;

/** How many samples a minute got, and its last time. */
type Filled = { samples: number; lastUs: number };

type Times = Float64Array | readonly number[];

/**
 * A minute with this many samples, more than 2 kHz gives, counts when new samples fall among them.
 */
const fullSamples = 131_072;
/** Compaction rewrites this many samples in the time that another minute takes. */
const samplesPerMinute = 1_024;
/** Most that a batch can count: the most records that it may have. */
const maxMinutes = 65_536;

export class Minutes {
  readonly #find: Find;
  readonly #maxKept: number;
  /** By series and minute; the ones filled first are dropped first. */
  readonly #filled = new Map<number, Filled>();

  /** maxKept: most minutes of signals to remember, some 100 bytes each. Default 20,000. */
  constructor(find: Find, { maxKept = 20_000 }: { maxKept?: number } = {}) {
    this.#find = find;
    this.#maxKept = maxKept;
  }

  /**
   * Counts, for each column and for states and errors, how often a record is in another minute than
   * the one before it: 0 for a batch of one minute, however many signals it has. Adds, for each
   * minute that is already full and has the batch's samples in its middle, one for each 1,024
   * samples that the minute has. At most 65,536.
   */
  count({ machine, samples, stateChanges, errorReports }: Batch): number {
    let minutes = 0;
    for (const column of samples) {
      const id = this.#find(machine, column.signal)?.id;
      let runs = 0;
      eachMinute(timesOf(column), (minute, { firstUs }) => {
        runs++;
        const filled = id === undefined ? undefined : this.#filled.get(keyOf(id, minute));
        if (filled !== undefined && filled.samples > fullSamples && firstUs < filled.lastUs)
          minutes += Math.floor(filled.samples / samplesPerMinute);
      });
      minutes += Math.max(0, runs - 1);
    }
    for (const events of [stateChanges, errorReports]) {
      if (events.length < 2) continue;
      let runs = 0;
      const timesUs = events.map(({ time }) => toTimeUs(time) ?? 0);
      eachMinute(timesUs, () => runs++);
      minutes += runs - 1;
    }
    return Math.min(minutes, maxMinutes);
  }

  /** Remembers which minutes the batch fills, once it is accepted. */
  add({ machine, samples }: Batch): void {
    for (const column of samples) {
      const id = this.#find(machine, column.signal)?.id;
      if (id === undefined) continue;
      eachMinute(timesOf(column), (minute, { count, lastUs }) => {
        const key = keyOf(id, minute);
        const filled = this.#filled.get(key);
        if (filled !== undefined) {
          filled.samples += count;
          filled.lastUs = Math.max(filled.lastUs, lastUs);
          return;
        }
        if (this.#filled.size >= this.#maxKept)
          this.#filled.delete(this.#filled.keys().next().value!);
        this.#filled.set(key, { samples: count, lastUs });
      });
    }
  }
}

/** Ids may have at most 27 bits here, and minutes 26, which lasts until the year 2097. */
function keyOf(id: number, minute: number): number {
  return id * 2 ** 26 + minute;
}

type Run = { count: number; firstUs: number; lastUs: number };

/** Calls back for each run of times in one minute. */
function eachMinute(timesUs: Times, take: (minute: number, run: Run) => void): void {
  const { length } = timesUs;
  for (let i = 0; i < length; ) {
    const minute = Math.floor(timesUs[i]! / minuteUs);
    const [fromUs, toUs] = [minute * minuteUs, (minute + 1) * minuteUs];
    const run = { count: 0, firstUs: Number.POSITIVE_INFINITY, lastUs: Number.NEGATIVE_INFINITY };
    do {
      const timeUs = timesUs[i]!;
      if (timeUs < run.firstUs) run.firstUs = timeUs;
      if (timeUs > run.lastUs) run.lastUs = timeUs;
      run.count++;
      i++;
    } while (i < length && timesUs[i]! >= fromUs && timesUs[i]! < toUs);
    take(minute, run);
  }
}
