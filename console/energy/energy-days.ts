// Energy by machine, day and state, and the highest quarter hour of each day.
import type { Client } from "@connectrpc/connect";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { CalendarUnit, type SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { toDuration, toTimestamp, toTimeUs } from "../../codec/timestamps.ts";

export type EnergyDay = {
  readonly fromUs: number;
  readonly toUs: number;
  /** Unknown where nothing is covered. */
  readonly kwh: number | undefined;
  /**
   * kWh of the states in which time was spent; undefined where samples cover none of that time.
   * They add up to `kwh`.
   */
  readonly byState: ReadonlyMap<MachineState, number | undefined>;
  /** From 0 to 1. */
  readonly coverage: number;
};

export type MachineEnergy = { readonly name: string; readonly days: readonly EnergyDay[] };

export type EnergyDays = {
  /** Those that have energy in some day. */
  readonly machines: readonly MachineEnergy[];
  /** Names of the others. */
  readonly without: readonly string[];
};

export type EnergyOptions = {
  machines: readonly string[];
  fromUs: number;
  timeZone: string;
  abort: AbortSignal;
};

/** All machines have the same days. */
export async function readEnergyDays(
  client: Pick<Client<typeof SignalService>, "aggregateStates">,
  { machines, fromUs, timeZone, abort }: EnergyOptions,
): Promise<EnergyDays> {
  const found: MachineEnergy[] = [];
  const without: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.aggregateStates(
      {
        machines: [...machines],
        startTime: toTimestamp(fromUs),
        resolution: { case: "calendar", value: { timeZone, unit: CalendarUnit.DAY } },
        pageToken,
      },
      { signal: abort },
    );
    for (const { machine, buckets } of page.machines) {
      const days = buckets.map(
        ({ startTime, endTime, states, energyKwh, coverage }): EnergyDay => ({
          fromUs: toTimeUs(startTime)!,
          toUs: toTimeUs(endTime)!,
          kwh: energyKwh,
          byState: new Map(
            states.map((one) => [one.state, one.energyCoverage > 0 ? one.energyKwh : undefined]),
          ),
          coverage: coverage ?? 0,
        }),
      );
      if (days.some(({ kwh }) => kwh !== undefined)) found.push({ name: machine, days });
      else without.push(machine);
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") return { machines: found, without };
  }
}

const plus = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : a + (b ?? 0);

/** Several days, or the same day of several machines, as one. Its coverage is the mean by time. */
export function sumOf(days: readonly EnergyDay[]): EnergyDay | undefined {
  const byState = new Map<MachineState, number | undefined>();
  let [kwh, coveredUs, lengthUs] = [undefined as number | undefined, 0, 0];
  let [fromUs, toUs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const day of days) {
    kwh = plus(kwh, day.kwh);
    for (const [state, part] of day.byState) byState.set(state, plus(byState.get(state), part));
    coveredUs += day.coverage * (day.toUs - day.fromUs);
    lengthUs += day.toUs - day.fromUs;
    fromUs = Math.min(fromUs, day.fromUs);
    toUs = Math.max(toUs, day.toUs);
  }
  if (days.length === 0) return undefined;
  return { fromUs, toUs, kwh, byState, coverage: lengthUs === 0 ? 0 : coveredUs / lengthUs };
}

/** The sum of machines, day by day. Days are the same when they begin together. */
export function totalOf(machines: readonly MachineEnergy[]): readonly EnergyDay[] {
  const byStart = new Map<number, EnergyDay[]>();
  for (const { days } of machines)
    for (const day of days) {
      const same = byStart.get(day.fromUs);
      if (same === undefined) byStart.set(day.fromUs, [day]);
      else same.push(day);
    }
  return [...byStart].sort(([a], [b]) => a - b).map(([, days]) => sumOf(days)!);
}

/** The states that a table or a legend of these days names. Unknown only if it has energy. */
export function statesOf(days: readonly EnergyDay[]): readonly MachineState[] {
  const { ACTIVE, IDLE, FAULT, OFF, UNSPECIFIED } = MachineState;
  const hasUnknown = days.some(({ byState }) => (byState.get(UNSPECIFIED) ?? 0) > 0);
  return hasUnknown ? [ACTIVE, IDLE, FAULT, OFF, UNSPECIFIED] : [ACTIVE, IDLE, FAULT, OFF];
}

export type Demand = { readonly watts: number; readonly atUs: number };

/** The highest quarter hour of each machine in a window, as /machines/summary gives it. */
export async function readDemands(
  client: Pick<Client<typeof SignalService>, "summarizeMachines">,
  {
    machines,
    fromUs,
    toUs,
    abort,
  }: { machines: readonly string[]; fromUs: number; toUs: number; abort: AbortSignal },
): Promise<ReadonlyMap<string, Demand>> {
  const demands = new Map<string, Demand>();
  for (let pageToken = ""; ; ) {
    const page = await client.summarizeMachines(
      {
        machines: [...machines],
        startTime: toTimestamp(fromUs),
        endTime: toTimestamp(toUs),
        demandInterval: toDuration(900e6),
        pageToken,
      },
      { signal: abort },
    );
    for (const { machine, energy } of page.machines)
      if (energy?.peakDemandW !== undefined)
        demands.set(machine, {
          watts: energy.peakDemandW,
          atUs: toTimeUs(energy.peakDemandTime)!,
        });
    pageToken = page.nextPageToken;
    if (pageToken === "") return demands;
  }
}
