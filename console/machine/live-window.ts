// A window of a machine that stays true: the answer, and after its cursor whatever is committed.
import { signal } from "@preact/signals";
import { lowerBound } from "../../codec/lower-bound.ts";
import type { Interval } from "../chart/lanes.ts";
import type { BandData } from "../chart/state-band.tsx";
import { type Watching, watchRecords } from "../live/live.ts";
import type { ErrorNow, MachineRecords } from "../live/messages.ts";
import { withReport } from "./report-list.ts";
import { withChange } from "./state-history.ts";
import type { WindowAnswer } from "./window-answer.ts";

export type LiveWindowOptions = {
  answer: WindowAnswer;
  machine: string;
  onRecords: (records: MachineRecords) => void;
  /** The window must be read again: its feed is lost, or only the accessor knows what is true. */
  onStale: () => void;
  /** Samples came of a signal that the answer does not have. */
  onOther: (signal: string) => void;
  /** Default: the page's own feed. */
  watch?: (watching: Watching) => Disposable;
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
  readonly #options: LiveWindowOptions;
  #lastChangeUs: number;
  /** The newest time of any record that the feed brought. */
  #newestUs = Number.NEGATIVE_INFINITY;

  constructor(options: LiveWindowOptions) {
    const { answer, machine, onRecords, onStale, watch = watchRecords } = options;
    this.answer = answer;
    this.#options = options;
    this.band.value = answer.band;
    this.reports.value = answer.reports;
    this.#lastChangeUs =
      answer.band.kind === "intervals"
        ? (answer.band.intervals.at(-1)?.fromUs ?? Number.NEGATIVE_INFINITY)
        : Number.NEGATIVE_INFINITY;
    this.#watch = watch({
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
    const { series, reportsSpan } = this.answer;
    let changed = false;
    for (const { signal: name, timesUs, values } of columns) {
      const data = series.get(name);
      if (data === undefined) this.#options.onOther(name);
      else if (data.kind === "buckets") data.grid.add(timesUs, values);
      else {
        const [first, end] = this.#kept(timesUs);
        data.run.add(timesUs.subarray(first, end), values.subarray(first, end));
      }
      this.#newestUs = Math.max(this.#newestUs, timesUs.at(-1) ?? 0);
      changed = true;
    }
    for (const change of stateChanges) this.#change(change);
    const reportsToUs =
      reportsSpan.toUs < this.answer.plan.toUs ? reportsSpan.toUs : this.#keptToUs;
    for (const report of errorReports)
      if (report.timeUs >= reportsSpan.fromUs && report.timeUs < reportsToUs)
        this.reports.value = withReport(this.reports.value, report);
    if (changed) this.version.value += 1;
  }

  /**
   * Records after the window are kept for as long again as it is: a live view moves into them
   * before the next window is there.
   */
  get #keptToUs(): number {
    const { fromUs, toUs } = this.answer.plan;
    return toUs + (toUs - fromUs);
  }

  /** Which samples of a column are kept. Those elsewhere would push out the ones in view. */
  #kept(timesUs: Float64Array): [first: number, end: number] {
    const first = lowerBound(timesUs, this.answer.plan.fromUs);
    return [first, lowerBound(timesUs, this.#keptToUs)];
  }

  #change(change: MachineRecords["stateChanges"][number]): void {
    const band = this.band.value;
    if (band.kind === "shares") return;
    // Only an interval that lasts can be continued past the window.
    const isOpen = band.intervals.at(-1)?.toUs === Number.POSITIVE_INFINITY;
    if (change.timeUs >= (isOpen ? this.#keptToUs : this.answer.plan.toUs)) return;
    // The same state may have been reported again after this: intervals do not show it.
    const isLate = change.timeUs < this.#newestUs - lateUs;
    const intervals = isLate ? undefined : withChange(band.intervals, change, this.#lastChangeUs);
    if (intervals === undefined) {
      this.#options.onStale();
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
