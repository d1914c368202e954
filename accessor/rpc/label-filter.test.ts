// A filter by labels finds what brute force finds, in every request, for every key, and on every
// page; and an answer by labels is never of older labels than its version says.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type MachineState, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { openClients, openKeyFixture } from "../testing/keys.ts";

type Clients = ReturnType<typeof openClients>;

let [all, mills] = [] as unknown as [Clients, Clients];
const stack = new AsyncDisposableStack();
const machines = ["mill-1", "mill-2", "mill-3", "press-1", "press-2", "press-3"];
const window = { startTime: at(epochUs), endTime: at(epochUs + 60e6) };

beforeAll(async () => {
  const database = stack.use(await testDatabase());
  const log = createLog({ name: "test", level: "silent" });
  const keys = stack.use(await openKeyFixture(database.url, log));
  const admin = await keys.create({ scope: ["admin"] });
  const some = await keys.create({ scope: ["read", "live"], machine: ["mill-*", "ghost-m"] });
  const options = { databaseUrl: database.url, auth: {}, bookmarkIntervalMs: 5 };
  const accessor = stack.use(await openTestAccessor(options));
  all = stack.use(openClients(accessor.port, admin));
  mills = stack.use(openClients(accessor.port, some));
  for (const [i, machine] of machines.entries()) {
    const batch: BatchInit = {
      machine,
      stateChanges: [{ time: at(epochUs), state: (1 + (i % 3)) as MachineState }],
      samples: [
        column("power", [
          [epochUs, 1],
          [epochUs + 1e6, 2],
        ]),
      ],
    };
    await all.ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 1), batch });
  }
});
afterAll(() => stack.disposeAsync());

type Asked = { machines?: string[]; labels?: string[]; pageSize?: number };

/** The machines that each request is answered with, from all its pages, with repetitions. */
const requests: Record<string, (clients: Clients, asked: Asked) => Promise<string[]>> = {
  querySignals: ({ signals }, asked) =>
    paged(asked, async (page) => {
      const answer = await signals.querySignals({ signal: "state", ...page });
      return [answer.signals.map(({ machine }) => machine), answer.nextPageToken];
    }),
  getLatest: ({ signals }, asked) =>
    paged(asked, async (page) => {
      const answer = await signals.getLatest({ signals: ["state"], ...page });
      return [answer.signals.map(({ machine }) => machine), answer.nextPageToken];
    }),
  aggregateSamples: ({ signals }, asked) =>
    paged(asked, async (page) => {
      const answer = await signals.aggregateSamples({ signals: ["power"], ...window, ...page });
      return [answer.series.map(({ machine }) => machine), answer.nextPageToken];
    }),
  aggregateStates: ({ signals }, asked) =>
    paged(asked, async (page) => {
      const answer = await signals.aggregateStates({ ...window, ...page });
      return [answer.machines.map(({ machine }) => machine), answer.nextPageToken];
    }),
  summarizeMachines: ({ signals }, asked) =>
    paged(asked, async (page) => {
      const answer = await signals.summarizeMachines({ ...window, ...page });
      return [answer.machines.map(({ machine }) => machine), answer.nextPageToken];
    }),
  listStateIntervals: ({ signals }, asked) =>
    paged(asked, async (page) => {
      const answer = await signals.listStateIntervals({ ...window, ...page });
      return [answer.intervals.map(({ machine }) => machine), answer.nextPageToken];
    }),
  async readSignals({ signals }, { pageSize: _, ...asked }) {
    const found: string[] = [];
    for await (const { batches } of signals.readSignals({ signals: ["state"], ...asked }))
      found.push(...batches.map(({ machine }) => machine));
    return found;
  },
  async watchSignals({ signals }, { pageSize: _, ...asked }) {
    const { cursor } = await signals.getLatest({});
    const stop = new AbortController();
    const found: string[] = [];
    const start = { case: "fromCommitTime" as const, value: at(epochUs) };
    const feed = signals.watchSignals({ ...asked, start }, { signal: stop.signal });
    for await (const { batches, through } of feed) {
      found.push(...batches.map(({ machine }) => machine));
      if (through === cursor) break;
    }
    stop.abort();
    return found;
  },
};

async function paged(
  { pageSize = 0, ...asked }: Asked,
  ask: (page: Asked & { pageToken: string }) => Promise<[string[], string]>,
): Promise<string[]> {
  const found: string[] = [];
  for (let pageToken = ""; ; ) {
    const [names, next] = await ask({ ...asked, pageSize, pageToken });
    found.push(...names);
    if (next === "") return found;
    pageToken = next;
  }
}

const key = fc.constantFrom<string[]>("line", "hall");
const value = fc.constantFrom<string[]>("1", "2", "a:b");
const anyLabels = fc.dictionary(key, value, { maxKeys: 2, noNullPrototype: true });
const anyCase = fc.record({
  described: fc.tuple(...[...machines, "ghost-m"].map(() => anyLabels)),
  labels: fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 3 }),
  named: fc.option(fc.subarray([...machines, "nobody"], { minLength: 1 }), { nil: [] as string[] }),
  pageSize: fc.constantFrom(0, 1, 2),
});

test("every request has the machines with the labels, of those that the key covers", {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ described, labels, named, pageSize }) => {
      const of = new Map([...machines, "ghost-m"].map((name, i) => [name, described[i]!]));
      for (const [machine, own] of of)
        await all.machines.updateMachine({ machine, labels: own, replaceLabels: true });
      const matches = (name: string) =>
        labels.every(([wanted]) => {
          const values = labels.filter(([one]) => one === wanted).map(([, one]) => one);
          return values.includes(of.get(name)![wanted] ?? "");
        });
      const asked = { machines: named, labels: labels.map((one) => one.join(":")), pageSize };
      for (const [clients, covers] of [
        [all, () => true],
        [mills, (name: string) => /^(mill-|ghost-m)/.test(name)],
      ] as const) {
        const seen = machines.filter(covers).filter(matches);
        const expected = named.length === 0 ? seen : seen.filter((name) => named.includes(name));
        for (const [name, ask] of Object.entries(requests))
          expect([name, (await ask(clients, asked)).sort()]).toEqual([name, expected]);
        const listed = await paged(asked, async ({ machines: _, ...page }) => {
          const answer = await clients.signals.listMachines(page);
          return [answer.machines.map((one) => one.name), answer.nextPageToken];
        });
        const ghosts = ["ghost-m"].filter(matches);
        expect(listed).toEqual([...ghosts, ...seen]);
        const { signals } = await clients.signals.listSignals({ ...asked, pageSize: 0 });
        expect(signals.map((one) => [one.name, one.machineCount])).toEqual(
          expected.length === 0
            ? []
            : [
                ["power", expected.length],
                ["state", expected.length],
              ],
        );
        // A signal is known whatever the labels.
        expect(
          await reasonOf(clients.signals.querySignals({ signal: "heat", ...asked })),
        ).toMatchObject({ metadata: { known: "error, power, state" } });
      }
    }),
    { numRuns: 6 },
  );
});

test("a text that is no label is refused by name, before anything is read", async () => {
  const { signals } = all;
  const refusal = {
    reason: "REQUEST_INVALID",
    fields: ["labels"],
    message: expect.stringMatching(/^labels "line" is no label; write key:value/),
  };
  expect(await reasonOf(signals.listMachines({ labels: ["line:1", "line"] }))).toMatchObject(
    refusal,
  );
  for (const ask of Object.values(requests))
    expect(await reasonOf(ask(all, { labels: ["line"] }))).toMatchObject(refusal);
  expect(
    await reasonOf(signals.summarizeMachines({ ...window, groupByLabel: "Line" })),
  ).toMatchObject({ reason: "REQUEST_INVALID", fields: ["group_by_label"] });
});

const describe = (machine: string, labels: Record<string, string>) =>
  all.machines.updateMachine({ machine, labels, replaceLabels: true });

test("pages go together: after a change that the caller may see, the next one is refused", async () => {
  for (const machine of machines) await describe(machine, { line: "1" });
  const ask = async (clients: Clients, pageToken = "") =>
    clients.signals.summarizeMachines({ ...window, labels: ["line:1"], pageSize: 2, pageToken });
  const [ofAll, ofMills] = [await ask(all), await ask(mills)];
  await describe("press-1", { line: "2" });
  // That is none of its machines.
  expect((await ask(mills, ofMills.nextPageToken)).machines).toHaveLength(1);
  expect(await reasonOf(ask(all, ofAll.nextPageToken))).toMatchObject({
    reason: "PAGE_TOKEN_EXPIRED",
  });
  await describe("mill-3", { line: "1", hall: "north" });
  expect(await reasonOf(ask(mills, ofMills.nextPageToken))).toMatchObject({
    reason: "PAGE_TOKEN_EXPIRED",
  });
  // A token of another filter is of another query.
  const other = { ...window, labels: ["line:2"], pageSize: 2 };
  const { nextPageToken: pageToken } = await ask(all);
  expect(await reasonOf(all.signals.summarizeMachines({ ...other, pageToken }))).toMatchObject({
    reason: "PAGE_TOKEN_INVALID",
  });
  const plain = await all.signals.summarizeMachines({ ...window, pageSize: 2 });
  await describe("mill-3", { line: "1" });
  const next = { ...window, pageSize: 2, pageToken: plain.nextPageToken };
  expect((await all.signals.summarizeMachines(next)).machines).toHaveLength(2);
});

test("a version by labels never comes again once they have changed, and says nothing of others", async () => {
  const version = async (clients: Clients, request: object = { labels: ["line:1"] }) => {
    const value = { signal: "power", ...window, ...request };
    const answer = await clients.signals.getVersion({ query: { case: "querySignals", value } });
    return answer.version;
  };
  await describe("press-1", { line: "1" });
  const [first, ofMills, plain] = [
    await version(all),
    await version(mills),
    await version(all, {}),
  ];
  expect(await version(all)).toBe(first);
  await describe("press-1", { line: "2" });
  const second = await version(all);
  await describe("press-1", { line: "1" });
  const third = await version(all);
  expect(new Set([first, second, third]).size).toBe(3);
  expect(await version(mills)).toBe(ofMills);
  expect(await version(all, {})).toBe(plain);
  await describe("mill-1", { line: "1", hall: "x" });
  expect(await version(mills)).not.toBe(ofMills);
  const grouped = async () => {
    const value = { ...window, groupByLabel: "line" };
    const answer = await all.signals.getVersion({ query: { case: "summarizeMachines", value } });
    return answer.version;
  };
  const before = await grouped();
  await describe("mill-1", { line: "2" });
  expect(await grouped()).not.toBe(before);
});

test("signals that only other machines have sent are unknown by labels too", async () => {
  await all.ingest.ingestBatch({
    producerId: "secret",
    sequence: 1n,
    batch: { machine: "press-1", samples: [column("force", [[epochUs, 1]])] },
  });
  await describe("press-1", { line: "1" });
  const asked = { signal: "force", labels: ["line:1"] };
  expect(await reasonOf(mills.signals.querySignals(asked))).toMatchObject({
    reason: "SIGNAL_UNKNOWN",
    metadata: { known: "error, power, state" },
  });
  expect((await all.signals.querySignals(asked)).signals).toHaveLength(1);
  const { signals } = await mills.signals.listSignals({ labels: ["line:1"] });
  expect(signals.every(({ kind }) => kind !== SignalKind.UNSPECIFIED)).toBe(true);
  expect(signals.map(({ name }) => name)).not.toContain("force");
});
