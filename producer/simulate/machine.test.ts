// A machine keeps its cadence over any span, across the edges of its cycles, and says the same
// however its time is cut.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { createMachine } from "./machine.ts";

const { ACTIVE, IDLE, FAULT, OFF } = MachineState;
const hourUs = 3600e6;
const startUs = Date.UTC(2026, 2, 1) * 1000;
const seeds = [1, 2, 3, 4, 5, 6];
/** Six machines, each over 10 hours: ten edges between cycles each. */
const long = seeds.map((seed) => {
  const machine = createMachine({ seed, name: "mill-1" });
  const [fromUs, toUs] = [startUs, startUs + 10 * hourUs];
  return { machine, states: machine.states(fromUs, toUs), errors: machine.errors(fromUs, toUs) };
});
const gaps = (times: readonly number[]) => times.slice(1).map((time, i) => time - times[i]!);

test("a state lasts 1 to 5 s, uniformly, and then another one comes", () => {
  for (const { states } of long) {
    const lengths = gaps(states.map(({ timeUs }) => timeUs));
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1e6);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(5e6);
    expect(states.every(({ timeUs }) => Number.isSafeInteger(timeUs))).toBe(true);
    expect(states.slice(1).every(({ state }, i) => state !== states[i]!.state)).toBe(true);
    // 12,000 intervals of uniform length: a quarter in each second, give or take 1.6 % (four
    // standard errors).
    for (const second of [1, 2, 3, 4]) {
      const share =
        lengths.filter((length) => Math.floor(length / 1e6) === second).length / lengths.length;
      expect(Math.abs(share - 0.25)).toBeLessThan(0.016);
    }
  }
});

test("errors come every 10 to 30 s of operation, and only in operation", () => {
  for (const { states, errors } of long) {
    const begun = states.filter(
      ({ timeUs }, i) => i < states.length - 1 && timeUs >= states[0]!.timeUs,
    );
    const operatedAt = (timeUs: number) => {
      let sum = 0;
      for (const [i, { state, timeUs: beginUs }] of begun.entries()) {
        if (beginUs > timeUs) break;
        if (state === ACTIVE) sum += Math.min(timeUs, states[i + 1]!.timeUs) - beginUs;
      }
      return sum;
    };
    const inside = errors.filter(
      ({ timeUs }) => timeUs >= begun[0]!.timeUs && timeUs < states.at(-1)!.timeUs,
    );
    expect(inside.length).toBeGreaterThan(500);
    for (const { timeUs } of inside) {
      expect(begun.findLast((begin) => begin.timeUs <= timeUs)!.state).toBe(ACTIVE);
    }
    const apart = gaps(inside.map(({ timeUs }) => operatedAt(timeUs)));
    expect(Math.min(...apart)).toBeGreaterThanOrEqual(10e6);
    expect(Math.max(...apart)).toBeLessThanOrEqual(30e6);
    expect(Math.abs(apart.reduce((a, b) => a + b) / apart.length - 20e6)).toBeLessThan(1e6);
  }
});

test("states follow each other as on a real machine", () => {
  const allowed = new Map<number, readonly number[]>([
    [IDLE, [ACTIVE, OFF]],
    [ACTIVE, [IDLE, FAULT, OFF]],
    [FAULT, [IDLE, ACTIVE, OFF]],
    [OFF, [IDLE]],
  ]);
  const seen = new Map<number, number>();
  for (const { states } of long) {
    for (const [i, { state, reason }] of states.entries()) {
      seen.set(state, (seen.get(state) ?? 0) + 1);
      expect(reason).not.toBe("");
      if (i > 0) expect(allowed.get(states[i - 1]!.state)).toContain(state);
    }
  }
  const total = [...seen.values()].reduce((a, b) => a + b);
  expect(seen.get(ACTIVE)! / total).toBeGreaterThan(0.4);
  for (const state of [FAULT, OFF]) {
    expect(seen.get(state)! / total).toBeGreaterThan(0.01);
    expect(seen.get(state)! / total).toBeLessThan(0.1);
  }
});

test("a critical report stops the machine in most cases, with its text as the reason", () => {
  let critical = 0;
  let stopping = 0;
  for (const { states, errors } of long) {
    for (const { timeUs, severity, code, message } of errors) {
      const next = states.find((state) => state.timeUs > timeUs);
      if (!next) continue;
      const stops = next.state === FAULT && next.reason === `${code} ${message}`;
      if (severity === Severity.CRITICAL) critical++;
      if (stops) stopping++;
      if (stops) expect(severity).toBe(Severity.CRITICAL);
    }
  }
  expect(stopping / critical).toBeGreaterThan(0.5);
  expect(stopping / critical).toBeLessThan(0.95);
});

test("all severities occur, the lighter ones more often than the critical", () => {
  const counts = new Map<number, number>();
  for (const { errors } of long)
    for (const { severity } of errors) counts.set(severity, (counts.get(severity) ?? 0) + 1);
  expect([...counts.keys()].toSorted()).toEqual([1, 2, 3, 4]);
  expect(counts.get(Severity.WARNING)).toBeGreaterThan(counts.get(Severity.CRITICAL)!);
});

test("any cut of time gives the same records, whoever asked for what before", () => {
  const cut = fc.uniqueArray(fc.integer({ min: 1, max: 3 * hourUs - 1 }), { maxLength: 12 });
  const whole = createMachine({ seed: 5, name: "saw-5" });
  const toUs = startUs + 3 * hourUs;
  fc.assert(
    fc.property(cut, fc.boolean(), (inner, backwards) => {
      const machine = createMachine({ seed: 5, name: "saw-5" });
      const edges = [0, ...inner.toSorted((a, b) => a - b), 3 * hourUs].map(
        (offset) => startUs + offset,
      );
      const spans = edges.slice(1).map((endUs, i) => [edges[i]!, endUs] as const);
      const parts = (backwards ? spans.toReversed() : spans).map(([from, to]) => ({
        from,
        states: machine.states(from, to),
        errors: machine.errors(from, to),
      }));
      const joined = parts.toSorted((a, b) => a.from - b.from);
      expect(joined.flatMap(({ states }) => states)).toEqual(whole.states(startUs, toUs));
      expect(joined.flatMap(({ errors }) => errors)).toEqual(whole.errors(startUs, toUs));
    }),
    { numRuns: 30 },
  );
});

test("seed and name make the machine", () => {
  const first = (seed: number, name: string) =>
    createMachine({ seed, name }).states(startUs, startUs + 60e6);
  expect(first(1, "mill-1")).toEqual(first(1, "mill-1"));
  expect(first(1, "mill-1")).not.toEqual(first(2, "mill-1"));
  expect(first(1, "mill-1")).not.toEqual(first(1, "press-2"));
});
