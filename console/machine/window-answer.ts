// What is asked for of a window of a machine, and what comes back.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import type { View } from "../chart/axis.ts";
import type { PlotData } from "../chart/plot-data.ts";
import type { BandData } from "../chart/state-band.tsx";
import type { ErrorNow } from "../live/messages.ts";
import type { NumericSignal } from "./numeric-signals.ts";
import type { WindowPlan } from "./plan.ts";

export type WindowAnswer = {
  readonly plan: WindowPlan;
  readonly cursor: string;
  /** By name of the signal. */
  readonly series: ReadonlyMap<string, PlotData>;
  /** Whether they are samples one by one. */
  readonly raw: boolean;
  readonly band: BandData;
  readonly reports: readonly ErrorNow[];
  /** There are more reports than these. */
  readonly reportsCut: boolean;
  /** The part of the window whose reports were read. */
  readonly reportsSpan: View;
};

export type ReadWindowOptions = {
  client: Client<typeof SignalService>;
  machine: string;
  signals: readonly NumericSignal[];
  plan: WindowPlan;
  /** What is in view: its reports are read first. */
  view: View;
  /** Whether samples are read one by one, unless they turn out to be too many. */
  raw: boolean;
  abort: AbortSignal;
};
