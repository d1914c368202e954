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
  readonly byState: ReadonlyMap<MachineState, number>;
  /** From 0 to 1. */
  readonly coverage: number;
};

export type MachineEnergy = { readonly name: string; readonly days: readonly EnergyDay[] };

export type EnergyOptions = {
  machines: readonly string[];
  fromUs: number;
  timeZone: string;
  abort: AbortSignal;
};

/** Only machines that have energy in some day. All have the same days. */
export async function readEnergyDays(
  client: Pick<Client<typeof SignalService>, "aggregateStates">,
  { machines, fromUs, timeZone, abort }: EnergyOptions,
): Promise<MachineEnergy[]> {
  const found: MachineEnergy[] = [];
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
          byState: new Map(states.map((one) => [one.state, one.energyKwh])),
          coverage: coverage ?? 0,
        }),
      );
      if (days.some(({ kwh }) => kwh !== undefined)) found.push({ name: machine, days });
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") return found;
  }
}

/** The sum of machines, day by day. A day's coverage is the mean of its machines. */
export function totalOf(machines: readonly MachineEnergy[]): readonly EnergyDay[] {
  const [first] = machines;
  if (first === undefined) return [];
  return first.days.map(({ fromUs, toUs }, at) => {
    const byState = new Map<MachineState, number>();
    let kwh: number | undefined;
    let coverage = 0;
    for (const { days } of machines) {
      const day = days[at]!;
      coverage += day.coverage / machines.length;
      if (day.kwh !== undefined) kwh = (kwh ?? 0) + day.kwh;
      for (const [state, part] of day.byState) byState.set(state, (byState.get(state) ?? 0) + part);
    }
    return { fromUs, toUs, kwh, byState, coverage };
  });
}

/** Over several days. */
export function sumOfDays(days: readonly EnergyDay[]): { kwh: number; idleKwh: number } {
  let [kwh, idleKwh] = [0, 0];
  for (const day of days) {
    kwh += day.kwh ?? 0;
    idleKwh += day.byState.get(MachineState.IDLE) ?? 0;
  }
  return { kwh, idleKwh };
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
