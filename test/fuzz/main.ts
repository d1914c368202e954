// Sends hostile inputs to an accessor and a gateway of its own and prints how they ended: node test/fuzz/main.ts --inputs 100000 --seed 1
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openPostgres } from "../../local/postgres.ts";
import { createLog } from "../../runtime/log.ts";
import { startAccessor, startGateway } from "../support/processes.ts";
import { runFuzz } from "./run.ts";

const { values } = parseArgs({
  options: { inputs: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
});
const log = createLog({ name: "fuzz", level: "warn", format: "pretty" });
const folder = mkdtempSync(join(tmpdir(), "millrace-fuzz-"));
// The embedded server may run as another user, who must be able to pass through.
chmodSync(folder, 0o755);
const dataDir = join(folder, "data");
try {
  await using postgres = await openPostgres({ dataDir, log, signal: new AbortController().signal });
  const url = new URL(postgres.url);
  url.pathname = "/millrace_fuzz";
  await using accessor = await startAccessor(url.href);
  await using gateway = await startGateway(accessor.url);
  const report = await runFuzz({
    accessor,
    gateway,
    inputs: Number(values.inputs),
    seed: Number(values.seed),
    onProgress: (done) => done % 20_000 === 0 && console.log(`${done} inputs`),
  });
  console.table(Object.fromEntries([...report.endings].sort((a, b) => b[1] - a[1])));
  console.log("memory in MiB", report.memory);
  for (const { input, status, said } of report.faults.slice(0, 20))
    console.log(`blames the server: ${status}  ${input}  ${said ?? ""}`);
  const rejected = [...accessor.lines, ...gateway.lines].filter((line) => /unhandled|uncaught/i.test(line));
  for (const line of [...accessor.lines, ...gateway.lines].filter((text) => /"level":"error"/.test(text)).slice(0, 10))
    console.log(line.slice(0, 600));
  console.log(`${report.inputs} inputs, ${report.faults.length} blamed on the server, ${rejected.length} unhandled`);
  process.exitCode = report.faults.length + rejected.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
