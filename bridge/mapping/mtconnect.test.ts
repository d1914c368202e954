// The mapping of MTConnect agents that comes built in: single observations, and documents.
import { expect, test } from "vitest";
import { readerBy } from "../testing/read-by.ts";

const { read, filters } = readerBy('ready = ["mtconnect"]');
const timestamp = "2026-03-01T08:00:01.5Z";
const observe = (more: object) =>
  read("MTConnect/Devices/okuma-1/Observations/item", JSON.stringify({ timestamp, ...more }));

test("observations: samples, executions, part counts and conditions", () => {
  expect(filters).toEqual([
    "MTConnect/Devices/+/Observations/+",
    "MTConnect/Current/+",
    "MTConnect/Sample/+",
  ]);
  expect(observe({ category: "SAMPLE", type: "POSITION", result: "150.5" }).records).toEqual([
    "okuma-1 1.5 item 150.5",
  ]);
  expect(observe({ category: "SAMPLE", type: "POSITION", result: "UNAVAILABLE" })).toMatchObject({
    records: [],
    faults: [],
  });
  expect(observe({ category: "EVENT", type: "EXECUTION", result: "FEED_HOLD" }).records).toEqual([
    "okuma-1 1.5 state IDLE FEED_HOLD",
  ]);
  expect(observe({ category: "EVENT", type: "PART_COUNT", result: "7" }).records).toEqual([
    "okuma-1 1.5 item 7",
  ]);
  expect(observe({ category: "EVENT", type: "BLOCK", result: "x" }).records).toEqual([]);
  const condition = { category: "CONDITION", level: "FAULT", message: "oil", nativeCode: "E001" };
  expect(observe(condition).records).toEqual(["okuma-1 1.5 error ERROR E001 oil"]);
  expect(observe({ ...condition, level: "NORMAL" }).records).toEqual([]);
});

test("documents of JSON version 2", () => {
  const one = (dataItemId: string, value: unknown) => ({
    dataItemId,
    timestamp,
    sequence: 5,
    value,
  });
  const document = {
    MTConnectStreams: {
      jsonVersion: 2,
      Streams: {
        DeviceStream: [
          {
            name: "okuma",
            ComponentStream: [
              {
                component: "Linear",
                Samples: { Position: [one("Xact", 1.5), one("Xcom", "UNAVAILABLE")] },
              },
              {
                component: "Path",
                Events: { Execution: [one("exec", "ACTIVE")], Block: [one("block", "G1")] },
                Condition: { Fault: [{ ...one("sys", "Oil low"), nativeCode: "E7" }] },
              },
            ],
          },
        ],
      },
    },
  };
  const { records, faults } = read("MTConnect/Sample/okuma-1", JSON.stringify(document));
  expect(faults).toEqual([]);
  expect(records).toEqual([
    "okuma-1 1.5 xact 1.5",
    "okuma-1 1.5 state ACTIVE ACTIVE",
    "okuma-1 1.5 error ERROR E7 Oil low",
  ]);
});
