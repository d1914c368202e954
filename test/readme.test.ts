// README.md and docs/start.md are correct: their commands run and print what the pages show, and
// the picture matches the API's answers.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawPower, pictured } from "../tools/power-picture.ts";
import { outputOf, wordsOf } from "./testing/commands.ts";
import { eventually } from "./testing/eventually.ts";
import { commandsOf } from "./testing/page-blocks.ts";
import { testDatabase } from "./testing/postgres.ts";
import { startAccessor, startGateway, startProducer } from "./testing/processes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const readme = read("README.md");
const start = read("docs/start.md");

const stack = new AsyncDisposableStack();
let accessorUrl = "";
let gatewayUrl = "";
const here = (command: string) =>
  command
    .replaceAll("http://127.0.0.1:8080", gatewayUrl)
    .replaceAll("http://127.0.0.1:50051", accessorUrl);

/**
 * The minute of the picture, and ten seconds before: they contain the state that it begins with.
 */
const before = new Date(Date.parse(pictured.from) - 10_000).toISOString();
const minute = ["--start", before, "--duration", "70s"];

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  // It accepts records of any age: the examples have fixed dates, and must not fail in a year.
  const accessor = stack.use(await startAccessor(database.url));
  const gateway = stack.use(await startGateway(accessor.url));
  accessorUrl = accessor.url;
  gatewayUrl = gateway.url;
  const past = startProducer(accessor.url, "--first-machine", "2", "--machines", "1", ...minute);
  expect(await past.ended).toBe(0);
  stack.use(startProducer(accessor.url, "--machines", "5", "--start", "-1m"));
  // Before any client has sent power, a query for it is an error.
  const newest = async () => (await fetch(`${gatewayUrl}/signals/power?from=-5s`)).text();
  await eventually("it is live", async () => /"value"/.test(await newest()), { withinMs: 40_000 });
});
afterAll(() => stack.disposeAsync());

describe("README.md", () => {
  const commands = commandsOf(readme);
  const asking = commands.filter(({ command }) => command.startsWith("curl "));
  test("starts with one command, sends a recording and asks two questions", () => {
    expect(commands.map(({ command }) => command.split(" ")[0])).toEqual([
      "npm",
      "curl",
      "curl",
      "curl",
      "curl",
    ]);
    expect(asking.filter(({ answer }) => answer !== undefined)).toHaveLength(2);
  });

  // In order: later questions depend on data that earlier commands send.
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
      const isAcked = () => producer.lines.some((line) => /[1-9][\d,]* acked/.test(line));
      await eventually("it says what is acknowledged", isAcked, { withinMs: 40_000 });
      expect(producer.lines.filter((line) => /[1-9]\d* rejected|error|warn/.test(line))).toEqual(
        [],
      );
    },
    60_000,
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
