// The labels that a request names, checked and in their one form.
import {
  type Label,
  labelKeyPattern,
  labelKeyRule,
  labelText,
  readLabelText,
} from "../../codec/label.ts";
import { shownName } from "../../codec/machine-name.ts";
import { invalid } from "./check-request.ts";

/**
 * Fails with REQUEST_INVALID. Replaces each text by its one form, in place, before the request is
 * hashed, compared or looked up.
 */
export function checkLabels(labels: string[]): Label[] {
  return labels.map((text, i) => {
    const label = readLabelText(text);
    if ("fault" in label) throw invalid("labels", label.fault);
    labels[i] = labelText(label);
    return label;
  });
}

/** Fails with REQUEST_INVALID. */
export function checkLabelKey(field: string, key: string): void {
  if (labelKeyPattern.test(key)) return;
  throw invalid(field, `${shownName(key)} is no key of a label; it must be ${labelKeyRule}`);
}
