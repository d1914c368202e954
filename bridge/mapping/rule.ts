// A rule of a mapping file: which documents it takes, and where in them the parts of a record are.
// The address may be a topic, the name of a metric, or whatever another source has.
import { Duplicates, MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import { parseInterval } from "../../codec/row/duration.ts";
import { enumWords } from "../../codec/row/enum-words.ts";
import { readSampleType } from "../../codec/row/sample-type.ts";
import { maxGapFault, maxMaxGapUs, textBounds } from "../../codec/row/text-fault.ts";
import { type EpochUnit, epochUnits } from "../../codec/row/time.ts";
import type { CheckedTable, TextSource } from "./checked-table.ts";
import { type JsonPath, parsePath } from "./json-path.ts";
import { type AddressTemplate, parseAddress } from "./templates.ts";

export type Rule = {
  readonly address: AddressTemplate;
  /** Whether a payload is JSON, or one text. */
  readonly payload: "json" | "text";
  /** The texts that a document must have at a path, any of them. */
  readonly when: readonly { readonly path: JsonPath; readonly words: readonly string[] }[];
  /** The elements that each give a record; undefined: the document gives one. */
  readonly each: JsonPath | undefined;
  readonly machine: TextSource;
  /** Undefined: the source gives the time. */
  readonly time: JsonPath | undefined;
  readonly epoch: EpochUnit | undefined;
  /** Values, states and codes, as texts, that stand for nothing. */
  readonly ignore: ReadonlySet<string>;
  /** Whether a document without the value, state or code is no mistake. */
  readonly optional: boolean;
  /** What the signal declares about records that come again; brokers and publishers repeat them. */
  readonly duplicates: Duplicates;
  readonly gives: GivesValue | GivesState | GivesError;
};

export type GivesValue = {
  readonly kind: "value";
  readonly signal: TextSource;
  readonly value: JsonPath;
  readonly unit: TextSource | undefined;
  readonly maxGap: string | undefined;
  readonly sampleType: string | undefined;
};

export type GivesState = {
  readonly kind: "state";
  readonly state: TextSource;
  /** From the machine's words to ours. */
  readonly states: ReadonlyMap<string, string>;
  /** The state for all other words; undefined: they are mistakes of the document. */
  readonly otherState: string | undefined;
  readonly reason: TextSource | undefined;
};

export type GivesError = {
  readonly kind: "error";
  readonly code: TextSource;
  readonly message: TextSource | undefined;
  readonly severity: TextSource;
  readonly severities: ReadonlyMap<string, string>;
  readonly otherSeverity: string | undefined;
};

export type RuleContext = {
  /** The key that has the address: "topic". */
  readonly addressKey: string;
  /** Names that texts may use besides those of the address. */
  readonly names: readonly string[];
  /** What applies to rules that do not say it. */
  readonly defaults: {
    readonly machine: string | undefined;
    readonly value: string | undefined;
    readonly sampleType?: string | undefined;
    readonly maxGap?: string | undefined;
  };
};

/** Reads a rule; undefined if it has a mistake, which the table has then noted. */
export function readRule(table: CheckedTable, context: RuleContext): Rule | undefined {
  const { addressKey, defaults } = context;
  const address = addressOf(table, addressKey);
  const names = [...(address?.names ?? []), ...context.names];
  const each = table.path("each", { wildcards: true });
  if (each !== undefined) names.push("key");
  if (each?.root === "@") table.mistake("each", "begins with $, the document");
  const source = (key: string, otherwise?: string): TextSource | undefined =>
    table.has(key) || otherwise === undefined
      ? table.source(key, names)
      : ({ template: { parts: otherwiseParts(otherwise) }, fixed: false } as const);
  const machine = source("machine", defaultName("machine", names) ?? defaults.machine);
  if (machine === undefined && address !== undefined && !table.has("machine"))
    table.mistake(
      undefined,
      `machine is missing: write machine = "…", or {machine} in the ${addressKey}`,
    );
  const payload = readPayload(table);
  const when = [...(table.words("when") ?? [])].flatMap(([text, words]) => {
    const path = parsePath(text);
    if ("fault" in path) table.mistake("when", path.fault);
    return "fault" in path ? [] : [{ path, words: words.split("|") }];
  });
  const time = table.path("time");
  const epoch = oneOf(table, "epoch", epochUnits);
  const ignore = new Set(table.texts("ignore") ?? []);
  const optional = table.flag("optional") ?? false;
  const duplicates = readRepeats(table);
  const gives = readGives(table, { source, names, defaults });
  table.end();
  if (address === undefined || machine === undefined || gives === undefined) return undefined;
  const shared = { address, payload, when, each, machine, time, epoch, ignore, optional };
  return { ...shared, duplicates, gives };
}

type Given = {
  source: (key: string, otherwise?: string) => TextSource | undefined;
  names: readonly string[];
  defaults: RuleContext["defaults"];
};

function readGives(table: CheckedTable, given: Given): Rule["gives"] | undefined {
  const kinds = ["value", "state", "code"].filter((key) => table.has(key));
  const kind = kinds[0] ?? (given.defaults.value === undefined ? undefined : "value");
  if (kinds.length > 1)
    table.mistake(undefined, `${kinds.join(" and ")} together: write one rule for each record`);
  if (kind === undefined)
    table.mistake(undefined, "one of value, state and code is required: the record that it gives");
  const read = { value: readValue, state: readState, code: readError };
  return kind === undefined ? undefined : read[kind as keyof typeof read](table, given);
}

function readValue(table: CheckedTable, given: Given): GivesValue | undefined {
  const { defaults, names } = given;
  const parsed = table.has("value") ? table.path("value") : parsePath(defaults.value!);
  const value = parsed === undefined || "fault" in parsed ? undefined : parsed;
  const signal = given.source(
    "signal",
    defaultName("signal", names) ?? defaultName("metric", names),
  );
  if (signal === undefined && !table.has("signal"))
    table.mistake(undefined, 'signal is missing: write signal = "power", or a path');
  const unit = given.source("unit");
  if (unit !== undefined && "template" in unit && unit.fixed) {
    const [text = ""] = unit.template.parts as string[];
    if (text.length > textBounds.unit.max)
      table.mistake("unit", `has more than ${textBounds.unit.max} characters`);
  }
  const maxGap = table.text("max_gap") ?? defaults.maxGap;
  const sampleType = table.text("sample_type") ?? defaults.sampleType;
  checkDeclaration(table, { maxGap, sampleType });
  if (value === undefined || signal === undefined) return undefined;
  return { kind: "value", signal, value, unit, maxGap, sampleType };
}

/** Equal records are one record, unless the file says otherwise. */
export function readRepeats(table: CheckedTable): Duplicates {
  const word = oneOf(table, "duplicates", ["drop", "keep"]) ?? "drop";
  return word === "keep" ? Duplicates.KEEP : Duplicates.DROP;
}

/** Notes what is wrong with a declared max_gap and sample_type. */
export function checkDeclaration(
  table: CheckedTable,
  { maxGap, sampleType }: { maxGap: string | undefined; sampleType: string | undefined },
): void {
  const gapUs = maxGap === undefined ? 1n : parseInterval(maxGap);
  if (gapUs === undefined) table.mistake("max_gap", 'a length of time is expected, such as "20m"');
  else if (gapUs <= 0n || gapUs > maxMaxGapUs) table.mistake("max_gap", maxGapFault.message);
  if (sampleType !== undefined && readSampleType(sampleType) === undefined)
    table.mistake("sample_type", "linear, step or counter is expected");
}

function readState(table: CheckedTable, { source }: Given): GivesState | undefined {
  const state = source("state");
  const states = ourWords(table, "states", stateWords);
  const otherState = oneWord(table, "other_state", stateWords);
  const reason = source("reason");
  checkFixed(table, "state", state, { words: stateWords, translated: states });
  if (state === undefined) return undefined;
  return { kind: "state", state, states, otherState, reason };
}

function readError(table: CheckedTable, { source }: Given): GivesError | undefined {
  const code = source("code");
  const message = source("message");
  const severity = source("severity", "ERROR")!;
  const severities = ourWords(table, "severities", severityWords);
  const otherSeverity = oneWord(table, "other_severity", severityWords);
  checkFixed(table, "severity", severity, { words: severityWords, translated: severities });
  if (code === undefined) return undefined;
  return { kind: "error", code, message, severity, severities, otherSeverity };
}

const stateWords = [...enumWords(MachineStateSchema).keys()].filter((word) => !word.includes("_"));
const severityWords = [...enumWords(SeveritySchema).keys()].filter((word) => !word.includes("_"));

function ourWords(table: CheckedTable, key: string, words: readonly string[]) {
  const given = table.words(key) ?? new Map<string, string>();
  for (const [theirs, ours] of given)
    if (!words.includes(ours.toUpperCase()))
      table.mistake(`${key}.${theirs}`, `"${ours}" is not one of ${words.join(", ")}`);
  return given;
}

function oneWord(table: CheckedTable, key: string, words: readonly string[]): string | undefined {
  const word = table.text(key);
  if (word !== undefined && !words.includes(word.toUpperCase()))
    table.mistake(key, `"${word}" is not one of ${words.join(", ")}`);
  return word;
}

/** A word that stands in the file itself must be one of ours, or be translated. */
function checkFixed(
  table: CheckedTable,
  key: string,
  source: TextSource | undefined,
  { words, translated }: { words: readonly string[]; translated: ReadonlyMap<string, string> },
): void {
  if (source === undefined || "paths" in source || !source.fixed) return;
  const [word = ""] = source.template.parts as string[];
  if (!words.includes(word.toUpperCase()) && !translated.has(word))
    table.mistake(key, `"${word}" is not one of ${words.join(", ")}, and not a path ($.…)`);
}

function addressOf(table: CheckedTable, key: string): AddressTemplate | undefined {
  const text = table.text(key);
  if (text === undefined) {
    if (!table.has(key)) table.mistake(undefined, `${key} is missing`);
    return undefined;
  }
  const address = parseAddress(text);
  if (!("fault" in address)) return address;
  table.mistake(key, address.fault);
  return undefined;
}

const readPayload = (table: CheckedTable) => oneOf(table, "payload", ["json", "text"]) ?? "json";

function oneOf<const W extends string>(
  table: CheckedTable,
  key: string,
  words: readonly W[],
): W | undefined {
  const text = table.text(key);
  const word = words.find((one) => one === text);
  if (text !== undefined && word === undefined)
    table.mistake(key, `one of ${words.join(", ")} is expected`);
  return word;
}

/** {machine} and {signal} of an address need no key of their own. */
const defaultName = (name: string, names: readonly string[]) =>
  names.includes(name) ? `{${name}}` : undefined;

/** The parts of a default, whose names are known to exist. */
const otherwiseParts = (text: string): ({ name: string } | string)[] =>
  text.split(/(\{[a-z_]+\})/).flatMap((part): ({ name: string } | string)[] => {
    const name = /^\{(.*)\}$/.exec(part)?.[1];
    return name !== undefined ? [{ name }] : part === "" ? [] : [part];
  });
