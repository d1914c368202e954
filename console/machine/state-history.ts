// The states of a machine in a window: intervals from an answer, continued by live state changes.
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { StateInterval } from "#gen/millrace/v1/summary_pb.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import type { Interval } from "../chart/lanes.ts";
import type { BandData } from "../chart/state-band.tsx";

export function toInterval(one: StateInterval): Interval {
  return {
    state: one.state,
    reason: one.reason,
    fromUs: toTimeUs(one.startTime)!,
    toUs: toTimeUs(one.endTime) ?? Number.POSITIVE_INFINITY,
    silentFromUs: toTimeUs(one.silentSinceTime),
  };
}

/** The band with the silence that the feed shows, in the interval that lasts. */
export function bandWithSilence(band: BandData, silentFromUs: number | undefined): BandData {
  if (band.kind === "shares" || silentFromUs === undefined) return band;
  const last = band.intervals.at(-1);
  if (last === undefined || last.toUs !== Number.POSITIVE_INFINITY) return band;
  if (last.silentFromUs !== undefined && last.silentFromUs <= silentFromUs) return band;
  return { ...band, intervals: [...band.intervals.slice(0, -1), { ...last, silentFromUs }] };
}

export type Change = {
  readonly timeUs: number;
  readonly state: MachineState;
  readonly reason: string;
};

/**
 * The intervals after a change. Undefined: the change came late, into the past of what is known;
 * only the accessor knows what it does to the intervals, since they do not show where the same
 * state was reported again.
 */
export function withChange(
  intervals: readonly Interval[],
  { timeUs, state, reason }: Change,
  lastChangeUs: number,
): readonly Interval[] | undefined {
  if (timeUs < lastChangeUs) return undefined;
  const last = intervals.at(-1);
  if (last === undefined)
    return [{ state, reason, fromUs: timeUs, toUs: Number.POSITIVE_INFINITY }];
  // A record ends a silence.
  if (last.state === state) {
    return last.silentFromUs === undefined
      ? intervals
      : [...intervals.slice(0, -1), { ...last, silentFromUs: undefined }];
  }
  const before =
    timeUs > last.fromUs
      ? [...intervals.slice(0, -1), { ...last, toUs: timeUs }]
      : intervals.slice(0, -1);
  const joined = before.at(-1);
  if (joined?.state === state)
    return [...before.slice(0, -1), { ...joined, toUs: Number.POSITIVE_INFINITY }];
  return [...before, { state, reason, fromUs: timeUs, toUs: Number.POSITIVE_INFINITY }];
}
