// COPY … TO STDOUT (FORMAT binary) on pg: returns rows whose fields are raw bytes. pg's own rows
// are text, with a bytea as hexadecimal digits of twice its size. The format:
// https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4
import type { Connection, Submittable } from "pg";

/** Fields of a row in PostgreSQL's binary form; null for NULL. */
export type BinaryRow = readonly (Buffer | null)[];

const signature = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");

/** A statement to submit to a client; it must be a single COPY TO STDOUT in binary. */
export class CopyOut implements Submittable {
  /** All rows, once the statement has ended. */
  readonly rows: Promise<BinaryRow[]>;
  /** pg wraps it, to stop the timer of query_timeout. */
  callback: (error?: Error | null) => void;
  readonly #statement: string;
  readonly #rows: BinaryRow[] = [];
  #begun = false;
  #problem: Error | null = null;

  constructor(statement: string) {
    const { promise, resolve, reject } = Promise.withResolvers<BinaryRow[]>();
    this.#statement = statement;
    this.rows = promise;
    this.callback = (error) => (error ? reject(error) : resolve(this.#rows));
  }

  submit(connection: Connection): void {
    connection.query(this.#statement);
  }

  /**
   * PostgreSQL sends one message per row; the first is preceded by the header, the last is the
   * trailer.
   */
  handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (this.#problem) return;
    // pg will overwrite the buffer that this is a part of.
    const bytes = Buffer.from(chunk);
    try {
      this.#take(bytes, this.#begun ? 0 : this.#begin(bytes));
    } catch (error) {
      // An exception thrown from here would end the process.
      this.#problem = error as Error;
    }
  }

  /** Returns where the rows begin: after the signature, the flags, and any header extension. */
  #begin(bytes: Buffer): number {
    if (!bytes.subarray(0, signature.length).equals(signature))
      throw new Error("this is no COPY in binary");
    this.#begun = true;
    return signature.length + 8 + bytes.readInt32BE(signature.length + 4);
  }

  #take(bytes: Buffer, from: number): void {
    let offset = from;
    while (offset < bytes.length) {
      const fields = bytes.readInt16BE(offset);
      offset += 2;
      if (fields < 0) return;
      const row: (Buffer | null)[] = [];
      for (let i = 0; i < fields; i++) {
        const length = bytes.readInt32BE(offset);
        offset += 4;
        row.push(length < 0 ? null : bytes.subarray(offset, offset + length));
        offset += Math.max(0, length);
      }
      this.#rows.push(row);
    }
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(this.#problem);
  }

  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}

/** An int8 of a row. Our values are below 2^53. */
export function toInt8(field: Buffer | null | undefined): number {
  return field!.readInt32BE(0) * 2 ** 32 + field!.readUInt32BE(4);
}

export function toInt4(field: Buffer | null | undefined): number {
  return field!.readInt32BE(0);
}

/** An array of whole numbers as text of a statement: it cannot contain anything else. */
export function literalOf(values: readonly number[]): string {
  for (const value of values)
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`);
  return `'{${values.join(",")}}'`;
}
