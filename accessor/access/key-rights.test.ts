import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { type BatchInit, oneSample } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { openClients, openKeyFixture } from "../testing/keys.ts";

const state = (machine: string): BatchInit => ({
  machine,
  stateChanges: [{ time: { seconds: 1_700_000_000n, nanos: 0 }, state: 1 }],
});

async function openFixture(lines: string[] = []) {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const keys = stack.use(
    await openKeyFixture(database.url, createLog({ name: "keys", sink: (l) => lines.push(l) })),
  );
  const admin = await keys.create({ scope: ["admin"] });
  const log = createLog({ name: "accessor", level: "debug", sink: (line) => lines.push(line) });
  const accessor = stack.use(await openTestAccessor({ databaseUrl: database.url, auth: {}, log }));
  const owned = stack.move();
  const as = (credential?: string) => owned.use(openClients(accessor.port, credential));
  return { accessor, keys, admin, as, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A new key is let in within the half second that accessors take to learn of it. */
const letIn = (clients: ReturnType<typeof openClients>) =>
  eventually(
    "the key is known",
    async () => (await clients.access.whoAmI({}).catch(() => undefined))?.principal,
  );

test("other machines are as if they had never sent anything", async () => {
  await using fixture = await openFixture();
  const { ingest } = fixture.as(fixture.admin);
  for (const [i, machine] of ["mill-1", "mill-2", "press-1"].entries())
    await ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 1), batch: state(machine) });
  await ingest.ingestBatch({
    producerId: "p",
    sequence: 4n,
    batch: oneSample(1, { machine: "press-1", signal: "force" }),
  });
  const clients = fixture.as(
    await fixture.keys.create({ scope: ["read", "live"], machine: ["mill-*"] }),
  );
  await letIn(clients);
  const { signals } = clients;
  expect((await signals.listMachines({})).machines.map(({ name }) => name)).toEqual([
    "mill-1",
    "mill-2",
  ]);
  expect(
    (await signals.listSignals({})).signals.map(({ name, machineCount }) => [name, machineCount]),
  ).toEqual([["state", 2]]);
  const startTime = { seconds: 1_600_000_000n };
  const asks = (machines: string[]) => [
    signals.querySignals({ signal: "state", machines }).then(({ signals: found }) => found.length),
    signals.getLatest({ machines }).then(({ signals: found }) => found.length),
    signals.listStateIntervals({ machines }).then(({ intervals }) => intervals.length),
    signals.summarizeMachines({ machines, startTime }).then(({ machines: found }) => found.length),
    signals.aggregateStates({ machines, startTime }).then(({ machines: found }) => found.length),
    Array.fromAsync(signals.readSignals({ machines })).then(
      (all) => all.flatMap(({ batches }) => batches).length,
    ),
    signals.listSignals({ machines }).then(({ signals: found }) => found.length),
  ];
  expect(await Promise.all(asks([]))).toEqual([2, 2, 2, 2, 2, 2, 1]);
  expect(await Promise.all(asks(["press-1"]))).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(await Promise.all(asks(["press-1", "mill-2"]))).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(await Promise.all(asks(["nowhere"]))).toEqual([0, 0, 0, 0, 0, 0, 0]);
  // A signal of other machines alone is unknown, and not among those that are named.
  const unknown = await reasonOf(signals.querySignals({ signal: "force" }));
  expect(unknown).toMatchObject({ reason: "SIGNAL_UNKNOWN", metadata: { known: "error, state" } });
});

test("pages go on within what one sees, and a token is of no use to others", async () => {
  await using fixture = await openFixture();
  const { ingest, signals: all } = fixture.as(fixture.admin);
  for (let i = 1; i <= 6; i++)
    await ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(i),
      batch: state(i % 2 ? `mill-${i}` : `press-${i}`),
    });
  const clients = fixture.as(await fixture.keys.create({ scope: ["read"], machine: ["mill-*"] }));
  await letIn(clients);
  const seen: string[] = [];
  for (let pageToken = "", more = true; more; more = pageToken !== "") {
    const page = await clients.signals.querySignals({ signal: "state", pageSize: 2, pageToken });
    for (const { machine } of page.signals) seen.push(machine);
    pageToken = page.nextPageToken;
  }
  expect(seen).toEqual(["mill-1", "mill-3", "mill-5"]);
  const machines: string[] = [];
  for (let pageToken = "", more = true; more; more = pageToken !== "") {
    const page = await clients.signals.listMachines({ pageSize: 2, pageToken });
    for (const { name } of page.machines) machines.push(name);
    pageToken = page.nextPageToken;
  }
  expect(machines).toEqual(["mill-1", "mill-3", "mill-5"]);
  const { nextPageToken: pageToken, cursor } = await all.querySignals({
    signal: "state",
    pageSize: 2,
  });
  expect(
    (await reasonOf(clients.signals.querySignals({ signal: "state", pageSize: 2, pageToken })))
      .reason,
  ).toBe("PAGE_TOKEN_INVALID");
  // A cursor names a commit, whoever sees what of it.
  expect((await clients.signals.getLatest({ minCursor: cursor })).signals.length).toBe(3);
});

test("feeds hold what one sees, from the log as from memory, beside feeds that see more", async () => {
  await using fixture = await openFixture();
  const { ingest, signals: all } = fixture.as(fixture.admin);
  const { signals } = fixture.as(
    await fixture.keys.create({ scope: ["live"], machine: ["mill-*"] }),
  );
  await eventually("the key is known", async () =>
    signals
      .watchSignals({})
      [Symbol.asyncIterator]()
      .next()
      .then(
        () => true,
        () => undefined,
      ),
  );
  const { cursor: start } = await ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: state("press-0"),
  });
  const take = async (feed: typeof signals, machines: string[], wanted: number) => {
    const stop = new AbortController();
    const seen: string[] = [];
    try {
      const from = { case: "afterCursor" as const, value: start };
      for await (const { batches } of feed.watchSignals(
        { machines, start: from },
        { signal: stop.signal },
      )) {
        for (const { machine } of batches) seen.push(machine);
        if (seen.length >= wanted) stop.abort();
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    return seen;
  };
  const live = [take(signals, [], 2), take(signals, ["mill-2", "press-1"], 1), take(all, [], 4)];
  for (const [i, machine] of ["mill-1", "press-1", "mill-2", "press-2"].entries())
    await ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 2), batch: state(machine) });
  const wanted = [["mill-1", "mill-2"], ["mill-2"], ["mill-1", "press-1", "mill-2", "press-2"]];
  expect(await Promise.all(live)).toEqual(wanted);
  // Whole stretches at once, which subscribers of one filter share: but not with those who see
  // less.
  expect(await take(all, [], 4)).toEqual(wanted[2]);
  expect(await take(signals, [], 2)).toEqual(wanted[0]);
  expect(await take(all, [], 4)).toEqual(wanted[2]);
  // Again, now out of the log of an accessor that keeps none of it in memory.
  await using fresh = await openTestAccessor({
    databaseUrl: fixture.accessor.databaseUrl,
    auth: {},
    tailBytes: 0,
  });
  using limited = openClients(fresh.port, fixture.keys.printed.at(-1)!);
  expect(
    await Promise.all([
      take(limited.signals, [], 2),
      take(limited.signals, ["mill-2", "press-1"], 1),
    ]),
  ).toEqual(wanted.slice(0, 2));
});

test("writes are held to machines and producers: a refusal for the one, an error for the other", async () => {
  await using fixture = await openFixture();
  const clients = fixture.as(
    await fixture.keys.create({ scope: ["write"], machine: ["mill-*"], producer: ["line-1"] }),
  );
  await letIn(clients);
  const { ingest } = clients;
  const good = await ingest.ingestBatch({
    producerId: "line-1",
    sequence: 1n,
    batch: state("mill-1"),
  });
  expect(good.result?.refusal).toBeUndefined();
  const bad = await ingest.ingestBatch({
    producerId: "line-1",
    sequence: 2n,
    batch: state("press-1"),
  });
  expect(bad.result?.refusal?.reason).toBe(38);
  const foreign = ingest.ingestBatch({
    producerId: "line-2",
    sequence: 1n,
    batch: state("mill-1"),
  });
  expect(await reasonOf(foreign)).toMatchObject({
    code: 7,
    reason: "PERMISSION_DENIED",
    metadata: { producer_id: "line-2" },
  });
  async function* hello() {
    yield { message: { case: "hello" as const, value: { producerId: "line-2" } } };
  }
  expect((await reasonOf(Array.fromAsync(ingest.ingest(hello())))).reason).toBe(
    "PERMISSION_DENIED",
  );
  const stored = await fixture.accessor.query("select name from machine");
  expect(stored).toEqual([{ name: "mill-1" }]);
  expect(await fixture.accessor.query("select name from producer")).toEqual([{ name: "line-1" }]);
});
