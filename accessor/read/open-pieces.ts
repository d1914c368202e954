// The pieces that a sweep holds: parts that reach into the present slice. Above a bound it releases
// the latest of them, and loads them again when their time comes.

import { lowerBound } from "../../codec/lower-bound.ts";
import { Failure } from "../domain/failure.ts";
import type { SampleBudget } from "../store/sample-budget.ts";
import type { Series } from "../store/series.ts";
import { type Piece, partOf } from "./pieces.ts";

/**
 * A piece is open from offset to end. It starts at a position of a stored row or block, which has a
 * known number of samples. order: order of arrival.
 */
type Open = {
  piece: Piece;
  place: number;
  samples: number;
  offset: number;
  end: number;
  order: number;
};

/** The rest of a stored piece from a position on, without its samples. */
type LetGo = Pick<Piece, "stored"> & Pick<Open, "place" | "samples" | "order"> & { nextUs: number };

// Released pieces are loaded again in portions like those of the sources.
const portionSamples = 131_072;
const probes = 2_048;

export type OpenPiecesOptions = {
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  /** Its share is about how many samples to hold; briefly, one portion more. */
  budget: Pick<SampleBudget, "share">;
  /** Samples at one time cannot be split. Default 1,048,576, so ten of each series are possible. */
  maxAtOneTime?: number;
};

export class OpenPieces {
  readonly #options: OpenPiecesOptions;
  #open: Open[] = [];
  #held = 0;
  /** By order: a piece that is released twice has one rest. */
  readonly #letGo = new Map<number, LetGo>();
  /** The same rests, the earliest last; undefined if it has to be sorted. */
  #again: LetGo[] | undefined = [];
  #ceilingUs = Number.POSITIVE_INFINITY;
  #arrived = 0;

  constructor(options: OpenPiecesOptions) {
    this.#options = options;
  }

  /** Samples held. */
  get held(): number {
    return this.#held;
  }

  /** Number of pieces that hold them. */
  get pieces(): number {
    return this.#open.length;
  }

  /** Samples from this time on are not held; infinity if all are. */
  get ceilingUs(): number {
    return this.#ceilingUs;
  }

  /** Start of the first released piece; infinity if none is released. */
  get againUs(): number {
    return this.#sorted().at(-1)?.nextUs ?? Number.POSITIVE_INFINITY;
  }

  add(piece: Piece): void {
    this.#push(piece, {
      offset: lowerBound(piece.column.timesUs, this.#options.fromUs),
      order: this.#arrived++,
    });
  }

  /** Loads some of the released pieces, the earliest first. */
  async loadAgain(): Promise<void> {
    const list = this.#sorted();
    const wanted: LetGo[] = [];
    for (let samples = 0; list.length > 0; ) {
      const next = list.at(-1)!;
      samples += next.samples;
      const fits = samples <= portionSamples && next.stored.load === wanted[0]?.stored.load;
      if (next.nextUs >= this.#ceilingUs || (wanted.length > 0 && !fits)) break;
      list.pop();
      wanted.push(next);
      this.#letGo.delete(next.order);
    }
    if (wanted.length === 0) return;
    const pieces = await wanted[0]!.stored.load(wanted.map(({ stored }) => stored.by));
    for (const [i, { place, order }] of wanted.entries())
      this.#push(pieces[i]!, { offset: place, order });
  }

  #push(piece: Piece, { offset, order }: Pick<Open, "offset" | "order">): void {
    const { timesUs } = piece.column;
    const end = lowerBound(timesUs, this.#options.toUs);
    if (offset >= end) return;
    const kept = this.#below({ piece, place: 0, samples: timesUs.length, offset, end, order });
    if (kept === undefined) return;
    this.#open.push(tight(kept));
    this.#held += kept.end - kept.offset;
  }

  #sorted(): LetGo[] {
    this.#again ??= [...this.#letGo.values()].sort(
      (a, b) => b.nextUs - a.nextUs || b.order - a.order,
    );
    return this.#again;
  }

  /**
   * Releases the later half if it holds too much. Fails with QUESTION_TOO_LARGE if too much is at
   * one time.
   */
  shed(): void {
    const { budget, maxAtOneTime = 1_048_576 } = this.#options;
    const maxHeld = budget.share;
    while (this.#held > maxHeld) {
      const timeUs = this.timeOf(maxHeld / 2);
      if (timeUs === undefined) {
        if (this.#held <= maxAtOneTime) return;
        const message = `more than ${maxAtOneTime} samples are at one time: ask for a range without that time`;
        const metadata = { limit: "samples-at-one-time", max: String(maxAtOneTime) };
        throw new Failure("QUESTION_TOO_LARGE", message, { metadata });
      }
      this.#ceilingUs = timeUs;
      this.#open = this.#open.flatMap((open) => this.#below(open) ?? []);
      this.#held = this.#open.reduce((sum, { offset, end }) => sum + end - offset, 0);
    }
  }

  /** The number of held samples before a time. */
  countBefore(boundUs: number): number {
    return this.#open.reduce((sum, open) => sum + endBefore(open, boundUs) - open.offset, 0);
  }

  /**
   * Takes the samples before a time; those of each series ascending by rank, then in order of
   * arrival.
   */
  take(boundUs: number): Map<Series, Piece[]> {
    const parts = new Map<Series, Open[]>();
    for (const open of this.#open) {
      const end = endBefore(open, boundUs);
      if (end <= open.offset) continue;
      const part = { ...open, end };
      this.#held -= end - open.offset;
      open.offset = end;
      const list = parts.get(open.piece.series);
      if (list === undefined) parts.set(open.piece.series, [part]);
      else list.push(part);
    }
    this.#open = this.#open.filter(({ offset, end }) => offset < end).map(tight);
    if (boundUs >= this.#ceilingUs) this.#ceilingUs = Number.POSITIVE_INFINITY;
    return new Map([...parts].map(([series, list]) => [series, inOrder(list)]));
  }

  /** The part of an open piece below the ceiling, as a copy; the rest is released. */
  #below(open: Open): Open | undefined {
    const { piece, place, samples, offset, end, order } = open;
    const cut = endBefore(open, this.#ceilingUs);
    if (cut === end) return open;
    const { stored } = piece;
    this.#letGo.set(order, {
      stored,
      place: place + cut,
      samples,
      order,
      nextUs: piece.column.timesUs[cut]!,
    });
    this.#again = undefined;
    if (cut <= offset) return undefined;
    return onItsOwn({ ...open, end: cut });
  }

  /** A time before which about this many samples lie; undefined if all are at one time. */
  timeOf(samples: number): number | undefined {
    const step = Math.max(1, Math.floor(this.#held / probes));
    const found: number[] = [];
    let leastUs = Number.POSITIVE_INFINITY;
    let nextUs = Number.POSITIVE_INFINITY;
    let skip = 0;
    for (const { piece, offset, end } of this.#open) {
      const { timesUs } = piece.column;
      let at = offset + skip;
      for (; at < end; at += step) found.push(timesUs[at]!);
      skip = at - end;
      leastUs = Math.min(leastUs, timesUs[offset]!);
    }
    found.sort((a, b) => a - b);
    const from = Math.min(found.length - 1, Math.floor(samples / step));
    const later = found[from]! > leastUs ? found[from] : found.find((timeUs) => timeUs > leastUs);
    if (later !== undefined) return later;
    for (const { piece, offset, end } of this.#open) {
      const at = Math.max(offset, lowerBound(piece.column.timesUs, leastUs + 1));
      if (at < end) nextUs = Math.min(nextUs, piece.column.timesUs[at]!);
    }
    return nextUs === Number.POSITIVE_INFINITY ? undefined : nextUs;
  }
}

function endBefore({ piece, offset, end }: Open, boundUs: number): number {
  return Math.max(offset, Math.min(end, lowerBound(piece.column.timesUs, boundUs)));
}

function inOrder(list: Open[]): Piece[] {
  list.sort((a, b) => a.piece.rank - b.piece.rank || a.order - b.order);
  return list.map(({ piece, offset, end }) => partOf(piece, offset, end));
}

/** A copy of the open part. A view would keep the whole array in memory. */
function onItsOwn(open: Open): Open {
  const { place, offset, end } = open;
  const { column, revisions, ...piece } = partOf(open.piece, offset, end);
  const own = { timesUs: column.timesUs.slice(), values: column.values.slice() };
  return {
    ...open,
    piece: { ...piece, column: own, revisions: revisions?.slice() },
    place: place + offset,
    offset: 0,
    end: end - offset,
  };
}

/**
 * Copies the open part of a partly read piece if it is less than half of its array, so that the
 * memory in use is at most twice what counts as held. Whole pieces keep sharing their arrays.
 */
function tight(open: Open): Open {
  const { piece, offset, end } = open;
  const { length, buffer, BYTES_PER_ELEMENT } = piece.column.timesUs;
  if (offset === 0 && end === length) return open;
  return 2 * (end - offset) * BYTES_PER_ELEMENT < buffer.byteLength ? onItsOwn(open) : open;
}
