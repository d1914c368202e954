// What a round is made of, drawn from its seed: how many accessors, which faults, who else takes part.
import { faults } from "./faults.ts";
import { createRandom } from "./random.ts";

export type Plan = {
  seed: number;
  accessors: number;
  faults: readonly string[];
  faultMs: number;
  /** Longest pause between two faults. */
  gapMs: number;
  sharedProducer: boolean;
  spool: boolean;
  /** A transaction that holds an old snapshot all along. */
  oldSnapshot: boolean;
  /** Accessors begin armed to exit at a failpoint. */
  armed: boolean;
};

export type PlanOverrides = Partial<Omit<Plan, "seed">>;

export function drawPlan(seed: number, overrides: PlanOverrides = {}): Plan {
  const random = createRandom(seed).fork("plan");
  const names = Object.keys(faults);
  const chosen = names.filter(() => random.chance(0.35));
  const plan = {
    seed,
    accessors: random.chance(0.5) ? 2 : 1,
    faults: chosen.length > 0 ? chosen : names,
    faultMs: random.int(2_000, 4_000),
    gapMs: random.int(100, 700),
    sharedProducer: random.chance(0.4),
    spool: random.chance(0.4),
    oldSnapshot: random.chance(0.2),
    armed: random.chance(0.5),
  };
  const drawn = { ...plan, ...overrides };
  return { ...drawn, faults: drawn.faults.filter((name) => drawn.spool || !name.startsWith("spool")) };
}
