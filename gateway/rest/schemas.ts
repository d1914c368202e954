// JSON Schemas (2020-12, as in OpenAPI 3.1) of REST's answers and bodies. Answers may gain members,
// so the schemas allow additional ones.
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  MachineStateSchema,
  SeveritySchema,
  SignalKindSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { declarationSchemas, sampleTypes } from "./declaration-schemas.ts";
import { errorSums, machineSchemas } from "./machine-schemas.ts";
import { postSchemas } from "./post-schemas.ts";
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
  text,
  time,
  words,
} from "./schema-parts.ts";
import { absence, silence, silentInterval, stateSchemas, transitions } from "./state-schemas.ts";
import { statusSchemas } from "./status-schemas.ts";
import { wordsOf } from "./words.ts";

const nextPageToken = text("For the next page; empty if this is the last.");
const recordTime = time("Time of the record.");
const state = words(wordsOf(MachineStateSchema), "The state that began.");
const severity = words(wordsOf(SeveritySchema), "Severity.");

const bucket = {
  time: time("Start of the span."),
  end_time: time("Its end, exclusive."),
  count: count("Samples in it."),
  "min?": number("Smallest value; missing, like the other values, if there are no samples."),
  "max?": number("Largest value."),
  "mean?": number("Sum of the values divided by their count."),
  "time_weighted_mean?": number(
    "Integral divided by the covered time: what a meter would show. Not for a COUNTER.",
  ),
  "first?": number("Value of the first sample."),
  "last?": number("Value of the last sample."),
  "min_time?": time("When the smallest value was."),
  "max_time?": time("When the largest value was."),
  "first_time?": time("When the first sample was."),
  "last_time?": time("When the last sample was."),
  "integral?": number(
    "Area under the values that samples stand for, in value times seconds: watts give joules. Not for a COUNTER, and missing if it exceeds float64.",
  ),
  coverage: number("Part of the span that lines cover, or values hold, 0 to 1."),
  "increase?": number(
    "For a COUNTER: its increase over the covered time, in its unit; a lower value means that it restarted from 0.",
  ),
  "rate?": number("For a COUNTER: increase divided by the covered time, per second."),
};
const sampleType = words(sampleTypes, "How values continue between samples.");
const unit = text("Unit of the values.");

export const schemas = {
  ...statusSchemas,
  ...stateSchemas,
  ...declarationSchemas,
  ...machineSchemas,
  ...postSchemas,
  StateRow: object({
    machine,
    signal: { const: "state" },
    time: recordTime,
    state,
    reason: text("The reason, for people."),
    "silent_since?": time(
      "In /latest: since when the machine has been silent; missing if it is not.",
    ),
  }),
  ErrorRow: object({
    machine,
    signal: { const: "error" },
    time: recordTime,
    severity,
    code: text("The machine's own code."),
    message: text("What happened, for people."),
  }),
  SampleRow: object({
    machine,
    signal: text("Name of the signal."),
    time: recordTime,
    value: number("In its unit."),
    "unit?": text("Its unit, if one is declared."),
    "max_gap?": text(
      'In NDJSON and CSV: the longest span that two samples cover, in seconds with "s".',
    ),
    "sample_type?": words(
      ["STEP", "COUNTER"],
      "In NDJSON, CSV and live feeds: how values continue between samples, if not LINEAR.",
    ),
  }),
  Row: { description: "A record.", anyOf: [ref("SampleRow"), ref("StateRow"), ref("ErrorRow")] },
  RowPage: object({ signals: list(ref("Row")), ...echo, next_page_token: nextPageToken, cursor }),
  LatestRows: object({ signals: list(ref("Row")), next_page_token: nextPageToken, cursor }),
  LiveLine: object({
    "signals?": list(
      ref("Row"),
      "Records, in the order in which they were stored; none at first and where nothing matched.",
    ),
    cursor: text("The cursor to resume after this line."),
    "commit_time?": time("When it was stored."),
    "error?": ref("Problem"),
  }),
  SignalList: object({
    signals: list(
      object({
        name: text("Its name."),
        kind: words(wordsOf(SignalKindSchema), "The kind of its records."),
        units: list({ type: "string" }, "The first 100 units declared for it."),
        "units_left_out?": count("How many more are not listed."),
        "max_gap?": text(
          'Longest span that counts as covered by two samples, in seconds with "s".',
        ),
        "sample_types?": list(
          words(sampleTypes, "A sample_type."),
          "How its values continue between samples: one for a numeric signal, unless machines differ.",
        ),
        machine_count: count("How many machines have sent it."),
      }),
    ),
    next_page_token: nextPageToken,
  }),
  MachineList: object({ machines: list(ref("Machine")), next_page_token: nextPageToken }),
  Bucket: object(bucket),
  BucketRow: object({
    machine,
    signal: text("Name of the signal."),
    unit,
    ...bucket,
    sample_type: sampleType,
  }),
  BucketSeries: object({
    series: list(
      object({
        machine,
        signal: text("Name of the signal."),
        unit,
        "max_gap_seconds?": number("Longest gap that a line bridges, or that a value holds."),
        sample_type: sampleType,
        buckets: list(ref("Bucket"), "Ascending, without gaps."),
      }),
    ),
    ...echo,
    cursor,
  }),
  MachineSummary: object({
    machine,
    from: time("The window."),
    to: time("Its end, exclusive: as requested, or when the newest record was committed."),
    states: list(ref("StateSum")),
    ...silence,
    ...transitions,
    "energy?": object({
      "energy_kwh?": number(
        "Energy consumed in the window, as far as samples cover it; missing if they cover nothing.",
      ),
      coverage: number("Part of the window that is covered, 0 to 1."),
      method: text(
        "How it was computed: trapezoid (straight lines), or step (of a signal that is declared STEP).",
      ),
      "max_gap_seconds?": number("Longest distance between two samples that a line bridges."),
      "mean_power_w?": number("Mean power over the covered time."),
      "peak_power_w?": number("Largest sample."),
      "peak_time?": time("When it was."),
      "peak_demand_w?": number("Highest mean power of a demand interval, if requested."),
      "peak_demand_time?": time("When that interval begins, the earliest of equal ones."),
      "peak_demand_coverage?": number("Part of that interval that is covered, 0 to 1."),
    }),
    "energy_absence?": absence,
    errors: errorSums,
    "compared?": {
      ...ref("MachineSummary"),
      description: "The same for the other window, if one was requested.",
    },
    "cursor?": cursor,
  }),
  MachineSummaries: object({
    machines: list(ref("MachineSummary"), "Empty with group_by_label."),
    "groups?": list(ref("MachineGroup"), "With group_by_label, and only then."),
    next_page_token: nextPageToken,
    cursor,
  }),
  Interval: object({
    machine,
    state,
    reason: text("Given with the change that began it."),
    start_time: time("When it began, even if that is before the range."),
    "end_time?": time("When it ended, even if that is after the range; missing while it lasts."),
    "seconds?": number("How long; missing while it lasts."),
    ...silentInterval,
  }),
  IntervalPage: object({
    intervals: list(ref("Interval")),
    ...echo,
    "end_time?": time(
      "The end of the answer: the requested end, or when the newest record was committed if that is earlier.",
    ),
    next_page_token: nextPageToken,
    cursor,
  }),
  Status: object({
    status: text("ok, ready or not ready."),
    "reason?": text("The reason, if not ok."),
  }),
  Index: object({
    name: { const: "millrace" },
    docs: text("The reference page."),
    openapi: text("The OpenAPI document."),
    routes: list({ type: "string" }),
  }),
  Problem: object(
    {
      type: text("urn:millrace:v1:<reason>, or about:blank."),
      title: text("The reason in words."),
      status: {
        type: "integer",
        minimum: 400,
        maximum: 599,
        description: "The status of the response.",
      },
      detail: text("What is wrong and how to correct it, for people."),
      instance: text("The path of the request."),
      "reason?": words(
        wordsOf(ErrorReasonSchema),
        "The reason, for programs. New reasons may be added: use the status for unknown ones.",
      ),
      "field?": text("The parameter or field that is wrong."),
      "violations?": list(
        object({
          field: text("The parameter or field."),
          description: text("What is wrong with it."),
        }),
      ),
      "metadata?": {
        type: "object",
        additionalProperties: { type: "string" },
        description: "Facts that belong to the reason.",
      },
      "known?": list({ type: "string" }, "The known paths."),
      "formats?": {
        type: "object",
        additionalProperties: { type: "string" },
        description: "The formats available: 406.",
      },
    },
    {
      description:
        "A problem (RFC 9457). For a refused POST, it also has the members of Stored or StoredLines.",
    },
  ),
} satisfies Record<string, Schema>;

/** A reference to one of the schemas. */
export const schemaOf = (name: keyof typeof schemas): Schema => ref(name);
