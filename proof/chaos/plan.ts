// The plan of a round, drawn from its seed: how many accessors, which faults, which other
// participants.
import { accessorFailpoints, faults, spoolFailpoints } from "./faults.ts";
import { type PromotionKind, promotions } from "./promotion.ts";
import { createRandom, type Random } from "./random.ts";

export type Plan = {
  seed: number;
  accessors: number;
  faults: readonly string[];
  faultMs: number;
  /** Longest pause between two faults. */
  gapMs: number;
  sharedProducer: boolean;
  spool: boolean;
  /** A transaction that holds an old snapshot for the whole round. */
  oldSnapshot: boolean;
  /** PostgreSQL has a small file system of its own, so its disk can be full. */
  smallDisk: boolean;
  /**
   * PostgreSQL has a standby, which is promoted once. That takes a copy and a start, so one round
   * in five has it.
   */
  promotion: PromotionKind | undefined;
  /**
   * The failpoints that the first accessor and the spool are armed with in their first life; "" for
   * none. No other fault runs until they are passed.
   */
  armed: string;
  spoolArmed: string;
};

export type PlanOverrides = Partial<Omit<Plan, "seed">>;

export function drawPlan(seed: number, overrides: PlanOverrides = {}): Plan {
  const random = createRandom(seed).fork("plan");
  const names = Object.keys(faults);
  const armed = random.chance(0.6) ? inTurn(accessorFailpoints, seed, random) : "";
  const spool = random.chance(0.4);
  const chosen = names.filter(() => random.chance(0.35));
  const plan = {
    seed,
    // Another accessor's commits are read from the log: that requires two.
    accessors: armed.startsWith("tail.") || random.chance(0.5) ? 2 : 1,
    faults: chosen.length > 0 ? chosen : names,
    faultMs: random.int(1_500, 3_000),
    gapMs: random.int(100, 600),
    sharedProducer: random.chance(0.4),
    spool,
    oldSnapshot: random.chance(0.2),
    smallDisk: false,
    promotion: overrides.faults === undefined && seed % 5 === 3 ? kindInTurn(seed) : undefined,
    armed,
    spoolArmed: spool ? inTurn(spoolFailpoints, seed, random) : "",
  };
  const drawn = { ...plan, ...overrides };
  const { promotion } = drawn.smallDisk ? { promotion: undefined } : drawn;
  const without = [...(drawn.spool ? [] : ["spool"]), ...(drawn.smallDisk ? [] : ["disk full"])];
  const possible = drawn.faults.filter(
    (name) => !without.some((prefix) => name.startsWith(prefix)),
  );
  const idle = promotion === undefined ? ["herd"] : [];
  return { ...drawn, promotion, faults: possible.length > 0 ? possible : idle };
}

/** Every other one loses commits: those rounds are the most likely to find faults. */
export function kindInTurn(seed: number): PromotionKind {
  const [lossy, ...others] = promotions;
  return seed % 2 === 1 ? lossy : others[(seed / 2) % others.length]!;
}

/** In turn from seed to seed, so that a run of rounds covers them all. */
function inTurn(points: Record<string, number>, seed: number, random: Random): string {
  const names = Object.keys(points);
  const name = names[seed % names.length]!;
  return `${name}=exit@${random.int(1, points[name]!)}`;
}

/** Points of catching up are passed if watches resume from old cursors. */
export const atResume = ({ armed }: Plan): boolean => armed.startsWith("feed.");

export const losesCommits = ({ promotion }: Plan): boolean => promotion === "lossy";
