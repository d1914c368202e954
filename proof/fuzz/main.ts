// Sends hostile inputs to accessors and gateways of its own, half of them to services that require
// keys, and prints how they ended and which were expensive: node proof/fuzz/main.ts --inputs 100000
// --seed 1
// --dense 0.1 --searches 20
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openPostgres } from "../../local/postgres.ts";
import { createLog } from "../../runtime/log.ts";
import { type FuzzReport, runFuzz } from "./run.ts";
import { type FuzzedServices, startServices } from "./services.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    dense: { type: "string", default: "0.1" },
    searches: { type: "string", default: "20" },
  },
});
const log = createLog({ name: "fuzz", level: "warn", format: "pretty" });
const folder = mkdtempSync(join(tmpdir(), "millrace-fuzz-"));
// The embedded server may run as another user, which must be able to enter the folder.
chmodSync(folder, 0o755);
const dataDir = join(folder, "data");
try {
  await using postgres = await openPostgres({ dataDir, log, abort: new AbortController().signal });
  const inputs = Math.ceil(Number(values.inputs) / 2);
  process.exitCode = 0;
  for (const keys of [false, true]) {
    const url = new URL(postgres.url);
    url.pathname = `/millrace_fuzz_${keys ? "keys" : "open"}`;
    await using services = await startServices(url.href, { keys });
    console.log(keys ? "with keys: none, and narrow ones" : "without authentication");
    const report = await runFuzz({
      ...services,
      inputs,
      seed: Number(values.seed),
      dense: Number(values.dense),
      maxSearches: Number(values.searches),
      onProgress: (done) =>
        done % 20_000 === 0 &&
        console.log(`${done} inputs, ${(performance.now() / 1000).toFixed(0)} s`),
    });
    if (!tell(report, services)) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Prints a report; returns whether nothing was found. */
function tell(report: FuzzReport, { accessor, gateway }: FuzzedServices): boolean {
  const { faults, dear, groups, most } = report;
  console.table(Object.fromEntries([...report.endings].sort((a, b) => b[1] - a[1])));
  console.log("memory in MiB", report.memory);
  console.log(
    `dearest group: the loop held for ${most.heldMs.toFixed(0)} ms, ${most.grownMib.toFixed(0)} MiB`,
  );
  console.log(`dear groups: ${groups.dear}, of them not searched: ${groups.notSearched}`);
  for (const { input, status, said } of faults.slice(0, 20))
    console.log(`blames the server: ${status}  ${input}  ${said ?? ""}`);
  for (const { input, sentBytes, heldMs, grownMib } of dear.slice(0, 40))
    console.log(
      `dear: ${heldMs.toFixed(0)} ms, ${grownMib.toFixed(0)} MiB for ${sentBytes} bytes of ${input}`,
    );
  const lines = [...accessor.lines, ...gateway.lines];
  const rejected = lines.filter((line) => /unhandled|uncaught/i.test(line));
  for (const line of lines.filter((text) => /"level":"error"/.test(text)).slice(0, 10))
    console.log(line.slice(0, 600));
  const found = `${faults.length} blamed on the server, ${dear.length} dear, ${rejected.length} unhandled`;
  console.log(`${report.inputs} inputs, ${found}`);
  return faults.length + dear.length + rejected.length === 0;
}
