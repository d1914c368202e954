// The values of metrics: every type, what is no value, and the unit.
import { expect, test } from "vitest";
import { double, openNode, payload, text } from "../testing/sparkplug.ts";

test.each([
  ["Int8", 1, { case: "intValue", value: 0xffff_fffe }, -2],
  ["Int8 of one byte", 1, { case: "intValue", value: 0xfe }, -2],
  ["Int16", 2, { case: "intValue", value: 0xfffe }, -2],
  ["Int32", 3, { case: "intValue", value: 0xffff_fffe }, -2],
  ["Int64", 4, { case: "longValue", value: 2n ** 64n - 2n }, -2],
  ["UInt32", 7, { case: "intValue", value: 0xffff_fffe }, 4_294_967_294],
  ["UInt64", 8, { case: "longValue", value: 2n ** 40n }, 2 ** 40],
  ["Float", 9, { case: "floatValue", value: 0.5 }, 0.5],
  ["Boolean", 11, { case: "booleanValue", value: true }, 1],
] as const)("%s", (_, datatype, value, number) => {
  const { records } = openNode()("NBIRTH", payload(0, [{ name: "x", datatype, value }]));
  expect(records).toEqual([`G/N 0 x ${number}`]);
});

test("values that are null, bad or no number give nothing; a unit comes from the properties", () => {
  const quality = (value: number) => ({
    keys: ["Quality", "engUnit"],
    values: [
      { value: { case: "intValue" as const, value } },
      { value: { case: "stringValue" as const, value: "kW" } },
    ],
  });
  const { records, faults } = openNode()(
    "NBIRTH",
    payload(0, [
      double(1, { name: "bad", datatype: 10, properties: quality(0) }),
      double(2, { name: "good", datatype: 10, properties: quality(192) }),
      { name: "null", datatype: 10, isNull: true },
      text("x", { name: "words" }),
      { name: "date", datatype: 13, value: { case: "longValue", value: 5n } },
      { name: "Node Control/Rebirth", datatype: 11, value: { case: "booleanValue", value: false } },
    ]),
  );
  expect({ records, faults }).toEqual({ records: ["G/N 0 good 2 kW"], faults: [] });
});
