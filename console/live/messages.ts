// What pages and the live worker say to each other. All of it can be cloned or transferred.
import type { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { Seconds } from "./second-ring.ts";

/** What a machine's tile shows. Times are microseconds since 1970. */
export type MachineNow = {
  readonly name: string;
  readonly state: MachineState;
  /** When the state began; undefined while no state is known. */
  readonly stateSinceUs: number | undefined;
  readonly reason: string;
  /** The newest sample of "power" in watts, if it has a unit that can be watts. */
  readonly powerW: number | undefined;
  readonly powerAtUs: number | undefined;
  /** The last minute of "power" in watts. */
  readonly power: Seconds;
  /** The newest time of any record of the machine. */
  readonly lastRecordUs: number;
  /** The machine counts as silent when its newest record is older than this. */
  readonly silentAfterUs: number;
  /** Reports of the last hour. */
  readonly errorsLastHour: number;
  readonly lastError: ErrorNow | undefined;
};

export type ErrorNow = {
  readonly timeUs: number;
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
};

/**
 * connecting: there is no answer yet. live: the feed is at the head. behind: the connection broke;
 * it resumes after the last cursor. refused: the caller may not watch; `message` says why.
 */
export type Connection = {
  readonly kind: "connecting" | "live" | "behind" | "refused";
  /** Since when, by the browser's clock. behind: when the feed was heard last. */
  readonly sinceMs: number;
  readonly message: string;
  /** How far the server's clock is ahead of the browser's, as far as the feed shows. */
  readonly clockOffsetMs: number;
  /** When the newest commit was made, by the server's clock; undefined before the first one. */
  readonly commitMs: number | undefined;
};

/** Records of one machine, in commit order; a column is ascending by time. */
export type MachineRecords = {
  readonly columns: readonly {
    readonly signal: string;
    readonly unit: string;
    readonly timesUs: Float64Array;
    readonly values: Float64Array;
  }[];
  readonly stateChanges: readonly {
    readonly timeUs: number;
    readonly state: MachineState;
    readonly reason: string;
  }[];
  readonly errorReports: readonly ErrorNow[];
  /** Everything up to here has been delivered. */
  readonly cursor: string;
};

export type ErrorRecord = ErrorNow & { readonly machine: string };

export type ToWorker =
  /** The page is seen, and is this caller. What it asked for before is forgotten. */
  | { readonly kind: "hello"; readonly credential: string | undefined }
  | { readonly kind: "fleet"; readonly wanted: boolean }
  /** Records of a machine, or of one signal of all machines, committed after a cursor. */
  | {
      readonly kind: "watch";
      readonly id: number;
      readonly machines: readonly string[];
      readonly signals: readonly string[];
      readonly after: string;
    }
  | { readonly kind: "unwatch"; readonly id: number }
  /** At least every 10 s while the page is seen: a page that crashed says nothing. */
  | { readonly kind: "alive" }
  /** The page is gone, or nobody sees it. It says hello again, and goes on after its cursors. */
  | { readonly kind: "bye" };

export type FromWorker =
  | { readonly kind: "connection"; readonly connection: Connection }
  /** Machines that changed; `whole`: these are all machines. */
  | {
      readonly kind: "fleet";
      readonly whole: boolean;
      readonly machines: readonly MachineNow[];
      /** Reports that came since the last message. */
      readonly errors: readonly ErrorRecord[];
    }
  | {
      readonly kind: "records";
      readonly id: number;
      readonly records: readonly (MachineRecords & { readonly machine: string })[];
      readonly cursor: string;
      readonly commitMs: number | undefined;
    }
  /** The watch cannot go on after its cursor: what it fed must be read again. */
  | { readonly kind: "lost"; readonly id: number; readonly message: string };
