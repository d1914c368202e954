// Compares buckets of states with the raw records, which are cut into pieces that have one state
// and one line each, and with the summary of each bucket alone. For tests only.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import type {
  MachineStateBuckets,
  MachineSummary,
  StateBucket,
} from "#gen/millrace/v1/summary_pb.ts";
import { lowerBound } from "../../codec/lower-bound.ts";
import { at } from "./batches.ts";
import type { TestHistory } from "./history.ts";
import { type RawRecord, signals, type Window } from "./records.ts";
import { silentMinutes } from "./silence.ts";

type Resolution = MessageInitShape<typeof rpc.AggregateStatesRequestSchema>["resolution"];

const toUs = (time: Timestamp | undefined) => Number(time!.seconds) * 1e6 + time!.nanos / 1000;
const durationUs = ({ seconds, nanos }: Duration) => Number(seconds) * 1e6 + nanos / 1000;
const size = 1e3;
/** This many buckets are queried one by one. */
const alone = 4;

/** Half an hour off the hours of UTC that roll-ups use. */
const shiftsOfKolkata = {
  timeZone: "Asia/Kolkata",
  unit: rpc.CalendarUnit.SHIFT,
  shiftStarts: ["06:00", "14:00", "22:00"],
};

const maxShiftsUs = 5 * 366 * 86_400e6;

/** One of each kind, with at most the permitted number of buckets. */
export function resolutionsOf({
  fromUs,
  toUs: endUs,
  ...of
}: Window & { widthUs: number; points: number }) {
  const width = Math.max(of.widthUs, Math.ceil((endUs - fromUs) / 9_000));
  return [
    {
      case: "width" as const,
      value: { seconds: BigInt(Math.floor(width / 1e6)), nanos: (width % 1e6) * 1000 },
    },
    { case: "points" as const, value: of.points },
    { case: "daysInTimeZone" as const, value: "Europe/Berlin" },
    // A few years only: there are at most 10,000 buckets.
    ...(endUs - fromUs < maxShiftsUs
      ? [{ case: "calendar" as const, value: shiftsOfKolkata }]
      : []),
  ];
}

/** records: those up to the revision, in order. */
export async function expectStateBuckets(
  { service, context }: ReturnType<TestHistory["serviceAt"]>,
  records: readonly RawRecord[],
  { fromUs, toUs: endUs, resolution }: Window & { resolution: Resolution },
): Promise<void> {
  const window = { startTime: at(fromUs), endTime: at(endUs) };
  const machines: MachineStateBuckets[] = [];
  let pageToken = "";
  do {
    const request = create(rpc.AggregateStatesRequestSchema, { ...window, resolution, pageToken });
    const page = await service.aggregateStates(request, context);
    machines.push(...(page.machines as MachineStateBuckets[]));
    pageToken = page.nextPageToken!;
  } while (pageToken !== "");
  // Machines that came later are included, with no state and no energy.
  for (const { machine } of records)
    expect(machines.some((one) => one.machine === machine)).toBe(true);
  for (const { machine, buckets: found } of machines) {
    expect([toUs(found[0]!.startTime), toUs(found.at(-1)!.endTime)]).toEqual([fromUs, endUs]);
    const sumsOf = summing(
      records.filter((one) => one.machine === machine),
      { fromUs, toUs: endUs },
    );
    for (const [i, bucket] of found.entries()) {
      if (i > 0) expect(toUs(bucket.startTime)).toBe(toUs(found[i - 1]!.endTime));
      expectBucket(bucket, sumsOf);
    }
    const step = Math.ceil(found.length / alone);
    for (let i = 0; i < found.length; i += step) {
      const { startTime, endTime } = found[i]!;
      const one = create(rpc.SummarizeMachinesRequestSchema, {
        machines: [machine],
        startTime,
        endTime,
      });
      const summary = (await service.summarizeMachines(one, context))
        .machines![0] as MachineSummary;
      expectAlike(found[i]!, summary);
    }
  }
}

function expectAlike(bucket: StateBucket, summary: MachineSummary): void {
  const times = ({ states }: StateBucket | MachineSummary) =>
    states.map(({ state, time, silentTime }) => [state, time, silentTime]);
  expect(times(bucket)).toEqual(times(summary));
  expect([bucket.transitions, bucket.availability]).toEqual([
    summary.transitions,
    summary.availability,
  ]);
  expect(bucket.coverage).toBe(summary.energy?.coverage);
  expect(bucket.energyKwh === undefined).toBe(!summary.energy?.coverage);
  const spanUs = toUs(bucket.endTime) - toUs(bucket.startTime);
  if (summary.energy?.coverage) expectClose(bucket.energyKwh!, summary.energy.energyKwh, spanUs);
  for (const [i, { energyKwh, energyCoverage }] of summary.states.entries()) {
    expectClose(bucket.states[i]!.energyKwh, energyKwh, spanUs);
    expect(bucket.states[i]!.energyCoverage).toBe(energyCoverage);
  }
}

function expectBucket(bucket: StateBucket, sumsOf: ReturnType<typeof summing>): void {
  const [fromUs, endUs] = [toUs(bucket.startTime), toUs(bucket.endTime)];
  const expected = sumsOf({ fromUs, toUs: endUs });
  expect(
    bucket.states.map(({ state, time, silentTime }) => [
      state,
      durationUs(time!),
      durationUs(silentTime!),
    ]),
  ).toEqual(
    [...expected.timeUs.entries()]
      .filter(([, us]) => us > 0)
      .map(([state, us]) => [state, us, expected.silentUs[state]]),
  );
  for (const { state, energyKwh } of bucket.states)
    expectClose(energyKwh, expected.joules[state]! / 3.6e6, endUs - fromUs);
  expect(Number(bucket.transitions)).toBe(expected.transitions);
  const [, active = 0, idle = 0, fault = 0] = expected.timeUs;
  const known = active + idle + fault;
  expect(bucket.availability).toBe(known === 0 ? undefined : (active + idle) / known);
  if (bucket.coverage !== undefined)
    expect(bucket.coverage).toBe(expected.coveredUs / (endUs - fromUs));
}

/** Each piece between two changes, samples or ends has one state, and one line or none. */
function summing(records: readonly RawRecord[], whole: Window) {
  const silent = silentMinutes(records, whole);
  const silentTimes = Float64Array.from(silent, ({ fromUs }) => fromUs);
  const [changes, power] = ["state", "power"].map((signal) =>
    records.filter((one) => one.signal === signal),
  );
  const [changeTimes, times] = [changes!, power!].map((all) =>
    Float64Array.from(all, ({ timeUs }) => timeUs),
  );
  const stateAt = (us: number) => changes![lowerBound(changeTimes!, us + 1) - 1]?.value ?? 0;
  const within = (all: Float64Array, { fromUs, toUs: endUs }: Window) =>
    all.subarray(lowerBound(all, fromUs + 1), lowerBound(all, endUs));
  return (window: Window) => {
    const inside = [...within(changeTimes!, window), ...within(times!, window)];
    const cuts = [window.fromUs, ...inside, window.toUs].sort((a, b) => a - b);
    const sums = {
      timeUs: [0, 0, 0, 0, 0],
      silentUs: [0, 0, 0, 0, 0],
      joules: [0, 0, 0, 0, 0],
      coveredUs: 0,
      transitions: 0,
    };
    for (const [i, startUs] of cuts.slice(0, -1).entries()) {
      const spanUs = cuts[i + 1]! - startUs;
      if (spanUs === 0) continue;
      const state = stateAt(startUs);
      const before = stateAt(startUs - 1);
      sums.timeUs[state]! += spanUs;
      if (before !== state && before !== 0 && state !== 0) sums.transitions++;
      const next = lowerBound(times!, startUs + 1);
      const [a, b] = [power![next - 1], power![next]];
      if (a === undefined || b === undefined || b.timeUs - a.timeUs > signals.power.maxGapUs)
        continue;
      const middleUs = startUs + spanUs / 2;
      const height =
        a.value + ((b.value - a.value) * (middleUs - a.timeUs)) / (b.timeUs - a.timeUs);
      sums.joules[state]! += (height * spanUs) / 1e6;
      sums.coveredUs += spanUs;
    }
    for (
      let i = Math.max(0, lowerBound(silentTimes, window.fromUs + 1) - 1);
      i < silent.length;
      i++
    ) {
      const [startUs, endUs] = [
        Math.max(silent[i]!.fromUs, window.fromUs),
        Math.min(silent[i]!.toUs, window.toUs),
      ];
      if (silent[i]!.fromUs >= window.toUs) break;
      if (startUs < endUs) sums.silentUs[stateAt(startUs)]! += endUs - startUs;
    }
    return sums;
  };
}

/** Values are at most 1,000. */
function expectClose(foundKwh: number, expectedKwh: number, spanUs: number): void {
  if (Math.abs(foundKwh - expectedKwh) > ((spanUs / 1e6) * size * 1e-11) / 3.6e6 + 1e-18)
    expect(foundKwh).toBe(expectedKwh);
}
