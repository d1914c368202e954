// Patterns of machines: the characters of names, in their one form, and "*" for any of them, also
// spaces, slashes and none.
import { readMachineName } from "../codec/machine-name.ts";

/**
 * Stands for what a star matches where a name needs something there: a letter that fits anywhere.
 */
const anyLetter = "\u0628";
/** More than any sensible pattern has; a star beside a star adds nothing. */
const maxUnits = 1_024;

/**
 * A pattern in NFC, as names are kept, with one star for several in a row. undefined: no machine
 * can have a name that it matches, so that whoever wrote it meant something else.
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
