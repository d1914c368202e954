// Error reports of a range, newest first: read backwards, a piece of time after the other, since
// the accessor pages forwards.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import { reasonOf } from "../contract/failure.ts";
import type { ErrorRecord } from "../live/messages.ts";
import type { ErrorFilter } from "./error-filter.ts";
import { maxRows } from "./error-rows.ts";

export type ErrorHistoryOptions = {
  client: Pick<Client<typeof SignalService>, "querySignals" | "getLatest">;
  filter: Omit<ErrorFilter, "text">;
  fromUs: number;
  /** The end of a fixed range; undefined: whatever there is, also from a clock that is ahead. */
  toUs: number | undefined;
  /** The present, where a range without an end is read back from. */
  nowUs: number;
};

/** A step reads at least so many, if there are so many. */
const stepRows = 500;
const firstPieceUs = 3_600e6;
const leastPieceUs = 1e6;
/** A piece with more reports is read again as shorter pieces, so that none is held for nothing. */
const mostOfPiece = 20_000;

export class ErrorHistory {
  readonly #options: ErrorHistoryOptions;
  /** Everything from here on has been read; undefined at first, of a range without an end. */
  #readFromUs: number | undefined;
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
    return this.#readFromUs !== undefined && this.#readFromUs <= this.#options.fromUs;
  }

  /** The bound is reached: older reports are not read. */
  get isFull(): boolean {
    return this.#count >= maxRows;
  }

  /**
   * The next older reports, newest first; fewer than a step at the range's start, or where a later
   * piece failed: the next call meets that failure again, and nothing that was read is lost.
   */
  async older(abort: AbortSignal): Promise<ErrorRecord[]> {
    const rows: ErrorRecord[] = [];
    while (rows.length < stepRows && !this.isWhole && !this.isFull) {
      const { fromUs: startUs, nowUs } = this.#options;
      const fromUs = Math.max(startUs, (this.#readFromUs ?? nowUs) - this.#pieceUs);
      let piece: ErrorRecord[] | undefined;
      try {
        piece = await this.#piece(fromUs, this.#readFromUs, abort);
      } catch (error) {
        if (rows.length === 0 || abort.aborted) throw error;
        return rows;
      }
      if (piece === undefined) {
        this.#pieceUs = Math.max(leastPieceUs, this.#pieceUs / 8);
        continue;
      }
      for (const row of piece.toReversed()) rows.push(row);
      this.#readFromUs = fromUs;
      this.#count += piece.length;
      // Pieces grow where reports are rare, and shrink where they are many.
      if (piece.length < stepRows / 2) this.#pieceUs *= 4;
      if (piece.length > 4 * stepRows) this.#pieceUs = Math.max(leastPieceUs, this.#pieceUs / 4);
    }
    return rows;
  }

  /** Ascending by time. Undefined: too many, and the piece can be shorter. */
  async #piece(
    fromUs: number,
    toUs: number | undefined,
    abort: AbortSignal,
  ): Promise<ErrorRecord[] | undefined> {
    const { client, filter } = this.#options;
    const rows: ErrorRecord[] = [];
    for (let pageToken = ""; ; ) {
      const request = {
        signal: "error",
        machines: [...filter.machines],
        severities: [...filter.severities],
        codePrefix: filter.code === "" ? filter.codePrefix : filter.code,
        startTime: toTimestamp(fromUs),
        ...(toUs === undefined ? {} : { endTime: toTimestamp(toUs) }),
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
        if (filter.code !== "" && code !== filter.code) continue;
        rows.push({ machine, timeUs: toTimeUs(time)!, severity, code, message });
      }
      pageToken = page.nextPageToken;
      if (pageToken === "") return rows;
      if (rows.length >= mostOfPiece && this.#pieceUs > leastPieceUs) return undefined;
    }
  }
}
