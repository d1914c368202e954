// Turns fields of line protocol into records of a chunk, by the mapping.
import type { FieldValue } from "../../codec/line/field-value.ts";
import { LineFault } from "../../codec/line/line-fault.ts";
import type { LineKey } from "../../codec/line/line-key.ts";
import type { LineSink } from "../../codec/line/line-reader.ts";
import { textBounds } from "../../codec/row/text-fault.ts";
import { type ColumnSlot, LineChunk } from "./line-chunk.ts";
import type { FieldTarget, LineNames } from "./line-names.ts";
import { type LineMapping, severityOfWord, stateOfWord } from "./line-settings.ts";
import type { RefusedLines } from "./refused-lines.ts";

type Field = { target: FieldTarget; slot: ColumnSlot | undefined };

/** What is known of the measurement and tags of lines. */
export type LineSeries = {
  key: LineKey;
  machine: string | LineFault;
  fields: Map<string, Field | LineFault>;
};

/** A field of a line. */
type Given = {
  series: LineSeries;
  name: string;
  value: FieldValue;
  timeUs: number;
  line: number;
};

/** Fields of one measurement with its tags; more are read, but not remembered. */
const maxFields = 10_000;

export class LineRecords implements LineSink<LineSeries> {
  readonly #names: LineNames;
  readonly #mapping: LineMapping;
  readonly #refused: RefusedLines;
  /** The time of lines that have none. */
  readonly #nowUs: number;
  chunk = new LineChunk();

  constructor(options: {
    names: LineNames;
    mapping: LineMapping;
    refused: RefusedLines;
    nowUs: number;
  }) {
    this.#names = options.names;
    this.#mapping = options.mapping;
    this.#refused = options.refused;
    this.#nowUs = options.nowUs;
  }

  series(key: LineKey): LineSeries {
    return { key, machine: this.#names.machineOf(key), fields: new Map() };
  }

  fault(line: number, { message }: LineFault): void {
    this.#refused.unreadable(line, message);
  }

  field(
    series: LineSeries,
    name: string,
    value: FieldValue,
    { timeUs = this.#nowUs, line }: { timeUs: number | undefined; line: number },
  ): void {
    const fault = this.#take({ series, name, value, timeUs, line });
    if (fault !== undefined) this.#refused.add(line, fault);
  }

  /** What has been read since the last call. */
  takeChunk(): LineChunk {
    const { chunk } = this;
    this.chunk = new LineChunk();
    return chunk;
  }

  /** Returns what is wrong with a field. */
  #take(given: Given): string | undefined {
    const { series, name, value, timeUs, line } = given;
    const { machine } = series;
    if (machine instanceof LineFault) return machine.message;
    const field = series.fields.get(name) ?? this.#resolve(series, machine, name);
    if (field instanceof LineFault) return field.message;
    if (field.slot === undefined || typeof value === "string")
      return this.#addOther(field.target, machine, given);
    this.chunk.addSample(field.slot, { timeUs, value: Number(value), line });
    return undefined;
  }

  #resolve(series: LineSeries, machine: string, name: string): Field | LineFault {
    const target = this.#names.targetOf(machine, series.key, name);
    const field =
      target instanceof LineFault
        ? target
        : {
            target,
            slot:
              target.kind === "signal"
                ? { machine, signal: target.signal, unit: target.unit }
                : undefined,
          };
    if (series.fields.size < maxFields) series.fields.set(name, field);
    return field;
  }

  /** A state, an error or nothing; returns what is wrong with it. */
  #addOther(
    target: FieldTarget,
    machine: string,
    { series, name, value, timeUs, line }: Given,
  ): string | undefined {
    const { tags, measurement } = series.key;
    if (target.kind === "none") return undefined;
    if (target.kind === "signal") {
      const rule = `${measurement}.${name}`.slice(0, 100);
      return `field ${JSON.stringify(name.slice(0, 80))} is a text: say what it is with --line-map '${rule}=state', =error, or =- to leave it out`;
    }
    const word = String(value);
    if (target.kind === "state") {
      const state = this.#mapping.states.get(word) ?? stateOfWord(word);
      if (state === undefined)
        return `${JSON.stringify(word.slice(0, 80))} is not a state: say which one with --line-state '${word.slice(0, 40)}=ACTIVE' (or IDLE, FAULT, OFF)`;
      const reason = stateOfWord(word) === state ? "" : word.slice(0, textBounds.reason.max);
      this.chunk.addState(machine, { timeUs, state, reason, line });
      return undefined;
    }
    if (target.kind !== "error") return undefined;
    const severity = severityOfWord(tags.get("severity") ?? tags.get("level") ?? "");
    this.chunk.addError(machine, {
      timeUs,
      severity: severity ?? target.severity,
      code: target.code,
      message: word.slice(0, textBounds.message.max),
      line,
    });
    return undefined;
  }
}
