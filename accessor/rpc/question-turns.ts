// Limits how many queries run at once, for each caller and in total, until their answers are
// encoded. The other queries wait without holding a resource. The caller with the fewest running
// queries comes first.
import { FairQueue } from "../../access/fair-queue.ts";
import type { Ledger } from "../domain/ledger.ts";

/** What questions of a kind hold while they are answered, in units. */
const unitsOf: Record<string, number> = {
  // Decode samples until the answer is whole.
  AggregateSamples: 4,
  SummarizeMachines: 4,
  AggregateStates: 4,
  // A page at most, or looked up by index.
  QuerySignals: 2,
  ListStateIntervals: 2,
  GetVersion: 2,
};
/**
 * Of what is not named here: short ones, which have a queue of their own, so that none waits behind
 * a long one. Each makes up to 4 MiB of answer.
 */
const shortUnits = 2;

export type QuestionTurnsOptions = {
  /** Most units at once, of all callers and of one; as many of short questions beside. */
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
   * Answers a question of a method when its turn comes. Fails with the abort signal's reason if
   * that is aborted before.
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
