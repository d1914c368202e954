// The parameter `label`: which labels machines must have.
import { labelText, readLabelText } from "../../codec/label.ts";
import { invalidField } from "../errors/reasons.ts";
import { itemsOf, type Parameter, splitNames, textParameter } from "./parameters.ts";

/** Labels in their one form, as the contract writes them. */
export const label: Parameter<string[]> = {
  doc:
    "Only machines with this label, as key:value, such as line:3. May be repeated, or a list with " +
    "commas: of several values of one key any will do, and each key that is named must match. A " +
    "comma within a value is written \\, and a backslash \\\\.",
  schema: { type: "array", items: { type: "string", minLength: 3 } },
  read: (texts, { name }) =>
    itemsOf(texts, { of: name, split: splitNames }).map((text) => {
      const found = readLabelText(text);
      if ("fault" in found) throw invalidField(name, found.fault);
      return labelText(found);
    }),
};

export const groupByLabel = textParameter(
  "Sum up the machines with the same value of the label with this key, in `groups`, instead of " +
    "each machine. Not together with demand_interval.",
);
