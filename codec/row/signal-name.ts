// The name of a signal for a name that a machine, a broker or another program gave.

const maxLength = 63;
/** Characters of the text that are looked at. */
const maxRead = 4096;

/**
 * A signal's name, [a-z][a-z0-9_]{0,62}, made of any text: in lower case, every run of characters
 * outside a-z and 0-9 is one "_", none at either end; a name that begins with a digit gets "n" in
 * front; what exceeds 63 characters is cut off. "Spindle Speed [rpm]" is spindle_speed_rpm, "1.8.0"
 * is n1_8_0. undefined: nothing is left. Two texts may give one name. A name that is already valid
 * and has no two "_" together nor one at its end stays as it is.
 */
export function toSignalName(text: string): string | undefined {
  const plain = text
    .slice(0, maxRead)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
  if (plain === "") return undefined;
  const name = /^[0-9]/.test(plain) ? `n${plain}` : plain;
  return name.slice(0, maxLength).replace(/_$/, "");
}
