// The catalog's data about machines and their signals: a series is one signal of one machine.
import type { Duplicates, SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { Rhythm } from "../history/infer-gap.ts";

/**
 * A signal of a machine. unit is "" while none is declared, and for states and errors; maxGapUs is
 * undefined for these.
 */
export type Series = {
  readonly id: number;
  readonly machineId: number;
  readonly machine: string;
  readonly signal: string;
  readonly kind: SignalKind;
  readonly unit: string;
  readonly maxGapUs: number | undefined;
  /** As declared; UNSPECIFIED: not declared, so it is LINEAR. */
  readonly sampleType: SampleType;
  /** As declared, also for states and errors; UNSPECIFIED: not declared, so they are kept. */
  readonly duplicates: Duplicates;
  /** The basis that maxGapUs was inferred from; undefined if it was declared. */
  readonly rhythm: Rhythm | undefined;
  /**
   * Sums of blocks and roll-ups of watermarks up to here use an earlier max_gap: they must not be
   * used.
   */
  readonly staleThrough: number;
  /** The width of its buckets; undefined: none of it is compacted yet, as far as is known here. */
  readonly bucketUs: number | undefined;
};

export type NewSeries = Omit<Series, "id" | "machineId" | "staleThrough" | "bucketUs">;
export type MachineEntry = {
  readonly id: number;
  readonly name: string;
  readonly firstSeenUs: number;
};

export type Quota = { machines: number; series: number };
export type Quotas = { all: Quota; of: (holder: string) => Quota };

/** Which machines and signals; an empty list means all. */
export type Selection = { machines: readonly string[]; signals: readonly string[] };
