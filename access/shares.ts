// Fair shares of what is limited: slots, bytes in flight, bytes held. Nobody takes all of it, and
// whoever comes next finds room. Pure.

export type SharesOptions = {
  /** What there is. */
  total: number;
  /**
   * The most that one caller may hold, however much is free. Default: a quarter of the total, at
   * least 1.
   */
  perCaller?: number;
};

/** own: the caller is beyond its share, the others are not. all: there is no more for anyone. */
export type Shortage = "own" | "all";

/**
 * A caller may hold `perCaller`, and never more than what is then still free for others: of 100,
 * one that could take all of it gets 50, the next 25, and there is always something left for who
 * comes after them. A loan that is granted is never taken away.
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

  /** Who holds most; undefined if nobody holds anything. */
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
    // Whoever is beyond its share hears of that, also where there is nothing left for others.
    if (own > this.perCaller) return "own";
    if (this.#sum + amount > this.total) return "all";
    // Its first unit leaves nobody worse off than the bound on all of it does.
    const wanted = own > 1 ? own : 0;
    return wanted > this.total - this.#sum - amount ? "own" : undefined;
  }

  /** Lends `amount`, which may be 0 where it is to grow, or says what it lacks. */
  borrow(caller: string, amount: number): Loan | Shortage {
    const shortage = this.shortageOf(caller, amount);
    if (shortage !== undefined) return shortage;
    this.#change(caller, amount);
    return new Loan(caller, amount, (who, by) => this.#change(who, by));
  }

  /** Lends `amount` whether it is there or not: for what is held already. */
  borrowAnyway(caller: string, amount: number): Loan {
    this.#change(caller, amount);
    return new Loan(caller, amount, (who, by) => this.#change(who, by));
  }

  /**
   * Adds to a loan, or says what it lacks; then nothing was added. A loan that was given back takes
   * nothing more.
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

  /** Counts more of it, whether it is there or not; nothing once it was given back. */
  add(amount: number): void {
    if (this.#over) return;
    this.#amount += amount;
    this.#change(this.#caller, amount);
  }

  /** Counts it for another: who calls may show only after it began. */
  moveTo(caller: string): void {
    if (this.#over || caller === this.#caller) return;
    this.#change(this.#caller, -this.#amount);
    this.#caller = caller;
    this.#change(caller, this.#amount);
  }

  /** Gives all of it back, once; again is nothing. */
  giveBack(): void {
    if (this.#over) return;
    this.#over = true;
    this.#change(this.#caller, -this.#amount);
    this.#amount = 0;
  }

  [Symbol.dispose](): void {
    this.giveBack();
  }
}
