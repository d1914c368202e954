// What the live feeds send: how many are open, and how much passes.
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { countSamples } from "../../codec/wire/samples.ts";
import { RateMeter } from "../domain/rate-meter.ts";

export class SentByFeeds {
  #open = 0;
  readonly #batches: RateMeter;
  readonly #records: RateMeter;
  readonly #bytes: RateMeter;

  constructor(monotonicMs: () => number = () => performance.now()) {
    [this.#batches, this.#records, this.#bytes] = [1, 2, 3].map(
      () => new RateMeter(monotonicMs),
    ) as [RateMeter, RateMeter, RateMeter];
  }

  /** A feed is open until disposal. */
  enter(): Disposable {
    this.#open += 1;
    return {
      [Symbol.dispose]: () => {
        this.#open -= 1;
      },
    };
  }

  /** One feed sends these batches, of at most so many bytes. */
  note(batches: readonly Batch[], bytes: number): void {
    if (batches.length === 0) return;
    let records = 0;
    for (const { samples, stateChanges, errorReports } of batches) {
      records += stateChanges.length + errorReports.length;
      for (const column of samples) records += countSamples(column);
    }
    this.#batches.add(batches.length);
    this.#records.add(records);
    this.#bytes.add(bytes);
  }

  read(): { open: number; batches: number; records: number; bytes: number } {
    return {
      open: this.#open,
      batches: this.#batches.perSecond(),
      records: this.#records.perSecond(),
      bytes: this.#bytes.perSecond(),
    };
  }
}
