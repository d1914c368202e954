// The core of the console's live worker, in Node, against a real accessor and gateway: what its
// pages hold is what is stored, each record once, also when the gateway restarts.
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestAccessor, type TestAccessor } from "../../accessor/testing/accessor.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { Hub } from "../../console/live/hub.ts";
import type { FromWorker, MachineNow, ToWorker } from "../../console/live/messages.ts";
import { type CheckedGateway, openCheckedGateway } from "../../gateway/testing/gateway.ts";
import { eventually } from "../testing/eventually.ts";

let stack: AsyncDisposableStack;
let accessor: TestAccessor;
let gateway: CheckedGateway;
let hub: Hub;
let sequence = 0n;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  accessor = stack.use(await openTestAccessor({ bookmarkIntervalMs: 100 }));
  gateway = await openCheckedGateway({ accessorUrl: `http://127.0.0.1:${accessor.port}` });
  stack.defer(() => gateway[Symbol.asyncDispose]());
  const { port } = gateway;
  hub = stack.use(
    new Hub({
      createTransport: () => createConnectTransport({ baseUrl: `http://127.0.0.1:${port}` }),
    }),
  );
  sequence = 0n;
});
afterEach(() => stack.disposeAsync());

/** A page: what it heard, and a way to speak. */
function openPage() {
  const heard: FromWorker[] = [];
  const port = { post: (message: FromWorker) => void heard.push(structuredClone(message)) };
  const say = (message: ToWorker) => hub.receive(port, message);
  say({ kind: "hello", credential: undefined });
  return {
    heard,
    say,
    /** The machines as the page knows them. */
    fleet() {
      let machines = new Map<string, MachineNow>();
      for (const message of heard) {
        if (message.kind !== "fleet") continue;
        if (message.whole) machines = new Map();
        for (const one of message.machines) machines.set(one.name, one);
      }
      return machines;
    },
    samples(id: number) {
      return heard.flatMap((message) =>
        message.kind === "records" && message.id === id
          ? message.records.flatMap(({ columns }) =>
              columns.flatMap(({ timesUs, values }) =>
                Array.from(timesUs, (timeUs, i) => [timeUs, values[i]!] as const),
              ),
            )
          : [],
      );
    },
  };
}

const nowUs = () => Date.now() * 1000;

async function send(machine: string, power: readonly number[], fields = {}): Promise<void> {
  sequence += 1n;
  const startUs = BigInt(nowUs() - power.length * 10_000);
  const samples =
    power.length === 0
      ? []
      : [
          {
            signal: "power",
            unit: "kW",
            times: { case: "grid" as const, value: { startUs, periodUs: 10_000n } },
            values: [...power],
          },
        ];
  const { result } = await accessor.ingest.ingestBatch({
    producerId: "test",
    sequence,
    batch: { machine, samples, ...fields },
  });
  expect(result?.refusal).toBeUndefined();
}

const at = (us: number) => ({ seconds: BigInt(Math.floor(us / 1e6)), nanos: 0 });

test("the fleet is what is stored, then what comes, with since when and how many errors", async () => {
  const sinceUs = Math.floor(nowUs() / 1e6) * 1e6 - 120e6;
  const report = { time: at(sinceUs), severity: 3, code: "E1", message: "hot" };
  await send("mill-1", [1, 2, 3], {
    stateChanges: [
      { time: at(sinceUs), state: 3, reason: "jam" },
      { time: at(sinceUs + 60e6), state: 3, reason: "still" },
    ],
    errorReports: [report],
  });
  const page = openPage();
  page.say({ kind: "fleet", wanted: true });
  const mill = await eventually("the snapshot is there", () => page.fleet().get("mill-1"));
  expect(mill).toMatchObject({
    state: 3,
    stateSinceUs: sinceUs,
    reason: "still",
    powerW: 3_000,
    errorsLastHour: 1,
    lastError: { code: "E1", message: "hot" },
  });
  expect(Math.max(...mill.power.max.filter((value) => value > 0))).toBe(3_000);

  await send("mill-1", [7], { errorReports: [{ ...report, time: at(sinceUs + 90e6) }] });
  await send("saw-2", [], { stateChanges: [{ time: at(sinceUs), state: 1, reason: "" }] });
  await eventually("what comes is there", () => {
    const { powerW, errorsLastHour } = page.fleet().get("mill-1")!;
    return powerW === 7_000 && errorsLastHour === 2 && page.fleet().has("saw-2");
  });
  // A second page shares the feed.
  const other = openPage();
  other.say({ kind: "fleet", wanted: true });
  expect(other.fleet().get("mill-1")?.powerW).toBe(7_000);
  expect(hub.feeds).toBe(1);
  for (const one of [page, other]) one.say({ kind: "bye" });
  expect(hub.feeds).toBe(0);
});

test("a watch holds each sample once, across a gateway that restarts and a page that was away", async () => {
  await send("mill-1", [1, 2]);
  const { signals: first, cursor } = await accessor.signals.querySignals({ signal: "power" });
  expect(first.length).toBe(2);
  const page = openPage();
  const watching = { kind: "watch", id: 1, machines: ["mill-1"], signals: [] } as const;
  page.say({ ...watching, after: cursor });
  await send("mill-1", [3, 4]);
  await eventually("live samples come", () => page.samples(1).length === 2);

  const { port } = gateway;
  const closedMs = Date.now();
  await gateway.close();
  await send("mill-1", [5, 6]);
  gateway = await openCheckedGateway({
    accessorUrl: `http://127.0.0.1:${accessor.port}`,
    port,
  });
  await eventually("it resumes", () => page.samples(1).length === 4, { withinMs: 20_000 });
  // Told once, however often it tried, with the time up to which the page knows all.
  const behind = page.heard.flatMap((message) =>
    message.kind === "connection" && message.connection.kind === "behind"
      ? [message.connection.sinceMs]
      : [],
  );
  expect(behind).toHaveLength(1);
  expect(behind[0]).toBeLessThanOrEqual(closedMs);

  const last = page.heard.findLast((message) => message.kind === "records")!;
  page.say({ kind: "bye" });
  await send("mill-1", [7, 8]);
  page.say({ kind: "hello", credential: undefined });
  page.say({ ...watching, after: last.cursor });
  await eventually("it goes on after its cursor", () => page.samples(1).length === 6);

  const { signals } = await accessor.signals.querySignals({ signal: "power" });
  const stored = signals.map(({ time, record }) => [toTimeUs(time), record.value]);
  const held = [
    ...first.map(({ time, record }) => [toTimeUs(time), record.value]),
    ...page.samples(1),
  ];
  expect(held).toEqual(stored);
  page.say({ kind: "bye" });
});

test("a page that says nothing is forgotten, and one has a bounded number of watches", async () => {
  let nowMs = 1_000;
  const { port } = gateway;
  using own = new Hub({
    createTransport: () => createConnectTransport({ baseUrl: `http://127.0.0.1:${port}` }),
    now: () => nowMs,
  });
  const heard: FromWorker[] = [];
  const page = { post: (message: FromWorker) => void heard.push(message) };
  const { cursor } = await accessor.signals.getLatest({});
  own.receive(page, { kind: "hello", credential: undefined });
  for (let id = 1; id <= 5; id++)
    own.receive(page, { kind: "watch", id, machines: ["x"], signals: [], after: cursor });
  expect(heard.filter(({ kind }) => kind === "lost")).toEqual([
    { kind: "lost", id: 5, message: "A page has at most 4 watches." },
  ]);
  expect(own.feeds).toBe(4);
  nowMs += 20_000;
  own.receive(page, { kind: "alive" });
  nowMs += 20_000;
  own.sweep();
  expect(own.feeds).toBe(4);
  nowMs += 20_000;
  own.sweep();
  expect(own.feeds).toBe(0);
});

test("a cursor that the server does not know is lost, and says so", async () => {
  const page = openPage();
  page.say({ kind: "watch", id: 1, machines: [], signals: [], after: "nonsense" });
  await eventually("it is told", () =>
    page.heard.some(
      (message) =>
        message.kind === "lost" ||
        (message.kind === "connection" && message.connection.kind === "refused"),
    ),
  );
  page.say({ kind: "bye" });
});
