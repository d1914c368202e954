// Spans adjoin, follow the clock, and make up for lateness.
import { expect, test } from "vitest";
import { type Clock, type PaceOptions, paceSpans, type Span } from "./pace.ts";

const startUs = Date.UTC(2026, 2, 1) * 1000;

/** A clock that moves when slept on; `late` adds to a sleep, as a busy event loop would. */
function createClock({
  atUs = startUs,
  late = () => 0,
}: {
  atUs?: number;
  late?: () => number;
} = {}) {
  const clock: Clock & { atUs: number; slept: number[] } = {
    atUs,
    slept: [],
    nowUs: () => clock.atUs,
    async sleep(ms: number, abort: AbortSignal) {
      abort.throwIfAborted();
      clock.slept.push(ms);
      clock.atUs += Math.round((ms + late()) * 1000);
    },
  };
  return clock;
}

type Given = Partial<PaceOptions> & { clock: Clock };
async function spansOf(given: Given, onSpan: (span: Span) => void = () => {}): Promise<Span[]> {
  const spans: Span[] = [];
  const { signal: abort } = new AbortController();
  for await (const span of paceSpans({
    startUs,
    batchIntervalMs: 250,
    maxSpanUs: 100e6,
    abort,
    ...given,
  })) {
    spans.push(span);
    onSpan(span);
  }
  return spans;
}

const adjoin = (spans: readonly Span[]) =>
  spans.slice(1).every(({ fromUs }, i) => fromUs === spans[i]!.toUs);

test("live spans come every interval, on its multiples", async () => {
  const clock = createClock({ atUs: startUs + 100_000 });
  const spans = await spansOf({ clock, startUs: clock.atUs, untilUs: startUs + 2_000_000 });
  expect(spans.map(({ toUs }) => (toUs - startUs) / 1000)).toEqual([
    250, 500, 750, 1000, 1250, 1500, 1750, 2000,
  ]);
  expect(
    adjoin(spans) && spans[0]!.fromUs === startUs + 100_000 && spans.every(({ live }) => live),
  ).toBe(true);
});

test("a late event loop makes spans longer, loses nothing and does not drift", async () => {
  const delays = [0, 90, 0, 1700, 3, 0, 0, 0];
  const clock = createClock({ late: () => delays.shift() ?? 0 });
  const spans = await spansOf({ clock, untilUs: startUs + 4_000_000 });
  expect(adjoin(spans) && spans[0]!.fromUs === startUs).toBe(true);
  expect(spans.at(-1)!.toUs).toBe(startUs + 4_000_000);
  expect(spans.slice(-4).every(({ toUs }) => (toUs - startUs) % 250_000 === 0)).toBe(true);
});

test("the past goes out without a pause, then it goes on live", async () => {
  const clock = createClock({ atUs: startUs + 3600e6 });
  let backfilled = -1;
  const spans = await spansOf({ clock, untilUs: startUs + 3601e6 }, (span) => {
    // Sending takes time too: the present moves on while the past is sent.
    if (!span.live) clock.atUs += 10_000;
    else if (backfilled < 0) backfilled = clock.slept.length;
  });
  expect(adjoin(spans)).toBe(true);
  expect(spans[0]).toEqual({ fromUs: startUs, toUs: startUs + 100e6, live: false });
  expect(spans.every(({ fromUs, toUs }) => toUs > fromUs && toUs - fromUs <= 100e6)).toBe(true);
  expect(backfilled).toBe(0);
  expect(spans.at(-1)).toMatchObject({ toUs: startUs + 3601e6, live: true });
});

test("speed paces the past and never passes the present", async () => {
  const clock = createClock({ atUs: startUs + 10e6 });
  const seen: number[] = [];
  const untilUs = startUs + 14e6;
  const spans = await spansOf({ clock, speed: 10, untilUs }, ({ toUs }) => {
    seen.push(clock.atUs - toUs);
  });
  expect(adjoin(spans)).toBe(true);
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(0);
  // 10 s behind at ten times the speed: caught up after 10/9 s, so after the fifth quarter of a
  // second.
  expect(spans.findIndex(({ live }) => live)).toBe(4);
  expect(spans[0]!.toUs - startUs).toBe(2.5e6);
});

test("below a speed of 1 simulated time falls behind", async () => {
  const clock = createClock();
  const spans = await spansOf({ clock, speed: 0.5, untilUs: startUs + 1e6 });
  expect(adjoin(spans)).toBe(true);
  expect(clock.atUs - startUs).toBe(2e6);
});

test("a clock set back holds spans until it has caught up", async () => {
  const clock = createClock();
  const spans = await spansOf({ clock, untilUs: startUs + 2e6 }, ({ toUs }) => {
    if (toUs === startUs + 1e6) clock.atUs -= 30e6;
  });
  expect(adjoin(spans)).toBe(true);
  expect(spans.every(({ fromUs, toUs }) => toUs > fromUs)).toBe(true);
  expect(clock.slept.length).toBeGreaterThan(100);
});

test("an abort ends the wait with its reason", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const clock = createClock();
  const spans = spansOf({ clock, abort: stop.signal }, () => stop.abort(reason));
  await expect(spans).rejects.toBe(reason);
});
