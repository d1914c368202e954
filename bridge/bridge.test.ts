// The whole bridge between a broker inside the test (aedes, MQTT 3.1.1) and an accessor that keeps
// what it gets.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openIngestStub } from "../client/testing/ingest-stub.ts";
import { ConfigError } from "../runtime/config.ts";
import { eventually, settled } from "../test/testing/eventually.ts";
import { openAedes } from "./testing/brokers.ts";
import { mappingFolder, openPublisher, openTestBridge, storedIn } from "./testing/open-bridge.ts";
import { born, double, payload } from "./testing/sparkplug.ts";

const toml = `
[[topics]]
topic = "plant/{machine}/{signal}"
value = "$.v"
time = "$.t"

[[topics]]
topic = "mode/{machine}"
payload = "text"
state = "$"
`;
const t = Date.UTC(2026, 2, 1, 8);
const message = (v: unknown, more = 0) => JSON.stringify({ v, t: t + more });

test("messages are stored and acknowledged, wrong ones kept apart, through cuts and restarts", async () => {
  await using broker = await openAedes();
  await using accessor = await openIngestStub();
  await using folder = await mappingFolder(toml);
  const flags = [
    ...["--mapping", folder.mapping, "--spool", folder.spool, "--broker", broker.url],
    ...["--accessor", accessor.url, "--mqtt-version", "3.1.1"],
  ];
  await using publisher = await openPublisher(broker.url);
  {
    await using bridge = await openTestBridge(flags);
    await eventually("the bridge is connected", () => bridge.connection!.connected);
    await settled(() => bridge.connection!.connects);
    await publisher.send("plant/m1/power", message(1));
    await publisher.send("plant/m1/power", message(2, 1), { qos: 0 });
    await publisher.send("plant/m1/power", message("x"));
    await publisher.send("mode/m1", "ACTIVE", { qos: 2 });
    await eventually("three records are stored", () => storedIn(accessor.state).length === 3);
    await eventually("three are acknowledged", () => broker.acked.length === 3);
    broker.cut();
    await publisher.send("plant/m1/power", message(3, 2));
    await eventually("the fourth is stored", () => storedIn(accessor.state).length === 4);
  }
  expect(storedIn(accessor.state).toSorted()).toEqual([
    "m1 power 1",
    "m1 power 2",
    "m1 power 3",
    "m1 state ACTIVE",
  ]);
  const letters = (await readFile(join(folder.spool, "unreadable.ndjson"), "utf8")).trim();
  expect(JSON.parse(letters)).toMatchObject({
    topic: "plant/m1/power",
    reasons: [expect.stringMatching(/^value: expected a number/)],
    payload: message("x"),
  });
  // What comes while the bridge is away waits at the broker.
  await publisher.send("plant/m2/power", message(4));
  await using later = await openTestBridge(flags);
  await eventually("the fifth is stored", () => storedIn(accessor.state).length === 5);
  expect(storedIn(accessor.state).at(-1)).toBe("m2 power 4");
  expect(later.intake!.counts.messages).toBe(1);
});

test("while the accessor is away messages are acknowledged all the same: the spool has them", async () => {
  await using broker = await openAedes();
  await using folder = await mappingFolder(toml);
  const accessor = await openIngestStub();
  await accessor[Symbol.asyncDispose]();
  const flags = [
    ...["--mapping", folder.mapping, "--spool", folder.spool, "--broker", broker.url],
    ...["--accessor", accessor.url, "--mqtt-version", "3.1.1"],
  ];
  await using publisher = await openPublisher(broker.url);
  await using bridge = await openTestBridge(flags);
  await eventually("the bridge is connected", () => bridge.connection!.connected);
  await settled(() => bridge.connection!.connects);
  await publisher.send("plant/m1/power", message(1));
  await eventually("it is acknowledged", () => broker.acked.length === 1);
  await using again = await openIngestStub({}, { port: accessor.port });
  await eventually("it is stored", () => storedIn(again.state).length === 1);
});

test("a node of Sparkplug whose birth was missed is asked for it", async () => {
  await using broker = await openAedes();
  await using accessor = await openIngestStub();
  await using folder = await mappingFolder("[sparkplug]");
  await using publisher = await openPublisher(broker.url);
  await using bridge = await openTestBridge([
    ...["--mapping", folder.mapping, "--spool", folder.spool, "--broker", broker.url],
    ...["--accessor", accessor.url, "--mqtt-version", "3.1.1"],
  ]);
  await eventually("the bridge is connected", () => bridge.connection!.connected);
  await settled(() => bridge.connection!.connects);
  const asked = new Promise<string>((resolve) => publisher.client.once("message", resolve));
  await publisher.client.subscribeAsync("spBv1.0/+/NCMD/+");
  const data = payload(5, [double(2, { alias: 1n })]);
  await publisher.client.publishAsync("spBv1.0/G/NDATA/N", Buffer.from(data));
  expect(await asked).toBe("spBv1.0/G/NCMD/N");
  await publisher.client.publishAsync("spBv1.0/G/NBIRTH/N", Buffer.from(born));
  await eventually("the birth is stored", () => storedIn(accessor.state).length === 1);
  expect(storedIn(accessor.state)).toEqual(["G/N power 1"]);
});

test("a dry run prints rows and dead letters, and takes nothing from the session", async () => {
  await using broker = await openAedes();
  await using folder = await mappingFolder(toml);
  await using publisher = await openPublisher(broker.url);
  const lines: unknown[] = [];
  await using bridge = await openTestBridge(
    ["--mapping", folder.mapping, "--dry-run", "--broker", broker.url, "--mqtt-version", "3.1.1"],
    { output: { write: (text) => lines.push(JSON.parse(text)) } },
  );
  await eventually("it is connected", () => bridge.connection!.connected);
  await settled(() => bridge.connection!.connects);
  await publisher.send("plant/m1/power", message(1));
  await publisher.send("plant/m1/power", "{");
  await eventually("both are printed", () => lines.length === 2);
  expect(lines).toEqual([
    { machine: "m1", signal: "power", time: "2026-03-01T08:00:00Z", value: 1 },
    { unreadable: "plant/m1/power", reasons: [expect.stringMatching(/^not JSON/)] },
  ]);
});

test("--check lists the topics, or every mistake", async () => {
  let output = "";
  const write = (text: string) => {
    output += text;
  };
  await using good = await mappingFolder(toml);
  await using bridge = await openTestBridge(["--mapping", good.mapping, "--check"], {
    output: { write },
  });
  await bridge.done;
  expect(output).toBe(`${good.mapping} is correct. Topics:\n  plant/+/+\n  mode/+\n`);
  await using bad = await mappingFolder('[[topics]]\nvalue = "v"\nsignal = "x"');
  await expect(openTestBridge(["--mapping", bad.mapping, "--check"])).rejects.toEqual(
    new ConfigError([
      `${bad.mapping}: topics[1]: topic is missing`,
      `${bad.mapping}: topics[1].value: a path begins with $, as in $.value`,
    ]),
  );
});

test("a file without topics is for another bridge", async () => {
  const toml = '[[opcua.nodes]]\nnode = "ns=2;s=x"\nmachine = "m"\nsignal = "x"\nvalue = "$"';
  await using folder = await mappingFolder(toml);
  await expect(openTestBridge(["--mapping", folder.mapping, "--check"])).rejects.toThrow(
    /no topics: \[opcua\] is for npm run opcua/,
  );
});

test.each([
  [[], /--spool DIR is required: a message is acknowledged when the spool has it on disk/],
  [["--check", "--dry-run"], /--check and --dry-run cannot be used together/],
  [["--dry-run", "--broker-ca", "x"], /certificates require an mqtts:\/\/ URL/],
  [["--dry-run", "--share", "g"], /--share cannot be used with \[sparkplug\]/],
])("settings that do not go together: %j", async (flags, mistake) => {
  await using folder = await mappingFolder("[sparkplug]");
  await expect(openTestBridge(["--mapping", folder.mapping, ...flags])).rejects.toThrow(mistake);
});
