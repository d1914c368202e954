// Answers that no client reads: how long each may wait, which caller's are ended first if theirs
// are too many, and that all room is returned.
import { ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { Shares } from "../../access/shares.ts";
import type { Caller } from "../caller/caller.ts";
import { createReaderDeadlines } from "./reader-deadlines.ts";

function open(totalBytes = 1e9) {
  const clock = { nowMs: 0 };
  const room = new Shares({ total: totalBytes, perCaller: totalBytes / 2 });
  const readers = createReaderDeadlines(
    { readerTimeoutMs: 30_000, monotonicMs: () => clock.nowMs, everyMs: 1e8 },
    room,
  );
  const ended: string[] = [];
  const watch = (name: string, caller: string) => {
    const who: Caller = { kind: "key", name: caller, network: "192.0.2.1" };
    const onSlow = (error: ConnectError) => {
      const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
      ended.push(`${name} ${info?.reason} ${info?.metadata["limit"]}`);
    };
    return readers.watch({ caller: who, onSlow });
  };
  return { clock, room, readers, ended, watch, [Symbol.dispose]: () => readers[Symbol.dispose]() };
}

test("an answer waits for 30 s and the time that its bytes take at 8 KiB/s, and what was taken starts it anew", () => {
  using fixture = open();
  const { clock, readers, ended, room } = fixture;
  const reader = fixture.watch("a", "k");
  reader.waits(80 * 1024);
  clock.nowMs = 39_999;
  readers.look();
  reader.took();
  expect(room.held).toBe(0);
  clock.nowMs = 1_000_000;
  readers.look();
  expect(ended).toEqual([]);
  reader.waits(80 * 1024);
  clock.nowMs += 39_999;
  readers.look();
  expect(ended).toEqual([]);
  clock.nowMs += 1;
  readers.look();
  readers.look();
  expect(ended).toEqual(["a SLOW_READER reader-timeout"]);
  // Its writer continues to report it until it is notified.
  reader.waits(5);
  reader.took();
  reader[Symbol.dispose]();
  expect([room.held, room.callers, readers.size]).toEqual([0, 0, 0]);
});

test("beyond its share, a caller's longest waiting answers end; the other caller's, and those that just began, stay", () => {
  using fixture = open(1_000);
  const { clock, readers, ended, room, watch } = fixture;
  const other = watch("other", "good");
  other.waits(100);
  const first = watch("first", "greedy");
  first.waits(200);
  clock.nowMs = 500;
  watch("second", "greedy").waits(200);
  clock.nowMs = 999;
  watch("third", "greedy").waits(200);
  expect(ended).toEqual([]);
  clock.nowMs = 1_000;
  readers.look();
  expect(ended).toEqual(["first SLOW_READER unread-bytes-per-key"]);
  expect([room.heldBy("key greedy"), room.heldBy("key good")]).toEqual([400, 100]);
  clock.nowMs = 5_000;
  readers.look();
  expect(ended.length).toBe(1);
});

test("where there is no more for anyone, who holds most gives way", () => {
  using fixture = open(1_000);
  const { clock, readers, ended, watch } = fixture;
  for (const [name, bytes] of [
    ["small", 100],
    ["large", 490],
    ["middle", 420],
  ] as const)
    watch(name, name).waits(bytes);
  clock.nowMs = 2_000;
  readers.look();
  expect(ended).toEqual(["large SLOW_READER unread-bytes"]);
});
