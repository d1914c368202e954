// Signal names made of names that other systems use.

/** Longest name of a signal. */
const maxLength = 63;

/**
 * A signal's name for a name of another system, by one rule: letters of A to Z in lower case; each
 * run of other characters than a to z and 0 to 9 becomes one "_", and none remains at either end;
 * "n" before a digit at the start; cut after 63 characters. undefined: nothing is left. "Oil
 * Temp.(°C)" gives oil_temp_c.
 */
export function toSignalName(text: string): string | undefined {
  if (plain.test(text)) return text;
  const words = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_/, "");
  const named = /^[0-9]/.test(words) ? `n${words}` : words;
  const cut = named.slice(0, maxLength).replace(/_$/, "");
  return cut === "" ? undefined : cut;
}

const plain = /^[a-z](?:_?[a-z0-9]){0,31}$/;
