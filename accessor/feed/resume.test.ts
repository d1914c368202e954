// Where a feed can start, and what a client is told where it cannot.
import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";
import { after, headOf, valuesIn, type WatchRequest, watch } from "../testing/watch.ts";

async function ingestThree({ ingest }: TestAccessor): Promise<void> {
  for (let sequence = 1; sequence <= 3; sequence++)
    await ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(sequence),
      batch: oneSample(sequence),
    });
}

test("cursors that are none of this database's", async () => {
  await using accessor = await openTestAccessor();
  await using other = await openTestAccessor();
  const cursor = await headOf(accessor);
  const watching = (request: WatchRequest) => reasonOf(watch(accessor, request, () => false));
  const invalid = {
    code: Code.InvalidArgument,
    reason: "CURSOR_INVALID",
    metadata: { field: "after_cursor" },
  };
  expect(await watching(after("nonsense"))).toMatchObject(invalid);
  for (let i = 0; i < cursor.length; i++) {
    const altered = `${cursor.slice(0, i)}${cursor[i] === "A" ? "B" : "A"}${cursor.slice(i + 1)}`;
    expect(await watching(after(altered)), `character ${i}`).toMatchObject(invalid);
  }
  expect(await watching(after(await headOf(other)))).toMatchObject({
    code: Code.FailedPrecondition,
    reason: "CURSOR_FOREIGN",
    metadata: { latest_cursor: cursor },
  });
});

const longAgo: WatchRequest = { start: { case: "fromCommitTime", value: { seconds: 1n } } };

test("a time before the first commit starts with that; its cursor is good to go on after", async () => {
  await using accessor = await openTestAccessor({ tailBytes: 1 });
  const [empty] = await watch(accessor, longAgo, () => true);
  expect(empty).toMatchObject({ after: await headOf(accessor), batches: [] });
  await ingestThree(accessor);
  const isLast = ({ through }: { through: string }) => through === last;
  const last = await headOf(accessor);
  for (const request of [longAgo, after(empty!.through)]) {
    const messages = await watch(accessor, request, isLast);
    expect(messages[0]!.after).toBe(empty!.after);
    expect(messages.flatMap(valuesIn)).toEqual(["m1:1", "m1:2", "m1:3"]);
  }
  // The log's first part is dropped: now something is missing.
  await accessor.query("update log_segment set first_revision = 2");
  expect(await reasonOf(watch(accessor, longAgo, isLast))).toMatchObject({
    code: Code.OutOfRange,
    reason: "CURSOR_EXPIRED",
  });
});

test("a time that has not come is refused; now, by a clock that is a little ahead, is the newest commit", async () => {
  await using accessor = await openTestAccessor();
  await ingestThree(accessor);
  const from = (aheadMs: number): WatchRequest => {
    const ms = Date.now() + aheadMs;
    return {
      start: {
        case: "fromCommitTime",
        value: { seconds: BigInt(Math.floor(ms / 1_000)), nanos: 0 },
      },
    };
  };
  expect(await reasonOf(watch(accessor, from(3_600_000), () => false))).toMatchObject({
    code: Code.InvalidArgument,
    reason: "TIME_RANGE_INVALID",
    metadata: { field: "from_commit_time" },
  });
  const [first] = await watch(accessor, from(5_000), () => true);
  expect(first).toMatchObject({ through: await headOf(accessor), batches: [] });
});

test("a database that was set back: newer cursors are in the future, and an accessor that ran on ends", async () => {
  await using accessor = await openTestAccessor();
  await ingestThree(accessor);
  const cursor = await headOf(accessor);
  await accessor.query(
    "delete from receipt where revision > 1; delete from log where revision > 1",
  );
  await using reopened = await openTestAccessor({ databaseUrl: accessor.databaseUrl });
  expect(await reasonOf(watch(reopened, after(cursor), () => false))).toMatchObject({
    code: Code.OutOfRange,
    reason: "CURSOR_IN_FUTURE",
    metadata: { latest_cursor: await headOf(reopened) },
  });
  await expect(accessor.done).rejects.toThrow("restored to an earlier point");
});

test("a database that was restored on a new timeline: cursors beyond the fork are foreign, those before it go on, told as they were given", async () => {
  await using accessor = await openTestAccessor();
  await ingestThree(accessor);
  const beyond = await headOf(accessor);
  const [first] = await watch(
    accessor,
    { start: { case: "fromCommitTime", value: await firstCommitTime(accessor) } },
    () => true,
  );
  await accessor.query(
    "delete from receipt where revision > 1; delete from log where revision > 1",
  );
  await accessor.query("update epoch set timeline_id = timeline_id - 1");
  await using restored = await openTestAccessor({ databaseUrl: accessor.databaseUrl });
  expect(await reasonOf(watch(restored, after(beyond), () => false))).toMatchObject({
    reason: "CURSOR_FOREIGN",
  });
  const seen = await watch(restored, after(first!.through), ({ batches }) => batches.length > 0);
  expect(seen.flatMap(valuesIn)).toEqual(["m1:1"]);
  // The same place in this epoch reads otherwise; a client that compares would take that for a
  // break.
  const again = await headOf(restored);
  expect(seen[0]!.after).toBe(first!.through);
  expect(seen.at(-1)!.through).toBe(again);
  for (const [i, { after }] of seen.entries()) if (i > 0) expect(after).toBe(seen[i - 1]!.through);
});

async function firstCommitTime({ query }: TestAccessor) {
  const [row] = await query("select to_us(min(committed_at))::text as us from receipt");
  const us = BigInt(row!["us"] as string);
  return { seconds: us / 1_000_000n, nanos: Number(us % 1_000_000n) * 1000 };
}

test("a cursor behind what the log holds has expired, and the earliest is named", async () => {
  await using accessor = await openTestAccessor({ tailBytes: 1 });
  const start = await headOf(accessor);
  await ingestThree(accessor);
  await accessor.query("update log_segment set first_revision = 3");
  const { code, reason, metadata } = await reasonOf(watch(accessor, after(start), () => false));
  expect([code, reason]).toEqual([Code.OutOfRange, "CURSOR_EXPIRED"]);
  const messages = await watch(
    accessor,
    after(metadata!["earliest_cursor"]!),
    ({ batches }) => batches.length > 0,
  );
  expect(messages.flatMap(valuesIn)).toEqual(["m1:3"]);
});
