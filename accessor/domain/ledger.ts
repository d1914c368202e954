// One place for what is borrowed in this accessor, and for what was refused and why: it can be read
// and logged, and must be empty when a test ends.
import type { Log } from "../../runtime/log.ts";

export class Ledger {
  readonly #gauges = new Map<string, () => number>();
  readonly #refusals = new Map<string, number>();
  #logged = new Map<string, number>();

  /** Counts something as borrowed while its gauge is not 0. */
  count(name: string, gauge: () => number): void {
    this.#gauges.set(name, gauge);
  }

  /** How much of everything is borrowed now. */
  borrowed(): Record<string, number> {
    return Object.fromEntries([...this.#gauges].map(([name, gauge]) => [name, gauge()]));
  }

  /** limit: which of the limits was reached. */
  refuse(limit: string): void {
    this.#refusals.set(limit, (this.#refusals.get(limit) ?? 0) + 1);
  }

  /** How often each limit has been reached since the start. */
  refused(): Record<string, number> {
    return Object.fromEntries(this.#refusals);
  }

  /** Refusals since the last call; only those that are not 0. */
  takeNewRefusals(): Record<string, number> {
    const before = this.#logged;
    this.#logged = new Map(this.#refusals);
    const fresh = [...this.#refusals].map(
      ([limit, count]) => [limit, count - (before.get(limit) ?? 0)] as const,
    );
    return Object.fromEntries(fresh.filter(([, count]) => count > 0));
  }
}

/** Logs the refusals of the last minute, if any, with what is borrowed at that moment. */
export function logRefusals(
  ledger: Ledger,
  { log, intervalMs = 60_000 }: { log: Log; intervalMs?: number },
): Disposable {
  const tell = () => {
    const refused = ledger.takeNewRefusals();
    if (Object.keys(refused).length === 0) return;
    const borrowed = Object.fromEntries(
      Object.entries(ledger.borrowed()).filter(([, amount]) => amount > 0),
    );
    log.warn("limits were reached", { refused, borrowed });
  };
  const timer = setInterval(tell, intervalMs);
  timer.unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      tell();
    },
  };
}
