// The harm done in a round: its faults for its duration, sometimes two at once, and the promotion
// of its standby.
import { setTimeout as sleep } from "node:timers/promises";
import { type Arena, faults, isOfPostgres } from "./faults.ts";
import { atResume, type Plan } from "./plan.ts";
import type { Random } from "./random.ts";
import type { RoundRecord } from "./record.ts";

const armedMs = 2_000;

// After a promotion, faults continue for a while, to interrupt what has just restarted.
const afterPromotionMs = 700;
const flowMs = 4_000;

/**
 * Runs the plan's faults for its duration, sometimes two at once, and the promotion once. Returns
 * how many.
 */
export async function harm(
  plan: Plan,
  { arena, random, record }: { arena: Arena; random: Random; record: RoundRecord },
): Promise<number> {
  const { faults: names, faultMs, gapMs, oldSnapshot } = plan;
  const ofElsewhere = names.filter((name) => !isOfPostgres(name));
  const snapshot = oldSnapshot
    ? arena.postgres.ask(
        arena.database,
        "begin isolation level repeatable read; select count(*) from receipt; select pg_sleep(5)",
      )
    : undefined;
  const running: Promise<void>[] = [];
  let done = 0;
  const start = (name: string, fault: Promise<void> | void) => {
    record.note({ who: "harness", what: "fault", name });
    done++;
    const ended = Promise.resolve(fault).catch((error: unknown) =>
      record.violation(`the fault "${name}" failed: ${String(error)}`),
    );
    running.push(ended);
    return ended;
  };
  await reached(plan, arena);
  let untilMs = performance.now() + faultMs;
  let promoteAtMs = arena.promotion
    ? performance.now() + faultMs * random.fork("promotion").next()
    : Infinity;
  let promoting = false;
  while (performance.now() < untilMs || promoting || promoteAtMs < Infinity) {
    await sleep(random.int(20, gapMs));
    const { promotion, database } = arena;
    if (promotion && performance.now() >= promoteAtMs) {
      promoteAtMs = Infinity;
      promoting = true;
      await Promise.all(running);
      await flowing(arena);
      const chance = random.fork("promoting");
      const prepared = promotion.prepare({ random: chance, flowing: () => flowing(arena) });
      const promoted = prepared.then(() => promotion.happen(database, chance));
      void start(`promotion ${promotion.kind}`, promoted).then(() => {
        promoting = false;
        untilMs = Math.max(untilMs, performance.now() + afterPromotionMs);
      });
      // Other faults run while the primary ends and the standby is promoted.
      await prepared.catch(() => {});
    }
    const possible = promoting ? ofElsewhere : names;
    if (possible.length === 0) continue;
    const name = random.pick(possible);
    const fault = start(name, faults[name]!(arena, random));
    if (random.chance(0.7)) await fault;
  }
  await Promise.all([...running, snapshot]);
  return done;
}

/**
 * Waits until batches are acknowledged again, or gives up: a promotion without traffic shows
 * little.
 */
async function flowing({ writers }: Arena): Promise<void> {
  const acked = () => writers.reduce((sum, writer) => sum + writer.acked.size, 0);
  const before = acked();
  for (const untilMs = performance.now() + flowMs; performance.now() < untilMs; await sleep(20))
    if (acked() > before) return;
}

/** Waits until the armed points are passed, or gives up: some need what this round may not have. */
async function reached(plan: Plan, { accessors, spool }: Arena): Promise<void> {
  const { armed, spoolArmed } = plan;
  const wanted = [
    ...(armed && !atResume(plan) ? [accessors[0]!.process] : []),
    ...(spoolArmed && spool ? [spool] : []),
  ];
  for (const untilMs = performance.now() + armedMs; performance.now() < untilMs; await sleep(50))
    if (wanted.every(({ fired }) => fired.length > 0)) return;
}
