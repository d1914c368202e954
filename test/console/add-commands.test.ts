// What the console's page "Add a machine" shows, run as it is shown: each stores its record.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestAccessor, type TestAccessor } from "../../accessor/testing/accessor.ts";
import {
  type CommandOptions,
  curlCommand,
  keyCommand,
  producerCommand,
  pythonProgram,
  typescriptProgram,
} from "../../console/add/commands.ts";
import { type CheckedGateway, openCheckedGateway } from "../../gateway/testing/gateway.ts";
import { childEnvironment } from "../../runtime/config.ts";
import { eventually } from "../testing/eventually.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const stack = new AsyncDisposableStack();
let accessor: TestAccessor;
let gateway: CheckedGateway;
let folder: string;

beforeAll(async () => {
  accessor = stack.use(await openTestAccessor());
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  gateway = stack.use(await openCheckedGateway({ accessorUrl }));
  folder = await mkdtemp(join(tmpdir(), "millrace-add-"));
});
afterAll(async () => {
  await stack.disposeAsync();
  await rm(folder, { recursive: true, force: true });
});

const optionsOf = (machine: string): CommandOptions => ({
  origin: `http://127.0.0.1:${gateway.port}`,
  machine,
  signal: "temperature",
  unit: "°C",
  needsKey: false,
});

/** Runs until a record of the machine is stored, then ends what still runs. */
async function run(machine: string, command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, {
    cwd: folder,
    env: childEnvironment({}) as NodeJS.ProcessEnv,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => void output.push(text));
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    await eventually(
      `a record of ${machine} is stored`,
      async () => {
        const { signals } = await accessor.signals.getLatest({ machines: [machine] });
        return signals.some(({ signal, unit }) => signal === "temperature" && unit === "°C");
      },
      { withinMs: 20_000 },
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${output.join("")}`);
    });
  } finally {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGTERM");
    await ended;
  }
}

test("curl, with a name that a shell would cut", () => {
  return run("O'Hara 7", "bash", ["-c", curlCommand(optionsOf("O'Hara 7"))]);
});

test("TypeScript", async () => {
  const file = join(folder, "machine.mts");
  await writeFile(file, typescriptProgram(optionsOf("from-typescript")));
  await run("from-typescript", process.execPath, [file]);
});

test.skipIf(spawnSync("python3", ["--version"]).status !== 0)("Python", () => {
  return run("from-python", "python3", ["-c", pythonProgram(optionsOf("from-python"))]);
});

test("the producer, in the folder of Millrace", () => {
  const shown = producerCommand(optionsOf("from-producer"));
  expect(shown).toContain("npm run producer -- --input rows.ndjson");
  const text = shown
    .replace("npm run producer --", `'${process.execPath}' '${checkout}producer/main.ts'`)
    .replace("http://127.0.0.1:50051", `http://127.0.0.1:${accessor.port}`);
  return run("from-producer", "bash", ["-c", text]);
});

test.each(["mill-1", "O'Hara 7", "$(touch pwned)", "`id`; x", 'a "b" \\ c'])(
  "the command for a key hands %s over as it is",
  (machine) => {
    // In place of npx: prints its arguments, one a line.
    const script = `npx() { printf '%s\\n' "$@"; }\n${keyCommand(machine)}\nprintf '%s' "$KEY"`;
    const { stdout, status } = spawnSync("bash", ["-c", script], { cwd: folder, encoding: "utf8" });
    expect(status).toBe(0);
    const words = ["millrace", "keys", "create", "--name", machine, "--scope", "write"];
    expect(stdout.split("\n")).toEqual([...words, "--machine", machine]);
  },
);

test("where a key is needed, each command has it from the variable KEY, and never itself", () => {
  const options = { ...optionsOf("m"), needsKey: true };
  for (const text of [curlCommand(options), producerCommand(options)])
    expect(text).toContain("$KEY");
  expect(typescriptProgram(options)).toContain('"Bearer " + process.env.KEY');
  expect(pythonProgram(options)).toContain('os.environ["KEY"]');
});
