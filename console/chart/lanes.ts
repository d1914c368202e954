// What the lanes of a chart share: their edges, and the data that they draw.
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";

/** Every lane leaves these margins, so that all share one left and one right edge. */
export const gutterPx = 58;
export const rightPx = 14;

/** An interval in which a machine was in one state. */
export type Interval = {
  readonly state: MachineState;
  readonly reason: string;
  readonly fromUs: number;
  /** Infinity while it lasts. */
  readonly toUs: number;
  /** The machine was silent from here to the end. */
  readonly silentFromUs?: number | undefined;
};

/** Part of a span that was spent in each state; what is missing to the span was not known. */
export type StateShares = {
  readonly fromUs: number;
  readonly toUs: number;
  /** Microseconds by state. */
  readonly timeUs: ReadonlyMap<MachineState, number>;
};
