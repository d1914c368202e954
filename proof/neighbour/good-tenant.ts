// The good tenant: writes, reads and watches as a plant does, and records how long each answer
// takes. Ends on SIGTERM. Arguments: accessor URL, gateway URL, file for its outcome.
// MILLRACE_API_KEY: a key for machines good-*.
import { writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { signalCodecs } from "../../client/codecs.ts";
import { openUplink } from "../../client/send/uplink.ts";
import { watch } from "../../client/watch.ts";
import { FeedBreakError } from "../../client/watch-error.ts";
import { countSamples, timesOf } from "../../codec/wire/samples.ts";
import { childEnvironment } from "../../runtime/config.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { createLog } from "../../runtime/log.ts";
import type { Measured } from "./measured.ts";
import { batchesOf, idempotencyKeyOf, machineNames, type TenantOutcome } from "./tenant-records.ts";

const [accessorUrl, gatewayUrl, path] = process.argv.slice(2) as [string, string, string];
const { MILLRACE_API_KEY: key = "" } = childEnvironment({});
const headers = { authorization: `Bearer ${key}` };
const stop = new AbortController();
const { signal: abort } = stop;
process.on("SIGTERM", () => stop.abort(new Error("SIGTERM")));
// The harness holds the other end: if that ends, so does this process.
new Socket({ fd: 3 }).on("close", () => process.exit(1)).resume();

const measured: Measured[] = [];
const outcome: TenantOutcome = {
  written: 0,
  firstUs: 0,
  lastUs: 0,
  posted: 0,
  called: 0,
  seen: 0,
  breaks: 0,
  measured,
};
const appendedAt = new Map<number, number>();
using transport = createGrpcTransport({ baseUrl: accessorUrl, headers, codecs: signalCodecs });
const signals = createClient(SignalService, transport);
const ingest = createClient(IngestService, transport);
const { cursor: start } = await signals.getLatest({}, { timeoutMs: 10_000 });

async function measure(what: string, ask: () => Promise<unknown>): Promise<void> {
  const atMs = Date.now();
  const beganMs = performance.now();
  const end = (error?: unknown) => {
    const took = { atMs, what, tookMs: performance.now() - beganMs };
    measured.push(error === undefined ? took : { ...took, error: String(error).slice(0, 300) });
  };
  await ask().then(() => end(), end);
}

/**
 * Power of every machine at 100 Hz, in batches of 250 ms, until it is stopped; then waits for every
 * ack.
 */
async function write(): Promise<void> {
  const log = createLog({ name: "good", level: "error" });
  const options = { accessor: accessorUrl, apiKey: key, producerId: "good.live", log };
  await using uplink = await openUplink({ ...options, outboxBytes: 2 ** 24 });
  let fromUs = Math.floor(Date.now() / 250) * 250_000;
  outcome.firstUs = fromUs;
  for (; !abort.aborted; fromUs += 250_000) {
    await sleep(Math.max(0, fromUs / 1000 + 250 - Date.now()));
    appendedAt.set(fromUs, performance.now());
    for (const batch of batchesOf(fromUs)) {
      await uplink.append(batch, { abort: AbortSignal.timeout(60_000) });
      outcome.written += countSamples(batch.samples[0]!);
    }
    outcome.lastUs = fromUs + 250_000;
  }
  await uplink.flush({ abort: AbortSignal.timeout(60_000) });
}

/** From a batch's creation to its arrival here, through the log: the longest path. */
async function follow(untilSeen: () => boolean): Promise<void> {
  const leave = new AbortController();
  const onState = (state: { state: string; error?: unknown }) => {
    if (state.error instanceof FeedBreakError) outcome.breaks++;
  };
  const feed = watch({
    client: signals,
    after: start,
    signals: ["power"],
    abort: leave.signal,
    bookmarks: true,
    onState,
  });
  for await (const { batches } of feed) {
    for (const batch of batches) {
      const [column] = batch.samples;
      if (!machineNames.includes(batch.machine) || column === undefined) continue;
      outcome.seen += countSamples(column);
      const made = appendedAt.get(timesOf(column)[0]!);
      if (made !== undefined && batch.machine === machineNames.at(-1))
        measured.push({ atMs: Date.now(), what: "live feed", tookMs: performance.now() - made });
    }
    if (untilSeen()) leave.abort(new Error("all is seen"));
  }
}

const rest = async (target: string, init: RequestInit = {}) => {
  const own = { ...headers, ...(init.headers as Record<string, string>) };
  const response = await fetch(gatewayUrl + target, { ...init, headers: own });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`);
};

const post = () => {
  const number = ++outcome.posted;
  const row = {
    machine: "good-posted",
    signal: "power",
    time: new Date().toISOString(),
    value: number,
    unit: "W",
  };
  const named = { "content-type": "application/json", "idempotency-key": idempotencyKeyOf(number) };
  return rest("/signals", {
    method: "POST",
    headers: named,
    body: JSON.stringify({ signals: [row] }),
  });
};

const call = async () => {
  const number = ++outcome.called;
  const grid = { startUs: BigInt(Date.now()) * 1000n, periodUs: 10_000n };
  const samples = [
    { signal: "power", unit: "W", times: { case: "grid" as const, value: grid }, values: [number] },
  ];
  const request = {
    producerId: "good.unary",
    sequence: BigInt(number),
    batch: { machine: "good-called", samples },
  };
  const { result } = await ingest.ingestBatch(request, { timeoutMs: 10_000 });
  if (result?.duplicate || result?.refusal || result?.verdicts.length)
    throw new Error("a batch was not stored as it is");
};

const [machine] = machineNames;
const range = () => ({ startTime: { seconds: BigInt(Math.floor(Date.now() / 1000) - 60) } });
const questions: Record<string, () => Promise<unknown>> = {
  "GET latest": () => rest("/signals/power/latest"),
  "GET page": () => rest(`/signals/power?machine=${machine}&from=-10s&limit=500`),
  "GET buckets": () => rest(`/signals/power/buckets?machine=${machine}&from=-60s&width=1s`),
  "GET summary": () => rest(`/machines/${machine}/summary?from=-60s`),
  "GET export": () => rest(`/signals/power?machine=${machine}&from=-10s&format=ndjson`),
  "POST signals": post,
  IngestBatch: call,
  QuerySignals: () =>
    signals.querySignals({ signal: "power", ...range(), pageSize: 500 }, { timeoutMs: 10_000 }),
  GetLatest: () => signals.getLatest({ signals: ["power"] }, { timeoutMs: 10_000 }),
};

/** One question after the other, about ten a second. */
async function ask(): Promise<void> {
  // Only then is there something to query.
  while (outcome.seen === 0 && !abort.aborted) await sleep(50);
  while (!abort.aborted)
    for (const [what, question] of Object.entries(questions)) {
      await measure(what, question);
      await sleep(100);
    }
}

let isWritten = false;
const writing = write().then(() => {
  isWritten = true;
});
const asking = ask();
await Promise.all([
  writing,
  asking,
  follow(() => isWritten && outcome.seen >= outcome.written),
]).catch((error) => {
  if (String(error).includes("all is seen")) return;
  measured.push({ atMs: Date.now(), what: "tenant", tookMs: 0, error: String(error) });
});
await writing;
writeFileSync(path, JSON.stringify(outcome));
process.exit(0);
