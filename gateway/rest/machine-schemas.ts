// JSON Schemas of machines: what they are called and labelled, and what groups of them did.
import { labelKeyRule } from "../../codec/label.ts";
import {
  count,
  list,
  machine,
  number,
  object,
  ref,
  type Schema,
  text,
  time,
} from "./schema-parts.ts";
import { transitions } from "./state-schemas.ts";

const labelRule =
  `Keys are ${labelKeyRule}; values have 1 to 128 characters, of those that names of ` +
  "machines may have. At most 32 labels.";
const orNull = (schema: Schema): Schema => ({ ...schema, type: [schema["type"], "null"] });

export const errorSums = object({
  count: count("How many in the window."),
  by_severity: {
    type: "object",
    additionalProperties: count("How many."),
    description: "By severity, worst first.",
  },
  by_code: list(
    object({ code: text("The code."), count: count("How many.") }),
    "Most frequent first, at most 50.",
  ),
  other_codes: count("How many had another code."),
  "per_active_hour?": number("Errors per hour in ACTIVE."),
  "mean_active_seconds_between?": number("Time in ACTIVE divided by the number of errors."),
});

export const machineSchemas = {
  Machine: object({
    name: machine,
    "display_name?": text("Its name for people; missing if it has none."),
    labels: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Its labels, by key.",
    },
    signals: list({ type: "string" }, "The first 10,000 signals it has sent."),
    "signals_left_out?": count("How many more are not listed."),
    "first_seen_time?": time("When its first record was accepted; missing if it has sent none."),
  }),
  Description: object(
    {
      "display_name?": orNull(
        text("Its name for people, at most 128 characters; null or empty: none."),
      ),
      "labels?": {
        type: ["object", "null"],
        additionalProperties: { type: ["string", "null"] },
        description: `Labels by key; null or empty removes one. null: none. ${labelRule}`,
      },
    },
    { description: "What a machine is. Unknown fields are refused." },
  ),
  MachineGroup: object({
    "value?": text("Value of the label; missing for the machines that do not have it."),
    machine_count: count("How many machines have it and have sent records."),
    from: time("The window."),
    to: time("Its end, exclusive: as requested, or when the newest record was committed."),
    states: list(ref("StateSum"), "Added up: their seconds make machine_count windows."),
    ...transitions,
    "energy?": object({
      "energy_kwh?": number("Energy, as far as samples cover it; missing if they cover nothing."),
      coverage: number("Part of the window that is covered, as a mean over all machines, 0 to 1."),
      machine_count: count("How many of the machines have energy."),
    }),
    errors: errorSums,
    "compared?": {
      ...ref("MachineGroup"),
      description: "The same for the other window, if one was requested.",
    },
  }),
};
