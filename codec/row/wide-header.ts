// Wide tables: the name of each column says of which machine and signal its values are.
import { readMachineName } from "../machine-name.ts";
import { readUnit } from "../unit.ts";
import type { ColumnTarget } from "./column-target.ts";

/** How the names of columns are made, such as MACHINE.SIGNAL. */
export type WideHeader = {
  readonly template: string;
  /** Undefined: the name does not have this form. */
  read(name: string): ColumnTarget | undefined;
};

/** The forms of a template, to follow "expected". */
export const wideForms =
  "the form of the columns' names with MACHINE, SIGNAL and UNIT in place of theirs, such as MACHINE.SIGNAL, MACHINE or 'SIGNAL [UNIT]'";

const maxNameLength = 300;
const parts: Readonly<Record<string, string>> = {
  MACHINE: "(?<machine>.+)",
  SIGNAL: "(?<signal>[a-z][a-z0-9_]{0,62})",
  UNIT: "(?<unit>.{0,32})",
};

/** Undefined: not a template. It has MACHINE or SIGNAL or both, each once at most. */
export function readWideHeader(template: string): WideHeader | undefined {
  if (template.length > maxNameLength) return undefined;
  const pieces = template.split(/(MACHINE|SIGNAL|UNIT)/);
  const words = pieces.filter((piece) => piece in parts);
  if (new Set(words).size !== words.length) return undefined;
  if (!words.includes("MACHINE") && !words.includes("SIGNAL")) return undefined;
  // Two of them without a mark between them cannot be told apart.
  if (/(?:MACHINE|SIGNAL|UNIT){2}/.test(template)) return undefined;
  const form = pieces
    .map((piece) => parts[piece] ?? piece.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"))
    .join("");
  const pattern = new RegExp(`^${form}$`, "u");
  return {
    template,
    read(name) {
      const {
        machine,
        signal,
        unit = "",
      } = (name.length > maxNameLength ? undefined : pattern.exec(name)?.groups) ?? {};
      if (machine === undefined && signal === undefined) return undefined;
      const known = machine === undefined ? undefined : readMachineName(machine.trim());
      if (machine !== undefined && known === undefined) return undefined;
      return { kind: "sample", machine: known, signal, unit: readUnit(unit) || undefined };
    },
  };
}
