// One machine as its tile shows it, folded from the snapshot and from each batch of the feed.
import { MachineState, type Signal } from "#gen/millrace/v1/signal_pb.ts";
import { wattsPer } from "../../codec/power-unit.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import type { ErrorNow, MachineNow, MachineRecords } from "./messages.ts";
import { SecondRing } from "./second-ring.ts";
import { ArrivalRhythm } from "./silence.ts";

/** How long sparklines are. */
export const sparkSeconds = 60;
const hourUs = 3_600e6;
/** Most reports of a machine that are kept for the count of its last hour. */
const maxErrors = 5_000;

export class MachineFolding {
  readonly name: string;
  readonly ring = new SecondRing(sparkSeconds);
  readonly #rhythm = new ArrivalRhythm();
  #state = MachineState.UNSPECIFIED as MachineState;
  #stateSinceUs = Number.NEGATIVE_INFINITY;
  /** The newest time at which the state was reported, also without a change. */
  #stateAtUs = Number.NEGATIVE_INFINITY;
  #reason = "";
  #powerW: number | undefined;
  #powerAtUs = Number.NEGATIVE_INFINITY;
  /** The unit as last declared: later columns may leave it out. */
  #powerUnit = "";
  #lastRecordUs = Number.NEGATIVE_INFINITY;
  /** Ascending by arrival. */
  #errors: ErrorNow[] = [];
  #lastError: ErrorNow | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The newest record of a signal, from the snapshot. */
  begin({ signal, time, record, unit }: Signal): void {
    const timeUs = toTimeUs(time) ?? Number.NEGATIVE_INFINITY;
    this.#seen(timeUs);
    if (record.case === "stateChange")
      this.#changeState(timeUs, record.value.state, record.value.reason);
    if (record.case === "errorReport") {
      const { severity, code, message } = record.value;
      this.#lastError = { timeUs, severity, code, message };
    }
    if (record.case === "value" && signal === "power") {
      this.#powerUnit = unit;
      this.#samplePower(timeUs, record.value);
    }
  }

  /** When the state of the snapshot really began, if the same state was reported repeatedly. */
  stateBegan(sinceUs: number): void {
    if (sinceUs < this.#stateSinceUs) this.#stateSinceUs = sinceUs;
  }

  /** A report that is held already came by the snapshot and by the feed, and counts once. */
  addError(report: ErrorNow): void {
    if (this.#errors.some((held) => isSame(held, report))) return;
    if (this.#errors.length >= maxErrors) this.#errors = this.#errors.slice(-maxErrors / 2);
    this.#errors.push(report);
    this.#seen(report.timeUs);
    if (this.#lastError === undefined || report.timeUs >= this.#lastError.timeUs)
      this.#lastError = report;
  }

  /** Records of the feed, which arrived at `nowMs`. */
  add({ columns, stateChanges, errorReports }: MachineRecords, nowMs: number): void {
    this.#rhythm.note(nowMs);
    for (const { timeUs, state, reason } of stateChanges) {
      this.#seen(timeUs);
      this.#changeState(timeUs, state, reason);
    }
    for (const report of errorReports) this.addError(report);
    for (const { signal, unit, timesUs, values } of columns) {
      const last = timesUs.length - 1;
      if (last < 0) continue;
      this.#seen(timesUs[last]!);
      if (signal !== "power") continue;
      if (unit !== "") this.#powerUnit = unit;
      const watts = wattsPer(this.#powerUnit);
      if (watts === undefined) continue;
      this.ring.add(timesUs, watts === 1 ? values : values.map((value) => value * watts));
      this.#samplePower(timesUs[last]!, values[last]!);
    }
  }

  #seen(timeUs: number): void {
    if (timeUs > this.#lastRecordUs) this.#lastRecordUs = timeUs;
  }

  #changeState(timeUs: number, state: MachineState, reason: string): void {
    // Late ones belong to the past.
    if (timeUs < this.#stateAtUs) return;
    this.#stateAtUs = timeUs;
    if (state !== this.#state || this.#stateSinceUs === Number.NEGATIVE_INFINITY)
      this.#stateSinceUs = timeUs;
    this.#state = state;
    this.#reason = reason;
  }

  #samplePower(timeUs: number, value: number): void {
    const watts = wattsPer(this.#powerUnit);
    if (watts === undefined || timeUs < this.#powerAtUs) return;
    this.#powerAtUs = timeUs;
    this.#powerW = value * watts;
  }

  /** As of `nowUs` by the server's clock. */
  read(nowUs: number): MachineNow {
    const since = this.#stateSinceUs;
    // From the first that is young enough; reports may come late, so look at each.
    this.#errors = this.#errors.filter(({ timeUs }) => timeUs > nowUs - hourUs);
    return {
      name: this.name,
      state: this.#state,
      stateSinceUs: since === Number.NEGATIVE_INFINITY ? undefined : since,
      reason: this.#reason,
      powerW: this.#powerW,
      powerAtUs: this.#powerW === undefined ? undefined : this.#powerAtUs,
      power: this.ring.read(nowUs),
      lastRecordUs: this.#lastRecordUs,
      silentAfterUs: this.#rhythm.silentAfterUs,
      errorsLastHour: this.#errors.length,
      lastError: this.#lastError,
    };
  }
}

const isSame = (a: ErrorNow, b: ErrorNow): boolean =>
  a.timeUs === b.timeUs &&
  a.code === b.code &&
  a.severity === b.severity &&
  a.message === b.message;
