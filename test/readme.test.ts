// README.md tells the truth: its commands run, its links lead somewhere, its excerpt of the
// contract is in the contract.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outputOf, wordsOf } from "./testing/commands.ts";
import { eventually } from "./testing/eventually.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway, startProducer } from "./testing/processes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");
const blocks = (language: string) =>
  [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter(([, name]) => name === language)
    .map(([, , text]) => text!);
const commands = blocks("sh").flatMap((text) => text.trim().split("\n"));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  scripts: Record<string, string>;
};

const stack = new AsyncDisposableStack();
let accessorUrl = "";
let gatewayUrl = "";
const here = (command: string) =>
  command
    .replaceAll("http://127.0.0.1:8080", gatewayUrl)
    .replaceAll("http://127.0.0.1:50051", accessorUrl);

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(database.url));
  const gateway = stack.use(await startGateway(accessor.url));
  stack.use(startProducer(accessor.url, "--machines", "5", "--start", "-1m"));
  accessorUrl = accessor.url;
  gatewayUrl = gateway.url;
  const caughtUp = async () =>
    /"value"/.test(await outputOf(here("curl http://127.0.0.1:8080/signals/power?from=-1s")));
  // Until somebody has sent power, asking for it is an error.
  await eventually("the last second is there", () => caughtUp().catch(() => false));
});
afterAll(() => stack.disposeAsync());

describe("commands", () => {
  const asking = commands.filter((command) => /^(curl|npx) /.test(command));
  test("are there", () => expect(asking.length).toBeGreaterThan(8));

  test.each(asking)("%s", async (command) => {
    const endless = /\/live|WatchSignals/.test(command);
    const output = await outputOf(here(command), {
      enough: (text) => endless && /ACTIVE|IDLE|FAULT|OFF/.test(text),
    });
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

  test.each(commands.filter((command) => !asking.includes(command)))(
    "%s names what is there",
    (command) => {
      const [program, first, second] = wordsOf(command);
      const isThere =
        (program === "npm" && first === "run" && second! in scripts) ||
        (program === "npm" && ((first === "cit" && "test" in scripts) || first! in scripts)) ||
        (program?.includes("/") && existsSync(root + program));
      expect(isThere).toBe(true);
    },
  );
});

function expectedOf(command: string): RegExp {
  if (command.includes("--list-methods"))
    return /^millrace\.v1\.IngestService\/Ingest$[\s\S]*SignalService\/WatchSignals$/m;
  if (command.includes("WatchSignals")) return /"stateChanges"/;
  if (command.includes("/live")) return /^data: \{"signals":\[\{"machine":"[a-z]+-\d"/m;
  if (/-d .*oven-1/.test(command)) return /"accepted":1,"rejected":0/;
  if (command.includes("temperature")) return /"machine":"oven-1".*181\.5/;
  if (command.endsWith("/signals'")) return /"name":"power"/;
  return /"value": ?\d/;
}

test("what it shows of the contract is in the contract", () => {
  const contract = readdirSync(`${root}proto/millrace/v1`).map((name) =>
    readFileSync(`${root}proto/millrace/v1/${name}`, "utf8"),
  );
  const lines = new Set(
    contract
      .join("\n")
      .split("\n")
      .map((line) => line.trim()),
  );
  const shown = blocks("proto")
    .join("")
    .trim()
    .split("\n")
    .map((line) => line.trim());
  expect(shown.length).toBeGreaterThan(5);
  expect(shown.filter((line) => !lines.has(line))).toEqual([]);
  // The two services that it shows, it shows whole.
  const services = ["ingest_service", "signal_service"].map((name) =>
    readFileSync(`${root}proto/millrace/v1/${name}.proto`, "utf8"),
  );
  const calls = services
    .flatMap((text) => text.split("\n").map((line) => line.trim()))
    .filter((line) => line.startsWith("rpc "));
  expect(calls.length).toBeGreaterThan(5);
  expect(calls.filter((line) => !shown.includes(line))).toEqual([]);
});

test("links and rooms are there", () => {
  const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path!);
  const named = [...readme.matchAll(/`([a-z]+)\/`/g)].map(([, name]) => name!);
  expect(links.length).toBeGreaterThan(5);
  expect(named.length).toBeGreaterThan(10);
  expect([...links, ...named].filter((path) => !existsSync(root + path))).toEqual([]);
});
