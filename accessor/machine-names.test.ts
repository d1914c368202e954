// Machine names as plants use them, through every request of the accessor and SQL: accepted in any
// Unicode form, shown in one form, in one order; hostile names are refused with a reason.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { QuerySignalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { readMachineName } from "../codec/machine-name.ts";
import { hostileNames, machineNames, plantNames } from "../codec/testing/machine-names.ts";
import { openTestAccessor, type TestAccessor } from "./testing/accessor.ts";
import { at, column, epochUs } from "./testing/batches.ts";
import { nameIn, reasonOf } from "./testing/errors.ts";

let accessor: TestAccessor;
beforeAll(async () => {
  accessor = await openTestAccessor();
});
afterAll(() => accessor[Symbol.asyncDispose]());

let sequence = 0n;
const send = async (machine: string, value = 1, number = ++sequence) => {
  const batch = {
    machine,
    samples: [column("power", [[epochUs, value]])],
    stateChanges: [{ time: at(epochUs), state: MachineState.ACTIVE }],
  };
  return (await accessor.ingest.ingestBatch({ producerId: "p", sequence: number, batch })).result!;
};
const window = { startTime: at(epochUs), endTime: at(epochUs + 1_000_000) };

/** Machine names in the answers to each kind of request, asked for some of them. */
async function answers(machines: string[]): Promise<Record<string, string[]>> {
  const { signals } = accessor;
  const of = (rows: readonly { machine: string }[]) => rows.map(({ machine }) => machine);
  const [latest, queried, buckets, summaries, states, intervals] = await Promise.all([
    signals.getLatest({ machines, signals: ["power"] }),
    signals.querySignals({ machines, signal: "power" }),
    signals.aggregateSamples({
      machines,
      signals: ["power"],
      ...window,
      resolution: { case: "points", value: 1 },
    }),
    signals.summarizeMachines({ machines, ...window }),
    signals.aggregateStates({ machines, ...window, resolution: { case: "points", value: 1 } }),
    signals.listStateIntervals({ machines, ...window }),
  ]);
  const read: string[] = [];
  for await (const { batches } of signals.readSignals({ machines, signals: ["power"], ...window }))
    read.push(...of(batches));
  const rows = await accessor.query(
    "select machine from millrace_v1.samples('power', '-infinity', 'infinity', $1)",
    [machines],
  );
  const stateAt = await accessor.query("select machine from millrace_v1.state_at('infinity', $1)", [
    machines,
  ]);
  return {
    latest: of(latest.signals),
    queried: of(queried.signals).sort(byBytes),
    buckets: of(buckets.series),
    summaries: of(summaries.machines),
    states: of(states.machines),
    intervals: of(intervals.intervals),
    read,
    samples: rows.map(({ machine }) => String(machine)),
    stateAt: stateAt.map(({ machine }) => String(machine)),
  };
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

test("every name comes back from every request in NFC, in the order of its bytes", async () => {
  const written = [
    ...new Set([...plantNames, ...fc.sample(machineNames, { numRuns: 40, seed: 11 })]),
  ];
  for (const machine of written) expect(await send(machine)).toMatchObject({ verdicts: [] });
  const names = [...new Set(written.map((text) => text.normalize("NFC")))].sort(byBytes);

  const listed: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await accessor.signals.listMachines({ pageSize: 7, pageToken });
    listed.push(...page.machines.map(({ name }) => name));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  expect(listed).toEqual(names);
  const rows = await accessor.query(
    'select machine from millrace_v1.machines order by machine collate "C"',
  );
  expect(rows.map(({ machine }) => machine)).toEqual(names);

  const decomposed = names.map((name) => name.normalize("NFD"));
  expect(Object.values(await answers(decomposed))).toEqual(Array(9).fill(names));
}, 60_000);

test("a name typed in two ways is one machine, and one batch sent in both is one batch", async () => {
  const [composed, decomposed] = ["Größe é", "Größe é".normalize("NFD")];
  const number = ++sequence;
  expect(await send(composed, 1, number)).toMatchObject({ duplicate: false, verdicts: [] });
  expect(await send(decomposed, 1, number)).toMatchObject({ duplicate: true, verdicts: [] });
  expect((await send(decomposed, 2)).verdicts).toEqual([]);
  expect((await answers([decomposed]))["queried"]).toEqual([composed, composed]);
  expect((await answers([composed, decomposed]))["latest"]).toEqual([composed]);
  const { querySignals, listSignals } = accessor.signals;
  const page = create(QuerySignalsRequestSchema, { signal: "power", pageSize: 1 });
  const { nextPageToken } = await querySignals({ ...page, machines: [composed] });
  const { signals } = await querySignals({
    ...page,
    machines: [decomposed],
    pageToken: nextPageToken,
  });
  expect(signals).toMatchObject([{ machine: composed, record: { value: 2 } }]);
  expect((await listSignals({ machines: [decomposed] })).signals).toHaveLength(2);
});

test("a feed of a name in another form shows that machine", async () => {
  const name = "Ångström 5";
  const feed = accessor.signals.watchSignals({ machines: [name.normalize("NFD")] });
  let sent = false;
  for await (const { batches } of feed) {
    if (!sent) await send(name);
    sent = true;
    if (batches.length === 0) continue;
    expect(batches.map(({ machine }) => machine)).toEqual([name]);
    break;
  }
});

test.each(hostileNames)(
  "%s is refused by every request, and with the batch",
  async (_, machine) => {
    expect(readMachineName(machine)).toBeUndefined();
    const { refusal } = await send(machine);
    expect(nameIn(ErrorReason, refusal!.reason)).toBe("MACHINE_NAME_INVALID");
    expect(refusal!.message).toMatch(/^machine ".*a name is 1 to 128 /);
    const { signals } = accessor;
    const machines = [machine];
    const refused = [
      signals.listSignals({ machines }),
      signals.querySignals({ machines, signal: "power" }),
      signals.readSignals({ machines })[Symbol.asyncIterator]().next(),
      signals.getLatest({ machines }),
      signals.aggregateSamples({ machines, signals: ["power"], ...window }),
      signals.summarizeMachines({ machines, ...window }),
      signals.aggregateStates({ machines, ...window }),
      signals.listStateIntervals({ machines, ...window }),
      signals.getVersion({ query: { case: "summarizeMachines", value: { machines, ...window } } }),
      signals.watchSignals({ machines })[Symbol.asyncIterator]().next(),
    ];
    for (const call of refused)
      expect(await reasonOf(call)).toMatchObject({ reason: "MACHINE_NAME_INVALID" });
  },
);
