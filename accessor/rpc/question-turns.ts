// Limits how many queries run at once, for each caller and in total, until their answers are
// encoded. The other queries wait without holding a resource. The caller with the fewest running
// queries comes first.
import { FairQueue } from "../../access/fair-queue.ts";
import type { Ledger } from "../domain/ledger.ts";

/** Units that queries of each kind hold while they run. */
const unitsOf: Record<string, number> = {
  // These decode samples until the answer is complete.
  AggregateSamples: 4,
  SummarizeMachines: 4,
  AggregateStates: 4,
  // These return a page at most, or use an index.
  QuerySignals: 2,
  ListStateIntervals: 2,
  GetVersion: 2,
};
/**
 * Units of all other queries: short ones, which have their own queue, so that none waits behind a
 * long one. Each answer has up to 4 MiB.
 */
const shortUnits = 2;

export type QuestionTurnsOptions = {
  /**
   * Most units at once, for all callers and for one; short queries have the same number in
   * addition.
   */
  maxUnits?: number;
  maxUnitsPerCaller?: number;
  ledger: Ledger;
};

export class QuestionTurns {
  readonly #long: FairQueue;
  readonly #short: FairQueue;

  constructor({ maxUnits = 32, maxUnitsPerCaller = 8, ledger }: QuestionTurnsOptions) {
    const bounds = { max: maxUnits, maxPerCaller: maxUnitsPerCaller };
    this.#long = new FairQueue(bounds);
    this.#short = new FairQueue(bounds);
    ledger.count("units of questions", () => this.#long.used + this.#short.used);
    ledger.count("questions that wait", () => this.#long.waiting + this.#short.waiting);
  }

  /**
   * Runs a query of a method when its turn comes. Fails with the abort signal's reason if it aborts
   * before.
   */
  async run<T>(
    { caller, method, abort }: { caller: string; method: string; abort: AbortSignal },
    answer: () => Promise<T>,
  ): Promise<T> {
    const queue = method in unitsOf ? this.#long : this.#short;
    const units = unitsOf[method] ?? shortUnits;
    using _turn = await queue.lease(caller, units, abort);
    return await answer();
  }
}
