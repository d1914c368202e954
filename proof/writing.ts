// Writers on every accessor at once: batches of samples, states and errors, as fast as they are
// accepted or at a given pace.
import { setTimeout as sleep } from "node:timers/promises";
import { openUplink, type Uplink } from "../client/send/uplink.ts";
import { countRecords } from "../codec/wire/count-records.ts";
import { createLog } from "../runtime/log.ts";
import { eventually } from "../test/testing/eventually.ts";
import { makeBatch } from "./chaos/batches.ts";

export interface Writing extends AsyncDisposable {
  /** Records acknowledged so far; nearly all are samples, and some of them were rejected. */
  readonly ackedRecords: number;
  /** Resolves when this many are acknowledged. */
  reached(records: number): Promise<void>;
  /** From now on each writer pauses this long between batches. */
  slowDown(pauseMs: number): void;
  /** Ends the writers and waits for their acks. */
  end(): Promise<void>;
}

export async function startWriting(
  urls: readonly string[],
  { seed, writersEach }: { seed: number; writersEach: number },
): Promise<Writing> {
  await using stack = new AsyncDisposableStack();
  const stop = new AbortController();
  const { signal: abort } = stop;
  const uplinks: Uplink[] = [];
  const ackedRecords = () => uplinks.reduce((sum, { status }) => sum + status.ackedRecords, 0);
  let pauseMs = 0;
  const write = async (producer: string, accessor: string) => {
    const log = createLog({ name: producer, level: "error" });
    const outboxBytes = 2 ** 18;
    await using uplink = await openUplink({ accessor, producerId: producer, outboxBytes, log });
    uplinks.push(uplink);
    for (let sequence = 1; !abort.aborted; sequence++) {
      const { batch } = makeBatch({ seed, producer, variant: 0, sequence });
      if (countRecords(batch) === 0) continue;
      await uplink.append(batch, { abort: AbortSignal.timeout(60_000) });
      if (pauseMs > 0) await sleep(pauseMs);
      else if (sequence % 50 === 0) await sleep(0);
    }
    await uplink.flush({ abort: AbortSignal.timeout(60_000) });
  };
  const running = Promise.all(
    urls.flatMap((url, i) =>
      Array.from({ length: writersEach }, (_, j) => write(`writer-${i}-${j}`, url)),
    ),
  );
  running.catch(() => {});
  const end = async () => {
    stop.abort(new Error("enough was written"));
    await running;
  };
  stack.defer(end);
  const owned = stack.move();
  return {
    get ackedRecords() {
      return ackedRecords();
    },
    async reached(records) {
      await eventually(`${records} records are acknowledged`, () => ackedRecords() >= records, {
        withinMs: 300_000,
      });
    },
    slowDown(ms) {
      pauseMs = ms;
    },
    end,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
