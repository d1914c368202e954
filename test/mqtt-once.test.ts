// Through the real accessor: a message that comes again, in whatever way, is stored once if it has
// a time of its own.
import { join } from "node:path";
import { expect, test } from "vitest";
import { openTestAccessor } from "../accessor/testing/accessor.ts";
import { openAedes } from "../bridge/testing/brokers.ts";
import { mappingFolder, openPublisher, openTestBridge } from "../bridge/testing/open-bridge.ts";
import { readColumns } from "../client/read.ts";
import { eventually, settled } from "./testing/eventually.ts";

const toml = `
[[topics]]
topic = "once/{machine}/x"
signal = "x"
value = "$.v"
time = "$.t"

[[topics]]
topic = "once/{machine}/mode"
state = "$.s"
time = "$.t"
`;

test("records that publishers and bridges repeat are stored once", async () => {
  await using accessor = await openTestAccessor();
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  await using broker = await openAedes();
  await using folder = await mappingFolder(toml);
  await using publisher = await openPublisher(broker.url);
  const t = Date.now() - 60_000;
  const send = async () => {
    await publisher.send("once/m/mode", JSON.stringify({ s: "IDLE", t }));
    for (let v = 0; v < 20; v++)
      await publisher.send("once/m/x", JSON.stringify({ v: v % 3, t: t + v }));
  };
  // Two bridges that know nothing of each other, and every message is sent to each of them twice.
  for (const name of ["first", "second"]) {
    await using bridge = await openTestBridge([
      ...["--mapping", folder.mapping, "--spool", join(folder.path, name)],
      ...["--broker", broker.url, "--accessor", accessorUrl, "--mqtt-version", "3.1.1"],
    ]);
    await eventually("the bridge is connected", () => bridge.connection!.connected);
    await settled(() => bridge.connection!.connects);
    await send();
    await send();
    await eventually("all are taken", () => bridge.intake!.counts.records === 42);
    await bridge.uplink!.flush();
    expect(bridge.uplink!.status.rejectedRecords).toBe(0);
  }
  const { signal: abort } = new AbortController();
  const { series } = await readColumns({ client: accessor.signals, machines: ["m"], abort });
  expect(series.map(({ column }) => column.values.length)).toEqual([20]);
  const states = await accessor.signals.querySignals({ signal: "state", machines: ["m"] });
  expect(states.signals).toHaveLength(1);
});
