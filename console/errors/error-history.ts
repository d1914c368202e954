// Error reports of a range, newest first: read backwards, a piece of time after the other, since
// the accessor pages forwards.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import { reasonOf } from "../contract/failure.ts";
import type { ErrorRecord } from "../live/messages.ts";
import type { ErrorFilter } from "./error-filter.ts";

export type ErrorHistoryOptions = {
  client: Pick<Client<typeof SignalService>, "querySignals" | "getLatest">;
  filter: ErrorFilter;
  fromUs: number;
  toUs: number;
};

/** Most reports that a table holds. */
export const maxRows = 50_000;
/** A step reads at least so many, if there are so many. */
const stepRows = 500;
const firstPieceUs = 3_600e6;

export class ErrorHistory {
  readonly #options: ErrorHistoryOptions;
  /** Everything from here on has been read. */
  #readFromUs: number;
  #pieceUs = firstPieceUs;
  #count = 0;
  /** The cursor of the first answer: the feed goes on after it. */
  cursor: string | undefined;

  constructor(options: ErrorHistoryOptions) {
    this.#options = options;
    this.#readFromUs = options.toUs;
  }

  /** The whole range has been read. */
  get isWhole(): boolean {
    return this.#readFromUs <= this.#options.fromUs;
  }

  /** The bound is reached: older reports are not read. */
  get isFull(): boolean {
    return this.#count >= maxRows;
  }

  /** The next older reports, newest first; fewer than a step only at the range's start. */
  async older(abort: AbortSignal): Promise<ErrorRecord[]> {
    const rows: ErrorRecord[] = [];
    while (rows.length < stepRows && !this.isWhole && !this.isFull) {
      const fromUs = Math.max(this.#options.fromUs, this.#readFromUs - this.#pieceUs);
      const piece = await this.#piece(fromUs, this.#readFromUs, abort);
      for (const row of piece.toReversed()) rows.push(row);
      this.#readFromUs = fromUs;
      this.#count += piece.length;
      // Pieces grow where reports are rare, and shrink where they are many.
      if (piece.length < stepRows / 2) this.#pieceUs *= 4;
      if (piece.length > 4 * stepRows) this.#pieceUs = Math.max(60e6, this.#pieceUs / 4);
    }
    return rows;
  }

  async #piece(fromUs: number, toUs: number, abort: AbortSignal): Promise<ErrorRecord[]> {
    const { client, filter } = this.#options;
    const rows: ErrorRecord[] = [];
    for (let pageToken = ""; ; ) {
      const request = {
        signal: "error",
        machines: [...filter.machines],
        severities: [...filter.severities],
        codePrefix: filter.code,
        startTime: toTimestamp(fromUs),
        endTime: toTimestamp(toUs),
        pageSize: 10_000,
        pageToken,
      };
      const page = await client
        .querySignals(request, { signal: abort })
        .catch(async (error: unknown) => {
          // No machine has sent an error yet.
          if (reasonOf(error) !== "SIGNAL_UNKNOWN") throw error;
          const { cursor } = await client.getLatest({ pageSize: 1 }, { signal: abort });
          return { signals: [], nextPageToken: "", cursor };
        });
      this.cursor ??= page.cursor;
      for (const { machine, time, record } of page.signals) {
        if (record.case !== "errorReport") continue;
        const { severity, code, message } = record.value;
        rows.push({ machine, timeUs: toTimeUs(time)!, severity, code, message });
      }
      pageToken = page.nextPageToken;
      if (pageToken === "" || this.#count + rows.length >= maxRows) return rows;
    }
  }
}

/** Puts live reports, which may come late, into rows that are newest first. */
export function withFresh(
  rows: readonly ErrorRecord[],
  fresh: readonly ErrorRecord[],
): readonly ErrorRecord[] {
  if (fresh.length === 0) return rows;
  const sorted = fresh.toSorted((a, b) => b.timeUs - a.timeUs);
  const oldest = sorted.at(-1)!.timeUs;
  const head: ErrorRecord[] = [];
  let at = 0;
  for (; at < rows.length && rows[at]!.timeUs > oldest; at++) head.push(rows[at]!);
  const merged = [...head, ...sorted].sort((a, b) => b.timeUs - a.timeUs);
  return [...merged, ...rows.slice(at)];
}
