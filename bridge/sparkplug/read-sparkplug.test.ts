// Sparkplug B: birth, data, death, rebirth, aliases that are used again, and missed messages.
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PayloadSchema } from "#gen/sparkplug/b/v1/payload_pb.ts";
import { readMapping } from "../mapping/mapping-file.ts";
import { readerBy, receivedUs, shown } from "../testing/read-by.ts";
import {
  atMs,
  bdSeq,
  born,
  double,
  openNode,
  payload,
  power,
  rebirth,
  text,
} from "../testing/sparkplug.ts";
import { createSparkplugReader } from "./read-sparkplug.ts";

const nothing = { records: [], faults: [], asks: [] };

test("a birth names metrics, and data means them by alias or name", () => {
  const send = openNode();
  expect(send("NBIRTH", born)).toEqual({ ...nothing, records: ["G/N 0 power 1"] });
  expect(send("NDATA", payload(1, [double(2, { alias: 1n })], 500)).records).toEqual([
    "G/N 0.5 power 2",
  ]);
  const own = { name: "Power", timestamp: BigInt(atMs + 250) };
  expect(send("NDATA", payload(2, [double(3, own)], 500)).records).toEqual(["G/N 0.25 power 3"]);
  expect(send("NCMD", payload(undefined, []))).toEqual(nothing);
});

test("devices have names and aliases of their own, and die with their node", () => {
  const send = openNode(`
[sparkplug]
machine = "{device}"
[[sparkplug.metrics]]
metric = "Status/{part}"
state = "$"
states = { RUN = "ACTIVE" }
[[sparkplug.metrics]]
metric = "Alarm"
code = "$"
severity = "WARNING"
`);
  expect(send("NBIRTH", born).records).toEqual(["G/N 0 power 1"]);
  const status = text("RUN", { name: "Status/Main", alias: 2n, timestamp: BigInt(atMs - 9000) });
  const alarm = text("E7", { name: "Alarm", alias: 3n });
  // The state holds at the birth, however old it is.
  expect(send("DBIRTH press", payload(1, [double(7, power), status, alarm], 1000)).records).toEqual(
    ["press 1 power 7", "press 1 state ACTIVE", "press 1 error WARNING E7"],
  );
  expect(send("DDATA press", payload(2, [double(8, { alias: 1n })], 2000)).records).toEqual([
    "press 2 power 8",
  ]);
  // The will of an earlier session changes nothing.
  expect(send("NDEATH", payload(undefined, [bdSeq(9n)]))).toEqual(nothing);
  expect(send("NDEATH", payload(undefined, [bdSeq(0n)]), { afterS: 10 })).toEqual({
    ...nothing,
    records: ["press 10 state OFF Sparkplug death"],
  });
  expect(send("NDEATH", payload(undefined, [bdSeq(0n)]))).toEqual(nothing);
  // A rebirth is later than the death, although the clock of the node is behind ours.
  send("NBIRTH", payload(0, [bdSeq(1n)], 3000));
  expect(send("DBIRTH press", payload(1, [status], 3000)).records).toEqual([
    "press 10.000001 state ACTIVE",
  ]);
  expect(send("DDEATH press", payload(2, [], 20_000)).records).toEqual([
    "press 20 state OFF Sparkplug death",
  ]);
});

test("a rule decides what death and birth mean", () => {
  const stale = openNode('[sparkplug]\ndeath = "stale"\nbirth_state = "idle"');
  expect(stale("NBIRTH", born).records).toEqual([
    "G/N 0 power 1",
    "G/N 0 state IDLE Sparkplug birth",
  ]);
  expect(stale("NDEATH", payload(undefined, [bdSeq(0n)]))).toEqual(nothing);
  const off = openNode();
  off("NBIRTH", born);
  // A machine without a state gets none by its death.
  expect(off("NDEATH", payload(undefined, [bdSeq(0n)]))).toEqual(nothing);
});

describe("missed messages", () => {
  test("data of a node without a birth: names are stored, aliases are not, and it is asked", () => {
    const send = openNode();
    const data = payload(7, [double(2, { alias: 1n }), double(3, { name: "Speed" })]);
    const why = "1 metrics have only an alias, and no birth was seen";
    expect(send("NDATA", data)).toEqual({
      records: ["G/N 0 speed 3"],
      faults: [why],
      asks: rebirth,
    });
    // Not asked again within ten seconds.
    expect(send("NDATA", data, { afterS: 9 }).asks).toEqual([]);
    expect(send("NDATA", data, { afterS: 1 }).asks).toEqual(rebirth);
    expect(send("NBIRTH", born).faults).toEqual([]);
    expect(send("NDATA", payload(1, [double(2, { alias: 1n })]), { afterS: 20 }).asks).toEqual([]);
  });

  test("after a gap in the sequence an alias means nothing until the next birth", () => {
    const send = openNode();
    send("NBIRTH", payload(254, [bdSeq(0n), double(1, power)]));
    expect(send("NDATA", payload(255, [double(2, { alias: 1n })])).records).toHaveLength(1);
    expect(send("NDATA", payload(0, [double(3, { alias: 1n })])).records).toHaveLength(1);
    const gap = send("NDATA", payload(2, [double(4, { alias: 1n }), double(5, { name: "Power" })]));
    expect(gap).toEqual({
      records: ["G/N 0 power 5"],
      faults: ["1 metrics have only an alias, and a message was missed since the birth"],
      asks: rebirth,
    });
    expect(send("NDATA", payload(3, [double(6, { alias: 1n })])).records).toEqual([]);
    // The alias is used again, for another metric.
    send("NBIRTH", payload(0, [bdSeq(0n), double(1, { name: "Torque", alias: 1n, datatype: 10 })]));
    expect(send("NDATA", payload(1, [double(7, { alias: 1n })])).records).toEqual([
      "G/N 0 torque 7",
    ]);
  });

  test("a message that the broker sends again is no gap", () => {
    const send = openNode();
    send("NBIRTH", born);
    const first = payload(1, [double(2, { alias: 1n })]);
    send("NDATA", first);
    send("NDATA", payload(2, [double(3, { alias: 1n })]));
    expect(send("NDATA", first, { redelivered: true })).toEqual({
      ...nothing,
      records: ["G/N 0 power 2"],
    });
    expect(send("NDATA", payload(3, [double(4, { alias: 1n })])).asks).toEqual([]);
  });

  test("an alias that the birth does not have asks for another; rebirth = false asks never", () => {
    const send = openNode();
    send("NBIRTH", born);
    const data = payload(1, [double(2, { alias: 9n })]);
    expect(send("NDATA", data)).toEqual({
      records: [],
      faults: ["1 metrics have only an alias, and the birth has no such alias"],
      asks: rebirth,
    });
    const quiet = openNode("[sparkplug]\nrebirth = false");
    expect(quiet("NDATA", data).asks).toEqual([]);
  });

  test("the request is a command that nodes know", () => {
    const { read } = readerBy("[sparkplug]");
    const { answers } = read("spBv1.0/G/DDATA/N/d", payload(1, []));
    const { metrics } = fromBinary(PayloadSchema, answers[0]!.payload);
    expect(metrics).toMatchObject([
      { name: "Node Control/Rebirth", datatype: 11, value: { case: "booleanValue", value: true } },
    ]);
  });
});

test("two metrics of one signal: the second is refused until it has a rule", () => {
  const both = payload(0, [
    double(1, { name: "Temp 1", datatype: 10 }),
    double(2, { name: "temp_1", datatype: 10 }),
  ]);
  const plain = openNode()("NBIRTH", both);
  expect(plain.records).toEqual(["G/N 0 temp_1 1"]);
  expect(plain.faults).toEqual([
    'metrics "temp_1" and "Temp 1" are both the signal temp_1: give one a rule',
  ]);
  const ruled = openNode('[sparkplug]\n[[sparkplug.metrics]]\nmetric = "temp_1"\nsignal = "other"');
  expect(ruled("NBIRTH", both).records).toEqual(["G/N 0 temp_1 1", "G/N 0 other 2"]);
});

test("nodes and metrics have bounds, and what is forgotten makes room", () => {
  const mapping = readMapping("[sparkplug]").sparkplug!;
  const reader = createSparkplugReader(mapping, {
    maxPayloadBytes: 4096,
    maxNodes: 2,
    maxMetrics: 5,
  });
  const send = (topic: string, bytes: Uint8Array) => {
    const delivery = { payload: bytes, retained: false, redelivered: false, receivedUs };
    const { records, faults } = reader.read({ topic: `spBv1.0/G/${topic}`, ...delivery });
    return { records: records.map(shown), faults };
  };
  expect(send("NBIRTH/A", born).faults).toEqual([]);
  expect(reader.nodes.metrics).toBe(3);
  expect(send("NBIRTH/B", born).faults).toEqual([
    "too many metrics are alive: this birth is not kept",
  ]);
  expect(send("NBIRTH/C", born)).toEqual({ records: [], faults: ["too many nodes"] });
  send("NDEATH/A", payload(undefined, [bdSeq(0n)]));
  expect(reader.nodes.metrics).toBe(0);
  expect(send("NBIRTH/B", born).faults).toEqual([]);
  send("NBIRTH/B", born);
  expect(reader.nodes.metrics).toBe(3);
});

test("retained messages are left out, and other topics of the namespace too", () => {
  const { read } = readerBy("[sparkplug]");
  expect(read("spBv1.0/G/NBIRTH/N", born, { retained: true })).toMatchObject({
    records: [],
    skipped: "retained",
  });
  expect(read("spBv1.0/STATE/host", "{}").skipped).toBe("unmapped");
});

test("whatever the bytes are, reading them never throws", () => {
  const { read } = readerBy("[sparkplug]");
  const kinds = fc.constantFrom("NBIRTH/N", "NDATA/N", "NDEATH/N", "DBIRTH/N/d", "DDATA/N/d");
  const metric = fc.record(
    {
      name: fc.constantFrom("a", "A", "", "b/c"),
      alias: fc.bigInt({ min: 0n, max: 3n }),
      datatype: fc.nat(22),
      timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      isNull: fc.boolean(),
      value: fc.oneof(
        fc.record({ case: fc.constant("doubleValue" as const), value: fc.double() }),
        fc.record({ case: fc.constant("intValue" as const), value: fc.nat() }),
        fc.record({ case: fc.constant("stringValue" as const), value: fc.string() }),
      ),
    },
    { requiredKeys: [] },
  );
  const made = fc
    .tuple(fc.nat(300), fc.array(metric, { maxLength: 6 }))
    .map(([seq, metrics]) => payload(seq, metrics));
  fc.assert(
    fc.property(kinds, fc.oneof(fc.uint8Array(), made), (kind, bytes) => {
      const [type, ...rest] = kind.split("/");
      const { records } = read(`spBv1.0/G/${type}/${rest.join("/")}`, bytes);
      for (const record of records) expect(record).not.toContain("NaN");
    }),
  );
});
