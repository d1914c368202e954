// Patterns of machines: the characters of names, in their one form, and "*" for any of them, also
// spaces, slashes and none.
import { readMachineName } from "../codec/machine-name.ts";

/** Stands for what a star matches when a name is checked: a letter that is allowed anywhere. */
const anyLetter = "\u0628";
/** More than any sensible pattern has; a star beside a star adds nothing. */
const maxUnits = 1_024;

/**
 * A pattern in NFC, as names are kept, with several stars in a row reduced to one. undefined: no
 * machine name can match it, so it must be a mistake.
 */
export function readMachinePattern(text: string): string | undefined {
  if (text.length > maxUnits) return undefined;
  const pattern = text.normalize("NFC").replace(/\*+/g, "*");
  const canBe = (filling: string) => {
    const name = pattern.replaceAll("*", filling);
    return readMachineName(name) === name;
  };
  return canBe("") || canBe(anyLetter) ? pattern : undefined;
}
