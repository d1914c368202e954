// Runs rounds of chaos: node proof/chaos/main.ts --rounds 20 --seed 1 [--keep] [--faults "a,b"]
// [--accessors 2] [--folder DIR] … Round i has the seed (seed + i); a failing one keeps its folder;
// to repeat it, run --rounds 1 --seed <its seed>.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { accessorFailpoints, faults, spoolFailpoints } from "./faults.ts";
import { KeptPostgres } from "./kept-postgres.ts";
import { drawPlan, kindInTurn, type PlanOverrides } from "./plan.ts";
import { fakeTime } from "./process.ts";
import { promotions } from "./promotion.ts";
import { type RoundResult, runRound } from "./round.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
    faults: { type: "string" },
    accessors: { type: "string" },
    spool: { type: "boolean" },
    armed: { type: "string" },
    "spool-armed": { type: "string" },
    "fault-ms": { type: "string" },
    "until-failure": { type: "boolean", default: false },
    "small-disk": { type: "boolean", default: false },
    folder: { type: "string" },
    json: { type: "string" },
  },
});

const named = values.faults === undefined ? undefined : namedFaults(values.faults);
const overrides: PlanOverrides = {
  ...(named === undefined ? {} : { faults: named.faults }),
  ...(values.accessors === undefined ? {} : { accessors: Number(values.accessors) }),
  ...(values.spool === undefined ? {} : { spool: values.spool }),
  ...(values.armed === undefined ? {} : { armed: values.armed }),
  ...(values["spool-armed"] === undefined ? {} : { spoolArmed: values["spool-armed"] }),
  ...(values["fault-ms"] === undefined ? {} : { faultMs: Number(values["fault-ms"]) }),
};
const folder = values.folder ?? (await mkdtemp(join(tmpdir(), "millrace-rounds-")));
mkdirSync(folder, { recursive: true });
const results: RoundResult[] = [];
const startedMs = performance.now();
const smallDisk = values["small-disk"] ? mountSmallDisk(folder) : undefined;
if (smallDisk !== undefined) overrides.smallDisk = true;
if (fakeTime === undefined)
  console.log("skipped: clock steps, for Debian's package libfaketime is not there");
const postgres = await KeptPostgres.open(smallDisk, join(folder, "postgres.log"));
const stop = async () => {
  await postgres[Symbol.asyncDispose]();
  if (smallDisk !== undefined) execFileSync("umount", ["-l", smallDisk]);
};
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => void stop().finally(() => process.exit(1)));
for (let i = 0; i < Number(values.rounds); i++) {
  const seed = Number(values.seed) + i;
  const roundFolder = join(folder, `seed-${seed}`);
  if (existsSync(roundFolder)) rmSync(roundFolder, { recursive: true });
  const result = await runRound(drawPlan(seed, { ...overrides, ...named?.promotion?.(seed) }), {
    postgres,
    folder: roundFolder,
  });
  results.push(result);
  const failed = result.violations.length > 0;
  const { batches, samples, faults: harm, promoted, feeds, answers, fired, tookMs } = result;
  console.log(
    `${failed ? "FAILED" : "ok    "} seed ${seed}: ${harm} faults${promoted === undefined ? "" : `, a ${promoted}`}, ${batches} batches, ${samples} samples, ${feeds} feeds, ${answers} answers, ${(tookMs / 1000).toFixed(1)} s${fired.length > 0 ? `, died at ${fired.join(" ")}` : ""}`,
  );
  for (const text of result.violations.slice(0, 8)) console.log(`       ${text}`);
  if (failed) console.log(`       record in ${roundFolder}`);
  else if (!values.keep) rmSync(roundFolder, { recursive: true });
  if (failed && values["until-failure"]) break;
}
const sum = (of: (result: RoundResult) => number) =>
  results.reduce((total, result) => total + of(result), 0);
const failing = results.filter(({ violations }) => violations.length > 0);
const points = new Set(results.flatMap(({ fired }) => fired.map((name) => name.split("=")[0]!)));
const all = Object.keys({ ...accessorFailpoints, ...spoolFailpoints });
console.log(
  `${results.length} rounds, seeds ${values.seed} to ${Number(values.seed) + results.length - 1}, ${sum(({ faults: n }) => n)} faults of ${Object.keys(faults).length + promotions.length} kinds, ` +
    `died at ${points.size} of ${all.length} failpoints, ${sum(({ batches }) => batches)} batches, ${sum(({ samples }) => samples)} samples, ` +
    `${sum(({ feeds }) => feeds)} feeds, ${sum(({ answers }) => answers)} answers; ` +
    `${sum(({ lost }) => lost)} lost, ${sum(({ doubled }) => doubled)} doubled, ${sum(({ gaps }) => gaps)} gaps, ${sum(({ hangs }) => hangs)} hangs; ` +
    `${failing.length} rounds failed${failing.length > 0 ? ` (seeds ${failing.map(({ seed }) => seed).join(", ")})` : ""}; ${((performance.now() - startedMs) / 1000).toFixed(0)} s`,
);
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(results, undefined, 1));
await stop();
// Whatever a fault has left open must not keep this process alive.
process.exit(failing.length > 0 ? 1 : 0);

/**
 * "promotion", whose kind depends on the seed, "promotion lossy" and the like run once a round,
 * besides the other faults.
 */
function namedFaults(list: string): {
  faults: string[];
  promotion?: (seed: number) => PlanOverrides;
} {
  const names = list.split(",").map((name) => name.trim());
  const kindOf = (name: string) => promotions.find((kind) => name === `promotion ${kind}`);
  const isPromotion = (name: string) => name === "promotion" || kindOf(name) !== undefined;
  for (const name of names) {
    if (name in faults || isPromotion(name)) continue;
    const all = [
      ...Object.keys(faults),
      "promotion",
      ...promotions.map((kind) => `promotion ${kind}`),
    ];
    throw new Error(`no fault "${name}"; there are: ${all.join(", ")}`);
  }
  const promotion = names.find(isPromotion);
  const others = names.filter((name) => !isPromotion(name));
  if (promotion === undefined) return { faults: others };
  return {
    faults: others,
    promotion: (seed) => ({ promotion: kindOf(promotion) ?? kindInTurn(seed) }),
  };
}

/** 224 MB of tmpfs; undefined, with the reason printed, if this user may not mount one. */
function mountSmallDisk(within: string): string | undefined {
  const path = join(within, "disk");
  mkdirSync(path, { recursive: true });
  // PostgreSQL runs as another user.
  chmodSync(within, 0o755);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=224m,mode=755", "tmpfs", path], {
      stdio: "pipe",
    });
    return path;
  } catch (error) {
    console.log(
      `skipped: disk full, for a small file system cannot be mounted (${String(error).split("\n")[0]})`,
    );
    return undefined;
  }
}
