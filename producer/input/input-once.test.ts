// With --once a file that is sent again is not stored again, also if the first run was interrupted.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openIngestStub } from "../../client/testing/ingest-stub.ts";
import { readSettings } from "../../runtime/config.ts";
import { createLog } from "../../runtime/log.ts";
import { settings } from "../config.ts";
import { openProducer } from "../producer.ts";

async function send(accessor: string, flags: readonly string[]): Promise<string> {
  const log: string[] = [];
  await using producer = await openProducer({
    settings: readSettings(
      { name: "producer", about: "", settings },
      ["--accessor", accessor, ...flags],
      {},
    ),
    abort: new AbortController().signal,
    log: createLog({
      name: "producer",
      format: "pretty",
      color: false,
      sink: (line) => log.push(line),
    }),
    statusStream: { write: () => true },
  });
  await producer.done;
  return log.join("");
}

async function inputFile(rows: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-input-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "signals.csv");
  const lines = Array.from(
    { length: rows },
    (_, i) => `m-${i % 3},x,${1_772_352_000_000 + i},${i}`,
  );
  await writeFile(path, `machine,signal,time,value\n${lines.join("\n")}\nm-1,x,now,1\n`);
  return path;
}

const countOf = (stored: readonly { samples: { values: number[] }[] }[]) =>
  stored.flatMap(({ samples }) => samples).reduce((sum, { values }) => sum + values.length, 0);

test("sent again it is stored once; under other flags, or without --once, it is another", async () => {
  await using stub = await openIngestStub();
  const file = ["--input", await inputFile(35_000)];
  const once = await send(stub.url, [...file, "--once"]);
  expect(once).toMatch(/must not be relative to now/);
  expect(once).toMatch(/records=35000 badLines=1 rejectedRecords=0\n/);
  expect(countOf(stub.state.stored)).toBe(35_000);
  expect(await send(stub.url, [...file, "--once"])).toMatch(
    /rejectedRecords=0 duplicateBatches=6\n/,
  );
  expect(countOf(stub.state.stored)).toBe(35_000);
  await send(stub.url, [...file, "--once", "--unit", "K"]);
  expect(countOf(stub.state.stored)).toBe(70_000);
  await send(stub.url, file);
  expect(countOf(stub.state.stored)).toBe(105_001);
});

test("a run that was interrupted goes on where it stopped", async () => {
  const file = ["--input", await inputFile(35_000), "--once"];
  await using first = await openIngestStub({
    beforeStore: (sequence) => {
      if (sequence > 2) throw new Error("away");
    },
  });
  const stopped = new AbortController();
  const producer = await openProducer({
    settings: readSettings(
      { name: "producer", about: "", settings },
      ["--accessor", first.url, ...file],
      {},
    ),
    abort: stopped.signal,
    log: createLog({ name: "producer", level: "silent" }),
    statusStream: { write: () => true },
  });
  while (first.state.stored.length < 2) await new Promise(setImmediate);
  stopped.abort();
  await producer[Symbol.asyncDispose]();
  await using second = await openIngestStub({}, { state: first.state });
  expect(await send(second.url, file)).toMatch(/duplicateBatches=2\n/);
  expect(countOf(second.state.stored)).toBe(35_000);
});
