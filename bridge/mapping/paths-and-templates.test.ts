// Paths into documents, templates of addresses and of texts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { expandPath, parsePath, readPath } from "./json-path.ts";
import { fillText, matchAddress, parseAddress, parseText } from "./templates.ts";

const document = { a: { "b c": [1, { d: 2 }], "x'y": 3 }, n: null };

function valueAt(text: string) {
  const path = parsePath(text);
  if ("fault" in path) return path.fault;
  return readPath(path, { $: document, "@": document.a });
}

test.each([
  ["$", document],
  ["$.n", null],
  ["$.a['b c'][0]", 1],
  ['$.a["b c"][1].d', 2],
  ['$.a["x\'y"]', 3],
  ["@['b c'][0]", 1],
  ["$.a.nothing.deeper", undefined],
  ["$.toString", undefined],
  ["$.a.length", undefined],
  ["a.b", "a path begins with $, as in $.value"],
  ["$a", "not a path from \"a\" on: write .name, ['a name'] or [0]"],
  ["$.a[", "not a path from \"[\" on: write .name, ['a name'] or [0]"],
  ["$.a[*]", 'a path to one value has no *: use "each" for several'],
])("%s", (text, value) => {
  expect(valueAt(text)).toEqual(value);
});

test("any member name can be written as a path", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.anything(), (name, value) => {
      fc.pre(!name.includes('"'));
      const path = parsePath(`$["${name}"]`);
      if ("fault" in path) throw new Error(path.fault);
      const within = Object.defineProperty({}, name, { value, enumerable: true });
      expect(readPath(path, { $: within, "@": undefined })).toBe(value);
    }),
  );
});

test("wildcards name members and elements, with the last name", () => {
  const path = parsePath("$.devices[*].values.*", { wildcards: true });
  if ("fault" in path) throw new Error(path.fault);
  const found = [
    ...expandPath(path, { devices: [{ values: { t: 1, u: 2 } }, {}, { values: [3] }, 7] }),
  ];
  expect(found).toEqual([
    { key: "t", value: 1 },
    { key: "u", value: 2 },
    { key: "0", value: 3 },
  ]);
});

function match(template: string, topic: string) {
  const address = parseAddress(template);
  return "fault" in address ? address.fault : matchAddress(address, topic);
}

test.each([
  ["a/{m}/c", "a/b/c", { m: "b" }],
  ["a/{m}/c", "a/b/d", undefined],
  ["a/{m}", "a/b/c", undefined],
  ["a/{m}/c", "a/b", undefined],
  ["a/{m}", "a/", { m: "" }],
  ["a/+/{m}", "a/x/y", { m: "y" }],
  ["a/#", "a/x/y", {}],
  ["a/#", "a", {}],
  ["#", "a/b", {}],
  ["#", "$SYS/b", undefined],
  ["+/b", "$SYS/b", undefined],
  ["$SYS/{m}", "$SYS/b", { m: "b" }],
  ["a/b{m}", "", '"b{m}": + and {name} take a whole level; a name is lower-case, as in {machine}'],
  ["a/#/b", "", "# stands alone, as the last level"],
])("%s takes %s as %j", (template, topic, captures) => {
  expect(match(template, topic)).toEqual(captures);
});

test("an address takes back what its names stand for", () => {
  const level = fc.stringMatching(/^[^/+#{}$\0]{1,8}$/u);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), level), { minLength: 1, maxLength: 8 }),
      (parts) => {
        const template = parts.map(([named, text], i) => (named ? `{n${i}}` : text)).join("/");
        const topic = parts.map(([, text]) => text).join("/");
        const names = parts.flatMap(([named, text], i) => (named ? [[`n${i}`, text]] : []));
        expect(match(template, topic)).toEqual(Object.fromEntries(names));
        const text = parseText(
          template,
          names.map(([name]) => name!),
        );
        if ("fault" in text) throw new Error(text.fault);
        expect(fillText(text, Object.fromEntries(names))).toBe(topic);
      },
    ),
  );
});
