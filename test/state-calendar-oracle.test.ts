// Every number of AggregateStates, peak demand, and all figures for states and energy of
// SummarizeMachines, compared with the raw records, in twelve time zones around their odd days.
// Through an accessor that compacts meanwhile.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EnergySummary, MachineSummary } from "#gen/millrace/v1/summary_pb.ts";
import { openTestAccessor, type TestAccessor } from "../accessor/testing/accessor.ts";
import { at } from "../accessor/testing/batches.ts";
import { toDuration, toTimeUs } from "../codec/timestamps.ts";
import {
  cutByName,
  endOfUnit,
  type Held,
  holdings,
  type OracleUnit,
  unitNamer,
} from "./testing/local-buckets.ts";
import { nothingHeld, stateHoldings } from "./testing/local-states.ts";
import {
  allUnits,
  cadencesUs,
  dayStarts,
  oddDays,
  reachDays,
  shiftPlans,
  units,
} from "./testing/odd-days.ts";
import { anyMachine, type SentMachine, sendMachines } from "./testing/odd-machines.ts";
import { checkDeclared, checkStates, kwhSize, near, wattsOf } from "./testing/state-checks.ts";

let accessor: TestAccessor;
beforeAll(async () => {
  const history = { compactIntervalMs: 200, logWindowMs: 86_400_000, maxLogBytes: 2 ** 34 };
  accessor = await openTestAccessor({
    history: { ...history, retentionMs: undefined, rollupRetentionMs: undefined },
  });
});
afterAll(() => accessor[Symbol.asyncDispose]());

const hourUs = 3_600e6;
const dayUs = 24 * hourUs;

const anyScene = fc.record({
  machine: anyMachine,
  dayStart: fc.constantFrom(...dayStarts),
  shifts: fc.constantFrom(...shiftPlans),
  offsetUs: fc.integer({ min: -hourUs, max: hourUs }),
  // The units to sum up, including the one before the odd instant.
  summed: fc.shuffledSubarray(["shift", "day", "week"] as const, { minLength: 2, maxLength: 2 }),
  // Lengths of demand intervals: one that divides an hour, and another.
  demandsUs: fc.tuple(
    fc.constantFrom(900e6, 1_800e6, hourUs),
    fc.constantFrom(61.5e6, 420e6, 6_000e6 + 1, 7 * hourUs, dayUs),
  ),
});
type Scene = typeof anyScene extends fc.Arbitrary<infer T> ? T : never;
type Zone = Scene & { timeZone: string; nearUs: number; sent: SentMachine };

const ofEach = { minLength: oddDays.length, maxLength: oddDays.length };
const anyScenes = fc.array(anyScene, ofEach);
/** Two zones use each cadence. */
const anyCadences = fc.shuffledSubarray([...cadencesUs, ...cadencesUs], ofEach);

test("states and peak demand of all calendars", { timeout: 120_000 }, async () => {
  const property = fc.asyncProperty(anyScenes, anyCadences, async (scenes, cadences) => {
    const places = scenes.map((scene, i) => {
      const [timeZone, near] = oddDays[i]!;
      return {
        ...scene,
        timeZone,
        nearUs: Date.parse(near) * 1000,
        cadenceUs: cadences[i]!,
        name: timeZone,
      };
    });
    const sent = await sendMachines(accessor, places);
    for (const [i, place] of places.entries()) {
      const zone = { ...place, sent: sent[i]! };
      for (const unit of allUnits) await checkBuckets(unit, zone);
      await checkSummaries(zone);
    }
  });
  // Shrinking to a smaller scene takes long, and shows no more than the first number that is wrong.
  await fc.assert(property, { numRuns: 1, endOnFailure: true });
});

const startsOf = (unit: OracleUnit, { shifts, dayStart }: Scene) =>
  unit === "shift" ? { shiftStarts: [...shifts] } : { dayStart };
const namerOf = (unit: OracleUnit, zone: Zone) =>
  unitNamer({ ...zone, unit, starts: unit === "shift" ? zone.shifts : [zone.dayStart || "00:00"] });

async function checkBuckets(unit: OracleUnit, zone: Zone): Promise<void> {
  const { timeZone, nearUs, offsetUs, sent } = zone;
  const fromUs = nearUs - reachDays[unit] * dayUs + offsetUs;
  // For years, the newest ones too, including time that is still to come.
  const untilUs = unit === "year" ? undefined : nearUs + reachDays[unit] * dayUs;
  const { machines, endTime } = await accessor.signals.aggregateStates({
    machines: [sent.name],
    startTime: at(fromUs),
    ...(untilUs === undefined ? {} : { endTime: at(untilUs) }),
    resolution: {
      case: "calendar",
      value: { timeZone, unit: units[unit], ...startsOf(unit, zone) },
    },
  });
  const toUs = toTimeUs(endTime)!;
  expect(toUs).toBeLessThanOrEqual(Math.min(untilUs ?? toUs, Date.now() * 1000 + 1e6));
  const [machine] = machines;
  expect(machines.map((one) => one.machine)).toEqual([sent.name]);
  checkDeclared(machine!, sent);
  const window = { fromUs, toUs, nameAt: namerOf(unit, zone) };
  const held = stateHoldings(sent, window);
  const named = cutByName(machine!.buckets, window);
  expect([...held.keys()].filter((name) => !named.has(name))).toEqual([]);
  for (const [name, bucket] of named) {
    const own = held.get(name) ?? nothingHeld();
    const where = `${timeZone}, ${unit} ${name}`;
    checkStates(bucket, own, { sent, where });
    const watts = wattsOf(sent);
    const coveredUs = sumOf(own.coveredUs);
    const lengthUs = toTimeUs(bucket.endTime)! - toTimeUs(bucket.startTime)!;
    near(
      `${where}: coverage`,
      bucket.coverage,
      watts === undefined ? undefined : coveredUs / lengthUs,
      1,
    );
    const kwh =
      watts === undefined || coveredUs === 0 ? undefined : (sumOf(own.area) * watts) / 3.6e6;
    near(`${where}: energy`, bucket.energyKwh, kwh, kwhSize(watts, coveredUs));
  }
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

type Span = { fromUs: number; toUs: number };

/** The shift, day or week of the odd instant and the one before, and everything up to now. */
async function checkSummaries(zone: Zone): Promise<void> {
  const { nearUs, offsetUs, summed, demandsUs, sent } = zone;
  const around = summed.map((unit, i) => ({ ...unitsAround(unit, zone), demandUs: demandsUs[i]! }));
  const untilNow = { fromUs: Date.now() * 1000 - 3 * hourUs + offsetUs, toUs: undefined };
  const newest = {
    window: untilNow,
    other: { fromUs: nearUs, toUs: nearUs + 3 * dayUs },
    demandUs: 60e6,
  };
  for (const { window, other, demandUs } of [...around, newest]) {
    const { machines, compared, endTime } = await accessor.signals.summarizeMachines({
      machines: [sent.name],
      demandInterval: toDuration(demandUs),
      startTime: at(window.fromUs),
      ...(window.toUs === undefined ? {} : { endTime: at(window.toUs) }),
      compareStartTime: at(other.fromUs),
      compareEndTime: at(other.toUs),
    });
    const toUs = toTimeUs(endTime)!;
    expect(toUs).toBeLessThanOrEqual(Date.now() * 1000 + 1e6);
    if (window.toUs !== undefined) expect(toUs).toBe(window.toUs);
    expect([machines.length, compared.length]).toEqual([1, 1]);
    checkSummary(machines[0]!, sent, { fromUs: window.fromUs, toUs, demandUs });
    checkSummary(compared[0]!, sent, { ...other, demandUs });
  }
}

/** The unit of the odd instant, and the one before. */
function unitsAround(unit: "shift" | "day" | "week", zone: Zone): { window: Span; other: Span } {
  const nameAt = namerOf(unit, zone);
  const reachUs = 15 * dayUs;
  const startOf = (timeUs: number) => {
    let startUs = timeUs - reachUs;
    while (nameAt(startUs) !== nameAt(timeUs)) startUs = endOfUnit(startUs, timeUs + 1, nameAt);
    return startUs;
  };
  const fromUs = startOf(zone.nearUs);
  const window = { fromUs, toUs: endOfUnit(fromUs, fromUs + reachUs, nameAt) };
  return { window, other: { fromUs: startOf(fromUs - 1), toUs: fromUs } };
}

function checkSummary(
  summary: MachineSummary,
  sent: SentMachine,
  { demandUs, ...span }: Span & { demandUs: number },
) {
  const { fromUs, toUs } = span;
  const where = `${sent.name} from ${new Date(fromUs / 1000).toISOString()}`;
  expect([summary.machine, toTimeUs(summary.startTime), toTimeUs(summary.endTime)]).toEqual([
    sent.name,
    fromUs,
    toUs,
  ]);
  checkDeclared(summary, sent);
  const whole = { ...span, nameAt: () => "all" };
  checkStates(summary, stateHoldings(sent, whole).get("all")!, { sent, where });
  const watts = wattsOf(sent);
  if (watts === undefined) return expect(summary.energy, where).toBe(undefined);
  const { samples, area, coveredUs } =
    holdings(sent.power.samples, sent.power, whole).get("all") ?? nothing;
  const energy = summary.energy!;
  near(`${where}: coverage`, energy.coverage, coveredUs / (toUs - fromUs), 1);
  near(`${where}: energy`, energy.energyKwh, (area * watts) / 3.6e6, kwhSize(watts, coveredUs));
  const mean = coveredUs === 0 ? undefined : (area / coveredUs) * 1e6 * watts;
  near(`${where}: mean power`, energy.meanPowerW, mean, 1_000 * watts);
  const most = samples.toSorted((a, b) => b.value - a.value || a.timeUs - b.timeUs)[0];
  near(
    `${where}: peak power`,
    energy.peakPowerW,
    most === undefined ? undefined : most.value * watts,
    1_000 * watts,
  );
  expect(toTimeUs(energy.peakTime), `${where}: peak time`).toBe(most?.timeUs);
  checkPeak(energy, sent, { ...span, demandUs, where: `${where}, by ${demandUs / 1e6} s` });
}

const nothing: Held = { samples: [], area: 0, coveredUs: 0 };

/** Each interval is named by its number; the best of those that are covered is the peak. */
function checkPeak(
  { peakDemandW, peakDemandTime, peakDemandCoverage }: EnergySummary,
  sent: SentMachine,
  { fromUs, toUs, demandUs, where }: Span & { demandUs: number; where: string },
): void {
  const nameAt = (timeUs: number) => String(Math.floor(timeUs / demandUs));
  const size = 1_000 * wattsOf(sent)!;
  const covered = [...holdings(sent.power.samples, sent.power, { fromUs, toUs, nameAt })]
    .map(([name, { area, coveredUs }]) => ({ startUs: Number(name) * demandUs, area, coveredUs }))
    .filter(
      ({ startUs, coveredUs }) => startUs >= fromUs && startUs + demandUs <= toUs && coveredUs > 0,
    )
    .map((one) => ({ ...one, demandW: (one.area * 1e6 * wattsOf(sent)!) / demandUs }))
    .sort((a, b) => a.startUs - b.startUs);
  const [most] = covered.toSorted((a, b) => b.demandW - a.demandW);
  near(`${where}: peak demand`, peakDemandW, most?.demandW, size);
  // Rounding may let an earlier one appear equally high, but excludes none.
  const named = covered.find(({ startUs }) => startUs === toTimeUs(peakDemandTime));
  near(
    `${where}: demand at its time`,
    named?.demandW,
    most?.demandW,
    0.01 * Math.abs(most?.demandW ?? 0) + 1e-4 * size,
  );
  const earliest = covered.find(({ demandW }) => demandW === most!.demandW);
  expect(named?.startUs ?? 0, `${where}: its time`).toBeLessThanOrEqual(earliest?.startUs ?? 0);
  near(`${where}: its coverage`, peakDemandCoverage, (named?.coveredUs ?? 0) / demandUs, 1);
}
