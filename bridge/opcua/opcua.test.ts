// The bridge from OPC UA against node-opcua's own server: values with their own times and quality,
// servers that restart, connections that break, and a server that says nothing any more.
import { readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataType, StatusCodes } from "node-opcua-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openIngestStub } from "../../client/testing/ingest-stub.ts";
import { temporaryFolder } from "../../client/testing/spool.ts";
import { batchRows } from "../../codec/row/record-rows.ts";
import { readSettings } from "../../runtime/config.ts";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { freePorts } from "../../test/testing/free-ports.ts";
import { settings } from "./config.ts";
import { type OpcuaBridge, openOpcua } from "./opcua.ts";
import { openOpcuaServer, openWay, type TestServer, type Way } from "./testing/server.ts";

const mapping = `
[opcua]
machine = "press-4"
sampling = "10ms"
publishing = "20ms"

[[opcua.nodes]]
node = "ns=1;s=Power"
signal = "power"
unit = "kW"
sample_type = "linear"
max_gap = "1m"

[[opcua.nodes]]
node = "ns=1;s=Count"
signal = "Pieces Made"
sample_type = "counter"

[[opcua.nodes]]
node = "ns=1;s=Door"
machine = "press-4 door"
signal = "open"

[[opcua.nodes]]
node = "ns=1;s=Mode"
state = "$"
states = { 1 = "ACTIVE", 2 = "IDLE", 3 = "FAULT" }

[[opcua.nodes]]
node = "ns=1;s=Alarm"
code = "$"
ignore = ["0"]
`;
const variables = {
  Power: "Double",
  Count: "Int64",
  Door: "Boolean",
  Mode: "Int32",
  Alarm: "UInt32",
} as const;

let stack: AsyncDisposableStack;
let folder: string;
let stub: Awaited<ReturnType<typeof openIngestStub>>;
let server: TestServer;
let way: Way;
let bridge: OpcuaBridge;
const lines: string[] = [];

async function openBridge(...flags: string[]): Promise<OpcuaBridge> {
  const argv = [
    "--mapping",
    join(folder, "mapping.toml"),
    "--endpoint",
    `opc.tcp://127.0.0.1:${way.port}`,
    ...flags,
  ];
  return openOpcua({
    settings: readSettings({ name: "opcua", about: "", settings }, argv, {}),
    log: createLog({ name: "opcua", format: "json", sink: (line) => lines.push(line) }),
    output: { write: (text) => lines.push(text) },
  });
}

const spooled = (...flags: string[]) =>
  openBridge("--accessor", stub.url, "--spool", join(folder, "spool"), ...flags);

beforeEach(async () => {
  lines.length = 0;
  stack = new AsyncDisposableStack();
  ({ path: folder } = stack.use(await temporaryFolder()));
  await writeFile(join(folder, "mapping.toml"), mapping);
  stub = stack.use(await openIngestStub());
  const [port] = await freePorts(1);
  server = await openOpcuaServer(port!, variables, folder);
  stack.defer(() => server[Symbol.asyncDispose]());
  way = stack.use(await openWay(port!));
});
afterEach(async () => {
  await bridge?.[Symbol.asyncDispose]();
  await stack.disposeAsync();
});

const stored = () =>
  stub.state.stored.flatMap((batch) =>
    [...batchRows(batch)].map(({ machine, signal, time, ...row }) => [
      machine,
      signal,
      time,
      row["value"] ?? row["state"] ?? row["code"],
    ]),
  );
const has = (what: string, wanted: unknown[]) =>
  eventually(what, () => stored().some((row) => JSON.stringify(row) === JSON.stringify(wanted)));

const at = (second: number) => new Date(Date.UTC(2026, 2, 1, 8, 0, second));
const time = (second: number) => `2026-03-01T08:00:0${second}Z`;

test("values keep the time and quality of their source; states and errors follow the mapping", async () => {
  server.set("Power", DataType.Double, 1.5, { at: at(1) });
  server.set("Count", DataType.Int64, [0, 7], { at: at(1) });
  server.set("Door", DataType.Boolean, true, { at: at(1) });
  server.set("Mode", DataType.Int32, 1, { at: at(1) });
  server.set("Alarm", DataType.UInt32, 0, { at: at(1) });
  bridge = await spooled();
  await has("the power", ["press-4", "power", time(1), 1.5]);
  await has("the count", ["press-4", "pieces_made", time(1), 7]);
  await has("the door", ["press-4 door", "open", time(1), 1]);
  await has("the state", ["press-4", "state", time(1), "ACTIVE"]);
  server.set("Power", DataType.Double, 99, { at: at(2), status: StatusCodes.BadSensorFailure });
  server.set("Mode", DataType.Int32, 9, { at: at(2) });
  await eventually(
    "both are counted",
    () => bridge.intake!.counts.bad + bridge.intake!.counts.unreadable >= 2,
  );
  server.set("Power", DataType.Double, 2.5, { at: at(3) });
  server.set("Alarm", DataType.UInt32, 2041, { at: at(3) });
  await has("what comes after a gap", ["press-4", "power", time(3), 2.5]);
  await has("the alarm", ["press-4", "error", time(3), "2041"]);
  expect(stored().some(([, , , value]) => value === 99 || value === "0")).toBe(false);
  expect(lines.join("")).toMatch(/a value cannot be stored.*ns=1;s=Mode.*not in the table states/);
  const [first] = stub.state.stored;
  expect(first!.samples.map(({ duplicates }) => duplicates)).toEqual(first!.samples.map(() => 2));
});

test("after a restart of the server, a cut and a silence, the nodes are watched again", async () => {
  server.set("Power", DataType.Double, 1, { at: at(1) });
  bridge = await spooled("--silence", "500ms");
  await has("the first value", ["press-4", "power", time(1), 1]);

  way.cut();
  await eventually("the end is noticed", () => bridge.server!.ends >= 1);
  server.set("Power", DataType.Double, 2, { at: at(2) });
  await has("the value of meanwhile", ["press-4", "power", time(2), 2]);

  const before = bridge.server!.ends;
  way.silent = true;
  await eventually("the silence is noticed", () => bridge.server!.ends > before);
  server.set("Power", DataType.Double, 3, { at: at(3) });
  way.silent = false;
  await has("the value after the silence", ["press-4", "power", time(3), 3]);
  expect(lines.join("")).toMatch(/nothing was heard for/);

  const { port } = server;
  await server[Symbol.asyncDispose]();
  server = await openOpcuaServer(port, variables, folder);
  server.set("Power", DataType.Double, 4, { at: at(4) });
  await has("the value of the new server", ["press-4", "power", time(4), 4]);
}, 60_000);

test("a node that the server does not have is named, and the others are watched", async () => {
  await writeFile(
    join(folder, "mapping.toml"),
    `${mapping}\n[[opcua.nodes]]\nnode = "ns=1;s=Nothing"\nsignal = "nothing"\n`,
  );
  server.set("Power", DataType.Double, 1, { at: at(1) });
  bridge = await spooled();
  await has("the power", ["press-4", "power", time(1), 1]);
  await eventually("it is named", () => /ns=1;s=Nothing.*BadNodeIdUnknown/.test(lines.join("")));
});

test("--check names all mistakes, and --dry-run prints what values would give", async () => {
  server.set("Power", DataType.Double, 1.25, { at: at(1) });
  bridge = await openBridge("--check");
  expect(lines.join("")).toMatch(/is correct. Nodes:\n {2}ns=1;s=Power\n/);
  bridge = await openBridge("--dry-run");
  await eventually("it is printed", () =>
    lines.some((line) => line.startsWith('{"machine":"press-4","signal":"power"')),
  );
  expect(stub.state.stored).toEqual([]);
  await bridge[Symbol.asyncDispose]();
  const wrong =
    '[opcua]\nsampling = "1"\n[[opcua.nodes]]\nnode = "Power"\nsignal = "x"\n[[opcua.nodes]]\nnode = "i=1"\n';
  await writeFile(join(folder, "mapping.toml"), wrong);
  const mistakes = await openBridge("--check").catch((error: Error) => error.message);
  expect(mistakes).toMatch(
    /sampling[\s\S]*nodes\[\d\].node[\s\S]*machine is missing[\s\S]*signal is missing/,
  );
});

test("with security, an unknown server is refused until its certificate is trusted", async () => {
  server.set("Power", DataType.Double, 1, { at: at(1) });
  const certificates = join(folder, "certificates");
  bridge = await spooled("--security", "sign-and-encrypt", "--certificates", certificates);
  await eventually("it is refused", () => bridge.server!.ends >= 1);
  expect(bridge.server!.watching).toBe(false);
  expect(stub.state.stored).toEqual([]);
  await bridge[Symbol.asyncDispose]();
  const [unknown] = await readdir(join(certificates, "rejected"));
  const trusted = join(certificates, "trusted/certs", unknown!);
  await rename(join(certificates, "rejected", unknown!), trusted);
  bridge = await spooled("--security", "sign-and-encrypt", "--certificates", certificates);
  await has("the power", ["press-4", "power", time(1), 1]);
});
