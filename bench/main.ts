// `npm run bench`: measures everything on one embedded PostgreSQL, each figure with its baseline
// from the same run, and prints one table.
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setting } from "../runtime/config.ts";
import { count, durationMs, onOff, text } from "../runtime/config-values.ts";
import { run } from "../runtime/lifecycle.ts";
import { measureDisk } from "./disk.ts";
import { measureGrowth } from "./growth.ts";
import { measureIngest } from "./ingest.ts";
import { measureLive } from "./live.ts";
import { measureLatest, measureYear } from "./points.ts";
import { measureRanges } from "./ranges.ts";
import { type Figure, toTable } from "./report.ts";
import { openStage, type Stage } from "./stage.ts";

const settings = {
  quick: setting({
    flag: "quick",
    parse: onOff(),
    doc: "smaller data and fewer runs: under two minutes",
  }),
  only: setting({
    flag: "only",
    parse: text({ placeholder: "PARTS" }),
    optional: true,
    doc: "parts to measure, such as a,c",
  }),
  machines: setting({
    flag: "machines",
    parse: count({ min: 1, max: 1000 }),
    optional: true,
    doc: "how many machines store data",
  }),
  runs: setting({
    flag: "runs",
    parse: count({ min: 1, max: 100 }),
    optional: true,
    doc: "how often each is measured",
  }),
  fillMs: setting({
    flag: "fill-time",
    parse: durationMs({ minMs: 1_000, maxMs: 24 * 3_600_000 }),
    optional: true,
    doc: "how long part h stores days of one machine; ten minutes if not given",
  }),
  intervalMs: setting({
    flag: "batch-interval",
    parse: durationMs({ minMs: 10, maxMs: 1000 }),
    default: "250ms",
    doc: "how often the live producer sends; its own default",
  }),
  profile: setting({
    flag: "profile",
    parse: text({ placeholder: "DIR" }),
    optional: true,
    doc: "where all processes leave CPU profiles",
  }),
  out: setting({
    flag: "out",
    parse: text({ placeholder: "FILE" }),
    optional: true,
    doc: "also write the table here",
  }),
};

type Options = {
  quick: boolean;
  machines: number | undefined;
  runs: number | undefined;
  fillMs: number | undefined;
  intervalMs: number;
};

const parts: Readonly<Record<string, (stage: Stage, options: Options) => Promise<Figure[]>>> = {
  a: (stage, { quick, machines = quick ? 4 : 10, runs = quick ? 2 : 5 }) =>
    measureIngest(stage, { machines, seconds: 3600, runs }),
  b: (stage, { quick, machines = quick ? 3 : 10 }) =>
    measureDisk(stage, { machines, hours: quick ? 1 : 4 }),
  c: (stage, { quick, machines = quick ? 1 : 4, runs = quick ? 2 : 5 }) =>
    measureRanges(stage, { machines, hours: 24, runs }),
  e: (stage, { quick }) => measureLatest(stage, { runs: quick ? 50 : 200 }),
  f: (stage, { quick, intervalMs }) => measureLive(stage, { seconds: quick ? 2 : 20, intervalMs }),
  h: (stage, { quick, fillMs = quick ? 20_000 : 600_000 }) =>
    measureGrowth(
      stage,
      quick
        ? { fillMs, machines: [1, 4], samples: 360_000 }
        : { fillMs, machines: [1, 10, 100], samples: 3_600_000 },
    ),
  g: (stage, { quick }) => measureYear(stage, { runs: quick ? 10 : 50 }),
};

/** It takes twenty minutes, so it runs only on request. */
const growth = "h";

await run({
  name: "bench",
  about:
    "Measures ingest, storage, reads and live feeds against rows in the same PostgreSQL. Parts: a b c (with d) e f g; h (growth) if named.",
  settings,
  graceMs: 30_000,
  async open({ settings: { only, out, profile: profileDir, ...options }, log, abort }) {
    const stack = new AsyncDisposableStack();
    const stage = stack.use(await openStage({ log, abort, profileDir }));
    const measure = async () => {
      const from = performance.now();
      const figures: Figure[] = [];
      for (const [letter, part] of Object.entries(parts)) {
        if (only === undefined ? letter === growth : !only.split(",").includes(letter)) continue;
        log.info(`measuring ${letter}`);
        for (const figure of await part(stage, options)) figures.push(figure);
      }
      const seconds = Math.round((performance.now() - from) / 1000);
      const setup = `Node ${process.versions.node}, PostgreSQL ${stage.serverVersion}, ${cpus().length} cores, ${seconds} s`;
      const report = `${toTable(figures)}\n\n${setup}\n`;
      process.stdout.write(report);
      if (out !== undefined) await writeFile(out, report);
    };
    return { done: measure(), [Symbol.asyncDispose]: () => stack.disposeAsync() };
  },
});
