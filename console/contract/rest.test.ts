// Addresses and commands for what is in view.
import { expect, test } from "vitest";
import { curlOf, restPath } from "./rest.ts";

test("lists repeat, what is undefined is left out, colons stay readable", () => {
  const parameters = { from: "2026-12-01T08:00:00Z", to: undefined, machine: ["a b", "c&d"] };
  expect(restPath("/signals/power", parameters)).toBe(
    "/signals/power?from=2026-12-01T08:00:00Z&machine=a+b&machine=c%26d",
  );
  expect(restPath("/machines")).toBe("/machines");
});

test("a command never shows the key, and survives a quote", () => {
  const curl = curlOf("http://127.0.0.1:8080", "/signals/power?machine=O'Hara", { needsKey: true });
  expect(curl).toBe(
    `curl -H "authorization: Bearer $KEY" 'http://127.0.0.1:8080/signals/power?machine=O'\\''Hara'`,
  );
  expect(curlOf("http://h", "/x", { needsKey: false, stream: true })).toBe("curl -N 'http://h/x'");
});
