// Long work in short turns: others on the event loop wait for a few milliseconds at most, however
// much there is to do.
import { setImmediate as nextTurn } from "node:timers/promises";

export class Turns {
  readonly #maxMs: number;
  readonly #monotonicMs: () => number;
  #sinceMs: number;

  /** maxMs: how long a turn may take before pause() ends it. */
  constructor({
    maxMs = 2,
    monotonicMs = () => performance.now(),
  }: { maxMs?: number; monotonicMs?: () => number } = {}) {
    this.#maxMs = maxMs;
    this.#monotonicMs = monotonicMs;
    this.#sinceMs = monotonicMs();
  }

  /**
   * Whether pause() would let others run. Asking first saves a promise where there is little to do.
   */
  get isOver(): boolean {
    return this.#monotonicMs() - this.#sinceMs >= this.#maxMs;
  }

  /** To be called between pieces of work: lets others run if this turn has lasted long enough. */
  async pause(): Promise<void> {
    if (!this.isOver) return;
    await nextTurn();
    this.#sinceMs = this.#monotonicMs();
  }
}
