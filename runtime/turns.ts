// Splits long work into short turns, so that other work on the event loop waits for a few
// milliseconds at most. Each iteration of the event loop runs one turn. Owners of waiting work take
// turns round robin, however much work each of them has.
import { AsyncLocalStorage } from "node:async_hooks";

/** The owner of the running work. Without an owner, each piece of work counts as its own owner. */
type Scope = { owner: string | undefined };

const scopes = new AsyncLocalStorage<Scope>();

/** Runs work of an owner. If it is not known yet, takeTurnsAs() sets it meanwhile. */
export const inTurnsOf = <T>(owner: string | undefined, run: () => T): T =>
  scopes.run({ owner }, run);

/** Sets the owner of the work that inTurnsOf() is running; does nothing outside of it. */
export function takeTurnsAs(owner: string): void {
  const scope = scopes.getStore();
  if (scope) scope.owner = owner;
}

/** Owners with waiting work, the next one first. */
const waiting = new Map<unknown, (() => void)[]>();

/** Owners of waiting work; work without an owner is listed as itself. */
export const turnsWaiting = (): unknown[] => [...waiting.keys()];

/** Resolves in a later iteration of the event loop, when it is the turn of this owner's work. */
export function nextTurn(work: object = {}): Promise<void> {
  const owner = scopes.getStore()?.owner ?? work;
  return new Promise((resolve) => {
    if (waiting.size === 0) setImmediate(takeOne);
    const own = waiting.get(owner);
    if (own) own.push(resolve);
    else waiting.set(owner, [resolve]);
  });
}

function takeOne(): void {
  for (const [owner, works] of waiting) {
    // If the owner has more, it goes behind the others.
    waiting.delete(owner);
    const resume = works.shift()!;
    if (works.length > 0) waiting.set(owner, works);
    if (waiting.size > 0) setImmediate(takeOne);
    resume();
    return;
  }
}

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
   * Whether pause() would let others run. Checking first saves a promise if there is little to do.
   */
  get isOver(): boolean {
    return this.#monotonicMs() - this.#sinceMs >= this.#maxMs;
  }

  /** Call it between pieces of work: it lets others run if this turn has lasted long enough. */
  async pause(): Promise<void> {
    if (!this.isOver) return;
    await nextTurn(this);
    this.#sinceMs = this.#monotonicMs();
  }
}
