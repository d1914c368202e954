// The tail publishes every commit once, in dense order, whichever way and in whatever order it
// learns of them.
import fc from "fast-check";
import { expect, test } from "vitest";
import { commitOf, SimulatedLog, turn } from "../testing/simulated-log.ts";

const origin = { machine: "m", signal: "s" };
const action = fc.oneof(
  fc.constant({ kind: "foreign" as const }),
  fc.record({ kind: fc.constant("own" as const), lateBy: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ kind: fc.constant("notice" as const), back: fc.integer({ min: 0, max: 5 }) }),
  fc.record({ kind: fc.constant("pause" as const), turns: fc.integer({ min: 0, max: 4 }) }),
  fc.constant({ kind: "listen" as const }),
);

test("any mix of own commits, others' and news of them", async () => {
  const drawn = fc.record({
    actions: fc.array(action, { maxLength: 60 }),
    waits: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 10 }),
    pageSize: fc.integer({ min: 1, max: 5 }),
    maxBytes: fc.integer({ min: 100, max: 3_000 }),
    listening: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ actions, waits, pageSize, maxBytes, listening }) => {
      const log = new SimulatedLog({ pageSize, waits });
      const tail = log.openTail(maxBytes);
      const late: { at: number; publish: () => void }[] = [];
      let listener: Disposable | undefined = listening
        ? tail.listen({ machines: undefined, wake: () => {} })
        : undefined;
      let head = 0;
      const check = () => {
        expect(tail.head.revision).toBeGreaterThanOrEqual(head);
        head = tail.head.revision;
        expect(head).toBeLessThanOrEqual(log.commits.length);
        for (let after = head; after >= 0; after--) {
          const held = tail.after(after);
          if (held === undefined) break;
          expect(held.map(({ revision }) => revision)).toEqual(
            log.commits.slice(after, head).map(({ revision }) => revision),
          );
        }
      };
      for (const [now, step] of actions.entries()) {
        if (step.kind === "foreign") log.append(origin);
        if (step.kind === "own") {
          const commit = log.append(origin);
          late.push({ at: now + step.lateBy, publish: () => tail.publish([commit]) });
        }
        if (step.kind === "notice") tail.notice(Math.max(0, log.commits.length - step.back));
        if (step.kind === "pause") for (let i = 0; i < step.turns; i++) await turn();
        if (step.kind === "listen") {
          if (listener === undefined)
            listener = tail.listen({ machines: new Set(["m"]), wake: () => {} });
          else listener = void listener[Symbol.dispose]();
        }
        for (const { publish } of late.filter(({ at }) => at === now)) publish();
        check();
      }
      for (const { publish } of late.filter(({ at }) => at >= actions.length)) publish();
      tail.notice(log.commits.length);
      await tail.reach(log.commits.length, AbortSignal.timeout(2_000));
      check();
    }),
    { numRuns: 1_000 },
  );
});

test("an own commit waits for another's before it", async () => {
  const log = new SimulatedLog({ pageSize: 10, waits: [3] });
  const tail = log.openTail(10_000);
  using _ = tail.listen({ machines: undefined, wake: () => {} });
  log.append(origin);
  const own = log.append(origin);
  tail.publish([own]);
  expect(tail.head.revision).toBe(0);
  await tail.reach(2, AbortSignal.timeout(1_000));
  expect(tail.after(0)!.map(({ revision }) => revision)).toEqual([1, 2]);
});

test("commits of some machines are found without the others, in order, whatever has left memory", () => {
  const drawn = fc.record({
    machines: fc.array(fc.constantFrom("m1", "m2", "m3", "m4"), { maxLength: 60 }),
    wanted: fc.uniqueArray(fc.constantFrom("m1", "m2", "m3", "m5"), { minLength: 1, maxLength: 2 }),
    maxBytes: fc.integer({ min: 100, max: 3_000 }),
  });
  fc.assert(
    fc.property(drawn, ({ machines, wanted, maxBytes }) => {
      const tail = new SimulatedLog({ pageSize: 10, waits: [0] }).openTail(maxBytes);
      for (const [i, machine] of machines.entries())
        tail.publish([commitOf(i + 1, { machine, signal: "s" })]);
      const ofThem = new Set<string>(wanted);
      for (let after = 0; after <= machines.length; after++) {
        const all = tail.after(after);
        const some = tail.after(after, ofThem);
        expect(some?.filter(({ batch }) => ofThem.has(batch.machine))).toEqual(
          all?.filter(({ batch }) => ofThem.has(batch.machine)),
        );
        if (all !== undefined && all.length > wanted.length)
          expect(some!.every(({ batch }) => ofThem.has(batch.machine))).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test("what nobody watches is passed over unread, and later found in the log", async () => {
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  let passedOver = 0;
  const tail = log.openTail(10_000, () => passedOver++);
  for (let i = 0; i < 5; i++) log.append(origin);
  tail.notice(5);
  while (tail.head.revision < 5) await turn();
  expect([passedOver, tail.after(4), tail.after(5)]).toEqual([1, undefined, []]);
  expect(tail.mayHave(new Set(["other"]), 4)).toBe(true);
  expect(tail.mayHave(new Set(["other"]), 5)).toBe(false);
});

test("only those who want a machine are woken by its commits", () => {
  const tail = new SimulatedLog({ pageSize: 10, waits: [0] }).openTail(10_000);
  const woken: string[] = [];
  const listen = (name: string, machines?: string[]) =>
    tail.listen({ machines: machines && new Set(machines), wake: () => woken.push(name) });
  listen("all");
  listen("one", ["m1"]);
  listen("both", ["m1", "m2"]);
  listen("other", ["m3"]);
  const gone = listen("gone", ["m1"]);
  gone[Symbol.dispose]();
  tail.publish([
    commitOf(1, { machine: "m1", signal: "s" }),
    commitOf(2, { machine: "m2", signal: "s" }),
  ]);
  expect(woken.toSorted()).toEqual(["all", "both", "one"]);
});

test("who stops waiting for a revision leaves nothing behind", async () => {
  const tail = new SimulatedLog({ pageSize: 10, waits: [0] }).openTail(10_000);
  const controller = new AbortController();
  const waiting = tail.reach(1, controller.signal);
  controller.abort(new Error("left"));
  await expect(waiting).rejects.toThrow("left");
  let passedOver = false;
  const log = new SimulatedLog({ pageSize: 10, waits: [0] });
  const fresh = log.openTail(10_000, () => {
    passedOver = true;
  });
  await fresh.reach(1, AbortSignal.abort(new Error("gone"))).catch(() => {});
  log.append(origin);
  fresh.notice(1);
  while (fresh.head.revision < 1) await turn();
  expect(passedOver).toBe(true);
});
