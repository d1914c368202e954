// The remaining room of a page: rows as the caller requested, and bytes as a message allows.

/**
 * Most bytes of a page's rows. Tokens, cursors and one more row still fit below the largest
 * message.
 */
export const maxPageBytes = 3_500_000;

export class PageBudget {
  #rows: number;
  #bytes = maxPageBytes;
  #empty = true;

  constructor(maxRows: number) {
    this.#rows = maxRows;
  }

  /** How many more rows fit, if they are small. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Whether a row of at most `bytes` fits into the page. The first one always does: no row is
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
