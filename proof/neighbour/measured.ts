// The measurements of the good tenant, and their judge: every answer by kind of question,
// undisturbed and beside a hostile neighbour.

/** One question and its answer. atMs: when it was sent, on the wall clock. */
export type Measured = { atMs: number; what: string; tookMs: number; error?: string };

/** A stretch of time in which the neighbour did one kind of harm. */
export type Slot = { kind: string; fromMs: number; toMs: number };

export type Latencies = {
  what: string;
  count: number;
  medianMs: number;
  p99Ms: number;
  mostMs: number;
};

export const maxP99Ms = 1_000;
/** How many times longer than undisturbed the median answer may take. */
export const maxMedianRatio = 3;
// Below this, a median reflects only the machine's clock and scheduler.
const leastMedianMs = 5;

/** By kind of question, in order of name. */
export function latenciesOf(measured: readonly Measured[]): Latencies[] {
  return [...Map.groupBy(measured, ({ what }) => what)]
    .map(([what, own]) => {
      const tookMs = own.map((one) => one.tookMs).sort((a, b) => a - b);
      const at = (part: number) =>
        tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * part))]!;
      return { what, count: tookMs.length, medianMs: at(0.5), p99Ms: at(0.99), mostMs: at(1) };
    })
    .sort((a, b) => (a.what < b.what ? -1 : 1));
}

/** Violations, in words; empty if the neighbour had no effect. */
export function judgeLatencies(
  measured: readonly Measured[],
  { fromMs, untilMs }: { fromMs: number; untilMs: number },
): string[] {
  const within = (from: number, to: number) =>
    measured.filter(({ atMs }) => atMs >= from && atMs < to);
  const before = new Map(latenciesOf(within(0, fromMs)).map((one) => [one.what, one]));
  const during = latenciesOf(within(fromMs, untilMs));
  const wrong = measured.flatMap(({ what, error }) =>
    error === undefined ? [] : [`${what} failed: ${error}`],
  );
  for (const what of before.keys())
    if (!during.some((one) => one.what === what))
      wrong.push(`${what} was never answered beside the neighbour`);
  for (const { what, p99Ms, medianMs } of during) {
    const undisturbed = before.get(what);
    if (undisturbed === undefined) {
      wrong.push(`${what} was never asked undisturbed`);
      continue;
    }
    const mayTakeMs = maxMedianRatio * Math.max(leastMedianMs, undisturbed.medianMs);
    if (p99Ms > maxP99Ms)
      wrong.push(`${what}: p99 ${p99Ms.toFixed(0)} ms, at most ${maxP99Ms} are allowed`);
    if (medianMs > mayTakeMs)
      wrong.push(
        `${what}: median ${medianMs.toFixed(1)} ms, undisturbed ${undisturbed.medianMs.toFixed(1)} ms`,
      );
  }
  return wrong;
}

/** The slowest answer of each slot, to help find the cause. */
export function slowestBySlot(measured: readonly Measured[], slots: readonly Slot[]) {
  return slots.map(({ kind, fromMs, toMs }) => {
    const own = measured.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    const tookMs = own.map((one) => one.tookMs).sort((a, b) => a - b);
    const slowest = own.reduce<Measured | undefined>(
      (a, b) => (a && a.tookMs >= b.tookMs ? a : b),
      undefined,
    );
    return {
      kind,
      answers: own.length,
      "p99 ms": Math.round(tookMs[Math.floor(tookMs.length * 0.99)] ?? 0),
      "most ms": Math.round(slowest?.tookMs ?? 0),
      slowest: slowest?.what ?? "",
      failed: own.filter(({ error }) => error !== undefined).length,
    };
  });
}
