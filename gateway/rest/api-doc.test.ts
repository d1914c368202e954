// Runs every block of the API pages against a gateway: commands, Node, browser code, and Python if
// grpcio is installed.
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { takeEverything } from "../testing/accessor.ts";
import { answerEverything, fullStatus } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { answerMachines } from "../testing/machine-answers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = ["api.md", "storing.md", "api-clients.md"].map((name) => ({
  name,
  text: readFileSync(join(root, "docs", name), "utf8"),
}));
const blocks = pages.flatMap(({ name: page, text }) =>
  Array.from(text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm), ([, language = "", code = ""], i) => ({
    language,
    code,
    name: `${page} ${i + 1}: ${code.split("\n").find((line) => line.trim() !== "")}`,
  })),
);
const of = (language: string) => blocks.filter((block) => block.language === language);

let gateway: TestGateway;
let folder: string;
beforeAll(async () => {
  gateway = await openTestGateway();
  gateway.accessor.signals = answerEverything();
  gateway.accessor.status.getStatus = fullStatus;
  gateway.accessor.ingest = takeEverything([]);
  gateway.accessor.machines = answerMachines();
  folder = mkdtempSync(join(tmpdir(), "millrace-api-"));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const run = promisify(execFile);
const here = (code: string) => code.replaceAll("127.0.0.1:8080", `127.0.0.1:${gateway.port}`);

test.each(of("sh"))("command $name", async ({ code }) => {
  // Every error answer and every failing command fails the block, unless the block itself handles
  // the failure.
  const script = `set -e -o pipefail; curl() { command curl -sS --fail-with-body "$@"; }\n${here(code)}`;
  const { stdout, stderr } = await run("bash", ["-c", script], { cwd: folder });
  expect(stderr).toBe("");
  expect(stdout.length).toBeGreaterThan(20);
});

test.each(of("js"))("JavaScript $name", async ({ code }) => {
  const flags = [
    "--input-type=module",
    "--experimental-eventsource",
    "--disable-warning=UNDICI-ES",
  ];
  const { stdout, stderr } = await run(process.execPath, [...flags, "-e", here(code)], {
    cwd: root,
  });
  expect(stderr).toBe("");
  expect(stdout).toMatch(/mill-1/);
});

const python = ["python3", "/usr/bin/python3"].find((candidate) => {
  try {
    return (
      execFileSync(candidate, ["-c", "import grpc, google.protobuf"], { stdio: "ignore" }) !==
      undefined
    );
  } catch {
    return false;
  }
});

test.skipIf(python === undefined).each(of("python"))("Python $name", async ({ code }) => {
  const files = new Set<DescFile>();
  const collect = (file: DescFile) => {
    for (const needed of file.dependencies) collect(needed);
    files.add(file);
  };
  collect(SignalService.file);
  const image = create(FileDescriptorSetSchema, { file: [...files].map(({ proto }) => proto) });
  mkdirSync(join(folder, "contract"), { recursive: true });
  writeFileSync(join(folder, "contract/millrace.binpb"), toBinary(FileDescriptorSetSchema, image));
  const { stdout } = await run(python!, ["-c", here(code)], { cwd: folder });
  expect(stdout.trim().split("\n")).toEqual([
    "mill-1 412.3",
    "mill-1 -0.0",
    "mill-1 power 3",
    "mill-2 power 2",
  ]);
});

test("rows and problems of the pages are JSON", () => {
  for (const { code } of of("json")) {
    const values = code.startsWith('{"type"') ? [code] : code.trim().split("\n");
    for (const value of values) expect(JSON.parse(value)).toBeTypeOf("object");
  }
});

test("no block is left out", () => {
  const run = ["sh", "js", "python", "json"].flatMap(of);
  expect(run.length).toBe(blocks.length);
  const marks = pages.map(({ text }) => text.split("```").length - 1);
  expect(marks.reduce((sum, count) => sum + count, 0)).toBe(blocks.length * 2);
});
