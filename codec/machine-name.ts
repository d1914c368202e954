// Which names a machine may have: names as plants use them, the same for every interface.
//
// How to use it: pass every name from outside through `readMachineName`, and use its result as the
// name from there on. If that is undefined, refuse with MACHINE_NAME_INVALID and the text of
// `machineNameFault`. Never compare, store or look up a name that did not go through it. In texts
// for people, write refused names with `shownName`.

const maxCharacters = 128;
/** A character of NFC comes from four at most, each of at most two units. */
const maxUnits = 8 * maxCharacters;

/** Nearly all names match this; they are already in NFC. */
const plain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Scripts that spell with the joiners U+200C and U+200D. */
const scripts = "Arab Syrc Mong Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh"
  .split(" ")
  .map((script) => String.raw`\p{scx=${script}}`)
  .join("");
const joined = String.raw`[[\p{L}\p{M}]&&[${scripts}]]`;
const refused = new RegExp(
  String.raw`[[\p{C}\p{Zl}\p{Zp}\ufffd]--[\u200c\u200d]]|(?<!${joined})[\u200c\u200d]|[\u200c\u200d](?!${joined})`,
  "v",
);
const endingBlank = /^\p{White_Space}|\p{White_Space}$/u;

/** The rule in words, for explanations of a refusal. */
export const machineNameRule =
  "1 to 128 letters, marks, digits, spaces, punctuation and symbols of any script, without a blank at either end";

/**
 * A machine's name in its one form, Unicode's NFC, so that a name that is typed in two ways is one
 * machine. undefined: not a name. A name has 1 to 128 code points in NFC: letters, marks, numbers,
 * punctuation, symbols and spaces (general categories L, M, N, P, S, Zs) of any script. It neither
 * begins nor ends with white space, and is not "." or "..", which paths resolve. It must not
 * contain control and format characters (including those of bidirectional text and of zero width),
 * line and paragraph separators, surrogates, private or unassigned code points, whose look and NFC
 * are not settled, or U+FFFD, which stands for bytes that could not be read. Two format characters
 * are allowed where spelling needs them: U+200C and U+200D between two letters or marks of Arabic,
 * Syriac, Mongolian or an Indic script.
 */
export function readMachineName(text: string): string | undefined {
  if (plain.test(text)) return text;
  if (text.length > maxUnits) return undefined;
  const name = text.normalize("NFC");
  return faultOf(name) === undefined ? name : undefined;
}

/** What is wrong with a text that `readMachineName` refuses, in words that help to correct it. */
export function machineNameFault(text: string): string {
  return `machine ${shownName(text)} ${nameFault(text)}; a name is ${machineNameRule}`;
}

/** What is wrong with it, as the end of a sentence about it: "is empty". */
export function nameFault(text: string): string {
  const fault = text.length > maxUnits ? tooLong : faultOf(text.normalize("NFC"));
  return fault ?? "is a name";
}

const tooLong = `has more than ${maxCharacters} characters`;

function faultOf(name: string): string | undefined {
  if (name === "") return "is empty";
  // A code point is one or two units, so only long ones need counting.
  if (name.length > maxCharacters && [...name].length > maxCharacters) return tooLong;
  if (name === "." || name === "..") return "is reserved in paths";
  const found = refused.exec(name);
  if (found !== null) {
    const place = [...name.slice(0, found.index)].length + 1;
    return `contains ${codePoint(found[0])} as character ${place}, ${kindOf(found[0])}`;
  }
  const blank = endingBlank.exec(name);
  return blank === null
    ? undefined
    : `${blank.index === 0 ? "begins" : "ends"} with a blank, ${codePoint(blank[0])}`;
}

const kinds: readonly [RegExp, string][] = [
  [/\p{Cc}/u, "a control character"],
  [/[\u200c\u200d]/u, "a joiner that is not between letters of a script that needs it"],
  [/\p{Cf}/u, "an invisible format character"],
  [/\p{Cs}/u, "half a surrogate pair"],
  [/\p{Co}/u, "a private character"],
  [/\p{Cn}/u, "an unassigned character"],
  [/\ufffd/u, "which stands for bytes that were not UTF-8"],
];

const kindOf = (character: string) =>
  kinds.find(([kind]) => kind.test(character))?.[1] ?? "a separator of lines or paragraphs";

const codePoint = (character: string) =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;

const maxShown = 80;
const unsafe = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Any text as a quoted name that cannot harm a terminal, a log or a line of text: at most 80
 * characters, with invisible ones as \u{…}.
 */
export function shownName(text: string): string {
  const start = [...text.slice(0, 2 * maxShown + 2)];
  const cut = start.length > maxShown || text.length > 2 * maxShown + 2;
  const safe = start
    .slice(0, maxShown)
    .join("")
    .replace(/["\\]/g, String.raw`\$&`)
    .replace(unsafe, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`);
  return `"${safe}${cut ? "…" : ""}"`;
}
