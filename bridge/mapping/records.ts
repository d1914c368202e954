// Applies a rule to a document: the records that it gives, and what is wrong with those that it
// should give.

import { readRecord } from "../../codec/row/record.ts";
import type { Row } from "../../codec/row/row-record.ts";
import { RowFault, type RowRecord } from "../../codec/row/row-record.ts";
import { toSignalName } from "../../codec/row/signal-name.ts";
import type { TextSource } from "./checked-table.ts";
import type { Document } from "./document.ts";
import { expandPath, type Found, type JsonPath, readPath } from "./json-path.ts";
import type { GivesError, GivesState, GivesValue, Rule } from "./rule.ts";
import { type Captures, fillText } from "./templates.ts";

export type Applied = {
  readonly records: RowRecord[];
  readonly faults: string[];
  /** Whether a record was left out because the source gave no time for it. */
  withoutTime: boolean;
};

/** Most elements of one message that `each` may name. */
const maxElements = 10_000;

/**
 * Adds what a rule gives for a document to `into`. `timeUs` applies to rules without a time of
 * their own; undefined: their records are left out.
 */
export function applyRule(
  rule: Rule,
  given: {
    document: Document;
    captures: Captures;
    timeUs: number | undefined;
    into: Applied;
  },
): void {
  const { document, captures, timeUs, into } = given;
  if (!fitsWhen(rule, document.value)) return;
  if (rule.time === undefined && timeUs === undefined) {
    into.withoutTime = true;
    return;
  }
  const elements = elementsOf(rule.each, document.value);
  if (elements === undefined) {
    into.faults.push(`each: more than ${maxElements} elements`);
    return;
  }
  for (const [index, { value: element, key }] of elements.entries()) {
    const at = { $: document.value, "@": element };
    const time =
      rule.time === undefined
        ? { time: timeUs, epoch: "us" as const }
        : { time: timeOf(rule, { at, document, index }), epoch: rule.epoch };
    const row = rowOf(rule, { at, captures: rule.each ? { ...captures, key } : captures });
    if (row === undefined) continue;
    const record =
      typeof row === "string"
        ? row
        : readRecord(
            { ...row, time: time.time },
            { nowUs: undefined, epoch: time.epoch, duplicates: rule.duplicates },
          );
    if (typeof record === "string") into.faults.push(record);
    else if (record instanceof RowFault) into.faults.push(inMappingWords(record.message));
    else into.records.push(record);
  }
}

/** A row's fault names flags of the producer, in place of keys of this file. */
const inMappingWords = (message: string) =>
  message.replace(/ \(producer flag: [^)]*\)/, "").replace(/epoch=(\w+)/, 'epoch = "$1"');

type At = { readonly $: unknown; readonly "@": unknown };
type Place = { at: At; captures: Captures };

function fitsWhen({ when }: Rule, document: unknown): boolean {
  return when.every(({ path, words }) => {
    const found = readPath(path, { $: document, "@": document });
    return words.includes(textOf(found) ?? "");
  });
}

/** Undefined: too many. */
function elementsOf(each: JsonPath | undefined, document: unknown): Found[] | undefined {
  if (each === undefined) return [{ value: document, key: "" }];
  const elements = expandPath(each, document)
    .take(maxElements + 1)
    .toArray();
  return elements.length > maxElements ? undefined : elements;
}

/** The time at its path: as its digits, if a double would round them. */
function timeOf(
  { time, each }: Rule,
  { at, document, index }: { at: At; document: Document; index: number },
): unknown {
  const value = readPath(time!, at);
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const exact = document.exact();
  return readPath(time!, { $: exact, "@": elementsOf(each, exact)?.[index]?.value });
}

/** The row without its time; a text that says what is wrong; undefined: there is no record. */
function rowOf(rule: Rule, place: Place): Row | string | undefined {
  const machine = sourceText(rule.machine, place);
  if (machine === undefined) return "machine: the message has none at this path";
  const { gives } = rule;
  const row =
    gives.kind === "value"
      ? valueRow(rule, gives, place)
      : gives.kind === "state"
        ? stateRow(rule, gives, place)
        : errorRow(rule, gives, place);
  return typeof row === "object" ? { machine, ...row } : row;
}

function valueRow(rule: Rule, gives: GivesValue, place: Place): Row | string | undefined {
  const value = readPath(gives.value, place.at);
  if (value === undefined) return rule.optional ? undefined : "value: nothing at this path";
  if (value === null || rule.ignore.has(textOf(value) ?? "")) return undefined;
  const named = sourceText(gives.signal, place);
  const signal = named === undefined ? undefined : numericSignal(named);
  if (signal === undefined)
    return `signal: ${JSON.stringify(named?.slice(0, 80) ?? null)} has no letter or digit of a name`;
  return {
    signal,
    value: typeof value === "boolean" ? Number(value) : value,
    unit: gives.unit && sourceText(gives.unit, place),
    max_gap: gives.maxGap,
    sample_type: gives.sampleType,
  };
}

/** "state" and "error" are signals of another kind, so a number of that name gets a longer one. */
export function numericSignal(name: string): string | undefined {
  const signal = toSignalName(name);
  return signal === "state" || signal === "error" ? `${signal}_value` : signal;
}

function stateRow(rule: Rule, gives: GivesState, place: Place): Row | string | undefined {
  const word = sourceText(gives.state, place);
  if (word === undefined)
    return rule.optional ? undefined : "state: the message has none at this path";
  if (rule.ignore.has(word)) return undefined;
  const state = gives.states.get(word) ?? (isOurState(word) ? word : gives.otherState);
  if (state === undefined)
    return `state: "${word.slice(0, 80)}" is not in the table states, and not ACTIVE, IDLE, FAULT or OFF`;
  return { signal: "state", state, reason: gives.reason && sourceText(gives.reason, place) };
}

const isOurState = (word: string) => /^(ACTIVE|IDLE|FAULT|OFF)$/i.test(word);

function errorRow(rule: Rule, gives: GivesError, place: Place): Row | string | undefined {
  const code = sourceText(gives.code, place);
  // A machine without an error says so by no code.
  if (code === undefined || code === "" || code === "false" || rule.ignore.has(code))
    return undefined;
  const word = sourceText(gives.severity, place) ?? "";
  const severity = gives.severities.get(word) ?? (isOurSeverity(word) ? word : gives.otherSeverity);
  if (severity === undefined)
    return `severity: "${word.slice(0, 80)}" is not in the table severities, and not INFO, WARNING, ERROR or CRITICAL`;
  return {
    signal: "error",
    severity,
    code,
    message: gives.message && sourceText(gives.message, place),
  };
}

const isOurSeverity = (word: string) => /^(INFO|WARNING|ERROR|CRITICAL)$/i.test(word);

function sourceText(source: TextSource, { at, captures }: Place): string | undefined {
  if ("template" in source) return fillText(source.template, captures);
  for (const path of source.paths) {
    const text = textOf(readPath(path, at));
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Texts, numbers and booleans as a text; others are none. */
const textOf = (value: unknown): string | undefined =>
  typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;
