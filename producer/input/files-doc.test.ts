// The files of docs/files.md, and the files that people have: each comes in by its one command.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { openIngestStub } from "../../client/testing/ingest-stub.ts";
import { readSettings } from "../../runtime/config.ts";
import { createLog } from "../../runtime/log.ts";
import { settings } from "../config.ts";
import { openDryRun } from "../dry-run.ts";
import { openProducer } from "../producer.ts";
import { rowsOf } from "../testing/input.ts";

const page = await readFile(new URL("../../docs/files.md", import.meta.url), "utf8");
const blocks = [
  ...page.matchAll(
    /```(?:csv|json) (\S+)\n([\s\S]*?)```\n\n```sh\nnpm run producer -- ([\s\S]*?)\n```\n\n```text\n([\s\S]*?)```/g,
  ),
].map(([, name = "", text = "", flags = "", printed = ""]) => ({ name, text, flags, printed }));
const wordsOf = (line: string) =>
  [...line.matchAll(/'([^']*)'|(?!\\)(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-files-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

const optionsOf = (flags: readonly string[]) => ({
  settings: readSettings({ name: "producer", about: "", settings }, flags, {}),
  abort: new AbortController().signal,
});

async function dryRun(flags: readonly string[], isTTY = true): Promise<string> {
  const printed: string[] = [];
  const statusStream = { isTTY, write: (text: string) => printed.push(text) };
  await using run = await openDryRun({ ...optionsOf([...flags, "--dry-run"]), statusStream });
  await run.done;
  return printed.join("");
}

async function send(flags: readonly string[]) {
  await using stub = await openIngestStub();
  const log: string[] = [];
  const sink = (line: string) => log.push(line);
  await using producer = await openProducer({
    ...optionsOf(["--accessor", stub.url, ...flags]),
    log: createLog({ name: "producer", format: "pretty", color: false, sink }),
    statusStream: { write: () => true },
  });
  await producer.done;
  return { stored: stub.state.stored, rows: rowsOf(stub.state.stored), log: log.join("") };
}

const block = (name: string) => blocks.find((one) => one.name === name)!;
/** The flags of a block for a file of the same name with this content. */
const flagsFor = async (name: string, content: string | Uint8Array = block(name).text) => {
  const [, , ...flags] = wordsOf(block(name).flags);
  return ["--input", await fileOf(name, content), ...flags];
};
const at = (time: string) => Date.parse(`2026-03-01T${time}Z`) * 1000;

test("the page has a block for each kind of file, and prints what the program prints", async () => {
  expect(blocks.map(({ name }) => name)).toEqual([
    "german.csv",
    "wide.csv",
    "epoch-seconds.csv",
    "array.json",
    "meter.ndjson",
  ]);
  for (const { name, printed } of blocks) expect(await dryRun(await flagsFor(name))).toBe(printed);
});

test("a German export as it is, with its byte order mark and CRLF", async () => {
  const text = `\uFEFF${block("german.csv").text.replaceAll("\n", "\r\n")}`;
  const { rows, stored, log } = await send(await flagsFor("german.csv", text));
  const head = { machine: "Presse 3", signal: "power", unit: "W" };
  expect(rows).toEqual([
    { ...head, timeUs: at("07:00:00"), value: 1250 },
    { ...head, timeUs: at("07:15:00"), value: 1500 },
    { ...head, timeUs: at("07:45:00"), value: 1_234_500 },
  ]);
  expect(stored[0]!.samples[0]!.maxGap!.seconds).toBe(1200n);
  expect(log).toMatch(/the input is CSV +delimiter=semicolon byteOrderMark=true lineEnd=CRLF/);
  expect(log).toMatch(/input line 4: value: missing/);
});

test("a wide table, epoch seconds, a JSON array and lines of a meter store their values", async () => {
  const wide = await send(await flagsFor("wide.csv"));
  expect(wide.rows.filter(({ machine }) => machine === "mill-1")).toHaveLength(5);
  expect(wide.log).toMatch(/input line 4: mill-1.power: NaN and infinities/);
  const epoch = await send(await flagsFor("epoch-seconds.csv"));
  expect(epoch.rows.map((row) => "timeUs" in row && row.timeUs)).toEqual(
    ["08:00:00", "08:00:01", "08:00:02.5"].map(at),
  );
  const oven = await send(await flagsFor("array.json"));
  expect(oven.rows.filter((row) => "value" in row)).toMatchObject([
    { signal: "temperature", unit: "°C", timeUs: at("08:00:00.123"), value: 181.5 },
    { signal: "temperature", unit: "°C", timeUs: at("08:00:01.123"), value: 181.9 },
  ]);
  const meter = await send(await flagsFor("meter.ndjson"));
  expect(meter.rows).toHaveLength(3);
  expect(meter.stored[0]!.samples[0]!).toMatchObject({ unit: "W", maxGap: { seconds: 1200n } });
});

test("gzip and zstd are unpacked, whole and in parts; damage is named", async () => {
  const text = Buffer.from(block("epoch-seconds.csv").text);
  const cut = 30;
  for (const pack of [gzipSync, zstdCompressSync]) {
    const whole = await send(await flagsFor("epoch-seconds.csv", pack(text)));
    expect(whole.rows).toHaveLength(3);
    const parts = Buffer.concat([pack(text.subarray(0, cut)), pack(text.subarray(cut))]);
    const inParts = send(await flagsFor("epoch-seconds.csv", parts));
    // Node reads only the first frame of zstd.
    if (pack === gzipSync) expect((await inParts).rows).toHaveLength(3);
    else await expect(inParts).rejects.toThrow(/more parts than the first.* zstd -dc FILE/);
    const damaged = pack(text).subarray(0, -6);
    await expect(send(await flagsFor("epoch-seconds.csv", damaged))).rejects.toThrow(
      /the (gzip|zstd) data is damaged or incomplete/,
    );
  }
});

test("lines of JSON where the output is no terminal", async () => {
  const lines = (await dryRun(await flagsFor("wide.csv"), false)).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { format: "CSV", delimiter: "comma" },
    { line: 4, reason: "VALUE_NOT_FINITE" },
    { machine: "mill-1", signal: "power", records: 2, min: 411.9 },
    ...[{ records: 3 }, { records: 2 }, { records: 2 }],
    { lines: 3, records: 9, badLines: 1 },
  ]);
});

test.each([
  [
    "german.csv",
    /not known: "Zeit", "Maschine", .* column=Zeit=FIELD/,
    ["--type", "power", "--wide", "x.SIGNAL"],
  ],
  ["german.csv", /"zeit" is not a column: .* --column/, ["--type", "power"]],
  [
    "wide.csv",
    /no column is called "Zeit": the columns are "timestamp"/,
    ["--column", "Zeit=time"],
  ],
  ["epoch-seconds.csv", /including machine/, ["--type", "power"]],
])("%s without its mapping is refused with what to write", async (name, message, flags) => {
  const path = await fileOf(name, block(name).text);
  await expect(send(["--input", path, ...flags])).rejects.toThrow(message);
});

test("without the declaration of seconds nothing is stored, and the message says what to declare", async () => {
  const path = await fileOf("epoch-seconds.csv", block("epoch-seconds.csv").text);
  const { rows, log } = await send(["--input", path, "--machine", "m", "--type", "power"]);
  expect(rows).toEqual([]);
  expect(log).toMatch(/these look like seconds: declare epoch=s \(producer flag: --epoch s\)/);
});
