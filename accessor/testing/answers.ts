// Asks every question of the service, and compares the answers with the raw records. For tests
// only.
import { create } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import type { Signal } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import type { Bucket as BucketMessage, StateSummary } from "#gen/millrace/v1/summary_pb.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { availability } from "../history/error-stats.ts";
import { windowIntervals } from "../history/state-intervals.ts";
import { stateEdges, toStateTotals } from "../history/state-totals.ts";
import { at } from "./batches.ts";
import { bucketsOf, expectBucket, expectClose } from "./buckets.ts";
import type { TestHistory } from "./history.ts";
import { expectIntervals } from "./intervals.ts";
import { inOrder, numericSignals, type RawRecord, type signals, type Window } from "./records.ts";
import { lengthOf, silentMinutes, toleranceUs } from "./silence.ts";
import { expectStateBuckets, resolutionsOf } from "./state-buckets.ts";

const machines = ["a", "b"];
const toUs = (time: Timestamp | undefined) =>
  time === undefined ? undefined : Number(time.seconds) * 1e6 + time.nanos / 1000;
const durationUs = ({ seconds, nanos }: Duration) => Number(seconds) * 1e6 + nanos / 1000;

export const parts = [
  "pages",
  "ranges",
  "latest",
  "buckets",
  "states",
  "summaries",
  "intervals",
] as const;
type Part = (typeof parts)[number];

export type Question = Window & {
  pageSize: number;
  widthUs: number;
  points: number;
  state: number;
  parts: readonly Part[];
};

/** records: all of them; those committed after the revision must not affect the answers. */
export class Examiner {
  readonly #asked: ReturnType<TestHistory["serviceAt"]>;
  readonly #records: readonly RawRecord[];
  readonly #question: Question;
  /** When the newest commit was made. */
  readonly #nowUs = Date.now() * 1000;

  constructor(
    history: TestHistory,
    of: { records: readonly RawRecord[]; revision: number; question: Question },
  ) {
    this.#asked = history.serviceAt(of.revision, this.#nowUs);
    this.#records = inOrder(of.records.filter(({ revision }) => revision <= of.revision));
    this.#question = of.question;
  }

  async run(): Promise<void> {
    for (const part of this.#question.parts) await this[part]();
  }

  get #window() {
    return { startTime: at(this.#question.fromUs), endTime: at(this.#question.toUs) };
  }

  #select(machine: string | undefined, signal: string, everything = false): RawRecord[] {
    const { fromUs, toUs: end } = this.#question;
    return this.#records.filter(
      (one) =>
        (machine === undefined || one.machine === machine) &&
        one.signal === signal &&
        (everything || (one.timeUs >= fromUs && one.timeUs < end)),
    );
  }

  #silence(machine: string, window: Window) {
    return silentMinutes(
      this.#records.filter((one) => one.machine === machine),
      window,
    );
  }

  #known(signal: string): boolean {
    return this.#records.some((one) => one.signal === signal);
  }

  async pages(): Promise<void> {
    const { service, context } = this.#asked;
    for (const signal of [...numericSignals, "state", "error"]) {
      if (!this.#known(signal)) continue;
      for (const asked of [[], ["b"]]) {
        const found: Signal[] = [];
        // Small pages only at first: a thousand of them would take too long.
        for (
          let [pageToken, pageSize] = ["", this.#question.pageSize];
          ;
          pageSize = Math.min(10_000, pageSize * 3)
        ) {
          const request = { signal, machines: asked, ...this.#window, pageSize, pageToken };
          const page = await service.querySignals(
            create(rpc.QuerySignalsRequestSchema, request),
            context,
          );
          expect(page.signals!.length).toBeLessThanOrEqual(pageSize);
          found.push(...(page.signals as Signal[]));
          pageToken = page.nextPageToken!;
          if (pageToken === "") break;
        }
        const expected = this.#select(asked[0], signal);
        expect(found.map(toRow)).toEqual(
          expected.map(({ machine, timeUs, value, text }) => [machine, timeUs, value, text]),
        );
      }
    }
  }

  async ranges(): Promise<void> {
    const { service, context } = this.#asked;
    const found = new Map<string, { timesUs: number[]; values: number[] }>();
    let lastUs = Number.NEGATIVE_INFINITY;
    const request = create(rpc.ReadSignalsRequestSchema, this.#window);
    for await (const { batches = [] } of service.readSignals(request, context)) {
      const times: number[] = [];
      for (const { machine, samples = [], stateChanges = [], errorReports = [] } of batches) {
        const add = (signal: string, timeUs: number, value: number) => {
          const own = found.get(`${machine}/${signal}`) ?? { timesUs: [], values: [] };
          found.set(`${machine}/${signal}`, own);
          own.timesUs.push(timeUs);
          own.values.push(value);
          times.push(timeUs);
        };
        for (const column of samples) {
          const timesUs = timesOf(column as Parameters<typeof timesOf>[0]);
          for (const [i, value] of column.values!.entries())
            add(column.signal!, timesUs[i]!, value);
        }
        for (const { time, state } of stateChanges) add("state", toUs(time as Timestamp)!, state!);
        for (const { time, severity } of errorReports)
          add("error", toUs(time as Timestamp)!, severity!);
      }
      for (const time of times)
        if (time < lastUs) throw new Error(`a record of ${time} after one of ${lastUs}`);
      lastUs = times.reduce((most, time) => Math.max(most, time), lastUs);
    }
    for (const machine of machines) {
      for (const signal of [...numericSignals, "state", "error"]) {
        const expected = this.#select(machine, signal);
        const own = found.get(`${machine}/${signal}`) ?? { timesUs: [], values: [] };
        expect(own.timesUs).toEqual(expected.map(({ timeUs }) => timeUs));
        expect(own.values).toEqual(expected.map(({ value }) => value));
      }
    }
  }

  async latest(): Promise<void> {
    const { service, context } = this.#asked;
    const answer = await service.getLatest(create(rpc.GetLatestRequestSchema), context);
    const expected = machines.flatMap((machine) =>
      ["error", "meter", "oil", "power", "state", "valve"].flatMap((signal) =>
        this.#select(machine, signal, true).slice(-1),
      ),
    );
    expect((answer.signals as Signal[]).map((one) => [one.signal, ...toRow(one)])).toEqual(
      expected.map(({ machine, signal, timeUs, value, text }) => [
        signal,
        machine,
        timeUs,
        value,
        text,
      ]),
    );
    // All records are old.
    for (const { machine, signal, silentSinceTime } of answer.signals as Signal[]) {
      const all = this.#records
        .filter((one) => one.machine === machine)
        .map(({ timeUs }) => timeUs);
      const lastUs = Math.floor(all.reduce((a, b) => Math.max(a, b)) / 60e6) * 60e6;
      expect(toUs(silentSinceTime)).toBe(
        signal === "state" ? lastUs + 60e6 + toleranceUs : undefined,
      );
    }
  }

  async states(): Promise<void> {
    for (const resolution of resolutionsOf(this.#question))
      await expectStateBuckets(this.#asked, this.#records, { ...this.#question, resolution });
  }

  async buckets(): Promise<void> {
    const { service, context } = this.#asked;
    const { fromUs, toUs: end } = this.#question;
    for (const signal of numericSignals) {
      if (!this.#known(signal)) continue;
      for (const resolution of resolutionsOf(this.#question)) {
        const request = create(rpc.AggregateSamplesRequestSchema, {
          signals: [signal],
          ...this.#window,
          resolution,
        });
        const answer = await service.aggregateSamples(request, context);
        for (const { machine, buckets } of answer.series!) {
          const found = buckets as BucketMessage[];
          const edgesUs = Float64Array.of(
            ...found.map(({ startTime }) => toUs(startTime)!),
            toUs(found.at(-1)!.endTime)!,
          );
          expect([edgesUs[0], edgesUs.at(-1)]).toEqual([fromUs, end]);
          const expected = this.#buckets(machine!, signal, edgesUs);
          expect(found).toHaveLength(expected.length);
          for (const [i, bucket] of found.entries()) expectBucket(bucket, expected[i]!);
        }
      }
    }
  }

  /** The buckets of all records of a signal. */
  #buckets(machine: string, signal: keyof typeof signals, edgesUs: Float64Array) {
    return bucketsOf(this.#select(machine, signal, true), { signal, edgesUs });
  }

  async summaries(): Promise<void> {
    const { service, context } = this.#asked;
    const { fromUs, toUs: end } = this.#question;
    const answer = await service.summarizeMachines(
      create(rpc.SummarizeMachinesRequestSchema, this.#window),
      context,
    );
    for (const summary of answer.machines!) {
      const machine = summary.machine!;
      const changes = this.#select(machine, "state", true).map(({ timeUs, value: state }) => ({
        timeUs,
        state,
      }));
      const intervals = windowIntervals(changes, { fromUs, toUs: end });
      const slotEdgesUs = Float64Array.of(fromUs, end);
      const buckets = this.#buckets(machine, "power", stateEdges(slotEdgesUs, intervals));
      const [totals] = toStateTotals(buckets, { slotEdgesUs, intervals });
      const size = Math.max(
        1,
        ...buckets.map(({ integral }) => Math.abs(integral)),
        (end - fromUs) / 1e3,
      );
      const states = summary.states! as StateSummary[];
      expect(states.map(({ state, time }) => [state, durationUs(time!)])).toEqual(
        totals!.timeUs.flatMap((timeUs, state) => (timeUs === 0 ? [] : [[state, timeUs]])),
      );
      for (const { state, energyKwh, energyCoverage } of states) {
        expectClose(energyKwh * 3.6e6, totals!.integral[state]!.high, size);
        expectClose(energyCoverage * totals!.timeUs[state]!, totals!.coveredUs[state]!, size);
      }
      const silent = this.#silence(machine, { fromUs, toUs: end });
      const stateAt = (us: number) => intervals.find(({ endUs }) => endUs > us)!.state;
      expect(states.map(({ state, silentTime }) => [state, durationUs(silentTime!)])).toEqual(
        states.map(({ state }) => [
          state,
          lengthOf(silent.filter((one) => stateAt(one.fromUs) === state)),
        ]),
      );
      expect(durationUs(summary.silenceTolerance as Duration)).toBe(toleranceUs);
      expect(summary.transitions).toBe(BigInt(totals!.transitions));
      expect(summary.availability).toBe(availability(totals!.timeUs));
      const known = this.#select(machine, "power", true).length > 0;
      if (known) {
        const [whole] = this.#buckets(machine, "power", slotEdgesUs);
        expect(summary.energy!.coverage).toBe(whole!.coverage);
        expectClose(summary.energy!.energyKwh! * 3.6e6, whole!.integral, size);
        expect(summary.energy!.peakPowerW).toBe(whole!.max);
        expect(toUs(summary.energy!.peakTime as Timestamp)).toBe(whole!.maxUs);
      }
      const errors = this.#select(machine, "error");
      expect(summary.errors!.count).toBe(BigInt(errors.length));
      expect(summary.errors!.bySeverity!.map(({ severity, count }) => [severity, count])).toEqual(
        [4, 3, 2, 1].flatMap((severity) => {
          const count = errors.filter(({ value }) => value === severity).length;
          return count === 0 ? [] : [[severity, BigInt(count)]];
        }),
      );
    }
  }

  async intervals(): Promise<void> {
    await expectIntervals(this.#asked, this.#records, { ...this.#question, nowUs: this.#nowUs });
  }
}

function toRow({ machine, time, record }: Signal) {
  if (record.case === "value") return [machine, toUs(time), record.value, ""];
  if (record.case === "stateChange")
    return [machine, toUs(time), record.value.state, record.value.reason];
  return [machine, toUs(time), record.value!.severity, record.value!.code];
}
