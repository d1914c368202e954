// Names of machines and signals for measurements, tags and fields of line protocol. Notices when
// two of them would become one signal.

import { LineFault } from "../../codec/line/line-fault.ts";
import type { LineKey } from "../../codec/line/line-key.ts";
import { readMachineName, shownName } from "../../codec/machine-name.ts";
import { toSignalName } from "../../codec/row/signal-name.ts";
import { type LineMapping, type LineTarget, ruleOf } from "./line-settings.ts";

/** Where the records of a field go. */
export type FieldTarget = LineTarget & {
  /** The code of its error reports. */
  readonly code: string;
};

const eventSignals: ReadonlySet<string> = new Set(["state", "error"]);
const signalPattern = /^[a-z][a-z0-9_]{0,62}$/;
const maxRemembered = 100_000;
const maxMachineCharacters = 128;

export class LineNames {
  readonly #mapping: LineMapping;
  readonly #onChanged: (changed: { from: string; to: string }) => void;
  /** For each signal of a machine: the measurement, tags and field that it was made of first. */
  readonly #origins = new Map<string, string>();
  readonly #changed = new Set<string>();

  /** onChanged: called once for each name of a signal or machine that had to be changed. */
  constructor(
    mapping: LineMapping,
    onChanged: (changed: { from: string; to: string }) => void = () => {},
  ) {
    this.#mapping = mapping;
    this.#onChanged = onChanged;
  }

  /**
   * The machine that a line is of: the value of the first machine tag that it has. What a name
   * cannot contain becomes "_".
   */
  machineOf({ tags }: LineKey): string | LineFault {
    const { machineTags } = this.#mapping;
    const given = machineTags.map((tag) => tags.get(tag)).find((value) => value !== undefined);
    if (given === undefined) {
      const wanted = machineTags.join(" or ");
      return new LineFault(
        `no tag names the machine: send a tag ${wanted}, or name yours with --line-machine-tag`,
      );
    }
    const name = toMachineName(given);
    if (name === undefined)
      return new LineFault(`${shownName(given)} has nothing that a machine's name can have`);
    if (name !== given) this.#noteChanged(given, name);
    return name;
  }

  /**
   * What becomes of a field. Without a rule: a signal named after measurement and field (the
   * measurement alone for a field "value") and the values of other tags, in order of their names.
   */
  targetOf(
    machine: string,
    { measurement, tags }: LineKey,
    field: string,
  ): FieldTarget | LineFault {
    const code = (tags.get("code") ?? field).slice(0, 64);
    const rule = ruleOf(this.#mapping, `${measurement}.${field}`);
    if (rule !== undefined && rule.kind !== "signal") return { ...rule, code };
    const others = [...tags]
      .filter(([tag]) => !this.#isApart(tag))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const words =
      rule === undefined
        ? [measurement, ...(field === "value" ? [] : [field]), ...others.map(([, value]) => value)]
        : [withTags(rule.signal, tags)];
    const from = words.join("_");
    const named = toSignalName(from);
    const signal = named !== undefined && eventSignals.has(named) ? `${named}_value` : named;
    if (signal === undefined || !signalPattern.test(signal))
      return new LineFault(
        `"${from.slice(0, 80)}" has nothing that a signal's name can have: name it with --line-map`,
      );
    const origin = `${measurement} ${rule === undefined ? others.join(" ") : ""} ${field}`;
    if (!this.#isSame(`${signal} ${machine}`, origin))
      return new LineFault(
        `field ${JSON.stringify(field.slice(0, 80))} of ${JSON.stringify(measurement.slice(0, 80))} would be signal "${signal}", which another field already is: name one of them with --line-map`,
      );
    if (rule === undefined && signal !== from) this.#noteChanged(from, signal);
    return { kind: "signal", signal, unit: rule?.unit ?? "", code };
  }

  #isApart(tag: string): boolean {
    const { machineTags, ignoredTags } = this.#mapping;
    return machineTags.includes(tag) || ignoredTags.has(tag);
  }

  /** With a rule that has placeholders, tags are in the name. */
  #isSame(key: string, origin: string): boolean {
    const known = this.#origins.get(key);
    if (known !== undefined) return known === origin;
    if (this.#origins.size >= maxRemembered)
      this.#origins.delete(this.#origins.keys().next().value!);
    this.#origins.set(key, origin);
    return true;
  }

  #noteChanged(from: string, to: string): void {
    if (this.#changed.has(from) || this.#changed.size >= maxRemembered) return;
    this.#changed.add(from);
    this.#onChanged({ from: from.slice(0, 200), to });
  }
}

function toMachineName(given: string): string | undefined {
  const name = readMachineName(given);
  if (name !== undefined) return name;
  const characters = [
    ...given
      .slice(0, 8 * maxMachineCharacters)
      .normalize("NFC")
      .trim(),
  ]
    .slice(0, maxMachineCharacters)
    .map((one) => (readMachineName(`a${one}a`) === undefined ? "_" : one));
  return readMachineName(characters.join("").trim());
}

const withTags = (signal: string, tags: ReadonlyMap<string, string>): string =>
  signal.replace(/\{([^{}]+)\}/g, (_, tag: string) => tags.get(tag) ?? "");
