// Fair shares of a limited resource: slots, bytes in flight, bytes held. No caller takes all of it,
// and the next one finds room. Pure.

export type SharesOptions = {
  /** The amount to share. */
  total: number;
  /**
   * The most that one caller may hold, however much is free. Default: a quarter of the total, at
   * least 1.
   */
  perCaller?: number;
};

/** own: the caller exceeds its share, the others do not. all: nothing is left for anyone. */
export type Shortage = "own" | "all";

/**
 * A caller may hold `perCaller`, and never more than what then remains free for others: of 100, a
 * caller that could take all of it gets 50, the next 25, and something is always left for the next.
 * A granted loan is never taken away.
 *
 *     const loan = shares.borrow("key 7", 1);
 *     if (typeof loan === "string") throw refusalOf(loan);
 *     using _ = loan;
 */
export class Shares {
  readonly total: number;
  readonly perCaller: number;
  readonly #held = new Map<string, number>();
  #sum = 0;

  constructor({ total, perCaller = Math.max(1, Math.floor(total / 4)) }: SharesOptions) {
    this.total = total;
    this.perCaller = perCaller;
  }

  /** By all callers together. */
  get held(): number {
    return this.#sum;
  }

  /** How many callers hold something. */
  get callers(): number {
    return this.#held.size;
  }

  /** The caller that holds most; undefined if nothing is held. */
  largest(): string | undefined {
    let most: [string, number] | undefined;
    for (const entry of this.#held) if (most === undefined || entry[1] > most[1]) most = entry;
    return most?.[0];
  }

  heldBy(caller: string): number {
    return this.#held.get(caller) ?? 0;
  }

  /** Why a caller cannot have `amount` more now; undefined if it can. */
  shortageOf(caller: string, amount: number): Shortage | undefined {
    const own = this.heldBy(caller) + amount;
    // A caller that exceeds its share gets "own", even if nothing is left for others.
    if (own > this.perCaller) return "own";
    if (this.#sum + amount > this.total) return "all";
    // A caller's first unit is limited only by the total.
    const wanted = own > 1 ? own : 0;
    return wanted > this.total - this.#sum - amount ? "own" : undefined;
  }

  /**
   * Lends `amount`, which may be 0 for a loan that will grow, or returns which bound prevents it.
   */
  borrow(caller: string, amount: number): Loan | Shortage {
    const shortage = this.shortageOf(caller, amount);
    if (shortage !== undefined) return shortage;
    this.#change(caller, amount);
    return new Loan(caller, amount, (who, by) => this.#change(who, by));
  }

  /** Lends `amount` even if it is not available: for what is already held. */
  borrowAnyway(caller: string, amount: number): Loan {
    this.#change(caller, amount);
    return new Loan(caller, amount, (who, by) => this.#change(who, by));
  }

  /**
   * Adds to a loan, or adds nothing and returns which bound prevents it. A loan that was given back
   * cannot grow.
   */
  grow(loan: Loan, amount: number): Shortage | undefined {
    const shortage = this.shortageOf(loan.caller, amount);
    if (shortage === undefined) loan.add(amount);
    return shortage;
  }

  #change(caller: string, by: number): void {
    if (by === 0) return;
    this.#sum += by;
    const now = this.heldBy(caller) + by;
    if (now > 0) this.#held.set(caller, now);
    else this.#held.delete(caller);
  }
}

/** What one caller holds for one purpose. */
export class Loan implements Disposable {
  readonly #change: (caller: string, by: number) => void;
  #caller: string;
  #amount: number;
  #over = false;

  constructor(caller: string, amount: number, change: (caller: string, by: number) => void) {
    this.#caller = caller;
    this.#amount = amount;
    this.#change = change;
  }

  get caller(): string {
    return this.#caller;
  }

  get amount(): number {
    return this.#amount;
  }

  /** Adds to the loan even if nothing is available; does nothing once it was given back. */
  add(amount: number): void {
    if (this.#over) return;
    this.#amount += amount;
    this.#change(this.#caller, amount);
  }

  /** Moves the loan to another caller: the caller may be known only after the loan began. */
  moveTo(caller: string): void {
    if (this.#over || caller === this.#caller) return;
    this.#change(this.#caller, -this.#amount);
    this.#caller = caller;
    this.#change(caller, this.#amount);
  }

  /** Gives all of it back; a second call does nothing. */
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    this.#change(this.#caller, -this.#amount);
    this.#amount = 0;
  }
}
