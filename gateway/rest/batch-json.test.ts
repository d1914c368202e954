// A batch made from JSON in turns equals the one made at once.
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { batchFromJson } from "./batch-json.ts";

const counting = () => {
  const turns = { paused: 0, pause: () => Promise.resolve(void turns.paused++) };
  return turns;
};

const change = (i: number) => ({
  time: "2026-03-01T08:00:00Z",
  state: "MACHINE_STATE_IDLE",
  reason: `${i}`,
});

test("the same batch, in hundreds of turns where it is large", async () => {
  const fields = {
    machine: "mill-1",
    state_changes: Array.from({ length: 30_000 }, (_, i) => change(i)),
    errorReports: [{ time: "2026-03-01T08:00:00Z", severity: "SEVERITY_WARNING", code: "E1" }],
    samples: [{ signal: "power", grid: { start_us: "1", period_us: "2" }, values: [1, -0, "NaN"] }],
  };
  const turns = counting();
  expect(await batchFromJson(fields, turns)).toEqual(fromJson(BatchSchema, fields));
  expect(turns.paused).toBeGreaterThan(200);
});

test.each<[string, Record<string, JsonValue>]>([
  ["an unknown field", { machine: "m", colour: "red" }],
  ["an unknown field that is an empty list", { machine: "m", colours: [] }],
  [
    "an unknown field of an item",
    { state_changes: [...Array.from({ length: 500 }, (_, i) => change(i)), { colour: 1 }] },
  ],
  ["a list where none belongs", { machine: ["m"] }],
  ["no list where one belongs", { state_changes: change(1) }],
  ["null in a list", { samples: [null] }],
])("%s is refused in the same words", async (_, fields) => {
  const words = (() => {
    try {
      fromJson(BatchSchema, fields);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("taken");
  })();
  await expect(batchFromJson(fields, counting())).rejects.toThrow(words);
});
