// Recalculates the sums of blocks whose series got another max_gap or type, some at a time,
// alongside compaction. Until all blocks of a series are done, their sums are not used: reads
// decode the blocks instead.
import { setImmediate as nextTurn } from "node:timers/promises";
import { decodeBlock } from "../../codec/block/decode.ts";
import type { Log } from "../../runtime/log.ts";
import { betweenOf } from "../history/line-area.ts";
import { summarize } from "../history/summary.ts";
import { blockParts } from "../store/block-parts.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readHistoryExtent, readPayloads } from "../store/history.ts";
import type { Series } from "../store/series.ts";
import {
  finishRestating,
  type Place,
  readStaleBlocks,
  readStaleSeries,
  type StaleBlock,
  type Sums,
  writeSums,
} from "../store/stale-blocks.ts";
import { readWatermark } from "../store/watermark.ts";

export type RestateOptions = { database: Database; catalog: Catalog; log: Log; abort: AbortSignal };

const seriesAtOnce = 16;
const blocksAtOnce = 256;
/** Samples of one turn: some 100 ms of work. */
const samplesPerTurn = 1_000_000;
const everything = { fromUs: Number.MIN_SAFE_INTEGER, toUs: Number.MAX_SAFE_INTEGER };

/**
 * Works one turn at a time; returns whether there is more. Finished blocks stay finished, but only
 * this process knows which series is in progress: another process begins that series again.
 */
export class Restating {
  readonly #options: RestateOptions;
  #inHand: { series: Series; staleThrough: number; after: Place; untilUs: number } | undefined;

  constructor(options: RestateOptions) {
    this.#options = options;
  }

  async turn(): Promise<boolean> {
    const { database, catalog, abort } = this.#options;
    let samples = 0;
    while (samples < samplesPerTurn) {
      const watermark = await readWatermark(database, Number.MAX_SAFE_INTEGER, { abort });
      if (this.#inHand === undefined) {
        const [id] = await readStaleSeries(database, { watermark, limit: seriesAtOnce }, { abort });
        if (id === undefined) return false;
        await catalog.reload([id]);
        this.#inHand = await this.#begin(await catalog.get(id), watermark);
      }
      const { series, staleThrough } = this.#inHand;
      if (series.staleThrough !== staleThrough) {
        this.#inHand = undefined;
        continue;
      }
      const done = await this.#some(this.#inHand);
      if (done === undefined) await this.#finish(this.#inHand);
      else samples += done;
    }
    return true;
  }

  async #begin(series: Series, watermark: number) {
    const { database, abort } = this.#options;
    const extent = await readHistoryExtent(
      database,
      { series, watermark, ...everything },
      { abort },
    );
    const first = extent?.firstUs ?? Number.MAX_SAFE_INTEGER;
    const after = { bucketUs: first, firstUs: Number.MIN_SAFE_INTEGER, blockId: 0 };
    return {
      series,
      staleThrough: series.staleThrough,
      after,
      untilUs: (extent?.lastUs ?? first) + 1,
    };
  }

  /** How many samples were summed up; undefined: none are left. */
  async #some(inHand: {
    series: Series;
    after: Place;
    untilUs: number;
  }): Promise<number | undefined> {
    const { database, abort } = this.#options;
    const { series, after, untilUs } = inHand;
    const range = { fromUs: after.bucketUs, toUs: untilUs, watermark: Number.MAX_SAFE_INTEGER };
    for (const part of await blockParts(database, range, { abort })) {
      const blocks = await readStaleBlocks(
        database,
        { series, part, after, limit: blocksAtOnce },
        { abort },
      );
      if (blocks.length === 0) continue;
      await writeSums(database, await this.#sumUp(blocks, series), { series, part }, { abort });
      inHand.after = blocks.at(-1)!;
      return blocks.reduce((sum, { samples }) => sum + samples, 0);
    }
    return undefined;
  }

  async #sumUp(blocks: readonly StaleBlock[], series: Series): Promise<(StaleBlock & Sums)[]> {
    const { database, abort } = this.#options;
    const payloads = await readPayloads(database, blocks, { withCommits: false, abort });
    const between = betweenOf(series);
    const summed: (StaleBlock & Sums)[] = [];
    for (const block of blocks) {
      const column = decodeBlock(payloads.get(block.blockId)!.payload);
      const { integral, coveredUs } = summarize(column, between);
      summed.push({ ...block, integral: integral.high, coveredUs });
      await nextTurn();
    }
    return summed;
  }

  async #finish({ series }: { series: Series }): Promise<void> {
    const { database, catalog, log, abort } = this.#options;
    const { machine, signal: name } = series;
    const done = await finishRestating(database, series, { abort });
    this.#inHand = undefined;
    await catalog.reload([series.id]);
    if (done)
      log.info("the sums of a signal were recalculated by its new declaration", {
        machine,
        signal: name,
      });
  }
}
