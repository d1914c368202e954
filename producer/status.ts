// One status line while the producer runs: rewritten in place on a terminal, printed as a new line
// from time to time elsewhere.
import type { Log } from "../runtime/log.ts";

/** The content of the line. */
export type Status = {
  machines: number;
  /** Records given to the uplink so far. */
  sent: number;
  acked: number;
  inFlight: number;
  rejected: number;
  /** Warnings about columns that are stored all the same. */
  warnings: number;
  connected: boolean;
  /**
   * Progress through the past or a file: how far, from 0 to 1, and how many simulated seconds are
   * left.
   */
  progress?: { part: number; leftSeconds?: number };
  /**
   * With a spool on disk: bytes that wait in it, and the records that wait behind the live ones,
   * were dropped, or cannot be taken.
   */
  spool?: { heldBytes: number; backlogRecords: number; droppedRecords: number; diskFull: boolean };
};

/** Where the line goes: process.stdout, or a stand-in of tests. */
export type StatusStream = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
};

/** The line for a status, `perSecond` records per second being sent. */
export function statusLine(
  status: Status,
  { perSecond, columns }: { perSecond: number; columns?: number },
): string {
  const { machines, acked, inFlight, rejected, warnings, connected, progress, spool } = status;
  const parts = [
    ...(progress ? [progressText(progress)] : []),
    `${machines} ${machines === 1 ? "machine" : "machines"}`,
    `${grouped(perSecond)} samples/s`,
    `${grouped(acked)} acked`,
    `${grouped(inFlight)} in flight`,
    `${grouped(rejected)} rejected`,
    ...(warnings > 0 ? [`${grouped(warnings)} ${warnings === 1 ? "warning" : "warnings"}`] : []),
    ...(spool ? spoolTexts(spool) : []),
    ...(connected ? [] : ["not connected"]),
  ];
  const line = parts.join(" · ");
  return columns !== undefined && line.length >= columns
    ? `${line.slice(0, Math.max(0, columns - 2))}…`
    : line;
}

function spoolTexts({
  heldBytes,
  backlogRecords,
  droppedRecords,
  diskFull,
}: NonNullable<Status["spool"]>): string[] {
  return [
    `${(heldBytes / 2 ** 20).toFixed(1)} MiB spooled`,
    `${grouped(backlogRecords)} backlog`,
    ...(droppedRecords > 0 ? [`${grouped(droppedRecords)} DROPPED`] : []),
    ...(diskFull ? ["DISK FULL"] : []),
  ];
}

const barWidth = 20;

function progressText({ part, leftSeconds }: { part: number; leftSeconds?: number }): string {
  const done = Math.min(1, Math.max(0, part));
  const full = Math.floor(done * barWidth);
  const bar = `${"█".repeat(full)}${"░".repeat(barWidth - full)} ${String(Math.floor(done * 100)).padStart(3)} %`;
  return leftSeconds === undefined ? bar : `${bar}, ${spanText(leftSeconds)} left`;
}

function spanText(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** The number with a comma between thousands, in any locale. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

export type StatusOptions = {
  read: () => Status;
  stream: StatusStream;
  /** Milliseconds that never go back; default performance.now. */
  nowMs?: () => number;
};

/**
 * Each tick shows `read()`: on a terminal every time, elsewhere every 5 s. `end` writes the last
 * state as a line of its own. `clear` removes the line so that others can write; the next tick
 * restores it.
 */
export function createStatus({ read, stream, nowMs = () => performance.now() }: StatusOptions) {
  const everyMs = stream.isTTY ? 0 : 5000;
  const beganMs = nowMs();
  let shownMs = beganMs;
  let before = { ms: beganMs, sent: 0 };
  const next = (): string => {
    const status = read();
    const ms = nowMs();
    const perSecond = ms > before.ms ? ((status.sent - before.sent) / (ms - before.ms)) * 1000 : 0;
    before = { ms, sent: status.sent };
    shownMs = ms;
    return statusLine(status, {
      perSecond,
      ...(stream.isTTY && stream.columns ? { columns: stream.columns } : {}),
    });
  };
  const clear = () => {
    if (stream.isTTY) stream.write("\r\x1b[2K");
  };
  return {
    clear,
    tick() {
      if (nowMs() - shownMs < everyMs) return;
      stream.write(stream.isTTY ? `\r\x1b[2K${next()}` : `${next()}\n`);
    },
    end() {
      const status = read();
      const ms = nowMs();
      const perSecond = ms > beganMs ? (status.sent / (ms - beganMs)) * 1000 : 0;
      clear();
      // By now the connection is closed as intended, so do not show that.
      stream.write(`${statusLine({ ...status, connected: true }, { perSecond })}\n`);
    },
  };
}

/** A log whose lines do not end up after the status line on a terminal. */
export function logAround(log: Log, clear: () => void): Log {
  const around = (level: "debug" | "info" | "warn" | "error"): Log["info"] => {
    return (message, fields) => {
      clear();
      log[level](message, fields);
    };
  };
  return {
    debug: around("debug"),
    info: around("info"),
    warn: around("warn"),
    error: around("error"),
    child: (fields) => logAround(log.child(fields), clear),
  };
}
