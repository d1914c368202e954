// The file of messages that cannot be read: what a line has, and many at once.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recordingLog, temporaryFolder } from "../../client/testing/spool.ts";
import { createMessageLetters } from "./dead-letters.ts";

const receivedUs = Date.UTC(2026, 2, 1, 8) * 1000;

test("a letter has topic, time, reasons and the payload: as text, or as bytes, cut after 4 KiB", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "unreadable.ndjson");
  const { log } = recordingLog();
  {
    await using letters = createMessageLetters({ path, log });
    const faults = Array.from({ length: 12 }, (_, i) => `fault ${i}`);
    const write = (payload: Uint8Array) =>
      letters.write({ topic: "t", payload, receivedUs, faults });
    await write(Buffer.from("{"));
    await write(Buffer.from([0xff]));
    // The cut falls into a character.
    await write(Buffer.from(`${"x".repeat(4095)}äy`));
    expect(letters.count).toBe(3);
  }
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  const [text, bytes, long] = lines.map((line) => JSON.parse(line));
  expect(text).toMatchObject({
    topic: "t",
    received: "2026-03-01T08:00:00.000Z",
    reasonsInAll: 12,
    payload: "{",
  });
  expect(text.reasons).toHaveLength(10);
  expect(bytes.payloadBase64).toBe("/w==");
  expect(long).toMatchObject({ payload: "x".repeat(4095), bytes: 4098 });
});

test("letters of a moment are all written, and only the first hundred are logged", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "unreadable.ndjson");
  const { log, lines } = recordingLog();
  await using letters = createMessageLetters({ path, log });
  const payload = Buffer.from("x");
  const write = (i: number) =>
    letters.write({ topic: `t${i}`, payload, receivedUs, faults: ["bad"] });
  const isWritten = Array.from({ length: 300 }, async (_, i) => {
    await write(i);
    return (await readFile(path, "utf8")).includes(`"t${i}"`);
  });
  expect(await Promise.all(isWritten)).not.toContain(false);
  const topics = (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).topic);
  expect(topics).toEqual(Array.from({ length: 300 }, (_, i) => `t${i}`));
  expect(lines).toHaveLength(101);
});

test("a file that cannot be written is an error in the log, and holds nothing up", async () => {
  const { log, lines } = recordingLog();
  await using letters = createMessageLetters({ path: "/nowhere/at/all", log });
  await letters.write({ topic: "t", payload: Buffer.from("x"), receivedUs, faults: ["bad"] });
  expect(lines.join("\n")).toMatch(/cannot write dead letters/);
});
