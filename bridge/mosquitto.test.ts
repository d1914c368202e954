// The bridge at Debian's mosquitto, with MQTT 5: sessions through kills of bridge and broker, TLS,
// and several bridges that share the messages. Skipped where mosquitto is not installed, except in
// CI, which installs it.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openIngestStub } from "../client/testing/ingest-stub.ts";
import { createAuthority, loopback, openFolder } from "../test/testing/certificates.ts";
import { eventually, settled } from "../test/testing/eventually.ts";
import { freePorts } from "../test/testing/free-ports.ts";
import { startProgram } from "../test/testing/processes.ts";
import { hasMosquitto, startMosquitto } from "./testing/brokers.ts";
import { mappingFolder, openPublisher, openTestBridge, storedIn } from "./testing/open-bridge.ts";

const toml = `
[[topics]]
topic = "plant/{machine}/{signal}"
value = "$.v"
time = "$.t"
`;
const t = Date.UTC(2026, 2, 1, 8);
const message = (v: number) => JSON.stringify({ v, t: t + v });
const isInCi = process.env["CI"] !== undefined;

test.runIf(isInCi)("mosquitto is installed in CI", () => {
  expect(hasMosquitto).toBe(true);
});

describe.skipIf(!hasMosquitto)("mosquitto (apt-get install mosquitto)", () => {
  test.each(["5", "3.1.1"])(
    "MQTT %s: nothing is lost when bridge and broker are killed",
    async (version) => {
      await using folder = await mappingFolder(toml);
      const [port] = await freePorts(1);
      await using broker = await startMosquitto({
        folder: join(folder.path, "broker"),
        port: port!,
      });
      await using accessor = await openIngestStub();
      await using publisher = await openPublisher(broker.url);
      const flags = [
        ...["--mapping", folder.mapping, "--spool", folder.spool, "--broker", broker.url],
        ...["--accessor", accessor.url, "--mqtt-version", version],
      ];
      const subscribed = (lines: readonly string[]) =>
        eventually("it is subscribed", () => lines.some((line) => line.includes("subscribed")));
      const values = () => new Set(storedIn(accessor.state)).size;
      {
        await using bridge = startProgram("bridge/main.ts", [...flags, "--log-level", "debug"]);
        await subscribed(bridge.lines);
        await Promise.all([1, 2, 3].map((v) => publisher.send("plant/m/x", message(v))));
        bridge.signal("SIGKILL");
        await bridge.ended;
      }
      await publisher.send("plant/m/x", message(4));
      await broker.stop("SIGTERM");
      await broker.start();
      await using bridge = startProgram("bridge/main.ts", flags);
      await eventually("all are stored", () => values() === 4);
      await publisher.send("plant/m/x", message(5));
      await eventually("the fifth is stored", () => values() === 5);
      bridge.signal("SIGTERM");
      expect(await bridge.ended).toBe(0);
    },
  );

  test("bridges of one group share the messages", async () => {
    await using folder = await mappingFolder(toml);
    const [port] = await freePorts(1);
    await using broker = await startMosquitto({ folder: join(folder.path, "broker"), port: port! });
    await using accessor = await openIngestStub();
    await using publisher = await openPublisher(broker.url);
    const open = (name: string) =>
      openTestBridge([
        ...["--mapping", folder.mapping, "--spool", join(folder.path, name), "--share", "plant"],
        ...["--broker", broker.url, "--accessor", accessor.url],
      ]);
    await using first = await open("first");
    await using second = await open("second");
    for (const { connection } of [first, second])
      await eventually("both are connected", () => connection!.connected);
    await settled(() => first.connection!.connects);
    for (let v = 1; v <= 20; v++) await publisher.send("plant/m/x", message(v));
    await eventually("all are stored", () => storedIn(accessor.state).length >= 20);
    expect(new Set(storedIn(accessor.state)).size).toBe(20);
    expect(storedIn(accessor.state)).toHaveLength(20);
    for (const { intake } of [first, second]) expect(intake!.counts.messages).toBeGreaterThan(0);
  });

  test("TLS with an authority of one's own; without it the broker is not trusted", async () => {
    await using files = await openFolder();
    const authority = await createAuthority();
    const ca = await files.write("ca.crt", authority.cert);
    const pair = await files.writePair("broker", await authority.issue(loopback));
    await using folder = await mappingFolder(toml);
    const [port] = await freePorts(1);
    const tls = { ca, ...pair };
    await using broker = await startMosquitto({ folder: join(folder.path, "b"), port: port!, tls });
    await using publisher = await openPublisher(broker.url);
    const lines: string[] = [];
    const rows: string[] = [];
    const output = { write: (text: string) => rows.push(text) };
    const flags = ["--mapping", folder.mapping, "--dry-run", "--broker", broker.url];
    await using bridge = await openTestBridge([...flags, "--broker-ca", ca], { output });
    await eventually("it is connected", () => bridge.connection!.connected);
    await settled(() => bridge.connection!.connects);
    await publisher.send("plant/m/x", message(1));
    await eventually("a row is printed", () => rows.length === 1);
    await using other = await openTestBridge(flags, { lines });
    await eventually("it is refused", () => lines.some((line) => /certificate/.test(line)));
    expect(other.connection!.connected).toBe(false);
  });
});
