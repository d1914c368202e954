// Limits how many expensive queries run at once, for each caller and in total. The other queries
// wait without holding a resource. The caller with the fewest running queries comes first.
import { FairQueue } from "../../access/fair-queue.ts";
import type { Ledger } from "../ledger.ts";

/**
 * What questions of a kind hold while they are answered, in units. What is not named here has no
 * turns: it is cheap.
 */
const unitsOf: Record<string, number> = {
  // Decode samples until the answer is whole.
  AggregateSamples: 4,
  SummarizeMachines: 4,
  // A page at most, or looked up by index.
  QuerySignals: 2,
  ListStateIntervals: 2,
  GetVersion: 2,
};

export type QuestionTurnsOptions = {
  /** Most units at once, of all callers and of one. */
  maxUnits?: number;
  maxUnitsPerCaller?: number;
  ledger: Ledger;
};

export class QuestionTurns {
  readonly #queue: FairQueue;

  constructor({ maxUnits = 32, maxUnitsPerCaller = 8, ledger }: QuestionTurnsOptions) {
    this.#queue = new FairQueue({ max: maxUnits, maxPerCaller: maxUnitsPerCaller });
    ledger.count("units of questions", () => this.#queue.used);
    ledger.count("questions that wait", () => this.#queue.waiting);
  }

  /**
   * Answers a question of a method when its turn comes. Fails with the signal's reason if that is
   * aborted before.
   */
  async run<T>(
    { caller, method, signal }: { caller: string; method: string; signal: AbortSignal },
    answer: () => Promise<T>,
  ): Promise<T> {
    const units = unitsOf[method];
    if (units === undefined) return answer();
    await this.#queue.acquire(caller, units, signal);
    try {
      return await answer();
    } finally {
      this.#queue.release(caller, units);
    }
  }
}
