// The part of the contract in README.md compiles by itself, and agrees with the contract.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { blocksOf } from "./testing/page-blocks.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const excerpt = blocksOf(readme, "proto")[0]!.text;

test("has at most 15 lines", () => {
  expect(excerpt.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
});

test("compiles, and its calls are the contract's", () => {
  const shown = compile(excerpt);
  for (const service of [IngestService, SignalService]) {
    const excerptOf = shown(service.name)!;
    expect(excerptOf.methods.length).toBeGreaterThan(1);
    expect(callsOf(service)).toEqual(expect.arrayContaining(callsOf(excerptOf)));
  }
});

test("that it does not compile, or differs, would be noticed", () => {
  expect(() => compile(excerpt.replace(");", ") {"))).toThrow();
  const other = compile(excerpt.replace("returns (stream WatchSignals", "returns (WatchSignals"));
  expect(callsOf(SignalService)).not.toEqual(
    expect.arrayContaining(callsOf(other(SignalService.name)!)),
  );
});

const callsOf = ({ methods }: DescService) =>
  methods.map(({ name, input, output, methodKind }) =>
    [name, input.typeName, output.typeName, methodKind].join(" "),
  );

/** Compiles services as a file beside the contract; finds them by name. */
function compile(services: string): (name: string) => DescService | undefined {
  const folder = mkdtempSync(join(tmpdir(), "millrace-readme-"));
  try {
    cpSync(join(root, "proto"), folder, {
      recursive: true,
      filter: (path) => !path.endsWith(".binpb"),
    });
    execFileSync(process.execPath, [join(root, "tools/proto-deps.ts"), folder], { cwd: root });
    const imports = ["ingest_service", "signal_service"].map(
      (name) => `import "millrace/v1/${name}.proto";`,
    );
    const head = ['syntax = "proto3";', "package millrace.v1.readme;", ...imports];
    writeFileSync(join(folder, "readme.proto"), [...head, services].join("\n"));
    const buf = join(root, "node_modules/.bin/buf");
    execFileSync(buf, ["build", folder, "-o", join(folder, "all.binpb")], { stdio: "pipe" });
    const files = fromBinary(FileDescriptorSetSchema, readFileSync(join(folder, "all.binpb")));
    const registry = createFileRegistry(files);
    return (name) => registry.getService(`millrace.v1.readme.${name}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
