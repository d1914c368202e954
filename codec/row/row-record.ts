// What a row is read as: a record of a machine, or why it is none.
import type { MachineState, SampleType, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { Declaration } from "../wire/samples.ts";
import type { Fault } from "./text-fault.ts";
import type { TimeContext } from "./time.ts";

/** A record of a machine: what a row says. Times in microseconds since 1970. */
export type RowRecord =
  | {
      readonly kind: "value";
      readonly machine: string;
      readonly timeUs: number;
      readonly signal: string;
      /** Empty: as declared. */
      readonly unit: string;
      /** Undefined: as declared, or as the accessor finds. */
      readonly maxGapUs: number | undefined;
      /** Undefined: as declared. */
      readonly sampleType: SampleType | undefined;
      readonly value: number;
    }
  | {
      readonly kind: "state";
      readonly machine: string;
      readonly timeUs: number;
      readonly state: MachineState;
      readonly reason: string;
    }
  | {
      readonly kind: "error";
      readonly machine: string;
      readonly timeUs: number;
      readonly severity: Severity;
      readonly code: string;
      readonly message: string;
    };

/** What holds for rows that do not say it themselves. */
export type RowDefaults = {
  /** The signal of rows that name none. */
  signal?: string | undefined;
  /** Of numeric signals. */
  unit?: string | undefined;
  maxGapUs?: number | undefined;
  sampleType?: SampleType | undefined;
};

export type RowContext = TimeContext & RowDefaults;

/** What a row declares of a numeric signal, though it may be no record. */
export type RowDeclaration = { readonly machine: string } & Declaration;

/** Why a row is no record. */
export class RowFault implements Fault {
  readonly reason: Fault["reason"];
  readonly message: string;
  /** Undefined: nothing, or nothing that can be read. */
  readonly declares: RowDeclaration | undefined;
  constructor({ reason, message }: Fault, declares?: RowDeclaration) {
    this.reason = reason;
    this.message = message;
    this.declares = declares;
  }
}

export type Row = Readonly<Record<string, unknown>>;

/** A fault that declares nothing. */
export const rowFault = (reason: Fault["reason"], message: string) =>
  new RowFault({ reason, message });

/** What stands where a row is expected is something else. */
export const notAnObject = rowFault("REQUEST_INVALID", "a row must be a JSON object");
