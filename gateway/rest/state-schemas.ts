// JSON Schemas of time and energy by state in spans of time.
import { MachineStateSchema } from "#gen/millrace/v1/signal_pb.ts";
import { EnergyAbsenceSchema } from "#gen/millrace/v1/summary_pb.ts";
import {
  count,
  cursor,
  echo,
  list,
  machine,
  number,
  object,
  ref,
  type Schema,
  time,
  words,
} from "./schema-parts.ts";
import { wordsOf } from "./words.ts";

const stateWords = ["UNKNOWN", ...wordsOf(MachineStateSchema)];
export const transitions = {
  transitions: count("Changes from one known state to another."),
  "availability?": number("(ACTIVE + IDLE) divided by (ACTIVE + IDLE + FAULT)."),
};
export const absence = words(
  wordsOf(EnergyAbsenceSchema),
  "Why there is no energy: no signal power, a unit that does not convert to watts, a window that has not begun, or power declared as a COUNTER.",
);
/** Always a number: that a machine was not silent is also information. */
const silentSeconds = number(
  "How much of it the machine was silent: no signal of it has a record that could tell whether the state still held. 0 if it was not.",
);
export const silence = {
  "silence_tolerance_seconds?": number(
    "How long after the minute of its last record the machine counts as silent: 10 minutes, or the longest max_gap of its LINEAR signals if that is longer.",
  ),
};
export const silentInterval = {
  silent_seconds: silentSeconds,
  "silent_since?": time("Since when it was silent at its end, or is now; missing if it was not."),
};
const span = { time: time("Start of the span."), end_time: time("Its end, exclusive.") };
const ofSpan = {
  ...transitions,
  "energy_kwh?": number(
    "Energy consumed in it, as far as samples cover it; missing if they cover nothing.",
  ),
  "coverage?": number(
    "Part of it that samples of power cover, 0 to 1; missing if energy is not known.",
  ),
};
/** "active_seconds" and so on. */
const byState = (ending: string, schema: Schema): Record<string, Schema> =>
  Object.fromEntries(stateWords.map((word) => [word.toLowerCase() + ending, schema]));

export const stateSchemas = {
  StateSum: object({
    state: words(stateWords, "The state; UNKNOWN before the first state change."),
    seconds: number("Time in it; those of all states add up to the window."),
    silent_seconds: silentSeconds,
    "energy_kwh?": number("Energy consumed in that time; missing if none of it was measured."),
    energy_coverage: number("Part of that time that samples of power cover, 0 to 1."),
  }),
  StateBucket: object({ ...span, states: list(ref("StateSum")), ...ofSpan }),
  StateBucketRow: object({
    machine,
    ...span,
    ...byState("_seconds", number("Time in the state.")),
    ...byState(
      "_kwh?",
      number("Energy consumed in that time; missing if none of it was measured."),
    ),
    ...ofSpan,
    ...byState("_silent_seconds", silentSeconds),
  }),
  StateBucketSeries: object({
    machines: list(
      object({
        machine,
        ...silence,
        "energy_absence?": absence,
        buckets: list(ref("StateBucket"), "Ascending, without gaps."),
      }),
    ),
    ...echo,
    cursor,
  }),
};
