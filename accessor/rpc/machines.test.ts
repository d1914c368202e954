// What a machine is: set, changed in part, replaced and removed; before its first record too; by
// whom; and known to every accessor at once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { openClients, openKeyFixture } from "../testing/keys.ts";

let [accessor, other] = [] as unknown as [TestAccessor, TestAccessor];
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  accessor = stack.use(await openTestAccessor({ maxMachines: 12 }));
  other = stack.use(await openTestAccessor({ databaseUrl: accessor.databaseUrl }));
  await send("press-7");
});
afterAll(() => stack.disposeAsync());

let sent = 0;
const send = (machine: string) =>
  accessor.ingest.ingestBatch({
    producerId: `p${++sent}`,
    sequence: 1n,
    batch: oneSample(1, { machine }),
  });
const describe = async (machine: string, change: object) =>
  (await accessor.machines.updateMachine({ machine, ...change })).machine!;
const get = async (machine: string, from = other) =>
  (await from.machines.getMachine({ machine })).machine!;
const listed = async (from = other) =>
  (await from.signals.listMachines({})).machines.map(({ name }) => name);

test("what is named is changed, an empty value removes, and another accessor knows it at once", async () => {
  const machine = "press-7";
  expect(await get(machine)).toMatchObject({ displayName: "", labels: {}, signals: ["power"] });
  const labels = { line: "3", hall: "Nordhalle U\u0308", constructor: "Schuler: A/1" };
  const after = { line: "3", hall: "Nordhalle \u00dc", constructor: "Schuler: A/1" };
  expect(await describe(machine, { displayName: "Press 7", labels })).toMatchObject({
    name: machine,
    displayName: "Press 7",
    labels: after,
    signals: ["power"],
  });
  expect(await get(machine)).toMatchObject({ displayName: "Press 7", labels: after });
  // In order of keys, whatever the order in which they were given.
  expect(Object.keys((await get(machine)).labels)).toEqual(["constructor", "hall", "line"]);

  await describe(machine, { labels: { line: "4", hall: "", none: "" } });
  const part = { line: "4", constructor: "Schuler: A/1" };
  expect(await get(machine)).toMatchObject({ displayName: "Press 7" });
  expect((await get(machine)).labels).toEqual(part);
  await describe(machine, { displayName: "" });
  expect(await get(machine)).toMatchObject({ displayName: "" });
  expect((await get(machine)).labels).toEqual(part);

  await describe(machine, { displayName: "P7", labels: { type: "press" }, replaceLabels: true });
  expect((await get(machine)).labels).toEqual({ type: "press" });
  expect((await other.signals.listMachines({})).machines[0]).toMatchObject({
    name: machine,
    displayName: "P7",
    labels: { type: "press" },
    firstSeenTime: {},
  });
  await describe(machine, { displayName: "", replaceLabels: true });
  expect(await get(machine)).toMatchObject({ displayName: "", labels: {} });
  expect(await listed()).toEqual([machine]);
});

test("a machine is described before it sends: it is listed, then it sends, and goes with its description", async () => {
  expect(await reasonOf(get("lathe-1"))).toMatchObject({
    reason: "MACHINE_UNKNOWN",
    metadata: { machine: "lathe-1" },
  });
  const described = await describe("lathe-1", { labels: { line: "9" } });
  expect([described.firstSeenTime, described.signals]).toEqual([undefined, []]);
  await describe("zz", { displayName: "Z" });
  expect(await listed()).toEqual(["lathe-1", "press-7", "zz"]);
  // In pages too, over both kinds.
  const seen: string[] = [];
  for (let pageToken = "", page = 0; page < 4; page++) {
    const answer = await accessor.signals.listMachines({ pageSize: 1, pageToken });
    seen.push(...answer.machines.map(({ name }) => name));
    pageToken = answer.nextPageToken;
    if (pageToken === "") break;
  }
  expect(seen).toEqual(["lathe-1", "press-7", "zz"]);
  const { machines } = await accessor.signals.summarizeMachines({
    startTime: { seconds: 1_767_571_200n },
  });
  expect(machines.map(({ machine }) => machine)).toEqual(["press-7"]);

  await send("lathe-1");
  const sending = await get("lathe-1", accessor);
  expect(sending).toMatchObject({ labels: { line: "9" }, signals: ["power"] });
  expect(sending.firstSeenTime).toBeDefined();
  expect(await describe("zz", { displayName: "" })).toMatchObject({ name: "zz", displayName: "" });
  expect(await listed(accessor)).toEqual(["lathe-1", "press-7"]);
  expect(await reasonOf(get("zz"))).toMatchObject({ reason: "MACHINE_UNKNOWN" });
});

test("what is wrong is said by field, and nothing is changed", async () => {
  await describe("press-7", { displayName: "P", labels: { line: "1" } });
  const many = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`k${i}`, "x"]));
  const refused = (change: object, machine = "press-7") => reasonOf(describe(machine, change));
  const invalid = (field: string, message: RegExp) => ({
    reason: "REQUEST_INVALID",
    fields: [field],
    message: expect.stringMatching(message),
  });
  // To change nothing is no mistake.
  expect(await describe("press-7", {})).toMatchObject({ displayName: "P" });
  expect(await refused({ displayName: " P" })).toMatchObject(
    invalid("display_name", /" P" begins with a blank/),
  );
  expect(await refused({ displayName: "x".repeat(129) })).toMatchObject({
    reason: "REQUEST_INVALID",
  });
  expect(await refused({ labels: { Line: "3" } })).toMatchObject(
    invalid("labels", /key "Line" is no key of a label/),
  );
  expect(await refused({ labels: { "Li ne": "" } })).toMatchObject(invalid("labels", /"Li ne"/));
  expect(await refused({ labels: { line: "a\nb" } })).toMatchObject(
    invalid("labels", /label line contains U\+000A/),
  );
  expect(await refused({ labels: many })).toMatchObject(invalid("labels", /32 at most/));
  expect(await refused({ labels: { line: "1" } }, " ")).toMatchObject({
    reason: "MACHINE_NAME_INVALID",
  });
  expect(await get("press-7")).toMatchObject({ displayName: "P", labels: { line: "1" } });
  // 32 of its own are as many as may be.
  expect(
    Object.keys((await describe("press-7", { labels: many, replaceLabels: true })).labels),
  ).toHaveLength(32);
  await describe("press-7", { displayName: "", replaceLabels: true });
});

test("changes at once are all there, and what is equal is no change", async () => {
  const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
  await Promise.all(
    keys.map((key, i) =>
      [accessor, other][i % 2]!.machines.updateMachine({
        machine: "press-7",
        labels: { [key]: "x" },
      }),
    ),
  );
  expect(Object.keys((await get("press-7")).labels).sort()).toEqual(keys.sort());
  const newest = () => accessor.query("select max(changed) from machine_description");
  const before = await newest();
  await describe("press-7", { displayName: "", labels: { k1: "x", none: "" } });
  expect(await newest()).toEqual(before);
  await describe("press-7", { replaceLabels: true });
});

test("no more machines are described than may be registered", async () => {
  const names = Array.from({ length: 12 }, (_, i) => `new-${i}`);
  const outcomes: unknown[] = [];
  for (const name of names)
    outcomes.push(
      await describe(name, { displayName: "N" }).then(
        () => "described",
        () => "refused",
      ),
    );
  expect(outcomes.filter((one) => one === "refused").length).toBeGreaterThan(0);
  expect(await reasonOf(describe("one-more", { displayName: "N" }))).toMatchObject({
    reason: "QUOTA_EXCEEDED",
    metadata: { limit: "described-machines", max: "12" },
  });
  await describe("press-7", { displayName: "still" });
});

test("a key describes and sees the machines that its pattern covers, whatever their labels", async () => {
  await using database = await testDatabase();
  const log = createLog({ name: "test", level: "silent" });
  await using keys = await openKeyFixture(database.url, log);
  const [admin, own, reader] = [
    await keys.create({ scope: ["admin"] }),
    await keys.create({ scope: ["admin"], machine: ["mill-*"] }),
    await keys.create({ scope: ["read"], machine: ["mill-*"] }),
  ];
  await using guarded = await openTestAccessor({ databaseUrl: database.url, auth: {} });
  using all = openClients(guarded.port, admin);
  using mills = openClients(guarded.port, own);
  using readers = openClients(guarded.port, reader);
  const labels = { line: "3" };
  for (const machine of ["mill-1", "press-1"])
    await all.machines.updateMachine({ machine, labels });
  const denied = { reason: "PERMISSION_DENIED" };
  expect(
    await reasonOf(mills.machines.updateMachine({ machine: "press-1", labels })),
  ).toMatchObject(denied);
  // Whether there is such a machine is not told.
  expect(
    await reasonOf(mills.machines.updateMachine({ machine: "press-2", labels })),
  ).toMatchObject(denied);
  expect(
    await reasonOf(readers.machines.updateMachine({ machine: "mill-1", labels })),
  ).toMatchObject(denied);
  await mills.machines.updateMachine({ machine: "mill-2", labels });
  const [hidden, absent] = await Promise.all(
    ["press-1", "press-2"].map((machine) => reasonOf(readers.machines.getMachine({ machine }))),
  );
  expect(hidden).toMatchObject({ reason: "MACHINE_UNKNOWN" });
  expect({ ...hidden, message: "", metadata: {} }).toEqual({
    ...absent,
    message: "",
    metadata: {},
  });
  const names = async (clients: typeof all, request = {}) =>
    (await clients.signals.listMachines(request)).machines.map(({ name }) => name);
  expect(await names(readers)).toEqual(["mill-1", "mill-2"]);
  expect(await names(readers, { labels: ["line:3"] })).toEqual(["mill-1", "mill-2"]);
  expect(await names(all, { labels: ["line:3"] })).toEqual(["mill-1", "mill-2", "press-1"]);
});
