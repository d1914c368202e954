// The database as one caller may use it: it takes turns with other callers at the connections for
// reads, and limits the samples decoded for a question.
import { FairQueue } from "../../access/fair-queue.ts";
import { Failure } from "../domain/failure.ts";
import type { Ledger } from "../domain/ledger.ts";
import type { Database } from "./database.ts";

export type CallerOptions = {
  /** The most samples that may be decoded for it; undefined: no bound. */
  maxSamples: number | undefined;
};

/**
 * Provides views of a database. A caller keeps all connections but one or so busy while no other
 * needs any; otherwise all get equal turns.
 */
export class SharedDatabase {
  readonly #database: Database;
  readonly #ledger: Ledger;
  readonly #turns: { read: FairQueue; lookUp: FairQueue; slonik: FairQueue };

  constructor(database: Database, ledger: Ledger) {
    this.#database = database;
    this.#ledger = ledger;
    const { read, lookUp, slonik } = database.connections;
    this.#turns = {
      read: new FairQueue({ max: read }),
      lookUp: new FairQueue({ max: lookUp }),
      slonik: new FairQueue({ max: slonik }),
    };
    const all = Object.values(this.#turns);
    ledger.count("readers of samples", () => this.#database.sampleBudget.readers);
    ledger.count("read connections", () => all.reduce((sum, { used }) => sum + used, 0));
    ledger.count("reads that wait for a connection", () =>
      all.reduce((sum, { waiting }) => sum + waiting, 0),
    );
  }

  /** holder: the caller that has the share. */
  as(holder: string, { maxSamples }: CallerOptions): Database {
    const database = this.#database;
    const { read, lookUp, slonik } = this.#turns;
    let samples = 0;
    const turn = async <T>(
      queue: FairQueue,
      abort: AbortSignal | undefined,
      ask: () => Promise<T>,
    ): Promise<T> => {
      using _turn = await queue.lease(holder, 1, abort);
      return await ask();
    };
    return {
      ...database,
      read: (text, values, options) =>
        turn(read, options.abort, () => database.read(text, values, options)),
      lookUp: (text, values, options) =>
        turn(lookUp, options.abort, () => database.lookUp(text, values, options)),
      copyOut: (statement, options) =>
        turn(read, options.abort, () => database.copyOut(statement, options)),
      ask: (query) => turn(slonik, undefined, () => database.ask(query)),
      spend: (count) => {
        samples += count;
        if (maxSamples === undefined || samples <= maxSamples) return;
        this.#ledger.refuse("samples-decoded");
        const message = `the query would decode more than ${maxSamples} samples: ask for less time, fewer machines or wider buckets`;
        throw new Failure("QUESTION_TOO_LARGE", message, {
          metadata: { limit: "samples-decoded", max: String(maxSamples) },
        });
      },
    };
  }
}
