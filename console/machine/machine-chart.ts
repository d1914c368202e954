// The state of a machine's chart: one axis, the window that serves it, and the feed that keeps it
// true. The old window stays on screen until the next one is there.
import { type ReadonlySignal, signal } from "@preact/signals";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import { Axis, plotWidth, type View } from "../chart/axis.ts";
import type { PlotData } from "../chart/plot-data.ts";
import { clients } from "../contract/clients.ts";
import { isPassing, toSentence } from "../contract/failure.ts";
import { serverNowUs } from "../live/live.ts";
import type { MachineRecords } from "../live/messages.ts";
import { LiveWindow } from "./live-window.ts";
import type { NumericSignal } from "./numeric-signals.ts";
import { planWindow, serves } from "./plan.ts";
import { readWindow, type WindowAnswer } from "./read-window.ts";

export type MachineChartOptions = {
  machine: string;
  signals: readonly NumericSignal[];
  view: View;
  onRecords: (records: MachineRecords) => void;
};

/** Gestures come many at once: wait for the hand to rest. */
const restMs = 120;
/** Samples of a window, which is three times the view, that are read one by one. */
const maxRaw = 24_000;
/** Shares of states are not continued by the feed, but read again. */
const sharesEveryMs = 30_000;

export class MachineChart implements Disposable {
  readonly axis: Axis;
  readonly #options: MachineChartOptions;
  readonly #life = new AbortController();
  readonly #window = signal<LiveWindow | undefined>(undefined);
  readonly #loading = signal(true);
  readonly #problem = signal<string | undefined>(undefined);
  #asking: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #widthPx = 900;
  /** Samples per microsecond of the densest signal, as far as windows have shown. */
  #rate: number | undefined;
  #readAtMs = 0;

  constructor(options: MachineChartOptions) {
    this.#options = options;
    this.axis = new Axis(options.view);
    this.#ask(0);
  }

  get window(): ReadonlySignal<LiveWindow | undefined> {
    return this.#window;
  }

  get loading(): ReadonlySignal<boolean> {
    return this.#loading;
  }

  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#life.abort(new Error("the chart is closed"));
    this.#asking?.abort(new Error("the chart is closed"));
    this.#window.value?.[Symbol.dispose]();
  }

  /** The box has this width. */
  resize(widthPx: number): void {
    this.#widthPx = plotWidth(widthPx);
    this.check();
  }

  /** Asks for another window if this one does not serve the view any more. */
  check(): void {
    const window = this.#window.peek();
    const view = this.axis.view.peek();
    if (this.#asking !== undefined && window === undefined) return;
    const options = { ...this.#planOptions(), nowUs: serverNowUs() };
    const isServed = window !== undefined && serves(window.answer.plan, view, options);
    const isRefined = window === undefined || this.#isRaw(view) === hasSamples(window.answer);
    const sharesAreOld =
      window?.answer.band.kind === "shares" &&
      view.toUs > serverNowUs() - 60e6 &&
      Date.now() - this.#readAtMs > sharesEveryMs;
    if (!isServed || !isRefined || sharesAreOld) this.#ask(restMs);
  }

  /** Reads the window again. */
  refresh(): void {
    this.#ask(500);
  }

  #planOptions() {
    return { widthPx: this.#widthPx, series: this.#options.signals.length };
  }

  /** Whether the samples of a window around the view are few enough to be read one by one. */
  #isRaw(view: View): boolean {
    if (this.#rate === undefined) return false;
    const window = this.#window.peek();
    // With some play, so that it does not go to and fro at the border.
    const most = window !== undefined && hasSamples(window.answer) ? 1.5 * maxRaw : maxRaw;
    return this.#rate * 3 * (view.toUs - view.fromUs) <= most;
  }

  #ask(delayMs: number): void {
    if (this.#timer !== undefined || this.#life.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#read().catch(() => {});
    }, delayMs);
  }

  async #read(): Promise<void> {
    this.#asking?.abort(new Error("overtaken by another window"));
    const asking = new AbortController();
    this.#asking = asking;
    const { signal: abort } = asking;
    const backoff = createBackoff({ baseMs: 300, maxMs: 5_000 });
    this.#loading.value = true;
    while (!abort.aborted) {
      try {
        const view = this.axis.view.peek();
        await this.#readOnce(view, abort);
        if (this.#asking === asking) this.#asking = undefined;
        this.#problem.value = undefined;
        this.#loading.value = false;
        // The view may have moved on meanwhile, or is finer than it seemed.
        this.check();
        return;
      } catch (error) {
        if (abort.aborted) return;
        this.#problem.value = toSentence(error);
        if (!isPassing(error)) {
          this.#loading.value = false;
          this.#asking = undefined;
          return;
        }
        await sleep(backoff.next(), abort).catch(() => {});
      }
    }
  }

  async #readOnce(view: View, abort: AbortSignal): Promise<void> {
    const { machine, signals, onRecords } = this.#options;
    const answer = await readWindow({
      client: clients.value.signals,
      machine,
      signals,
      plan: planWindow(view, this.#planOptions()),
      raw: this.#isRaw(view),
      abort,
    });
    abort.throwIfAborted();
    let rate = 0;
    for (const data of answer.series.values()) rate = Math.max(rate, rateOf(data));
    if (rate > 0) this.#rate = rate;
    this.#readAtMs = Date.now();
    const next = new LiveWindow({ answer, machine, onRecords, onStale: () => this.refresh() });
    const before = this.#window.value;
    this.#window.value = next;
    before?.[Symbol.dispose]();
  }
}

function hasSamples({ series }: WindowAnswer): boolean {
  for (const { kind } of series.values()) return kind === "samples";
  return false;
}

/** Samples per microsecond, of the parts that have any. */
function rateOf(data: PlotData): number {
  if (data.kind === "samples") {
    const { timesUs, length } = data.run;
    return length < 2 ? 0 : length / (timesUs[length - 1]! - timesUs[0]!);
  }
  const { grid } = data;
  let [most, total, filled] = [0, 0, 0];
  for (const count of grid.count) {
    if (count === 0) continue;
    filled += 1;
    total += count;
    if (count > most) most = count;
  }
  // One sample a bucket says nothing of what is inside.
  return filled === 0 ? 0 : Math.max(total / filled, most / 2) / grid.widthUs;
}
