// What docs/connect.md shows for line protocol works: its commands, and the flags that it names;
// and what such sources repeat is stored once, through real services.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestAccessor, type TestAccessor } from "../accessor/testing/accessor.ts";
import { settings as mqttSettings } from "../bridge/config.ts";
import { readMapping } from "../bridge/mapping/mapping-file.ts";
import { settings as opcuaSettings } from "../bridge/opcua/config.ts";
import { lineSettings } from "../gateway/line/line-settings.ts";
import { type CheckedGateway, openCheckedGateway } from "../gateway/testing/gateway.ts";
import { readSettings } from "../runtime/config.ts";
import { blocksOf, commandsOf } from "./testing/page-blocks.ts";

const page = readFileSync(new URL("../docs/connect.md", import.meta.url), "utf8");
const section = page.slice(page.indexOf("## Anything that writes"));
const run = promisify(execFile);

let accessor: TestAccessor;
let gateway: CheckedGateway;
let baseUrl: string;
beforeAll(async () => {
  accessor = await openTestAccessor();
  gateway = await openCheckedGateway({ accessorUrl: `http://127.0.0.1:${accessor.port}` });
  baseUrl = `http://127.0.0.1:${gateway.port}`;
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await accessor[Symbol.asyncDispose]();
});

test("the commands of curl are taken, and what they stored is read", async () => {
  const shown = /^```sh\n(curl[\s\S]*?)^```$/m.exec(section)![1]!;
  const script = shown.replaceAll("http://127.0.0.1:8080", baseUrl).replaceAll("curl", "curl -sS");
  const { stdout } = await run("bash", ["-euc", script]);
  expect(stdout.match(/^HTTP\/1\.1 204 No Content/gm)).toHaveLength(2);
  const body = JSON.parse(stdout.slice(stdout.indexOf('{"')));
  expect(body.signals).toMatchObject([
    { machine: "oven-7", value: 181.5 },
    { machine: "oven-8", value: 179.2 },
  ]);
});

test("the gateway knows the flags that the page shows", () => {
  const [command] = commandsOf(section).filter(({ command: text }) => text.startsWith("npm run"));
  const words = [...command!.command.matchAll(/'([^']*)'|(--?[\w-]+|[\w.]+=\w+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare!,
  );
  const argv = words.filter((word) => word !== "--");
  const settings = readSettings({ name: "gateway", about: "", settings: lineSettings }, argv, {});
  expect(settings.lineRules).toHaveLength(3);
  expect(settings.lineStates).toHaveLength(1);
});

test.each(["connect", "mqtt", "opcua"])("the mappings of docs/%s.md are correct", (name) => {
  const text = readFileSync(new URL(`../docs/${name}.md`, import.meta.url), "utf8");
  const blocks = blocksOf(text, "toml").filter((block) => !block.text.includes("[[outputs"));
  expect(blocks.length).toBeGreaterThan(0);
  for (const block of blocks) expect(readMapping(block.text)).toBeDefined();
});

test("the command for a file is that of docs/files.md, which is run", () => {
  const files = readFileSync(new URL("../docs/files.md", import.meta.url), "utf8");
  const [shown] = blocksOf(page, "sh").filter(({ text }) => text.includes("german.csv"));
  const words = (text: string) => text.replaceAll("\\\n", " ").split(/\s+/);
  const [run] = blocksOf(files, "sh").filter(({ text }) => text.includes("german.csv"));
  expect(words(shown!.text).filter((word) => word !== "--dry-run")).toEqual(words(run!.text));
});

test("the flags of the bridges are known", () => {
  const programs = { mqtt: mqttSettings, opcua: opcuaSettings };
  const commands = ["connect", "mqtt", "opcua"].flatMap((name) =>
    commandsOf(readFileSync(new URL(`../docs/${name}.md`, import.meta.url), "utf8")),
  );
  const ours = commands.flatMap(({ command }) => {
    const [, program, flags = ""] = /^npm run (mqtt|opcua) -- (.*)$/.exec(command) ?? [];
    return program === undefined ? [] : [{ program: program as "mqtt" | "opcua", flags }];
  });
  expect(ours.length).toBeGreaterThan(8);
  for (const { program, flags } of ours) {
    const settings = programs[program];
    readSettings({ name: program, about: "", settings }, flags.split(" "), {});
  }
});

const baseS = 1_767_571_200;

test("records that come again in other cuts, at once, zipped or not, are stored once", async () => {
  let runs = 0;
  const cut = fc.record({
    from: fc.nat(199),
    length: fc.integer({ min: 1, max: 120 }),
    zipped: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(cut, { minLength: 1, maxLength: 12 }), async (cuts) => {
      const machine = `m-${runs++}`;
      const lineOf = (i: number) =>
        `heat,machine=${machine} value=${i % 7},count=${i}i ${baseS + i}000000000\n`;
      const wanted = new Set<number>();
      const answers = await Promise.all(
        cuts.map(async ({ from, length, zipped }) => {
          const places = Array.from({ length }, (_, i) => from + i);
          for (const place of places) wanted.add(place);
          const text = places.map(lineOf).join("");
          const response = await fetch(`${baseUrl}/api/v2/write`, {
            method: "POST",
            headers: zipped ? { "content-encoding": "gzip" } : {},
            body: zipped ? gzipSync(text) : text,
          });
          return [response.status, await response.text()];
        }),
      );
      expect(answers).toEqual(cuts.map(() => [204, ""]));
      for (const signal of ["heat", "heat_count"]) {
        const response = await fetch(
          `${baseUrl}/signals/${signal}?machine=${machine}&from=${baseS}000&to=${baseS + 400}000&limit=5000`,
        );
        const { signals } = (await response.json()) as { signals: { time: string }[] };
        const seconds = signals.map(({ time }) => Date.parse(time) / 1000 - baseS);
        expect(seconds).toEqual([...wanted].sort((a, b) => a - b));
      }
    }),
    { numRuns: 15 },
  );
});
