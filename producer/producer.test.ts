// The whole producer in process, against a server on a real port.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect, onTestFinished, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { RecordKind, RefusalSchema, VerdictSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Hooks, openIngestStub } from "../client/testing/ingest-stub.ts";
import { timesOf } from "../codec/wire/samples.ts";
import { readSettings } from "../runtime/config.ts";
import { createLog } from "../runtime/log.ts";
import { settings } from "./config.ts";
import { openProducer } from "./producer.ts";
import { createFleet } from "./simulate/fleet.ts";
import type { Clock } from "./simulate/pace.ts";

const nowUs = Date.UTC(2026, 2, 1, 8) * 1000;

/** A clock that stands still, and moves when it is slept on. */
function createClock(): Clock & { atUs: number } {
  const clock = {
    atUs: nowUs,
    nowUs: () => clock.atUs,
    sleep: async (ms: number, abort: AbortSignal) => {
      await new Promise(setImmediate);
      abort.throwIfAborted();
      clock.atUs += Math.round(ms * 1000);
    },
  };
  return clock;
}

async function start(
  flags: string[],
  { hooks = {} as Hooks, signal: abort = new AbortController().signal } = {},
) {
  const stub = await openIngestStub(hooks);
  onTestFinished(() => stub[Symbol.asyncDispose]());
  const log: string[] = [];
  const status: string[] = [];
  const given = readSettings(
    { name: "producer", about: "", settings },
    ["--accessor", stub.url, ...flags],
    {},
  );
  const producer = await openProducer({
    settings: given,
    abort,
    log: createLog({
      name: "producer",
      format: "pretty",
      color: false,
      sink: (line) => log.push(line),
    }),
    clock: createClock(),
    statusStream: { write: (text) => status.push(text) },
  });
  onTestFinished(() => producer[Symbol.asyncDispose]());
  return { stub, producer, log, status };
}

test("a second live simulator of the same machines is refused; one of the past, or of others, is not", async () => {
  const stub = await openIngestStub({});
  onTestFinished(() => stub[Symbol.asyncDispose]());
  const open = async (...flags: string[]) => {
    const given = readSettings(
      { name: "producer", about: "", settings },
      ["--accessor", stub.url, ...flags],
      {},
    );
    const log = createLog({ name: "producer", level: "silent" });
    const statusStream = { write: () => {} };
    return openProducer({
      settings: given,
      abort: new AbortController().signal,
      log,
      statusStream,
    });
  };
  {
    await using _ = await open();
    await expect(open("--machines", "20")).rejects.toThrow(
      /simulates machines 1 to 5 .*--first-machine 6$/,
    );
    await using __ = await open("--machines", "20", "--first-machine", "6");
    await using past = await open("--start", "-2h", "--duration", "1s");
    await past.done;
  }
  await using _ = await open("--machines", "20");
});

test("a minute of live simulation arrives complete, and again with the same seed", async () => {
  const run = async () => {
    const { stub, producer, status } = await start([
      "--machines",
      "3",
      "--duration",
      "60s",
      "--signal",
      "temperature",
    ]);
    await producer.done;
    await producer[Symbol.asyncDispose]();
    expect(status.at(-1)).toMatch(/^3 machines · .* 0 in flight · 0 rejected\n$/);
    return stub.state.stored;
  };
  const stored = await run();
  for (const { name, recordsIn } of createFleet({
    machines: 3,
    seed: 1,
    signals: ["temperature"],
  })) {
    const whole = recordsIn(nowUs, nowUs + 60e6);
    const own = stored.filter(({ machine }) => machine === name);
    expect(own.length).toBeGreaterThan(200);
    for (const { profile, values, startUs } of whole.runs) {
      const columns = own.flatMap(({ samples }) =>
        samples.filter(({ signal }) => signal === profile.signal),
      );
      expect(columns.flatMap((column) => column.values)).toEqual(values);
      expect(columns.flatMap((column) => [...timesOf(column)])).toEqual(
        values.map((_, k) => startUs + k * profile.periodUs),
      );
    }
    expect(own.flatMap(({ stateChanges }) => stateChanges.map(({ reason }) => reason))).toEqual(
      whole.states.map(({ reason }) => reason),
    );
    expect(own.flatMap(({ errorReports }) => errorReports.map(({ code }) => code))).toEqual(
      whole.errors.map(({ code }) => code),
    );
  }
  expect(await run()).toEqual(stored);
});

test("a backfill goes out in large batches and joins the live part without a seam", async () => {
  const { stub, producer, status } = await start([
    "--machines",
    "1",
    "--start",
    "-1h",
    "--duration",
    "3610s",
  ]);
  await producer.done;
  await producer[Symbol.asyncDispose]();
  const columns = stub.state.stored.flatMap(({ samples }) => samples);
  const times = columns.flatMap((column) => [...timesOf(column)]);
  expect(times).toHaveLength(361_000);
  expect(times.every((time, k) => time === times[0]! + k * 10_000)).toBe(true);
  expect(times[0]! - (nowUs - 3600e6)).toBeLessThan(10_000);
  expect(columns[0]!.values.length).toBeGreaterThan(9000);
  expect(Math.max(...columns.map(({ values }) => values.length))).toBeLessThanOrEqual(10_000);
  expect(columns.at(-1)!.values.length).toBeLessThanOrEqual(25);
  expect(status.at(-1)).not.toContain("left");
});

test("producers get an id of their own each time unless one is given", async () => {
  const [a, b, c] = await Promise.all([
    start(["--duration", "1s"]),
    start(["--duration", "1s"]),
    start(["--duration", "1s", "--producer-id", "line-4"]),
  ]);
  expect(a.producer.uplink.producerId).toMatch(/^sim-[0-9a-f]{12}$/);
  expect(b.producer.uplink.producerId).not.toBe(a.producer.uplink.producerId);
  expect(c.producer.uplink.producerId).toBe("line-4");
  await Promise.all([a, b, c].map(({ producer }) => producer.done));
});

async function inputFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-input-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "signals.csv");
  await writeFile(path, text);
  return path;
}
const csv =
  "machine,signal,time,value\nm,x,2026-03-01T08:00:00Z,1\nm,x,never,2\nn,x,2026-03-01T08:00:00Z,3\n";

test("an input takes the place of the simulator, bad lines are counted, and the run ends well", async () => {
  const { stub, producer, log } = await start([
    "--input",
    await inputFile(csv),
    "--max-gap",
    "60s",
  ]);
  await producer.done;
  expect(stub.state.stored.map(({ machine, samples }) => [machine, samples[0]!.values])).toEqual([
    ["m", [1]],
    ["n", [3]],
  ]);
  expect(stub.state.stored[0]!.samples[0]!.maxGap?.seconds).toBe(60n);
  expect(log.join("")).toMatch(/input line 3: time: expected RFC 3339/);
  expect(log.join("")).toMatch(/acknowledged lines=3 records=2 badLines=1 rejectedRecords=0/);
});

test("with --strict a bad line fails the run, after the good ones are sent", async () => {
  const { stub, producer } = await start(["--strict", "--input", await inputFile(csv)]);
  await expect(producer.done).rejects.toThrow("1 of 3 input lines are bad");
  expect(stub.state.stored).toHaveLength(2);
});

test("with --strict a record that the accessor rejects fails the run, without it it does not", async () => {
  const refusal = create(RefusalSchema, {
    reason: ErrorReason.MACHINE_NAME_INVALID,
    message: "no name",
  });
  const verdicts = [
    { kind: RecordKind.SAMPLE, count: 1, reason: ErrorReason.TIME_TOO_OLD, message: "too old" },
  ].map((init) => create(VerdictSchema, init));
  const hooks: Hooks = {
    resultOf: (_, { machine }) => (machine === "n" ? { refusal } : { verdicts }),
  };
  const file = await inputFile(csv.replace(/.*never.*\n/, ""));
  const strict = await start(["--strict", "--input", file], { hooks });
  await expect(strict.producer.done).rejects.toThrow("--strict: the accessor rejected records: 2");
  const lax = await start(["--input", file], { hooks });
  await lax.producer.done;
  const both = await start(["--strict", "--input", await inputFile(csv)], { hooks });
  await expect(both.producer.done).rejects.toThrow(
    /1 of 3 input lines are bad; the accessor rejected records: 2/,
  );
});

test("an input that is not there fails the start", async () => {
  const path = `${await inputFile("")}.gone`;
  await expect(start(["--input", path])).rejects.toThrow(/ENOENT.*signals\.csv\.gone/);
});

test("being stopped is no failure, and what was taken is sent", async () => {
  const stop = new AbortController();
  const { stub, producer } = await start(["--machines", "2"], { signal: stop.signal });
  while (stub.state.stored.length < 20) await new Promise(setImmediate);
  stop.abort(new Error("SIGTERM"));
  await producer.done;
  await producer[Symbol.asyncDispose]();
  expect(producer.uplink.status.heldBatches).toBe(0);
  expect(stub.state.stored).toHaveLength(producer.uplink.status.ackedBatches);
});

test("an uplink that cannot go on fails the run", async () => {
  const hooks: Hooks = { welcome: { lastSequence: 7n } };
  const { producer } = await start(["--machines", "1"], { hooks });
  await expect(producer.done).rejects.toThrow(/Another producer uses this id/);
});

test.each([
  [["--speed", "10"], /--speed above 1 needs --start/],
  [["--start", "2027-01-01T00:00:00Z"], /--start lies in the future/],
  [["--strict"], /--strict needs --input/],
  [
    ["--input", "x", "--start", "-1h", "--duration", "1s"],
    /--start is for the simulator.*--duration is for/s,
  ],
])("settings that do not go together are refused: %j", async (flags, message) => {
  await expect(start(flags)).rejects.toThrow(message);
});

test("blanks around a unit are no part of it", () => {
  expect(
    readSettings({ name: "producer", about: "", settings }, ["--unit", " kW\t"], {}).unit,
  ).toBe("kW");
});

test.each([
  ["--unit", " "],
  ["--start", "24h"],
  ["--start", "yesterday"],
  ["--rate-hz", "300"],
  ["--signal", "state"],
  ["--signal", "Temperature"],
  ["--producer-id", "line 4"],
  ["--accessor", "127.0.0.1:50051"],
])("%s %s is not valid", (flag, value) => {
  const read = () => readSettings({ name: "producer", about: "", settings }, [flag, value], {});
  expect(read).toThrow(new RegExp(`${flag}: .*not valid, expected`));
});
