// A live feed by labels: machines come in and go out while it runs, its cursors stay whole, and it
// never shows a machine that the key does not cover.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, queryDatabase } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";
import { openClients, openKeyFixture } from "../testing/keys.ts";

type Clients = ReturnType<typeof openClients>;

let [all, mills] = [] as unknown as [Clients, Clients];
let databaseUrl = "";
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  const database = stack.use(await testDatabase());
  databaseUrl = database.url;
  const log = createLog({ name: "test", level: "silent" });
  const keys = stack.use(await openKeyFixture(database.url, log));
  const admin = await keys.create({ scope: ["admin"] });
  const some = await keys.create({ scope: ["live"], machine: ["mill-*"] });
  const options = { databaseUrl: database.url, auth: {}, bookmarkIntervalMs: 20 };
  const accessor = stack.use(await openTestAccessor(options));
  all = stack.use(openClients(accessor.port, admin));
  mills = stack.use(openClients(accessor.port, some));
});
afterAll(() => stack.disposeAsync());

let sent = 0;
const send = (machine: string) =>
  all.ingest.ingestBatch({
    producerId: `p${++sent}`,
    sequence: 1n,
    batch: oneSample(sent, { machine }),
  });
const describe = (machine: string, labels: Record<string, string>) =>
  all.machines.updateMachine({ machine, labels, replaceLabels: true });

/** A feed, with what it has sent so far. */
function watch({ signals }: Clients, request: object) {
  const stop = new AbortController();
  const seen = { machines: [] as string[], chain: [] as [string, string][] };
  const done = (async () => {
    for await (const { batches, after, through } of signals.watchSignals(request, {
      signal: stop.signal,
    })) {
      seen.machines.push(...batches.map(({ machine }) => machine));
      seen.chain.push([after, through]);
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return {
    seen,
    /** Two more messages: what was said before is known to the feed. */
    async settled() {
      const { length } = seen.chain;
      await eventually("it goes on", () => seen.chain.length > length + 2);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

test("a machine comes in when it gets the label, and goes out when it loses it", async () => {
  for (const machine of ["mill-1", "mill-2", "press-1"]) await send(machine);
  await describe("mill-1", { line: "3" });
  await describe("press-1", { line: "3" });
  // Described before it sends anything.
  await describe("mill-9", { line: "3" });
  const labels = ["line:3"];
  await using ofAll = watch(all, { labels });
  await using ofMills = watch(mills, { labels });
  await using none = watch(all, { labels: ["line:99"] });
  await using named = watch(all, { labels, machines: ["mill-2", "press-1"] });
  for (const one of [ofAll, ofMills, none, named]) await one.settled();
  for (const machine of ["mill-1", "mill-2", "press-1", "mill-9"]) await send(machine);
  const has = (feed: typeof ofAll, machines: string[]) =>
    eventually(`it has sent ${machines}`, () => feed.seen.machines.length >= machines.length);
  await has(ofAll, ["mill-1", "press-1", "mill-9"]);
  await has(ofMills, ["mill-1", "mill-9"]);
  await describe("mill-2", { line: "3" });
  await describe("mill-1", { line: "4" });
  for (const one of [ofAll, ofMills, named]) await one.settled();
  for (const machine of ["mill-1", "mill-2", "press-1"]) await send(machine);
  await has(ofAll, ["mill-1", "press-1", "mill-9", "mill-2", "press-1"]);
  await has(ofMills, ["mill-1", "mill-9", "mill-2"]);
  for (const one of [ofAll, ofMills, none, named]) await one.settled();
  expect(ofAll.seen.machines).toEqual(["mill-1", "press-1", "mill-9", "mill-2", "press-1"]);
  expect(ofMills.seen.machines).toEqual(["mill-1", "mill-9", "mill-2"]);
  expect(named.seen.machines).toEqual(["press-1", "mill-2", "press-1"]);
  expect(none.seen.machines).toEqual([]);
  for (const { seen } of [ofAll, ofMills, none, named])
    expect(seen.chain.slice(1).map(([after]) => after)).toEqual(
      seen.chain.slice(0, -1).map(([, through]) => through),
    );
});

test("more machines than are listened for by name are told apart all the same", async () => {
  await queryDatabase(
    databaseUrl,
    `select describe_machine('many-' || i, null, '{"big": "yes"}', false, 32, 2000, 1000000)
     from generate_series(0, 1000) as i`,
  );
  await using feed = watch(all, { labels: ["big:yes"] });
  await using others = watch(mills, { labels: ["big:yes"] });
  await feed.settled();
  for (const machine of ["mill-1", "many-7", "many-1000"]) await send(machine);
  await eventually("both have come", () => feed.seen.machines.length === 2);
  await others.settled();
  expect(feed.seen.machines).toEqual(["many-7", "many-1000"]);
  expect(others.seen.machines).toEqual([]);
});
