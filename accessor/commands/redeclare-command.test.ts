// npm run redeclare on the command line: its output, its changes, and its refusals.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { childEnvironment } from "../../runtime/config.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { column, epochUs } from "../testing/batches.ts";

const program = fileURLToPath(new URL("redeclare-command.ts", import.meta.url));

type Ran = { status: number; stdout: string; stderr: string };

function redeclare(databaseUrl: string, ...args: string[]): Promise<Ran> {
  const env = childEnvironment({ DATABASE_URL: databaseUrl }) as NodeJS.ProcessEnv;
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

test("a declaration is shown, corrected beside a running accessor, and refused with a word that helps", {
  timeout: 120_000,
}, async () => {
  await using accessor = await openTestAccessor();
  const run = (...args: string[]) => redeclare(accessor.databaseUrl, ...args);
  const machine = "Halle 3 / Presse é";
  const times = [0, 900, 1_800].map((s): [number, number] => [epochUs + s * 1e6, 1]);
  const samples = [{ ...column("power", times), unit: "W" }];
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: { machine, samples } });

  const before =
    'before: unit "W", max_gap 2700s (inferred), sample_type LINEAR, duplicates KEEP\n';
  const stepped =
    'after:  unit "kW", max_gap 86400s (inferred), sample_type STEP, duplicates KEEP\n';
  const [tried, odd, ...refused] = await Promise.all([
    // The other Unicode form of é names the same machine.
    run(
      machine.normalize("NFD"),
      "power",
      "--unit",
      "kW",
      "--sample-type",
      "step",
      "--validate-only",
    ),
    run(machine, "power", "--unit", " VA ", "--validate-only"),
    run(machine, "powr", "--unit", "W"),
    run("Halle", "3", "/", "Presse", "power", "--unit", "W"),
    run(machine, "power", "--max-gap", "25h", "--sample-type", "stairs"),
  ]);
  expect(tried).toMatchObject({
    status: 0,
    stdout: `${before}${stepped}Nothing was changed (--validate-only).\n`,
  });
  const warned =
    /^after: {2}unit "VA", .*\nwarning: "power" in "VA" gives no energy: .*\.\nNothing was changed/m;
  expect(odd).toMatchObject({ status: 0, stdout: expect.stringMatching(warned) });
  const words = ["it has sent power", "quote names", "linear, step or counter"];
  for (const [i, { status, stdout, stderr }] of refused.entries()) {
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(words[i]);
    expect(stderr).not.toContain("    at ");
  }

  const dashed = { machine: "--7", samples: [column("power", times)] };
  await accessor.ingest.ingestBatch({ producerId: "p", sequence: 2n, batch: dashed });
  expect(await run("--unit", "kW", "--validate-only", "--", "--7", "power")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('after:  unit "kW"'),
  });
  const misread = await run("--7", "power", "--unit", "kW");
  expect(misread.stderr).toContain("unknown flag --7");
  expect((await run("--help")).stdout).toContain(
    "put a name that begins with - at the end, after --",
  );

  const done = await run(machine, "power", "--max-gap=00:20:00", "--unit=");
  const after = "after:  unit none, max_gap 1200s, sample_type LINEAR, duplicates KEEP\n";
  expect(done).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(`${before}${after}Answers use it`),
  });
  const unitOf = async () =>
    (await accessor.signals.getLatest({ machines: [machine] })).signals[0]!.unit;
  await eventually("the accessor follows", async () => (await unitOf()) === "");
});
