// However many pieces overlap, a sweep holds no more samples than its bound, and every sample comes
// once, in its place.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SampleBudget } from "../store/sample-budget.ts";
import type { Series } from "../store/series.ts";
import { OpenPieces } from "./open-pieces.ts";
import { mergePieces, type Piece, type PieceGroup } from "./pieces.ts";
import { sweep } from "./sweep.ts";

const range = { fromUs: 0, toUs: 1_000 };
const budgetOf = (max: number) => new SampleBudget({ max, least: 1 });
const seriesOf = (id: number) => ({ id }) as Series;

type Stored = { series: Series; rank: number; timesUs: number[]; values: number[] };

/** Pieces that can be loaded again, and a count of the loads. */
function store() {
  let loads = 0;
  const toPiece = ({ series, rank, timesUs, values }: Stored): Piece => ({
    series,
    rank,
    column: { timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) },
    revisions: Float64Array.from(timesUs, () => rank),
    stored: { by: { series, rank, timesUs, values }, load },
  });
  const load = async (by: readonly object[]) => {
    loads += by.length;
    return (by as Stored[]).map(toPiece);
  };
  return { toPiece, loads: () => loads };
}

async function* sourceOf(
  pieces: readonly Piece[],
  groupSize: number,
): AsyncGenerator<PieceGroup, void, undefined> {
  for (let at = 0; at < pieces.length; at += groupSize)
    yield {
      pieces: pieces.slice(at, at + groupSize),
      nextFirstUs: pieces[at + groupSize]?.column.timesUs[0] ?? Number.POSITIVE_INFINITY,
    };
}

const overlapping = fc
  .array(
    fc.record({
      series: fc.nat(2),
      timesUs: fc.array(fc.integer({ min: -20, max: 1_020 }), { minLength: 1, maxLength: 60 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((pieces) =>
    pieces.map(({ series, timesUs }) => ({ series, timesUs: timesUs.sort((a, b) => a - b) })),
  );

test("overlapping pieces of a few series: every sample once, in order of (time, rank), whatever may be held", () =>
  fc.assert(
    fc.asyncProperty(
      overlapping,
      fc.record({
        maxHeld: fc.integer({ min: 60, max: 400 }),
        minSamples: fc.integer({ min: 1, max: 100 }),
        groupSize: fc.integer({ min: 1, max: 5 }),
      }),
      async (drawn, { groupSize, maxHeld, minSamples }) => {
        const budget = budgetOf(maxHeld);
        const { toPiece } = store();
        const all = [0, 1, 2].map(seriesOf);
        let value = 0;
        const stored = drawn.map(
          ({ series, timesUs }, i): Stored => ({
            series: all[series]!,
            rank: i + 1,
            timesUs,
            values: timesUs.map(() => value++),
          }),
        );
        const halves = [stored.filter((_, i) => i % 2 === 0), stored.filter((_, i) => i % 2 === 1)];
        const sources = halves.map((half) =>
          sourceOf(
            half.sort((a, b) => a.timesUs[0]! - b.timesUs[0]! || a.rank - b.rank).map(toPiece),
            groupSize,
          ),
        );
        const found = new Map(all.map((series) => [series, [] as number[]]));
        let doneUs = Number.NEGATIVE_INFINITY;
        for await (const { toUs, parts } of sweep(sources, { ...range, minSamples, budget })) {
          for (const [series, pieces] of parts) {
            const { timesUs, values } = mergePieces(pieces);
            expect(timesUs[0]!).toBeGreaterThanOrEqual(doneUs);
            expect(timesUs.at(-1)!).toBeLessThan(toUs);
            for (const one of values) found.get(series)!.push(one);
          }
          doneUs = toUs;
        }
        for (const series of all) {
          const expected = stored
            .filter((one) => one.series === series)
            .flatMap(({ rank, timesUs, values }) =>
              timesUs.map((timeUs, i) => ({ timeUs, rank, value: values[i]! })),
            )
            .filter(({ timeUs }) => timeUs >= range.fromUs && timeUs < range.toUs)
            .sort((a, b) => a.timeUs - b.timeUs || a.rank - b.rank || a.value - b.value);
          expect(found.get(series)).toEqual(expected.map(({ value: one }) => one));
        }
      },
    ),
    { numRuns: 300 },
  ));

const hundred = Array.from({ length: 100 }, (_, i) => i * 10);
const pieceOf = (rank: number, timesUs: number[]): Stored => ({
  series: seriesOf(1),
  rank,
  timesUs,
  values: timesUs,
});

test("what is held stays below the bound, and does not keep what was let go", async () => {
  const { toPiece } = store();
  const open = new OpenPieces({ ...range, budget: { share: 500 } });
  for (let rank = 1; rank <= 50; rank++) {
    open.add(toPiece(pieceOf(rank, hundred)));
    open.shed();
    expect(open.held).toBeLessThanOrEqual(500);
  }
  expect(open.ceilingUs).toBe(open.againUs);
  const parts = [...open.take(open.ceilingUs).values()].flat();
  expect(parts).toHaveLength(50);
  for (const { column } of parts) expect(column.timesUs.buffer.byteLength).toBeLessThan(8 * 100);
  expect(open.held).toBe(0);
});

test("pieces that follow each other are loaded once", async () => {
  const { toPiece, loads } = store();
  const pieces = Array.from({ length: 10 }, (_, i) =>
    toPiece(
      pieceOf(
        i + 1,
        hundred.map((us) => i * 100 + us / 10),
      ),
    ),
  );
  let count = 0;
  for await (const { parts } of sweep([sourceOf(pieces, 2)], {
    ...range,
    minSamples: 1,
    budget: budgetOf(300),
  }))
    for (const { column } of [...parts.values()].flat()) count += column.timesUs.length;
  expect(count).toBe(1_000);
  expect(loads()).toBe(0);
});

test("more at one time than can be parted is refused", () => {
  const { toPiece } = store();
  const open = new OpenPieces({ ...range, budget: { share: 100 }, maxAtOneTime: 800 });
  const add = (rank: number) => {
    const all = hundred.map(() => 5);
    open.add(toPiece(pieceOf(rank, all)));
    open.shed();
  };
  for (let rank = 1; rank <= 8; rank++) add(rank);
  expect(open.held).toBe(800);
  const metadata = { limit: "samples-at-one-time", max: "800" };
  expect(() => add(9)).toThrow(expect.objectContaining({ reason: "QUESTION_TOO_LARGE", metadata }));
});

test("readers share the budget, down to the least that each needs, and give it back when they leave", async () => {
  const budget = new SampleBudget({ max: 1_000, least: 300 });
  expect(budget.share).toBe(1_000);
  const { toPiece } = store();
  const pieces = [toPiece(pieceOf(1, hundred)), toPiece(pieceOf(2, hundred))];
  const reading = () => sweep([sourceOf(pieces, 1)], { ...range, minSamples: 1, budget });
  const readers = [reading(), reading()];
  for (const reader of readers) await reader.next();
  expect(budget.share).toBe(500);
  for await (const _ of reading()) expect(budget.share).toBeGreaterThanOrEqual(333);
  const more = [reading(), reading()];
  for (const reader of more) await reader.next();
  expect(budget.share).toBe(300);
  for (const reader of [...readers, ...more]) await reader.return();
  expect(budget.readers).toBe(0);
});

test("many small pieces come in slices of some thousand of them, however many samples are wanted", async () => {
  const { toPiece } = store();
  const pieces = Array.from({ length: 20_000 }, (_, i) =>
    toPiece({ series: seriesOf(i % 500), rank: i, timesUs: [i], values: [i] }),
  );
  const options = { fromUs: 0, toUs: 20_000, minSamples: 1_000_000, budget: budgetOf(10_000_000) };
  const sizes: number[] = [];
  for await (const { parts } of sweep([sourceOf(pieces, 512)], options))
    sizes.push([...parts.values()].reduce((sum, own) => sum + own.length, 0));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(20_000);
  for (const size of sizes) expect(size).toBeLessThanOrEqual(1_024 + 512);
});

test("of a piece that is open in part, no more than twice that is held, from its start and as it is used up", () => {
  const { toPiece } = store();
  const timesUs = Array.from({ length: 10_000 }, (_, i) => i);
  const piece = { series: seriesOf(1), rank: 1, timesUs, values: timesUs };
  const open = new OpenPieces({ fromUs: 9_000, toUs: 10_000, budget: budgetOf(1e6) });
  open.add(toPiece(piece));
  const heldBy = (parts: ReturnType<OpenPieces["take"]>) => {
    const [{ column, revisions }] = parts.get(piece.series) as [Piece];
    return [column.timesUs, column.values, revisions!].map(({ buffer }) => buffer.byteLength / 8);
  };
  const first = open.take(9_900);
  expect(heldBy(first)).toEqual([1_000, 1_000, 1_000]);
  const last = open.take(10_000);
  expect(heldBy(last)).toEqual([100, 100, 100]);
  const taken = [first, last].flatMap((parts) => [...parts.get(piece.series)![0]!.column.timesUs]);
  expect(taken).toEqual(timesUs.slice(9_000));
});
