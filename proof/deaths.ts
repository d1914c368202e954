// The times during which a process that is killed and restarted was dead: nothing records a
// machine's signals then.
import { readFileSync } from "node:fs";
import type { KeptProcess } from "./chaos/process.ts";

export type Life = { pid: number; fromUs: number; throughUs: number };

/**
 * Before its end, a process may have made records that were not in its spool yet: an interval of
 * 250 ms and a write.
 */
const beforeUs = 1_500_000;
/**
 * A producer makes samples from the moment it opens its spool; the log has milliseconds, the grid
 * one sample every ten.
 */
const afterUs = 20_000;

export class Deaths implements Disposable {
  readonly #process: KeptProcess;
  readonly #lives: Life[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(process: KeptProcess) {
    this.#process = process;
    this.#timer = setInterval(() => {
      const { pid } = process;
      const nowUs = Date.now() * 1000;
      const last = this.#lives.at(-1);
      if (pid === undefined) return;
      if (last?.pid === pid) last.throughUs = nowUs;
      else this.#lives.push({ pid, fromUs: nowUs, throughUs: nowUs });
    }, 20);
  }

  get count(): number {
    return this.#lives.length - 1;
  }

  /** In the form of missingBetween, from the log that the process has written so far. */
  judge(): (beforeSampleUs: number, afterSampleUs: number) => boolean {
    return missingBetween(this.#lives, spoolOpenings(readFileSync(this.#process.logPath, "utf8")));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * When a producer logged "spool open", in its log of JSON lines. A kill may have truncated a line.
 */
export function spoolOpenings(log: string): number[] {
  const times = log.matchAll(/^\{"time":"([^"]+)".*?"message":"spool open"/gm);
  return Array.from(times, ([, time]) => Date.parse(time!) * 1000);
}

/**
 * Whether the process died and was restarted between two samples, and little else happened. The
 * time of a start depends on the machine: a death lasts until a life opens the spool, across lives
 * that ended before they did, and across those too short to have stored anything.
 */
export function missingBetween(
  lives: readonly Life[],
  openingsUs: readonly number[],
): (beforeSampleUs: number, afterSampleUs: number) => boolean {
  const dead: { fromUs: number; toUs: number }[] = [];
  for (const { throughUs } of lives.slice(0, -1)) {
    const openedUs = openingsUs.find((us) => us > throughUs);
    if (openedUs === undefined) continue;
    const [fromUs, toUs] = [throughUs - beforeUs, openedUs + afterUs];
    const last = dead.at(-1);
    if (last !== undefined && fromUs <= last.toUs) last.toUs = Math.max(last.toUs, toUs);
    else dead.push({ fromUs, toUs });
  }
  return (beforeSampleUs, afterSampleUs) =>
    dead.some(({ fromUs, toUs }) => beforeSampleUs >= fromUs && afterSampleUs <= toUs);
}
