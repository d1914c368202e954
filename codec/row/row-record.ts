// The result of reading a row: a record of a machine, or why it is not one.
import type { Duplicates, MachineState, SampleType, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { Declaration } from "../wire/samples.ts";
import type { ColumnTarget } from "./column-target.ts";
import type { Decimal } from "./decimal-text.ts";
import type { Fault } from "./text-fault.ts";
import type { TimeContext } from "./time.ts";
import type { Conversion } from "./unit-conversion.ts";

/** A record of a machine, as read from a row. Times are in microseconds since 1970. */
export type RowRecord =
  | {
      readonly kind: "value";
      readonly machine: string;
      readonly timeUs: number;
      readonly signal: string;
      /** Empty: the declared unit applies. */
      readonly unit: string;
      /** Undefined: the declared value applies, or what the accessor infers. */
      readonly maxGapUs: number | undefined;
      /** Undefined: the declared type applies. */
      readonly sampleType: SampleType | undefined;
      /** Undefined: as declared. */
      readonly duplicates?: Duplicates | undefined;
      readonly value: number;
    }
  | {
      readonly kind: "state";
      readonly machine: string;
      readonly timeUs: number;
      readonly state: MachineState;
      readonly reason: string;
      readonly duplicates?: Duplicates | undefined;
    }
  | {
      readonly kind: "error";
      readonly machine: string;
      readonly timeUs: number;
      readonly severity: Severity;
      readonly code: string;
      readonly message: string;
      readonly duplicates?: Duplicates | undefined;
    };

/** Applies to rows that do not have their own value. */
export type RowDefaults = {
  /** The machine of rows that do not name one. */
  machine?: string | undefined;
  /** The signal of rows that do not name one. */
  signal?: string | undefined;
  /** The unit of numeric signals. */
  unit?: string | undefined;
  maxGapUs?: number | undefined;
  sampleType?: SampleType | undefined;
  /** Of any signal. */
  duplicates?: Duplicates | undefined;
};

export type RowContext = TimeContext &
  RowDefaults & {
    /** How numbers in texts are written; undefined: with a point, and without groups. */
    decimal?: Decimal | undefined;
    /** By the unit that is converted. */
    conversions?: ReadonlyMap<string, Conversion> | undefined;
    /** Words for states and severities, in lower case. */
    words?: ReadonlyMap<string, string> | undefined;
    /** What columns or members mean; undefined: they are named like fields. */
    mapping?: RowMapping | undefined;
  };

/** What a row declares about a numeric signal, even if it is not a record. */
export type RowDeclaration = { readonly machine: string } & Declaration;

/** Why a row is not a record. */
export class RowFault implements Fault {
  readonly reason: Fault["reason"];
  readonly message: string;
  /** Undefined: the row declares nothing that can be read. */
  readonly declares: RowDeclaration | undefined;
  constructor({ reason, message }: Fault, declares?: RowDeclaration) {
    this.reason = reason;
    this.message = message;
    this.declares = declares;
  }
}

export type Row = Readonly<Record<string | symbol, unknown>>;

/** Names the column that a row's value came from, where a row of a file has several. */
export const namedColumn = Symbol("column");

/** What the columns or members of a file mean. */
export type RowMapping = {
  /** The meaning of a column or member; undefined if nothing says it. */
  targetOf(name: string): ColumnTarget | undefined;
  /** The names that the mapping itself has, without "*". */
  readonly names: readonly string[];
  /** Rows of one record each, or faults, of a row of the file. */
  rowsOf(row: Row): readonly (Row | RowFault)[];
  /** Whether the member of JSON with this path is a time. */
  readonly timePaths: readonly string[];
};

/** A fault that declares nothing. */
export const rowFault = (reason: Fault["reason"], message: string) =>
  new RowFault({ reason, message });

/** The fault of a value that is not a row. */
export const notAnObject = rowFault("REQUEST_INVALID", "a row must be a JSON object");
