// A standby is promoted under running accessors, with and without the newest commits: no reader
// skips commits, and none continues with commits that are lost.
import { expect, onTestFinished, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { compactStep } from "../compact/step.ts";
import { toRetention } from "../domain/retention.ts";
import type { TestAccessor } from "../testing/accessor.ts";
import { oneSample, Producer } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { openOn, send, sendAll, serversOfFile, unaware } from "../testing/failover.ts";
import { after, headOf, valuesIn, watch } from "../testing/watch.ts";
import { Catalog } from "./catalog.ts";
import { type Database, openDatabase } from "./database.ts";
import { readEpochs } from "./identity.ts";

const open = serversOfFile();

const timeout = 120_000;
const quiet = createLog({ name: "accessor", level: "silent" });

/** Reads a feed until its end: its messages, and why it ended. */
async function follow({ signals }: TestAccessor, cursor: string) {
  const values: string[] = [];
  let through = cursor;
  const ended = reasonOf(
    (async () => {
      for await (const message of signals.watchSignals(after(cursor))) {
        values.push(...valuesIn(message));
        expect(message.after).toBe(through);
        through = message.through;
      }
    })(),
  );
  return { values, ended, through: () => through };
}

test("a promotion that loses nothing: every cursor goes on, in accessors that ran and in those that start", {
  timeout,
}, async () => {
  const { servers, accessor } = await open();
  const other = await openOn(servers);
  const early = await send(accessor, "a", 1);
  const last = await send(accessor, "a", 2);
  const feed = await follow(other, early);
  await eventually("the feed has come to the head", () => feed.values.length === 1);
  const [page] = [await accessor.signals.querySignals({ signal: "power", pageSize: 1 })];
  await servers.caughtUp();
  await servers.promote();
  const next = await send(accessor, "a", 3);
  await servers.query("postgres", "checkpoint");
  const fresh = await openOn(servers);
  await eventually("the feed went on", () => feed.values.length === 2);
  expect(feed.values).toEqual(["m1:2", "m1:3"]);
  const newest = await headOf(fresh);
  expect(newest).toBe(next);
  for (const asked of [accessor, other, fresh]) {
    for (const [cursor, left] of [
      [early, ["m1:2", "m1:3"]],
      [last, ["m1:3"]],
    ] as const) {
      const seen = await watch(asked, after(cursor), ({ through }) => through === next);
      expect(seen.flatMap(valuesIn)).toEqual(left);
    }
    expect(await asked.signals.getLatest({ minCursor: next })).toMatchObject({ signals: [{}] });
    const { nextPageToken: pageToken } = page!;
    const rest = await asked.signals.querySignals({ signal: "power", pageSize: 10, pageToken });
    expect(rest.signals).toHaveLength(1);
  }
  const epochs = await servers.query(
    "millrace",
    "select first_revision::int, timeline_id from epoch order by epoch",
  );
  expect(epochs).toEqual([
    { first_revision: 1, timeline_id: 1 },
    { first_revision: 3, timeline_id: 2 },
  ]);
});

test.each([1, 56, 400])(
  "a promotion that loses %i commits: who was sent them is told by name, at once and whenever it resumes",
  { timeout },
  async (lost) => {
    const { servers, accessor } = await open();
    const kept = await sendAll(accessor, "kept", 5);
    await servers.caughtUp();
    servers.holdBack();
    const given = await sendAll(accessor, "lost", lost);
    const feed = await follow(accessor, kept);
    await eventually("all was watched", () => feed.through() === given);
    await servers.promote();
    // Commits as many as were lost and one more, before any accessor polls: through an accessor
    // that starts now.
    const fresh = await openOn(servers, { pollMs: 3_600_000 });
    await sendAll(fresh, "new", lost + 1);
    expect(await feed.ended).toMatchObject({
      reason: "CURSOR_FOREIGN",
      metadata: { latest_cursor: kept },
    });
    expect(feed.values).toHaveLength(lost);
    await expect(accessor.done).rejects.toThrow("without revision 6");
    for (let again = 0; again < 2; again++) {
      const resumed = await reasonOf(watch(fresh, after(given), () => true));
      expect(resumed).toMatchObject({
        reason: "CURSOR_FOREIGN",
        metadata: { latest_cursor: await headOf(fresh) },
      });
    }
    const head = await headOf(fresh);
    const seen = await watch(fresh, after(kept), ({ through }) => through === head);
    expect(seen.flatMap(valuesIn)).toHaveLength(lost + 1);
  },
);

test("a backlog that overtakes what was published: the first commit of an accessor that knows nothing is refused", {
  timeout,
}, async () => {
  const { servers, accessor } = await open(unaware);
  const kept = await sendAll(accessor, "p", 5);
  await servers.caughtUp();
  servers.holdBack();
  const given = await sendAll(accessor, "q", 3);
  const feed = await follow(accessor, kept);
  await eventually("all was watched", () => feed.through() === given);
  await servers.promote();
  const fresh = await openOn(servers, unaware);
  await sendAll(fresh, "new", 7);
  const single = accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 6n,
    batch: oneSample(6),
  });
  expect(await reasonOf(single)).toMatchObject({
    reason: expect.stringMatching("DATABASE_UNAVAILABLE|SHUTTING_DOWN"),
  });
  // The first attempt finds a connection that the promotion broke.
  await reasonOf(
    accessor.ingest.ingestBatch({ producerId: "p", sequence: 6n, batch: oneSample(6) }),
  );
  expect(await feed.ended).toMatchObject({
    reason: "CURSOR_FOREIGN",
    metadata: { latest_cursor: kept },
  });
  expect(feed.values).toEqual(["m1:1", "m1:2", "m1:3"]);
  const [{ count }] = (await servers.query("millrace", "select count(*)::int from receipt")) as [
    { count: number },
  ];
  expect(count).toBe(12);
});

test("a resume tells an accessor that knows nothing, before anybody has committed", {
  timeout,
}, async () => {
  const { servers, accessor } = await open(unaware);
  const kept = await sendAll(accessor, "p", 5);
  const other = await openOn(servers, unaware);
  await servers.caughtUp();
  servers.holdBack();
  const given = await sendAll(accessor, "q", 3);
  await servers.promote();
  const resume = () => reasonOf(watch(other, after(given), () => true));
  // The first attempt finds a connection that the promotion broke.
  await resume();
  expect(await resume()).toMatchObject({
    reason: "CURSOR_FOREIGN",
    metadata: { latest_cursor: kept },
  });
  // It has lost nothing that it had published, and continues.
  const next = await send(other, "p", 6);
  const seen = await watch(other, after(kept), ({ through }) => through === next);
  expect(seen.flatMap(valuesIn)).toEqual(["m1:6"]);
  expect(await resume()).toMatchObject({ reason: "CURSOR_FOREIGN" });
});

test("ids of series and producers that were given up are not used for others", {
  timeout,
}, async () => {
  const { servers, accessor } = await open(unaware);
  const other = await openOn(servers, unaware);
  await servers.caughtUp();
  servers.holdBack();
  await send(accessor, "lost", 1);
  await using stream = await Producer.open(other.ingest, "lost");
  // The other accessor knows them by reading; it has published nothing.
  expect((await other.signals.listMachines({})).machines).toHaveLength(1);
  await servers.promote();
  const fresh = await openOn(servers, unaware);
  await sendAs(fresh, "new", "m2");
  stream.send(2, oneSample(2));
  await reasonOf(stream.ack());
  const minCursor = await sendAs(other, "again", "m1");
  const { signals } = await other.signals.getLatest({ minCursor });
  expect(signals.map(({ machine, record }) => [machine, record.value])).toEqual([
    ["m1", 7],
    ["m2", 7],
  ]);
  const owners = await servers.query(
    "millrace",
    `select machine.name, count(*)::int from log join series on series.id = series_id join machine on machine.id = machine_id
     group by 1 order by 1`,
  );
  expect(owners).toEqual([
    { name: "m1", count: 1 },
    { name: "m2", count: 1 },
  ]);
});

test("a producer whose acknowledged batches were lost is told which, and goes on after them", {
  timeout,
}, async () => {
  const { servers, accessor } = await open();
  await sendAll(accessor, "p", 5);
  await servers.caughtUp();
  servers.holdBack();
  await using stream = await Producer.open(accessor.ingest, "p", { lastAckedSequence: 5n });
  for (let sequence = 6; sequence <= 8; sequence++) stream.send(sequence, oneSample(sequence));
  await stream.acksThrough(8);
  await servers.promote();
  stream.send(9, oneSample(9));
  expect(await reasonOf(stream.ack())).toMatchObject({
    reason: expect.stringMatching("UNAVAILABLE|SHUTTING_DOWN|GAP"),
  });
  const fresh = await openOn(servers);
  await using again = await Producer.open(fresh.ingest, "p", { lastAckedSequence: 8n });
  expect(again.welcome).toMatchObject({ lastSequence: 8n, lost: { first: 6n, last: 8n } });
  for (const sequence of [9, 9]) again.send(sequence, oneSample(sequence));
  await again.acksThrough(9);
  const { signals } = await fresh.signals.querySignals({ signal: "power" });
  expect(signals.map(({ record }) => record.value)).toEqual([1, 2, 3, 4, 5, 9]);
});

test("a step of compaction that gathered what was given up is not committed", {
  timeout,
}, async () => {
  const { servers, accessor } = await open();
  await sendAll(accessor, "p", 5);
  await accessor[Symbol.asyncDispose]();
  const database = await openDatabase({ url: servers.url("millrace"), log: quiet });
  onTestFinished(() => database[Symbol.asyncDispose]());
  await servers.caughtUp();
  servers.holdBack();
  const [{ epoch }] = (await servers.query("millrace", "select current_epoch() as epoch")) as [
    { epoch: number },
  ];
  await servers.promote();
  const step = compactStep({ ...stepOptions(database), epochs: { current: epoch } });
  await expect(step).rejects.toMatchObject({ reason: "DATABASE_UNAVAILABLE" });
  const watermark = "select max(revision)::int as revision from watermark";
  expect(await servers.query("millrace", watermark)).toEqual([{ revision: 0 }]);
  const { current } = (await readEpochs(database))
    .map((known) => ({ current: known.epoch }))
    .at(-1)!;
  await compactStep({ ...stepOptions(database), epochs: { current } });
  expect(await servers.query("millrace", watermark)).toEqual([{ revision: 5 }]);
});

async function sendAs(
  { ingest }: TestAccessor,
  producerId: string,
  machine: string,
): Promise<string> {
  const answer = await eventually(`${machine} is taken`, () =>
    ingest
      .ingestBatch({ producerId, sequence: 1n, batch: oneSample(7, { machine }) })
      .catch(() => undefined),
  );
  return answer.cursor;
}

function stepOptions(database: Database) {
  return {
    database,
    catalog: new Catalog(database),
    nowUs: () => Date.now() * 1000,
    settleUs: 0,
    maxRows: 1_000,
    maxPayloadBytes: 2 ** 20,
    maxSamples: 1_000,
    maxBuckets: 1_000,
    maxWeeks: 10,
    maxTouchedHours: 1_000,
    maxRewritten: 1_000,
    maxAtOnce: 1_000,
    maxRollups: 10,
    maxPartitions: 9,
    retention: toRetention(undefined, []),
    abort: new AbortController().signal,
  };
}
