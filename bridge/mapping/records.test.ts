// What messages give by the rules of a mapping file: values, states, errors, times, and faults.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readerBy, receivedUs } from "../testing/read-by.ts";

const atMs = receivedUs / 1000;

test("values: from numbers, digits, booleans and plain text, with unit and time of their own", () => {
  const { read, filters } = readerBy(`
[[topics]]
topic = "plant/{line}/{machine}/{signal}"
machine = "{line}.{machine}"
value = "$.v"
unit = "$.u"
time = "$.ts"

[[topics]]
topic = "meter/{machine}"
payload = "text"
signal = "Total Energy"
value = "$"
unit = "kWh"
ignore = ["unavailable"]
`);
  expect(filters).toEqual(["plant/+/+/+", "meter/+"]);
  const value = (v: unknown) => JSON.stringify({ v, u: "W", ts: atMs + 500 });
  expect(read("plant/l1/press-1/Power 2", value(12.5)).records).toEqual([
    "l1.press-1 0.5 power_2 12.5 W",
  ]);
  expect(read("plant/l1/m/x", value(true)).records).toEqual(["l1.m 0.5 x 1 W"]);
  expect(read("plant/l1/m/State", value("7")).records).toEqual(["l1.m 0.5 state_value 7 W"]);
  expect(read("plant/l1/m/x", value(null))).toMatchObject({ records: [], faults: [] });
  expect(read("meter/m", " 41.5\n").records).toEqual(["m 0 total_energy 41.5 kWh"]);
  expect(read("meter/m", "unavailable")).toMatchObject({ records: [], faults: [] });
  expect(read("meter/m", "")).toMatchObject({ records: [], faults: [] });
  expect(read("other/m", "1")).toMatchObject({ records: [], faults: [], skipped: "unmapped" });
});

test.each([
  ["{", /^not JSON: /],
  [Buffer.from([0xff, 0x31]), /^not UTF-8$/],
  ['"x"', /^value: nothing at this path$/],
  ['{"v":"x","ts":1772352000000}', /^value: expected a number/],
  ['{"v":1,"ts":1772352000}', /^time: these look like seconds: declare epoch = "s"$/],
  ['{"v":1,"ts":"now"}', /^time: must not be relative to now/],
  ['{"v":1}', /^time: missing$/],
  [" ".repeat(5000), /^5000 bytes; at most 4096 are read$/],
])("a payload that gives no record says why: %j", (payload, fault) => {
  const { read } = readerBy(
    '[[topics]]\ntopic = "a/{machine}"\nsignal = "x"\nvalue = "$.v"\ntime = "$.ts"',
  );
  const { records, faults } = read("a/m", payload);
  expect(records).toEqual([]);
  expect(faults).toEqual([expect.stringMatching(fault)]);
});

test("times keep microseconds that a double would round, also in elements", () => {
  const { read } = readerBy(`
[[topics]]
topic = "a/{machine}"
each = "$.list[*]"
signal = "@.name"
value = "@.v"
time = "@.ns"
epoch = "ns"
`);
  const ns = `${receivedUs + 123_456}789`;
  expect(
    read("a/m", `{"list":[{"name":"x","v":1,"ns":${ns}},{"name":"y","v":2,"ns":${ns}}]}`).records,
  ).toEqual(["m 0.123456 x 1", "m 0.123456 y 2"]);
});

test("members of an object are signals by their names, and one bad element costs only itself", () => {
  const { read } = readerBy(`
[[topics]]
topic = "tele/{machine}/SENSOR"
each = "$.ENERGY.*"
signal = "{key}"
value = "@"
`);
  const { records, faults } = read(
    "tele/m/SENSOR",
    '{"ENERGY":{"Power":5,"Today":"x","Volt":230}}',
  );
  expect(records).toEqual(["m 0 power 5", "m 0 volt 230"]);
  expect(faults).toEqual([expect.stringMatching(/^value: expected a number/)]);
});

test("states by the table of the file, and errors with their severity", () => {
  const { read } = readerBy(`
[[topics]]
topic = "s/{machine}"
state = "$.mode | $.old_mode"
states = { 1 = "ACTIVE", 2 = "IDLE", "Störung" = "fault" }
reason = "program {machine}"

[[topics]]
topic = "t/{machine}"
payload = "text"
state = "$"
other_state = "OFF"

[[topics]]
topic = "e/{machine}"
code = "$.code"
message = "$.text"
severity = "$.level"
severities = { high = "CRITICAL" }
other_severity = "WARNING"
ignore = ["0"]

[[topics]]
topic = "w/{machine}"
when = { "$.type" = "alarm|fault" }
code = "$.code"
`);
  expect(read("s/m", '{"mode":1}').records).toEqual(["m 0 state ACTIVE program m"]);
  expect(read("s/m", '{"old_mode":"Störung"}').records).toEqual(["m 0 state FAULT program m"]);
  expect(read("s/m", '{"mode":"idle"}').records).toEqual(["m 0 state IDLE program m"]);
  expect(read("s/m", '{"mode":3}').faults).toEqual([
    'state: "3" is not in the table states, and not ACTIVE, IDLE, FAULT or OFF',
  ]);
  expect(read("t/m", "HUH").records).toEqual(["m 0 state OFF"]);
  expect(read("e/m", '{"code":17,"text":"oil","level":"high"}').records).toEqual([
    "m 0 error CRITICAL 17 oil",
  ]);
  expect(read("e/m", '{"code":"E1","level":"?"}').records).toEqual(["m 0 error WARNING E1"]);
  for (const none of ['{"code":0}', '{"code":null}', '{"code":""}', "{}"])
    expect(read("e/m", none)).toMatchObject({ records: [], faults: [] });
  expect(read("w/m", '{"type":"fault","code":"F"}').records).toEqual(["m 0 error ERROR F"]);
  expect(read("w/m", '{"type":"info","code":"F"}').records).toEqual([]);
});

test("a retained message counts only with a time of its own", () => {
  const { read } = readerBy(`
[[topics]]
topic = "a/{machine}"
signal = "x"
value = "$.v"
[[topics]]
topic = "b/{machine}"
signal = "x"
value = "$.v"
time = "$.t"
`);
  const retained = { retained: true };
  expect(read("a/m", '{"v":1}', retained)).toMatchObject({
    records: [],
    faults: [],
    skipped: "retained",
  });
  expect(read("b/m", `{"v":1,"t":${atMs}}`, retained)).toMatchObject({
    records: ["m 0 x 1"],
    skipped: undefined,
  });
});

test("whatever a payload is, reading it gives records or says why not", () => {
  const { read } = readerBy(`
ready = ["mtconnect"]
[[topics]]
topic = "a/{machine}"
each = "$.list[*]"
machine = "@.m | $.m"
signal = "@.s"
value = "@.v"
time = "@.t"
[[topics]]
topic = "a/{machine}"
state = "$.s"
`);
  const payload = fc.oneof(
    fc.json(),
    fc.uint8Array(),
    fc
      .record({ m: fc.anything(), s: fc.anything(), list: fc.array(fc.anything()) })
      .map(
        (value) =>
          JSON.stringify(value, (_, one) => (typeof one === "bigint" ? Number(one) : one)) ?? "",
      ),
  );
  fc.assert(
    fc.property(payload, fc.constantFrom("a/m", "MTConnect/Sample/u"), (bytes, topic) => {
      const { records, faults } = read(topic, bytes);
      const isRead = topic === "a/m" && bytes.length > 0;
      expect(records.length + faults.length).toBeGreaterThanOrEqual(isRead ? 1 : 0);
    }),
  );
});
