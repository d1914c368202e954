// Labels of machines, and their display names: which are allowed, and what is wrong with others.
// The same for every interface.
import { machineNameRule, nameFault, readMachineName, shownName } from "./machine-name.ts";

/** Of a machine. */
export const maxLabels = 32;

export const labelKeyPattern = /^[a-z][a-z0-9_-]{0,62}$/;

/** The rule in words. */
export const labelKeyRule =
  "1 to 63 of the letters a to z, digits, _ and -, beginning with a letter";

export type Label = { key: string; value: string };

/** What is wrong with a text, in words that help to correct it. */
export type LabelFault = { fault: string };

/** A value in its one form, Unicode's NFC. The rule is that of machine names. */
export const readLabelValue = readMachineName;

/** A display name in NFC; "" is none. undefined: not one. */
export const readDisplayName = (text: string): string | undefined =>
  text === "" ? "" : readMachineName(text);

export const displayNameFault = (text: string): string =>
  `${shownName(text)} ${nameFault(text)}; a display name is ${machineNameRule}`;

/** A label by key and value. Fails with what is wrong with either. */
export function readLabel(key: string, text: string): Label | LabelFault {
  if (!labelKeyPattern.test(key))
    return { fault: `key ${shownName(key)} is no key of a label; it must be ${labelKeyRule}` };
  const value = readLabelValue(text);
  if (value !== undefined) return { key, value };
  const rule = `it must be ${machineNameRule}`;
  return { fault: `value ${shownName(text)} of label ${key} ${nameFault(text)}; ${rule}` };
}

/**
 * A label as filters write it, "line:3". The first colon ends the key, so values may have colons.
 */
export function readLabelText(text: string): Label | LabelFault {
  const colon = text.indexOf(":");
  if (colon >= 0) return readLabel(text.slice(0, colon), text.slice(colon + 1));
  return { fault: `${shownName(text)} is no label; write key:value, such as line:3` };
}

export const labelText = ({ key, value }: Label): string => `${key}:${value}`;
