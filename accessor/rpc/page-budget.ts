// What a page may still take: rows as the caller asked for, and bytes as a message holds.

/**
 * Of a page. What stands around the rows, tokens and cursors, has room up to what is sent at most,
 * and so has one more row.
 */
export const maxPageBytes = 3_500_000;

export class PageBudget {
  #rows: number;
  #bytes = maxPageBytes;
  #empty = true;

  constructor(maxRows: number) {
    this.#rows = maxRows;
  }

  /** How many rows more may come, if they are small. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Whether a row of at most so many bytes comes into the page. A first one always does: no row is
   * larger than a page.
   */
  take(bytes: number): boolean {
    if (!this.#empty && (this.#rows < 1 || bytes > this.#bytes)) return false;
    this.#empty = false;
    this.#rows--;
    this.#bytes -= bytes;
    return true;
  }
}
