// One good tenant beside a hostile one: npm run proofs:neighbour -- [--minutes 10] [--seed 1]
// [--slot 10] [--harm "one kind|another"] [--json FILE] The good one writes, reads and watches, for
// a minute alone, then beside the other, which does the worst of every kind over gRPC and HTTP.
// Exits with 1 if the good one waits, is refused, or misses anything, if a process ends, or if
// memory passes its cap.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createClient } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { signalCodecs } from "../../client/codecs.ts";
import { readColumns } from "../../client/read.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { listening, startProgram } from "../../test/testing/processes.ts";
import { KeptPostgres } from "../chaos/kept-postgres.ts";
import { startUsage } from "../usage.ts";
import { judgeLatencies, latenciesOf, type Slot, slowestBySlot } from "./measured.ts";
import { judgeStored, type TenantOutcome } from "./tenant-records.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    slot: { type: "string", default: "10" },
    quiet: { type: "string", default: "60" },
    harm: { type: "string" },
    json: { type: "string" },
  },
});
// The bound that docs/proofs-hostile-clients.md states; resident memory, so it includes what the
// allocator has not returned.
const capMib: Record<string, number> = { accessor: 1_024, gateway: 768 };

const folder = mkdtempSync(join(tmpdir(), "millrace-neighbour-"));
const faults: string[] = [];
await using stack = new AsyncDisposableStack();
const postgres = stack.use(await KeptPostgres.open());
const databaseUrl = postgres.url("neighbour");
const auth = { DATABASE_URL: databaseUrl, MILLRACE_AUTH: "keys" };
const accessor = stack.use(
  await listening(
    startProgram("accessor/main.ts", ["--listen", "127.0.0.1:0", "--compact-interval", "5s"], auth),
  ),
);
const gateway = stack.use(
  await listening(
    startProgram("gateway/main.ts", [
      "--listen",
      "127.0.0.1:0",
      "--accessor",
      accessor.url,
      "--limit-loopback",
    ]),
  ),
);
let closing = false;
for (const [name, service] of Object.entries({ accessor, gateway }))
  void service.ended.then((how) => closing || faults.push(`the ${name} ended with ${how}`));
const goodKey = await createKey("good");
const badKey = await createKey("bad");
const targets = new Map(
  [accessor, gateway].map((one, i) => [
    ["accessor", "gateway"][i]!,
    () => one.pid as number | undefined,
  ]),
);
const usageFromMs = Date.now();
using usage = startUsage(targets, join(folder, "usage.csv"));

const outcomePath = join(folder, "good.json");
const good = stack.use(
  startProgram("proof/neighbour/good-tenant.ts", [accessor.url, gateway.url, outcomePath], {
    MILLRACE_API_KEY: goodKey,
  }),
);
await sleep(Number(values.quiet) * 1_000);
const fromMs = Date.now();
const bad = startProgram(
  "proof/neighbour/hostile-tenant.ts",
  [accessor.url, gateway.url, String(Number(values.slot) * 1_000), values.seed],
  {
    MILLRACE_API_KEY: badKey,
    ...(values.harm === undefined ? {} : { MILLRACE_HARM: values.harm }),
  },
);
await sleep(Number(values.minutes) * 60_000);
const untilMs = Date.now();
await bad[Symbol.asyncDispose]();
good.signal("SIGTERM");
await Promise.race([good.ended, sleep(90_000)]);
usage[Symbol.dispose]();

const outcome = JSON.parse(readFileSync(outcomePath, "utf8")) as TenantOutcome;
const slots = bad.lines
  .filter((line) => line.startsWith('{"kind"'))
  .map((line) => JSON.parse(line) as Slot & { endings: object });
console.log("undisturbed");
console.table(latenciesOf(outcome.measured.filter(({ atMs }) => atMs < fromMs)));
console.log("beside the hostile tenant");
console.table(latenciesOf(outcome.measured.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)));
console.table(
  slowestBySlot(outcome.measured, slots).map((row, i) => ({ ...row, ...memoryIn(slots[i]!) })),
);
for (const { kind, endings } of slots) console.log(`${kind}: ${JSON.stringify(endings)}`);
for (const fault of judgeLatencies(outcome.measured, { fromMs, untilMs })) faults.push(fault);
await judgeRecords(outcome);
judgeProcesses();
closing = true;
console.log(
  `${outcome.written} samples written, ${outcome.posted} posted, ${outcome.called} called; ${faults.length} faults`,
);
for (const [fault, times] of tally(faults).slice(0, 30))
  console.error(times > 1 ? `${fault} (${times} times)` : fault);
if (values.json !== undefined)
  writeFileSync(values.json, JSON.stringify({ ...outcome, slots, faults, usage: usage.rows }));
process.exitCode = faults.length > 0 ? 1 : 0;

async function createKey(tenant: "good" | "bad"): Promise<string> {
  const scopes = ["read", "live", "write"].flatMap((scope) => ["--scope", scope]);
  const names = ["--machine", `${tenant}-*`, "--producer", `${tenant}.*`];
  // Producers that the gateway makes for posted records.
  names.push("--producer", "http:*", "--producer", "rest:*");
  const made = startProgram(
    "accessor/commands/keys-command.ts",
    ["create", "--name", tenant, ...scopes, ...names],
    {
      DATABASE_URL: databaseUrl,
    },
  );
  await made.ended;
  return eventually("a key is printed", () => made.lines.find((line) => line.startsWith("mr_")));
}

async function judgeRecords({
  written,
  posted,
  called,
  seen,
  breaks,
  ...rest
}: TenantOutcome): Promise<void> {
  using transport = createGrpcTransport({
    baseUrl: accessor.url,
    codecs: signalCodecs,
    headers: { authorization: `Bearer ${goodKey}` },
  });
  const client = createClient(SignalService, transport);
  const { series } = await readColumns({
    client,
    signals: ["power"],
    abort: AbortSignal.timeout(120_000),
  });
  const columns = series.map(({ machine, column }) => ({
    machine,
    timesUs: column.timesUs,
    values: column.values,
  }));
  for (const fault of judgeStored(columns, { written, posted, called, seen, breaks, ...rest }))
    faults.push(fault);
  for (const [machine, count] of [
    ["good-posted", posted],
    ["good-called", called],
  ] as const) {
    const stored = columns.find((one) => one.machine === machine)?.values.length ?? 0;
    if (stored !== count) faults.push(`${machine}: ${stored} of ${count} are stored`);
  }
  if (seen !== written) faults.push(`the feed brought ${seen} of ${written} samples`);
  if (breaks > 0) faults.push(`the feed broke ${breaks} times`);
}

/** The most memory of the services in a slot, in MiB. */
function memoryIn({ fromMs, toMs }: Slot): Record<string, number> {
  const within = usage.rows.filter(
    ({ atS }) => usageFromMs + atS * 1000 >= fromMs && usageFromMs + atS * 1000 < toMs,
  );
  const mostOf = (name: string) =>
    within
      .filter((row) => row.name === name)
      .reduce((most, { rssKb }) => Math.max(most, Math.round(rssKb / 1024)), 0);
  return { accessor: mostOf("accessor"), gateway: mostOf("gateway") };
}

function judgeProcesses(): void {
  for (const [name, service] of Object.entries({ accessor, gateway })) {
    const mib = Math.max(
      ...usage.rows.filter((row) => row.name === name).map(({ rssKb }) => rssKb / 1024),
    );
    console.log(`${name}: ${mib.toFixed(0)} MiB resident at most`);
    if (!(mib < capMib[name]!))
      faults.push(`${name}: ${mib.toFixed(0)} MiB resident, its cap is ${capMib[name]}`);
    for (const line of service.lines)
      if (/uncaught|unhandled|out of memory/i.test(line)) faults.push(line.slice(0, 300));
  }
}

function tally(texts: readonly string[]): [string, number][] {
  return [...Map.groupBy(texts, (text) => text)].map(
    ([text, same]) => [text, same.length] as [string, number],
  );
}
