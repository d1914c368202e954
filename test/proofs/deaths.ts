// When a process that is killed and started again was dead: what a machine does then, nobody records.
import type { KeptProcess } from "../chaos/process.ts";

/** Before its end a process may have made what it had not put into its spool yet: an interval of 250 ms and a write. */
const beforeUs = 1_500_000;
/** After its start it needs so long until it makes anything, on a busy machine. */
const afterUs = 6_000_000;

export class Deaths implements Disposable {
  readonly #lives: { pid: number; fromUs: number; throughUs: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(process: KeptProcess) {
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

  /** Whether between two samples the process died and came again, and not much else. */
  readonly mayMiss = (beforeSampleUs: number, afterSampleUs: number): boolean =>
    this.#lives.some((life, i) => {
      const next = this.#lives[i + 1];
      return (
        next !== undefined &&
        beforeSampleUs >= life.throughUs - beforeUs &&
        beforeSampleUs <= next.fromUs &&
        afterSampleUs <= next.fromUs + afterUs
      );
    });

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
