// The baseline: a row per sample with a btree on (machine, time), filled and read by binary COPY
// over a plain socket.
import type { Socket } from "node:net";
import pg from "pg";
import { createSource, type DataSet, periodUs } from "./data.ts";

/**
 * A connection that implements COPY by itself: nothing is parsed, so no code of ours slows the
 * baseline down.
 */
export class RowStore implements AsyncDisposable {
  readonly client: pg.Client;
  readonly #socket: Socket;

  private constructor(client: pg.Client, socket: Socket) {
    this.client = client;
    this.#socket = socket;
  }

  static async open(url: string): Promise<RowStore> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new RowStore(
      client,
      (client as unknown as { connection: { stream: Socket } }).connection.stream,
    );
  }

  async create(table: string, { indexed }: { indexed: boolean }): Promise<void> {
    await this.client.query(`drop table if exists ${table}`);
    await this.client.query(
      `create table ${table} (machine integer not null, time timestamptz not null, value float8 not null)`,
    );
    if (indexed) await this.index(table);
  }

  async index(table: string): Promise<void> {
    await this.client.query(`create index on ${table} (machine, time)`);
  }

  async query(statement: string): Promise<unknown[][]> {
    return (await this.client.query({ text: statement, rowMode: "array" })).rows;
  }

  /** COPY in: one transaction, durable when it returns. */
  async copyIn(table: string, parts: Iterable<Buffer>): Promise<void> {
    await this.#speak(
      queryMessage(`copy ${table} from stdin (format binary)`),
      (first) => first === letter("G"),
    );
    for (const part of parts) await this.#write(part);
    await this.#speak(copyDone, () => false);
  }

  /** COPY out, drained: returns the number of bytes received. */
  copyOut(select: string): Promise<number> {
    return this.#speak(queryMessage(`copy (${select}) to stdout (format binary)`), () => false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end();
  }

  async #write(bytes: Buffer): Promise<void> {
    if (!this.#socket.write(bytes))
      await new Promise<void>((resolve) => this.#socket.once("drain", () => resolve()));
  }

  /**
   * Sends a message and reads until the server is ready again, or until a given first byte arrives.
   */
  #speak(message: Buffer, isEnough: (first: number) => boolean): Promise<number> {
    const listeners = this.#socket.listeners("data");
    this.#socket.removeAllListeners("data");
    return new Promise<number>((resolve, reject) => {
      let total = 0;
      const take = (chunk: Buffer) => {
        const first = total === 0 ? chunk[0]! : 0;
        total += chunk.length;
        const failed = first === letter("E");
        if (!failed && !isEnough(first) && !chunk.subarray(-6).equals(readyForQuery)) return;
        this.#socket.off("data", take);
        for (const listener of listeners)
          this.#socket.on("data", listener as (chunk: Buffer) => void);
        if (failed)
          reject(
            new Error(`PostgreSQL refused: ${chunk.toString("latin1").replaceAll("\0", " ")}`),
          );
        else resolve(total);
      };
      this.#socket.on("data", take);
      this.#socket.write(message);
    });
  }
}

const letter = (text: string) => text.charCodeAt(0);
const readyForQuery = Buffer.from([letter("Z"), 0, 0, 0, 5, letter("I")]);
const copyDone = Buffer.from([letter("c"), 0, 0, 0, 4]);

function queryMessage(statement: string): Buffer {
  const text = Buffer.from(`${statement}\0`);
  const head = Buffer.from([letter("Q"), 0, 0, 0, 0]);
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
}

const rowBytes = 34;
const rowsPerMessage = 30_000;
const year2000Us = 946_684_800_000_000;

/**
 * Some machines' samples of a span as the messages of a binary COPY, in slices of time, one machine
 * after the other in each.
 */
export function* copyMessages(
  set: DataSet,
  span: {
    machines: readonly string[];
    firstId?: number;
    fromUs: number;
    toUs: number;
    sliceUs: number;
  },
): Generator<Buffer, void, undefined> {
  const { machines, firstId = 1, fromUs, toUs, sliceUs } = span;
  const sources = machines.map((machine) => createSource(set, machine));
  yield dataMessage(Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1"));
  for (let at = fromUs; at < toUs; at += sliceUs) {
    for (const [i, source] of sources.entries()) {
      const { startUs, timesUs, values } = source(at, Math.min(toUs, at + sliceUs));
      for (let row = 0; row < values.length; row += rowsPerMessage) {
        const count = Math.min(rowsPerMessage, values.length - row);
        const rows = Buffer.allocUnsafe(count * rowBytes);
        for (let k = 0; k < count; k++) {
          const timeUs = timesUs === undefined ? startUs + (row + k) * periodUs : timesUs[row + k]!;
          writeRow(rows, k * rowBytes, { id: firstId + i, timeUs, value: values[row + k]! });
        }
        yield dataMessage(rows);
      }
    }
  }
  yield dataMessage(Buffer.from([0xff, 0xff]));
}

function writeRow(
  target: Buffer,
  at: number,
  { id, timeUs, value }: { id: number; timeUs: number; value: number },
) {
  const since2000 = timeUs - year2000Us;
  const high = Math.floor(since2000 / 2 ** 32);
  target.writeInt16BE(3, at);
  target.writeInt32BE(4, at + 2);
  target.writeInt32BE(id, at + 6);
  target.writeInt32BE(8, at + 10);
  target.writeInt32BE(high, at + 14);
  target.writeUInt32BE(since2000 - high * 2 ** 32, at + 18);
  target.writeInt32BE(8, at + 22);
  target.writeDoubleBE(value, at + 26);
}

function dataMessage(payload: Buffer): Buffer {
  const message = Buffer.allocUnsafe(payload.length + 5);
  message[0] = letter("d");
  message.writeInt32BE(payload.length + 4, 1);
  payload.copy(message, 5);
  return message;
}
