// Which labels and display names there are, and what others are told.
import { expect, test } from "vitest";
import { displayNameFault, readDisplayName, readLabel, readLabelText } from "./label.ts";

test.each([
  ["line:3", { key: "line", value: "3" }],
  ["cost-center_2:A 7/b", { key: "cost-center_2", value: "A 7/b" }],
  ["opc:ns=2;s=a:b", { key: "opc", value: "ns=2;s=a:b" }],
  ["hall:Nordhalle U\u0308", { key: "hall", value: "Nordhalle \u00dc" }],
  [`${"k".repeat(63)}:${"\u{1f3ed}".repeat(128)}`, { value: "\u{1f3ed}".repeat(128) }],
])("%s is a label", (text, label) => {
  expect(readLabelText(text)).toMatchObject(label);
});

test.each([
  ["line", /^"line" is no label; write key:value, such as line:3$/],
  ["", /^"" is no label/],
  [":3", /^key "" is no key of a label; it must be 1 to 63 of the letters/],
  ["Line:3", /^key "Line" is no key/],
  ["3line:3", /^key "3line"/],
  [`${"k".repeat(64)}:3`, /^key "k+" is no key/],
  ["line:", /^value "" of label line is empty; it must be 1 to 128/],
  ["line: 3", /of label line begins with a blank/],
  [`line:${"x".repeat(129)}`, /has more than 128 characters/],
  ["line:a\u0000b", /contains U\+0000/],
  ["line:\ufffd", /not UTF-8/],
])("%s is refused in words", (text, fault) => {
  expect(readLabelText(text)).toEqual({ fault: expect.stringMatching(fault) });
});

test("a label given by key may have no colon in it, and names of prototypes are keys too", () => {
  expect(readLabel("a:b", "c")).toHaveProperty("fault");
  expect(readLabel("constructor", "c")).toEqual({ key: "constructor", value: "c" });
});

test("a display name is a name, or none", () => {
  expect(readDisplayName("")).toBe("");
  expect(readDisplayName("Presse e\u0301")).toBe("Presse \u00e9");
  expect(readDisplayName("x\n")).toBeUndefined();
  expect(displayNameFault("x\n")).toMatch(/^"x\\u\{a\}" contains U\+000A .* a display name is 1/);
});
