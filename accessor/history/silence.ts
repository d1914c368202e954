// Silence of a machine: from a tolerance after the last minute in which it gave a sign of life,
// until the next one. Gaps are spans without a sign of life; a gap is silent except at its
// beginning. No I/O.
import { SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { floorTo, minuteUs } from "./buckets-of-time.ts";
import type { Window } from "./line-area.ts";

const leastToleranceUs = 10 * minuteUs;

/** What a series tells about how often its machine sends. */
type Sending = {
  readonly kind: SignalKind;
  readonly maxGapUs: number | undefined;
  readonly sampleType: SampleType;
};

/**
 * How long after its last alive minute a machine counts as silent, in whole minutes. series: all
 * series of the machine. Signals that are sent on change (STEP) or rarely (COUNTER) do not show how
 * often it sends.
 */
export function toleranceUsOf(series: readonly Sending[]): number {
  const longestUs = series
    .filter(({ kind }) => kind === SignalKind.NUMERIC)
    .filter(
      ({ sampleType }) => sampleType === SampleType.LINEAR || sampleType === SampleType.UNSPECIFIED,
    )
    .reduce((most, { maxGapUs = 0 }) => Math.max(most, maxGapUs), leastToleranceUs);
  return Math.ceil(longestUs / minuteUs) * minuteUs;
}

/**
 * An hour with signs of life: bit i of its minutes for minute i, in two halves of 30. beforeUs: the
 * last alive minute before the hour; undefined: there is none, or it was not searched for.
 */
export type AliveHour = { hourUs: number; low: number; high: number; beforeUs: number | undefined };

const isAlive = ({ low, high }: AliveHour, minute: number) =>
  minute < 30 ? (low >>> minute) & 1 : (high >>> (minute - 30)) & 1;

/**
 * Gaps longer than the tolerance. hours: ascending, all hours before, in or after which such a gap
 * may be.
 */
export function gapsOfHours(hours: readonly AliveHour[], toleranceUs: number): Window[] {
  const gaps: Window[] = [];
  let fromUs = Number.NEGATIVE_INFINITY;
  const add = (toUs: number) => {
    if (toUs - fromUs > toleranceUs) gaps.push({ fromUs, toUs });
  };
  for (const hour of hours) {
    if (hour.beforeUs !== undefined) fromUs = hour.beforeUs + minuteUs;
    for (let minute = 0; minute < 60; minute++) {
      if (!isAlive(hour, minute)) continue;
      const startUs = hour.hourUs + minute * minuteUs;
      add(startUs);
      fromUs = startUs + minuteUs;
    }
  }
  add(Number.POSITIVE_INFINITY);
  return gaps;
}

/** Whole minutes that are alive, as spans that ascend and do not touch. */
export function spansOfMinutes(minutesUs: Iterable<number>): Window[] {
  return joinSpans([...minutesUs].map((fromUs) => ({ fromUs, toUs: fromUs + minuteUs })));
}

/** The spans of whole minutes from a first to a last time. */
export const spanOfMinutes = (firstUs: number, lastUs: number): Window => ({
  fromUs: floorTo(firstUs, minuteUs),
  toUs: floorTo(lastUs, minuteUs) + minuteUs,
});

/** In any order; joined where they touch. */
export function joinSpans(spans: readonly Window[]): Window[] {
  const joined: { fromUs: number; toUs: number }[] = [];
  for (const { fromUs, toUs } of spans.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const last = joined.at(-1);
    if (last !== undefined && fromUs <= last.toUs) last.toUs = Math.max(last.toUs, toUs);
    else joined.push({ fromUs, toUs });
  }
  return joined;
}

/** The parts of gaps that alive spans leave, if they are longer than the tolerance. */
export function cutGaps(
  gaps: readonly Window[],
  alive: readonly Window[],
  toleranceUs: number,
): Window[] {
  const spans = joinSpans(alive);
  const left: Window[] = [];
  let first = 0;
  for (const gap of gaps) {
    while (first < spans.length && spans[first]!.toUs <= gap.fromUs) first++;
    let { fromUs } = gap;
    const add = (toUs: number) => {
      if (toUs - fromUs > toleranceUs) left.push({ fromUs, toUs });
    };
    for (let i = first; i < spans.length && spans[i]!.fromUs < gap.toUs; i++) {
      add(spans[i]!.fromUs);
      fromUs = spans[i]!.toUs;
    }
    add(gap.toUs);
  }
  return left;
}

/** The silences of gaps that overlap a window, ascending; they may begin before it. */
export function silencesOf(
  gaps: readonly Window[],
  toleranceUs: number,
  { fromUs, toUs }: Window,
): Window[] {
  return gaps
    .map((gap) => ({ fromUs: gap.fromUs + toleranceUs, toUs: Math.min(gap.toUs, toUs) }))
    .filter((silence) => silence.fromUs < silence.toUs && silence.toUs > fromUs);
}

/** The parts of silences that are in a window. */
export function cutSilences(silences: readonly Window[], { fromUs, toUs }: Window): Window[] {
  return silences.flatMap((one) => {
    const cut = { fromUs: Math.max(one.fromUs, fromUs), toUs: Math.min(one.toUs, toUs) };
    return cut.fromUs < cut.toUs ? [cut] : [];
  });
}
