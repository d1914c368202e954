// A window of a machine that stays true: the answer, and after its cursor whatever is committed.
import { signal } from "@preact/signals";
import type { Interval } from "../chart/lanes.ts";
import type { BandData } from "../chart/state-band.tsx";
import { watchRecords } from "../live/live.ts";
import type { ErrorNow, MachineRecords } from "../live/messages.ts";
import type { WindowAnswer } from "./read-window.ts";
import { withReport } from "./report-list.ts";
import { withChange } from "./state-history.ts";

export type LiveWindowOptions = {
  answer: WindowAnswer;
  machine: string;
  onRecords: (records: MachineRecords) => void;
  /** The window must be read again: its feed is lost, or only the accessor knows what is true. */
  onStale: () => void;
};

/** A change that is so much older than the newest record came late. */
const lateUs = 5e6;

export class LiveWindow implements Disposable {
  readonly answer: WindowAnswer;
  readonly band = signal<BandData>({ kind: "intervals", intervals: [] });
  readonly reports = signal<readonly ErrorNow[]>([]);
  /** Goes up whenever samples came. */
  readonly version = signal(0);
  readonly #watch: Disposable;
  readonly #onStale: () => void;
  #lastChangeUs: number;
  /** The newest time of any record that the feed brought. */
  #newestUs = Number.NEGATIVE_INFINITY;

  constructor({ answer, machine, onRecords, onStale }: LiveWindowOptions) {
    this.answer = answer;
    this.band.value = answer.band;
    this.reports.value = answer.reports;
    this.#onStale = onStale;
    this.#lastChangeUs =
      answer.band.kind === "intervals"
        ? (answer.band.intervals.at(-1)?.fromUs ?? Number.NEGATIVE_INFINITY)
        : Number.NEGATIVE_INFINITY;
    this.#watch = watchRecords({
      machines: [machine],
      after: answer.cursor,
      onRecords: ({ records }) => {
        for (const one of records) {
          this.#add(one);
          onRecords(one);
        }
      },
      onLost: onStale,
    });
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #add({ columns, stateChanges, errorReports }: MachineRecords): void {
    const { plan, series } = this.answer;
    let changed = false;
    for (const { signal: name, timesUs, values } of columns) {
      const data = series.get(name);
      // A signal that the machine sends for the first time.
      if (data === undefined) this.#onStale();
      else if (data.kind === "buckets") data.grid.add(timesUs, values);
      else data.run.add(timesUs, values);
      this.#newestUs = Math.max(this.#newestUs, timesUs.at(-1) ?? 0);
      changed = true;
    }
    for (const change of stateChanges) this.#change(change);
    for (const report of errorReports)
      if (report.timeUs >= plan.fromUs && report.timeUs < plan.toUs)
        this.reports.value = withReport(this.reports.value, report);
    if (changed) this.version.value += 1;
  }

  #change(change: MachineRecords["stateChanges"][number]): void {
    const band = this.band.value;
    const { plan } = this.answer;
    if (band.kind === "shares" || change.timeUs >= plan.toUs) return;
    // The same state may have been reported again after this: intervals do not show it.
    const isLate = change.timeUs < this.#newestUs - lateUs;
    const intervals = isLate ? undefined : withChange(band.intervals, change, this.#lastChangeUs);
    if (intervals === undefined) {
      this.#onStale();
      return;
    }
    this.#lastChangeUs = change.timeUs;
    if (intervals !== band.intervals) this.band.value = { kind: "intervals", intervals };
  }

  /** The state at a time; undefined if none is known. */
  stateAt(timeUs: number): Interval | undefined {
    const band = this.band.peek();
    if (band.kind === "shares") return undefined;
    return band.intervals.find((one) => one.fromUs <= timeUs && timeUs < one.toUs);
  }
}
