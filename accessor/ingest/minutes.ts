// What a batch gives compaction to do, in minutes of signals. Compaction handles each minute of
// each signal by itself: 65,000 samples an hour apart cost it some thousand times what they cost in
// one hour. And it writes a minute again that new samples lie in the middle of.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { minuteUs } from "../history/buckets-of-time.ts";

/** Which series a signal of a machine is; undefined: not registered yet. */
type Find = (machine: string, signal: string) => { readonly id: number } | undefined;

/** How many samples a minute got, and its last time. */
type Filled = { samples: number; lastUs: number };

type Times = Float64Array | readonly number[];

/** Samples in a minute before those between them count: more than 2 kHz give. */
const fullSamples = 131_072;
/** Compaction writes so many samples again in the time that another minute takes it. */
const samplesPerMinute = 1_024;
/** So much a batch counts at most: as many records as it may have. */
const maxMinutes = 65_536;

export class Minutes {
  readonly #find: Find;
  readonly #maxKept: number;
  /** By series and minute; those that were filled first are forgotten first. */
  readonly #filled = new Map<number, Filled>();

  /** maxKept: minutes of signals that are remembered, some 100 bytes each. Default 20,000. */
  constructor(find: Find, { maxKept = 20_000 }: { maxKept?: number } = {}) {
    this.#find = find;
    this.#maxKept = maxKept;
  }

  /**
   * Of each column, and of states and errors, how often a record lies in another minute than the
   * one before it: 0 for a batch of one minute, however many signals it has. And for each minute
   * that is full already and that the batch's samples lie in the middle of, one for each 1,024
   * samples that it holds. At most 65,536.
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

  /** Remembers what the batch fills, once it is taken. */
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

/** Ids have at most 27 bits here, and minutes 26: until the year 2097. */
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
