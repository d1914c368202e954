// The state of a machine's chart: one axis, the signals that it shows, the window that serves the
// view, and the feed that keeps it true. The old window stays on screen until the next one is
// there.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import { Axis, plotWidth, type View } from "../chart/axis.ts";
import { isPassing, toSentence } from "../contract/failure.ts";
import { serverNowUs } from "../live/live.ts";
import type { MachineRecords } from "../live/messages.ts";
import { LiveWindow, type LiveWindowOptions } from "./live-window.ts";
import { type NumericSignal, readNumericSignals } from "./numeric-signals.ts";
import { planWindow, serves, type WindowPlan } from "./plan.ts";
import { isRawEnough } from "./raw-enough.ts";
import { readWindow } from "./read-window.ts";
import type { ReadWindowOptions } from "./window-answer.ts";

export type MachineChartOptions = {
  client: ReadWindowOptions["client"];
  machine: string;
  signals: readonly NumericSignal[];
  view: View;
  onRecords: (records: MachineRecords) => void;
  /** How windows are read; default: by the contract. */
  read?: typeof readWindow;
  /** How windows are continued; default: by the page's own feed. */
  watch?: LiveWindowOptions["watch"];
};

/** Gestures come many at once: wait for the hand to rest. */
const restMs = 120;
/** Only the accessor knows what became of the window; records may say so many times a second. */
const staleMs = 750;
/** Shares of states are not continued by the feed, but read again. */
const sharesEveryMs = 30_000;
/** A window that was refused is not asked for again before this. */
const refusedMs = 10_000;
/** The catalogue is asked at most so often for signals that the chart does not know. */
const learnEveryMs = 5_000;

/** A window on its way. */
type Reading = { readonly life: AbortController; plan: WindowPlan | undefined };

export class MachineChart implements Disposable {
  readonly axis: Axis;
  readonly #options: MachineChartOptions;
  readonly #life = new AbortController();
  readonly #signals: Signal<readonly NumericSignal[]>;
  /** Names of those that have a lane. */
  #shown: ReadonlySet<string> = new Set();
  readonly #window = signal<LiveWindow | undefined>(undefined);
  readonly #problem = signal<string | undefined>(undefined);
  #reading: Reading | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #learning: ReturnType<typeof setTimeout> | undefined;
  #learntMs = Number.NEGATIVE_INFINITY;
  #widthPx = 900;
  #isStale = false;
  #readAtMs = 0;
  /** A window was refused: time alone asks for none before this. */
  #refusedUntilMs = 0;

  constructor(options: MachineChartOptions) {
    this.#options = options;
    this.#signals = signal(options.signals);
    this.axis = new Axis(options.view);
  }

  /** All numeric signals of the machine. One that begins later joins them. */
  get signals(): ReadonlySignal<readonly NumericSignal[]> {
    return this.#signals;
  }

  get window(): ReadonlySignal<LiveWindow | undefined> {
    return this.#window;
  }

  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#learning);
    this.#life.abort(new Error("the chart is closed"));
    this.#reading?.life.abort(new Error("the chart is closed"));
    this.#window.value?.[Symbol.dispose]();
  }

  /** These signals have a lane: only they are read. */
  show(names: readonly string[]): void {
    this.#shown = new Set(names);
    this.check({ moved: true });
  }

  /** The box has this width. */
  resize(widthPx: number): void {
    this.#widthPx = plotWidth(widthPx);
    this.check({ moved: true });
  }

  /**
   * Asks for another window if this one does not serve the view any more. `moved`: somebody moved
   * the view, so a window on its way that does not serve it is given up. Time alone gives up none:
   * where reading is slow, nothing would ever arrive.
   */
  check({ moved = false } = {}): void {
    if (!this.#isNeeded()) return;
    const plan = this.#reading?.plan;
    if (this.#reading !== undefined) {
      if (!moved || plan === undefined || this.#isServedBy(plan)) return;
    } else if (!moved && Date.now() < this.#refusedUntilMs) return;
    const isFirst = this.#window.peek() === undefined;
    this.#ask(isFirst ? 0 : this.#isStale ? staleMs : restMs);
  }

  #isServedBy(plan: WindowPlan): boolean {
    const options = { ...this.#planOptions(), nowUs: serverNowUs() };
    return serves(plan, this.axis.view.peek(), options);
  }

  #isNeeded(): boolean {
    const window = this.#window.peek();
    if (window === undefined || this.#isStale) return true;
    const { answer } = window;
    for (const name of this.#shown) if (!answer.series.has(name)) return true;
    const view = this.axis.view.peek();
    if (!this.#isServedBy(answer.plan)) return true;
    if (isRawEnough(answer, view) !== answer.raw) return true;
    const { fromUs, toUs } = answer.reportsSpan;
    if (answer.reportsCut && (view.fromUs < fromUs || view.toUs > toUs)) return true;
    return (
      answer.band.kind === "shares" &&
      view.toUs > serverNowUs() - 60e6 &&
      Date.now() - this.#readAtMs > sharesEveryMs
    );
  }

  #planOptions() {
    return { widthPx: this.#widthPx, series: this.#shown.size };
  }

  #ask(delayMs: number): void {
    if (this.#timer !== undefined || this.#life.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#read().catch(() => {});
    }, delayMs);
  }

  async #read(): Promise<void> {
    this.#reading?.life.abort(new Error("overtaken by another window"));
    const reading: Reading = { life: new AbortController(), plan: undefined };
    this.#reading = reading;
    const { signal: abort } = reading.life;
    const backoff = createBackoff({ baseMs: 300, maxMs: 5_000 });
    while (!abort.aborted) {
      const view = this.axis.view.peek();
      try {
        reading.plan = planWindow(view, this.#planOptions());
        await this.#readOnce(view, reading.plan, abort);
        this.#refusedUntilMs = 0;
        break;
      } catch (error) {
        if (abort.aborted) return;
        this.#problem.value = toSentence(error);
        if (!isPassing(error)) {
          this.#refusedUntilMs = Date.now() + refusedMs;
          break;
        }
        // While it waits it takes the newest view, and gives way to none.
        reading.plan = undefined;
        await sleep(backoff.next(), abort).catch(() => {});
      }
    }
    if (this.#reading === reading) this.#reading = undefined;
    // The view may have moved on meanwhile, or its samples fit.
    this.check();
  }

  async #readOnce(view: View, plan: WindowPlan, abort: AbortSignal): Promise<void> {
    const { client, machine, onRecords, read = readWindow, watch } = this.#options;
    const before = this.#window.peek();
    this.#isStale = false;
    const answer = await read({
      client,
      machine,
      signals: this.#signals.peek().filter(({ name }) => this.#shown.has(name)),
      plan,
      view,
      raw: before !== undefined && isRawEnough(before.answer, view),
      abort,
    });
    abort.throwIfAborted();
    this.#readAtMs = Date.now();
    this.#problem.value = undefined;
    this.#window.value = new LiveWindow({
      answer,
      machine,
      onRecords,
      onStale: () => this.#stale(),
      onOther: (name) => this.#learn(name),
      ...(watch && { watch }),
    });
    before?.[Symbol.dispose]();
  }

  #stale(): void {
    this.#isStale = true;
    this.check();
  }

  /** Asks the catalogue for a signal that the chart does not know. */
  #learn(name: string): void {
    if (this.#learning !== undefined || this.#life.signal.aborted) return;
    if (this.#signals.peek().some((one) => one.name === name)) return;
    const waitMs = Math.max(0, this.#learntMs + learnEveryMs - Date.now());
    this.#learning = setTimeout(async () => {
      const { client, machine } = this.#options;
      try {
        const abort = this.#life.signal;
        const found = await readNumericSignals(client, { machine, abort });
        if (found.length > this.#signals.peek().length) this.#signals.value = found;
      } catch {
        // Its next record asks again.
      } finally {
        this.#learntMs = Date.now();
        this.#learning = undefined;
      }
    }, waitMs);
  }
}
