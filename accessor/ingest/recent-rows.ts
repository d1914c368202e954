// The newest log rows of series that drop duplicates, in memory: what a record that comes again is
// first compared with. Holds only what this process committed itself. No I/O.
import type { LogRow } from "../store/ingest.ts";

export type RecentRow = Pick<LogRow, "series" | "firstUs" | "lastUs" | "payload"> & {
  revision: number;
};

/** Rows of a series with a time from fromUs on are all here. */
type OfSeries = { fromUs: number | undefined; rows: RecentRow[] };

const overheadBytes = 200;

export class RecentRows {
  readonly #maxBytes: number;
  #bytes = 0;
  #bySeries = new Map<number, OfSeries>();
  /** In order of revisions. */
  #queue: RecentRow[] = [];
  #through: number | undefined;
  /** Rows of later revisions are all here. */
  #floor = 0;

  /** maxBytes: of packed rows; the oldest are dropped. Default 16 MiB, some 5 million samples. */
  constructor({ maxBytes = 16 * 1024 * 1024 }: { maxBytes?: number } = {}) {
    this.#maxBytes = maxBytes;
  }

  /** All commits up to this revision are known, as far as they are not dropped. */
  get through(): number | undefined {
    return this.#through;
  }

  /** Knows nothing of what was committed up to a revision; undefined: nor the revision. */
  restart(through: number | undefined): void {
    this.#bySeries = new Map();
    this.#queue = [];
    this.#bytes = 0;
    this.#through = through;
    this.#floor = through ?? 0;
  }

  /**
   * Adds a process's own commits, ascending by revision. If another process has committed between
   * them, or may have, everything before is forgotten.
   */
  add(
    commits: readonly { revision: number; rows: readonly Omit<RecentRow, "revision">[] }[],
  ): void {
    for (const { revision, rows } of commits) {
      if (this.#through === undefined || revision !== this.#through + 1) this.restart(revision - 1);
      this.#through = revision;
      for (const row of rows) this.#push({ ...row, revision });
    }
    this.#trim();
  }

  /** From which time on all rows of a series are here; undefined: not known. */
  knownFrom(seriesId: number): number | undefined {
    return this.#bySeries.get(seriesId)?.fromUs;
  }

  /**
   * Notes that a series had no record from a time on, as of a revision. Returns whether all that
   * came after that revision is still here.
   */
  noteEnd(seriesId: number, { fromUs, revision }: { fromUs: number; revision: number }): boolean {
    if (revision < this.#floor) return false;
    this.#of(seriesId).fromUs ??= fromUs;
    return true;
  }

  /**
   * Rows of a series that overlap a span of time and were committed after a revision; undefined if
   * some may have been dropped.
   */
  since(
    seriesId: number,
    { after, firstUs, lastUs }: { after: number; firstUs: number; lastUs: number },
  ): RecentRow[] | undefined {
    if (after < this.#floor) return undefined;
    return this.overlapping(seriesId, { firstUs, lastUs }).filter(
      ({ revision }) => revision > after,
    );
  }

  /** Rows of a series that are here and overlap a span of time. */
  overlapping(
    seriesId: number,
    { firstUs, lastUs }: { firstUs: number; lastUs: number },
  ): RecentRow[] {
    const rows = this.#bySeries.get(seriesId)?.rows ?? [];
    return rows.filter((row) => row.lastUs >= firstUs && row.firstUs <= lastUs);
  }

  #of(seriesId: number): OfSeries {
    let own = this.#bySeries.get(seriesId);
    if (own === undefined) {
      own = { fromUs: undefined, rows: [] };
      this.#bySeries.set(seriesId, own);
    }
    return own;
  }

  #push(row: RecentRow): void {
    this.#of(row.series.id).rows.push(row);
    this.#queue.push(row);
    this.#bytes += row.payload.byteLength + overheadBytes;
  }

  /** Drops down to half at once, so that this is rare. */
  #trim(): void {
    if (this.#bytes <= this.#maxBytes) return;
    let dropped = 0;
    while (this.#bytes > this.#maxBytes / 2 && dropped < this.#queue.length) {
      const row = this.#queue[dropped++]!;
      this.#bytes -= row.payload.byteLength + overheadBytes;
      this.#floor = row.revision;
      const own = this.#bySeries.get(row.series.id)!;
      if (own.fromUs !== undefined) own.fromUs = Math.max(own.fromUs, row.lastUs + 1);
    }
    const gone = new Set(this.#queue.slice(0, dropped));
    this.#queue = this.#queue.slice(dropped);
    for (const [id, own] of this.#bySeries) {
      own.rows = own.rows.filter((row) => !gone.has(row));
      // A series that sends nothing more is not kept for ever.
      if (own.rows.length === 0) this.#bySeries.delete(id);
    }
  }
}
