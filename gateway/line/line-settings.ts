// Settings for line protocol: which tags name a machine, and what else becomes of measurements and
// fields.

import {
  type MachineState,
  MachineStateSchema,
  Severity,
  SeveritySchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { fitsGlob } from "../../access/glob.ts";
import { enumWords } from "../../codec/row/enum-words.ts";
import { textBounds } from "../../codec/row/text-fault.ts";
import { readUnit } from "../../codec/unit.ts";
import { type SettingsOf, setting } from "../../runtime/config.ts";
import { text, type ValueReader } from "../../runtime/config-values.ts";

/** What becomes of the fields that a rule fits. */
export type LineTarget =
  | { readonly kind: "none" | "state" }
  | { readonly kind: "error"; readonly severity: Severity }
  /** signal: with {tag} where the value of a tag belongs. */
  | { readonly kind: "signal"; readonly signal: string; readonly unit: string };

/** A rule fits a field by "measurement.field", with * for any characters. */
export type LineRule = { readonly pattern: string; readonly target: LineTarget };

export type StateWord = { readonly word: string; readonly state: MachineState };

const states = enumWords<MachineState>(MachineStateSchema);
const severities = enumWords<Severity>(SeveritySchema);

/** The state of a word such as "active"; undefined for any other. */
export const stateOfWord = (word: string): MachineState | undefined =>
  states.get(word.toUpperCase());

/** The severity of a word, also as programs for logs write it. */
export function severityOfWord(word: string): Severity | undefined {
  return severities.get(word.toUpperCase()) ?? otherSeverities.get(word.toLowerCase());
}

const otherSeverities: ReadonlyMap<string, Severity> = new Map([
  ...["debug", "notice", "ok"].map((word) => [word, Severity.INFO] as const),
  ["warn", Severity.WARNING],
  ["err", Severity.ERROR],
  ...["crit", "fatal", "alert", "emerg"].map((word) => [word, Severity.CRITICAL] as const),
]);

const ruleReader: ValueReader<LineRule> = {
  placeholder: "MEASUREMENT.FIELD=TARGET",
  expects:
    "MEASUREMENT.FIELD=TARGET, with * for any characters; TARGET is a signal such as oil_temp, oil_temp[°C] or cpu_{cpu}, state, error, error:WARNING, or - for nothing",
  read(value) {
    const at = value.lastIndexOf("=");
    const pattern = value.slice(0, at);
    if (at < 1 || !pattern.includes(".") || pattern.length > 300) return undefined;
    const target = readTarget(value.slice(at + 1));
    return target && { pattern, target };
  },
};

function readTarget(word: string): LineTarget | undefined {
  if (word === "-") return { kind: "none" };
  if (word === "state") return { kind: "state" };
  const [kind, severity, ...more] = word.split(":");
  if (kind === "error" && more.length === 0) {
    const known = severity === undefined ? Severity.ERROR : severityOfWord(severity);
    return known === undefined ? undefined : { kind: "error", severity: known };
  }
  const [, signal = "", given = ""] =
    /^([a-z](?:[a-z0-9_]|\{[^{}[\]]{1,64}\}){0,62})(?:\[([^[\]]*)\])?$/.exec(word) ?? [];
  const unit = readUnit(given);
  return signal === "" || unit.length > textBounds.unit.max
    ? undefined
    : { kind: "signal", signal, unit };
}

const stateReader: ValueReader<StateWord> = {
  placeholder: "WORD=STATE",
  expects: "WORD=STATE, such as running=ACTIVE; states are ACTIVE, IDLE, FAULT and OFF",
  read(value) {
    const at = value.lastIndexOf("=");
    const state = stateOfWord(value.slice(at + 1));
    return at < 1 || state === undefined ? undefined : { word: value.slice(0, at), state };
  },
};

const tagName = text({ placeholder: "TAG", expects: "the name of a tag", maxLength: 128 });

export const lineSettings = {
  lineMachineTags: setting({
    flag: "line-machine-tag",
    env: "MILLRACE_LINE_MACHINE_TAG",
    parse: tagName,
    repeat: true,
    doc: "for line protocol: the tag that names the machine; of several, the first that a line has; machine, then host, if not given",
  }),
  lineIgnoredTags: setting({
    flag: "line-ignore-tag",
    env: "MILLRACE_LINE_IGNORE_TAG",
    parse: tagName,
    repeat: true,
    doc: "for line protocol: a tag that is not part of signals' names",
  }),
  lineRules: setting({
    flag: "line-map",
    env: "MILLRACE_LINE_MAP",
    parse: ruleReader,
    repeat: true,
    doc: "for line protocol: what becomes of a field; of several that fit, the first counts",
  }),
  lineStates: setting({
    flag: "line-state",
    env: "MILLRACE_LINE_STATE",
    parse: stateReader,
    repeat: true,
    doc: "for line protocol: the state that a word stands for",
  }),
};

/** How lines become records. */
export type LineMapping = {
  readonly machineTags: readonly string[];
  readonly ignoredTags: ReadonlySet<string>;
  readonly rules: readonly LineRule[];
  readonly states: ReadonlyMap<string, MachineState>;
};

export const toLineMapping = (given: SettingsOf<typeof lineSettings>): LineMapping => ({
  machineTags: given.lineMachineTags.length === 0 ? ["machine", "host"] : given.lineMachineTags,
  ignoredTags: new Set(given.lineIgnoredTags),
  rules: given.lineRules,
  states: new Map(given.lineStates.map(({ word, state }) => [word, state])),
});

export const defaultLineMapping: LineMapping = toLineMapping({
  lineMachineTags: [],
  lineIgnoredTags: [],
  lineRules: [],
  lineStates: [],
});

export const ruleOf = ({ rules }: LineMapping, name: string): LineTarget | undefined =>
  rules.find(({ pattern }) => fitsGlob(pattern, name))?.target;
