// Mapping files: every mistake is named at once, with its place and what to write instead.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MappingError, readMapping } from "./mapping-file.ts";

function mistakesOf(toml: string): readonly string[] {
  try {
    readMapping(toml);
    return [];
  } catch (error) {
    if (error instanceof MappingError) return error.mistakes;
    throw error;
  }
}

test("all mistakes of a file are named at once", () => {
  expect(
    mistakesOf(`
[[topics]]
topic = "plant/{machine}/power"
signal = "power"
value = "v"
untit = "W"

[[topics]]
topic = "plant/#/x"
code = 5

[[topics]]
topic = "plant/{machine}/s"
state = "$.s"
states = { RUN = "BUSY", STOP = "IDLE" }
value = "$"
epoch = "min"
max_gap = "2 days"

[[topics]]
topic = "a/{machine}"
value = "$.a[*]"
signal = "{line}"
time = "now"
sample_type = "curve"

[[topics]]
topic = "b/{machine}/{machine}"

[[topics]]
topic = "c/{machine}"
each = "@.x"
code = "@.c"
severity = "BAD"

[sparkplug]
groups = ["a/b"]
machine = "{nodes}"
death = "gone"
mtric = 1
[[sparkplug.metrics]]
state = "$"
`),
  ).toEqual([
    "topics[1].value: a path begins with $, as in $.value",
    'topics[1]: "untit" is not a key of this table: is "unit" meant?',
    "topics[2].topic: # stands alone, as the last level",
    "topics[2].code: a text in quotes is expected, not 5",
    "topics[3].epoch: one of s, ms, us, ns is expected",
    "topics[3]: value and state together: write one rule for each record",
    'topics[3]: signal is missing: write signal = "power", or a path',
    "topics[3].max_gap: max_gap must be above 0 and at most 24 h",
    'topics[3]: "states" is not a key of this table: is "state" meant?',
    "topics[4].time: a path begins with $, as in $.value",
    'topics[4].value: a path to one value has no *: use "each" for several',
    "topics[4].signal: {line} is not known here; known are {machine}",
    "topics[4].sample_type: linear, step or counter is expected",
    "topics[5].topic: {machine} appears twice",
    "topics[5]: one of value, state and code is required: the record that it gives",
    "topics[6].each: begins with $, the document",
    expect.stringMatching(
      /^topics\[6\].severity: "BAD" is not one of INFO, WARNING, ERROR, CRITICAL/,
    ),
    'sparkplug.groups: "a/b" is not the id of a group: it has no + # or /',
    "sparkplug.machine: {nodes} is not known here; known are {group}, {node}, {device}",
    'sparkplug.death: "off" or "stale" is expected',
    "sparkplug.metrics[1]: metric is missing",
    expect.stringMatching(/^sparkplug: "mtric" is not a key of this table: /),
  ]);
});

test.each([
  ["", /^nothing is mapped: add \[\[topics\]\]/],
  ["x = ", /^line 1, column 5: /],
  ["Störung = 1", /^line 1, column 3: illegal character in key: put it in quotes/],
  ['ready = ["mt"]', /^ready: "mt" is not one of mtconnect/],
  ["topics = 3", /^topics: tables, written \[\[topics\]\], is expected, not 3/],
  ["[topic]", /^"topic" is not a key of this table: is "topics" meant\?/],
  ["sparkplug = true", /^sparkplug: a table, written \[sparkplug\], is expected/],
])("a file that maps nothing says why: %j", (toml, first) => {
  expect(mistakesOf(toml)[0]).toMatch(first);
});

test("each mapping that comes built in is correct", () => {
  expect(mistakesOf('ready = ["mtconnect"]')).toEqual([]);
});

test.each([
  ["mqtt.md", 3],
  ["connect.md", 2],
])("the mappings that docs/%s shows are correct", (name, count) => {
  const page = readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
  const blocks = [...page.matchAll(/```toml\n([\s\S]*?)```/g)].map(([, toml]) => toml!);
  const examples = blocks.filter((toml) => !toml.includes("[[outputs"));
  expect(examples).toHaveLength(count);
  for (const toml of examples) expect(mistakesOf(toml)).toEqual([]);
});
