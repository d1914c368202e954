// How far a producer's source has come: the source of the status line and of the warning about lag.
import type { Uplink } from "../client/send/uplink.ts";
import type { ProducerSettings } from "./config.ts";
import type { LagSample } from "./lag.ts";
import { recordsPerSecond } from "./simulate/fleet.ts";
import type { Status } from "./status.ts";

export type Progress = {
  /** Machines that are simulated, or were seen in the input. */
  machines: number;
  /** Records given to the uplink. */
  sentRecords: number;
  readonly startUs: number;
  readonly untilUs: number | undefined;
  /** Time up to which records were given to the uplink. */
  madeUs: number;
  /** Where a backfill ends; undefined when there is none, or it is over. */
  backfillToUs: number | undefined;
  /** What the status line shows about a backfill or a file. */
  shown: Status["progress"];
};

/** A source that has done nothing yet. */
export function createProgress(settings: ProducerSettings, nowUs: number): Progress {
  const { machines, start, durationMs, input } = settings;
  const startUs =
    start === undefined ? nowUs : "atUs" in start ? start.atUs : nowUs - start.agoMs * 1000;
  const untilUs = durationMs === undefined ? undefined : startUs + durationMs * 1000;
  const backfillToUs = start === undefined ? undefined : Math.min(nowUs, untilUs ?? nowUs);
  return {
    machines: input === undefined ? machines : 0,
    sentRecords: 0,
    startUs,
    untilUs,
    madeUs: startUs,
    backfillToUs,
    shown:
      backfillToUs === undefined
        ? undefined
        : { part: 0, leftSeconds: (backfillToUs - startUs) / 1e6 },
  };
}

/** Notes that the simulation has given everything before `toUs` to the uplink. */
export function noteSpan(progress: Progress, { toUs, live }: { toUs: number; live: boolean }) {
  const { startUs, backfillToUs } = progress;
  progress.madeUs = toUs;
  if (backfillToUs === undefined) return;
  if (live || toUs >= backfillToUs) {
    progress.backfillToUs = undefined;
    progress.shown = undefined;
  } else {
    const part = (toUs - startUs) / (backfillToUs - startUs);
    progress.shown = { part, leftSeconds: (backfillToUs - toUs) / 1e6 };
  }
}

/** The content of the status line. */
export function readStatus(
  { machines, sentRecords, shown }: Progress,
  { uplink, hasSpool }: { uplink: Uplink | undefined; hasSpool: boolean },
): Status {
  const sent = uplink?.status;
  return {
    machines,
    sent: sentRecords,
    acked: sent?.ackedRecords ?? 0,
    inFlight: sent?.heldRecords ?? 0,
    rejected: sent?.rejectedRecords ?? 0,
    warnings: sent?.warnings ?? 0,
    connected: sent?.connected ?? false,
    ...(shown ? { progress: shown } : {}),
    ...(sent && hasSpool ? { spool: sent } : {}),
  };
}

/** How far a live simulation is behind; undefined while it need not be at the present. */
export function readLag(
  progress: Progress,
  { settings, uplink, nowUs }: { settings: ProducerSettings; uplink: Uplink; nowUs: number },
): LagSample | undefined {
  const { machines, shown, backfillToUs, madeUs, untilUs = nowUs } = progress;
  const { connected, heldRecords } = uplink.status;
  const isSlowed = settings.speed !== undefined && settings.speed < 1;
  const isInPast = shown !== undefined || backfillToUs !== undefined;
  if (machines === 0 || isInPast || isSlowed || !connected) return undefined;
  return {
    sourceSeconds: Math.max(0, Math.min(nowUs, untilUs) - madeUs) / 1e6,
    heldRecords,
    recordsPerSecond: machines * recordsPerSecond(settings),
  };
}
